//! One object of 1 KiB on its way through the library: decode, validate, managed fields, server-side apply, encode.
//! `cargo bench --bench objects`

mod fixture;

use std::hint::black_box;
use std::sync::Arc;

use apiserver::apply::{FieldManager, Writer};
use apiserver::field;
use apiserver::registry::object::{Codec, Object};
use apiserver::request::decode::{Format, decode};
use apiserver::storage::Revision;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fixture::{NOW, Same, body, kind, stored};
use serde_json::{Value, json};

fn decoding(c: &mut Criterion) {
    let body = body(7);
    c.bench_function("decode/json", |b| b.iter(|| decode(black_box(&body), Format::Json).expect("an object")));
    c.bench_function("decode/yaml", |b| b.iter(|| decode(black_box(&body), Format::Yaml).expect("an object")));
    let kind = kind();
    let codec = Codec::new(kind, Arc::new(Same));
    let bytes = codec.encode(&stored(7)).bytes;
    c.bench_function("decode/stored", |b| b.iter(|| Object::new(&codec, black_box(&bytes), Revision(7))));
}

fn encoding(c: &mut Criterion) {
    let codec = Codec::new(kind(), Arc::new(Same));
    let object = stored(7);
    c.bench_function("encode/stored", |b| b.iter(|| codec.encode(black_box(&object))));
}

fn validation(c: &mut Criterion) {
    let kind = kind();
    let schema = &kind.storage_version().schema;
    let object = stored(7);
    c.bench_function("schema/validate", |b| {
        b.iter(|| {
            let mut errors = field::Errors::default();
            schema.validate(black_box(&object), &mut errors);
            errors
        });
    });
    c.bench_function("schema/prune and default", |b| {
        let prepare = |mut object: Value| {
            schema.prune(&mut object, &mut Vec::new());
            schema.default(&mut object);
            object
        };
        b.iter_batched(|| object.clone(), prepare, BatchSize::SmallInput);
    });
}

fn applying(c: &mut Criterion) {
    let kind = kind();
    let fields = FieldManager::new(kind.clone(), Arc::new(Same));
    let writer = Writer { manager: "bench", subresource: "", version: kind.storage_version(), now: NOW };
    let live = stored(7);
    let mut changed = live.clone();
    changed["spec"]["color"] = "red".into();
    c.bench_function("managed fields/create", |b| {
        let object: Value = serde_json::from_slice(&body(7)).expect("JSON");
        let track = |mut object: Value| {
            fields.update(&writer, None, &mut object);
            object
        };
        b.iter_batched(|| object.clone(), track, BatchSize::SmallInput);
    });
    c.bench_function("managed fields/update", |b| {
        let track = |mut object: Value| {
            fields.update(&writer, Some(&live), &mut object);
            object
        };
        b.iter_batched(|| changed.clone(), track, BatchSize::SmallInput);
    });
    let apply = |live: Option<&Value>, applied: &Value| {
        fields.apply(&writer, live, applied, true).unwrap_or_else(|error| panic!("{error:?}"))
    };
    let applied: Value = serde_json::from_slice(&body(7)).expect("JSON");
    let mut first = apply(None, &applied);
    // As the server sets them before it stores an object.
    for (field, value) in [("uid", json!("00000000-0000-4000-8000-000000000007")), ("namespace", json!("default"))] {
        first["metadata"][field] = value;
    }
    let mut other = applied.clone();
    other["spec"]["color"] = "red".into();
    c.bench_function("apply/create", |b| b.iter(|| apply(None, black_box(&applied))));
    c.bench_function("apply/change", |b| b.iter(|| apply(Some(&first), black_box(&other))));
    c.bench_function("apply/same", |b| b.iter(|| apply(Some(&first), black_box(&applied))));
}

criterion_group!(benches, decoding, encoding, validation, applying);
criterion_main!(benches);
