//! Selectors, parsed and asked. `cargo bench --bench selectors`

mod fixture;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hint::black_box;

use apiserver::request::selectors::{FieldSelector, LabelSelector};
use criterion::{Criterion, criterion_group, criterion_main};

const LABELS: &str = "app=bench,shard in (7,8,9),tier!=old,!retired";
const FIELDS: &str = "spec.species=s7,metadata.namespace=default";

fn parsing(c: &mut Criterion) {
    c.bench_function("selectors/parse labels", |b| {
        b.iter(|| LabelSelector::parse(black_box(LABELS)).expect("a selector"));
    });
    c.bench_function("selectors/parse fields", |b| {
        b.iter(|| FieldSelector::parse(black_box(FIELDS)).expect("a selector"));
    });
}

fn matching(c: &mut Criterion) {
    let labels = LabelSelector::parse(LABELS).expect("a selector");
    let of =
        |shard: &str| BTreeMap::from([("app", "bench"), ("shard", shard)].map(|(k, v)| (k.to_owned(), v.to_owned())));
    for (name, set) in [("labels that fit", of("7")), ("labels that do not", of("1"))] {
        c.bench_function(&format!("selectors/{name}"), |b| b.iter(|| labels.matches(black_box(&set))));
    }
    let fields = FieldSelector::parse(FIELDS).expect("a selector");
    c.bench_function("selectors/fields that fit", |b| {
        b.iter(|| {
            fields.matches(|field| match field {
                "spec.species" => Some(Cow::Borrowed("s7")),
                "metadata.namespace" => Some(Cow::Borrowed("default")),
                _ => None,
            })
        });
    });
}

criterion_group!(benches, parsing, matching);
criterion_main!(benches);
