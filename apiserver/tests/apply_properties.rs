//! What holds of server-side apply for every schema and every object: random ones, from a seed that is printed when
//! something does not hold. `APPLY_SEED` sets it, `APPLY_ROUNDS` says how often to try.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use apiserver::apply::{ApplyError, FieldManager, Writer, is_valid, keep_times, scale};
use apiserver::kind::{Kind, KindVersion};
use apiserver::versions::{Conversion, ConversionError};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const MANAGERS: [&str; 3] = ["one", "two", "three"];

/// Runs a property on many random worlds.
fn check(rounds: u64, property: impl Fn(&mut World)) {
    let setting = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = setting("APPLY_SEED");
    let rounds = if first.is_some() { 1 } else { setting("APPLY_ROUNDS").unwrap_or(rounds) };
    let first = first.unwrap_or_else(rand::random);
    for round in 0..rounds {
        let seed = first.wrapping_add(round);
        let outcome = catch_unwind(AssertUnwindSafe(|| property(&mut World::new(seed))));
        if let Err(panic) = outcome {
            eprintln!("APPLY_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

/// A kind in two versions, of which the second names the fields of the spec otherwise.
struct World {
    rng: StdRng,
    kind: Arc<Kind>,
    fields: FieldManager,
    spec: Value,
    clock: u32,
}

/// Renames the fields of the spec.
struct Renaming;

impl Conversion for Renaming {
    fn convert(&self, from: &KindVersion, to: &KindVersion, mut object: Value) -> Result<Value, ConversionError> {
        object["apiVersion"] = to.api_version().into();
        if from.version != to.version
            && let Some(Value::Object(spec)) = object.get_mut("spec")
        {
            *spec =
                std::mem::take(spec).into_iter().map(|(name, value)| (renamed(&name, &to.version), value)).collect();
        }
        Ok(object)
    }
}

fn renamed(name: &str, version: &str) -> String {
    let name = name.trim_start_matches("new-");
    if version == "v2" { format!("new-{name}") } else { name.to_owned() }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut properties = Map::new();
        for name in NAMES {
            properties.insert(name.to_owned(), schema(&mut rng, 2));
        }
        let spec = json!({"type": "object", "properties": properties});
        let version = |name: &str, storage: bool| {
            let renamed: Map<String, Value> =
                properties.iter().map(|(field, schema)| (renamed(field, name), schema.clone())).collect();
            let spec = json!({"type": "object", "properties": renamed});
            json!({
                "name": name, "served": true, "storage": storage, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": spec,
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                }}},
            })
        };
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x"},
            "spec": {
                "group": "example.com", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
                "versions": [version("v1", true), version("v2", false)],
            },
        });
        let kind = Kind::from_crd(&serde_json::from_value(crd).expect("a CRD")).expect("a kind");
        let kind = Arc::new(kind);
        let fields = FieldManager::new(Arc::clone(&kind), Arc::new(Renaming));
        Self { rng, kind, fields, spec, clock: 0 }
    }

    fn version(&mut self) -> &'static str {
        ["v1", "v2"].choose(&mut self.rng).expect("a version")
    }

    fn manager(&mut self) -> &'static str {
        MANAGERS.choose(&mut self.rng).expect("a manager")
    }

    /// The fields of a spec, in v1.
    fn body(&mut self) -> Value {
        let mut object = object(&mut self.rng, &self.spec, 0.5);
        if !object.is_object() {
            object = json!({});
        }
        object
    }

    /// An object with such a spec and some labels, in v1.
    fn object(&mut self) -> Value {
        let mut metadata = json!({"name": "x"});
        for name in ["p", "q"] {
            if self.rng.random_bool(0.3) {
                metadata["labels"][name] = self.rng.random_range(0..2).to_string().into();
            }
        }
        let spec = self.body();
        let mut object = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": metadata});
        if spec != json!({}) {
            object["spec"] = spec;
        }
        object
    }

    fn in_version(&self, object: &Value, version: &str) -> Value {
        let find = |name: &str| self.kind.versions.iter().find(|version| version.version == name).expect("a version");
        let from = object["apiVersion"].as_str().and_then(|text| text.strip_prefix("example.com/")).expect("ours");
        Renaming.convert(find(from), find(version), object.clone()).expect("an object")
    }

    fn write<T>(&mut self, manager: &str, version: &str, work: impl FnOnce(&Self, &Writer<'_>) -> T) -> T {
        self.clock += 1;
        let now = format!("2024-01-01T{:02}:{:02}:{:02}Z", self.clock / 3600, self.clock / 60 % 60, self.clock % 60);
        let version = self.kind.versions.iter().find(|known| known.version == version).expect("a version");
        work(self, &Writer { manager, subresource: "", version, now: &now })
    }

    /// Applies what is given in v1, in some version, to what is stored in v1.
    fn apply(
        &mut self,
        manager: &str,
        version: &str,
        live: Option<&Value>,
        applied: &Value,
        force: bool,
    ) -> Result<Value, ApplyError> {
        let applied = self.in_version(applied, version);
        let shown = live.map(|live| self.in_version(live, version));
        let made =
            self.write(manager, version, |world, writer| world.fields.apply(writer, shown.as_ref(), &applied, force))?;
        Ok(self.stored(&made, live))
    }

    /// Replaces what is stored, in some version.
    fn update(&mut self, manager: &str, version: &str, live: Option<&Value>, new: &Value) -> Value {
        let mut new = self.in_version(new, version);
        if let Some(live) = live
            && let Some(entries) = live["metadata"].get("managedFields")
            && self.rng.random()
        {
            new["metadata"]["managedFields"] = entries.clone();
        }
        let shown = live.map(|live| self.in_version(live, version));
        let made = self.write(manager, version, |world, writer| {
            writer.version.schema.default(&mut new);
            world.fields.update(writer, shown.as_ref(), &mut new);
            new
        });
        self.stored(&made, live)
    }

    fn stored(&self, object: &Value, live: Option<&Value>) -> Value {
        let mut object = self.in_version(object, "v1");
        self.kind.storage_version().schema.apply_defaults(&mut object);
        object["metadata"]["uid"] = "u".into();
        if let Some(live) = live {
            keep_times(&mut object, live);
        }
        object
    }
}

fn schema(rng: &mut StdRng, depth: u32) -> Value {
    let scalar = |rng: &mut StdRng| match rng.random_range(0..5) {
        0 => json!({"type": "string", "default": "x"}),
        1 => json!({"type": "integer"}),
        2 => json!({"type": "boolean"}),
        3 => json!({"x-kubernetes-int-or-string": true}),
        _ => json!({"type": "string"}),
    };
    if depth == 0 {
        return scalar(rng);
    }
    match rng.random_range(0..9) {
        0 => json!({"type": "array", "items": {"type": "integer"}}),
        1 => json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}),
        2 | 3 => {
            let mut properties = fields(rng, depth);
            properties.insert("k".into(), json!({"type": "string"}));
            properties.insert("l".into(), json!({"type": "string", "default": "x"}));
            json!({
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": if rng.random() { json!(["k"]) } else { json!(["l", "k"]) },
                "items": {"type": "object", "properties": properties, "required": ["k"]},
            })
        }
        4 => json!({"type": "object", "additionalProperties": without_defaults(schema(rng, depth - 1))}),
        5 => json!({
            "type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
            "x-kubernetes-map-type": "atomic",
        }),
        6 => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        7 => scalar(rng),
        _ => json!({"type": "object", "properties": fields(rng, depth)}),
    }
}

fn fields(rng: &mut StdRng, depth: u32) -> Map<String, Value> {
    let count = rng.random_range(1..4);
    NAMES[..count].iter().map(|name| ((*name).to_owned(), schema(rng, depth - 1))).collect()
}

/// A default below a map would come back as soon as its entry is asked for by anyone.
fn without_defaults(mut schema: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("default");
    }
    schema
}

/// A value of a schema, out of few. Nothing in it is empty, as what is empty has no owner; null is nothing.
fn object(rng: &mut StdRng, schema: &Value, filled: f64) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let few = |rng: &mut StdRng| Value::from(*["x", "y", "<&>"].choose(rng).expect("a text"));
    match schema["type"].as_str() {
        Some("string") => few(rng),
        Some("integer") => rng.random_range(0..3).into(),
        Some("boolean") => rng.random::<bool>().into(),
        Some("array") => {
            let mut items: Vec<Value> = Vec::new();
            for _ in 0..rng.random_range(1..4) {
                let mut item = object(rng, &schema["items"], filled);
                if let Some(keys) = schema.get("x-kubernetes-list-map-keys") {
                    if !item.is_object() {
                        item = json!({});
                    }
                    item["k"] = few(rng);
                    let key = |item: &Value| {
                        let one = |key: &Value| item.get(key.as_str().unwrap_or("k")).cloned().unwrap_or("x".into());
                        keys.as_array().expect("keys").iter().map(one).collect::<Vec<_>>()
                    };
                    if items.iter().all(|known| key(known) != key(&item)) {
                        items.push(item);
                    }
                } else if schema.get("x-kubernetes-list-type").is_none() || !items.contains(&item) {
                    items.push(item);
                }
            }
            items.into()
        }
        Some("object") => {
            let mut made = Map::new();
            for name in NAMES {
                let below = match properties {
                    Some(properties) => properties.get(name).cloned(),
                    None => Some(schema.get("additionalProperties").cloned().unwrap_or_else(|| anything(rng))),
                };
                if let Some(below) = below
                    && rng.random_bool(filled)
                {
                    let value = object(rng, &below, filled);
                    if !value.is_null() {
                        made.insert(name.to_owned(), value);
                    }
                }
            }
            if made.is_empty() { Value::Null } else { made.into() }
        }
        _ => {
            if rng.random() {
                few(rng)
            } else {
                rng.random_range(0..3).into()
            }
        }
    }
}

fn anything(rng: &mut StdRng) -> Value {
    match rng.random_range(0..4) {
        0 => json!({"type": "array", "items": {"type": "integer"}}),
        1 => json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}),
        _ => json!({"type": "string"}),
    }
}

/// Without managedFields, and with lists in an order of their own.
fn content(object: &Value) -> Value {
    fn sort(value: &mut Value) {
        match value {
            Value::Array(items) => {
                items.iter_mut().for_each(sort);
                items.sort_by_key(Value::to_string);
            }
            Value::Object(fields) => fields.values_mut().for_each(sort),
            _ => {}
        }
    }
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    sort(&mut object);
    object
}

/// The entries of managedFields, without their times.
fn owners(object: &Value) -> Vec<Value> {
    let mut entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    for entry in &mut entries {
        entry.as_object_mut().expect("an entry").remove("time");
    }
    entries.sort_by_key(Value::to_string);
    entries
}

fn others(object: &Value, manager: &str) -> Vec<Value> {
    owners(object).into_iter().filter(|entry| entry["manager"] != manager).collect()
}

/// Every path of a set.
fn paths(fields: &Value) -> BTreeSet<String> {
    fn collect(fields: &Value, prefix: &str, paths: &mut BTreeSet<String>) {
        for (key, below) in fields.as_object().expect("fields") {
            if key == "." {
                continue;
            }
            let path = format!("{prefix}/{key}");
            if below == &json!({}) || below.get(".").is_some() {
                paths.insert(path.clone());
            }
            collect(below, &path, paths);
        }
    }
    let mut found = BTreeSet::new();
    collect(fields, "", &mut found);
    found
}

/// The paths of a manager in v1's terms, whichever version it writes.
fn owned(object: &Value, manager: &str) -> BTreeSet<String> {
    let entries = owners(object);
    let mine = entries.iter().filter(|entry| entry["manager"] == manager);
    mine.flat_map(|entry| paths(&entry["fieldsV1"])).map(|path| path.replace("f:new-", "f:")).collect()
}

#[test]
fn applying_twice_is_applying_once() {
    check(40, |world| {
        let base = world.object();
        let mut live = world.update("maker", "v1", None, &base);
        for _ in 0..4 {
            let (manager, version, applied) = (world.manager(), world.version(), world.object());
            live = world.apply(manager, version, Some(&live), &applied, true).expect("force");
            let again = world.apply(manager, version, Some(&live), &applied, false).expect("no conflict");
            assert_eq!(again, live, "{manager} applied {applied}");
        }
    });
}

#[test]
fn a_body_is_there_after_it_was_applied() {
    check(40, |world| {
        let base = world.object();
        let mut live = world.update("maker", "v1", None, &base);
        for _ in 0..4 {
            let (manager, version, applied) = (world.manager(), world.version(), world.object());
            live = world.apply(manager, version, Some(&live), &applied, true).expect("force");
            // Whoever applies the same finds nothing to do, and no conflict.
            let seen = world.apply("onlooker", "v1", Some(&live), &applied, false).expect("no conflict");
            assert_eq!(content(&seen), content(&live));
            assert_eq!(owned(&seen, "onlooker"), owned(&live, manager), "{manager} applied {applied}");
        }
    });
}

#[test]
fn without_force_nobody_loses_anything() {
    check(40, |world| {
        let mut live: Option<Value> = None;
        let mut last: Vec<(&str, &str, Value)> = Vec::new();
        for _ in 0..8 {
            let (manager, version, applied) = (world.manager(), world.version(), world.object());
            let done = world.apply(manager, version, live.as_ref(), &applied, false);
            let new = match done {
                Ok(new) => new,
                Err(ApplyError::Conflict(conflicts)) => {
                    assert!(!conflicts.is_empty());
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            if let Some(live) = &live {
                assert_eq!(others(&new, manager), others(live, manager), "{manager} applied {applied} to {live}");
            }
            last.retain(|(known, ..)| *known != manager);
            for (other, version, applied) in &last {
                let again = world.apply(other, version, Some(&new), applied, false).expect("no conflict");
                assert_eq!(content(&again), content(&new), "{other} had applied {applied}");
            }
            last.push((manager, version, applied));
            live = Some(new);
        }
    });
}

#[test]
fn applying_nothing_takes_back_what_was_owned_alone() {
    check(40, |world| {
        let (first, second, nothing) = (world.object(), world.object(), json!({"metadata": {"name": "x"}}));
        let nothing = {
            let mut object = nothing;
            object["apiVersion"] = "example.com/v1".into();
            object["kind"] = "Thing".into();
            object
        };
        let version = world.version();
        let before = world.apply("one", version, None, &first, false).expect("an object");
        let version = world.version();
        let Ok(between) = world.apply("two", version, Some(&before), &second, false) else { return };
        let version = world.version();
        let after = world.apply("two", version, Some(&between), &nothing, false).expect("no conflict");
        assert_eq!(content(&after), content(&before), "after {second}");
        assert_eq!(owners(&after), owners(&before));
        let version = world.version();
        let bare = world.apply("one", version, Some(&after), &nothing, false).expect("no conflict");
        let empty = world.apply("one", "v1", None, &nothing, false).expect("an object");
        // An object may have come with its first field, and stay without any: only what is in it was owned.
        let mut content_left = content(&bare);
        if content_left.get("spec") == Some(&Value::Null) {
            content_left.as_object_mut().expect("an object").remove("spec");
        }
        assert_eq!(content_left, content(&empty), "after {first}");
        assert_eq!(owners(&bare), owners(&empty));
    });
}

/// Deals out the parts of a value; what has no parts goes to one side.
fn split(rng: &mut StdRng, schema: &Value, value: &Value) -> (Value, Value) {
    let is_granular_list = schema.get("x-kubernetes-list-type").is_some();
    let is_granular_map = schema["type"] == "object" && schema.get("x-kubernetes-map-type").is_none();
    let (mut left, mut right) = (Value::Null, Value::Null);
    match value {
        Value::Array(items) if is_granular_list => {
            for item in items {
                let side = if rng.random() { &mut left } else { &mut right };
                if side.is_null() {
                    *side = json!([]);
                }
                side.as_array_mut().expect("a list").push(item.clone());
            }
        }
        Value::Object(fields) if is_granular_map => {
            for (name, value) in fields {
                let empty = Value::Null;
                let below = schema["properties"].get(name).or(schema.get("additionalProperties")).unwrap_or(&empty);
                let (a, b) = split(rng, below, value);
                for (side, part) in [(&mut left, a), (&mut right, b)] {
                    if !part.is_null() {
                        side[name] = part;
                    }
                }
            }
        }
        whole => *(if rng.random() { &mut left } else { &mut right }) = whole.clone(),
    }
    (left, right)
}

#[test]
fn those_who_apply_different_things_may_come_in_any_order() {
    check(40, |world| {
        let whole = world.object();
        let schema = world.spec.clone();
        let spec = whole.get("spec").cloned().unwrap_or_default();
        let (a, b) = split(&mut world.rng, &schema, &spec);
        let part = |spec: Value| {
            let mut object = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}});
            if !spec.is_null() {
                object["spec"] = spec;
            }
            object
        };
        let (a, b) = (part(a), part(b));
        let (one, two) = (world.version(), world.version());
        let mut outcomes = Vec::new();
        for order in [[("one", one, &a), ("two", two, &b)], [("two", two, &b), ("one", one, &a)]] {
            let mut live = None;
            for (manager, version, applied) in order {
                live = Some(world.apply(manager, version, live.as_ref(), applied, false).expect("no conflict"));
            }
            let live = live.expect("an object");
            outcomes.push((content(&live), owners(&live)));
        }
        assert_eq!(outcomes[0], outcomes[1], "{a} and {b}");
    });
}

#[test]
fn whoever_updates_owns_what_changed_and_everything_has_one_owner() {
    check(40, |world| {
        let first = world.object();
        let mut live = world.update("one", "v1", None, &first);
        for _ in 0..4 {
            let (manager, new) = (world.manager(), world.object());
            let before = owned(&live, manager);
            let next = world.update(manager, "v1", Some(&live), &new);
            for other in MANAGERS.iter().filter(|other| **other != manager) {
                assert!(owned(&next, other).is_subset(&owned(&live, other)));
            }
            if content(&next) == content(&live) {
                assert_eq!(before, owned(&next, manager));
            }
            live = next;
            if owners(&live).is_empty() {
                // The same as an object whose managers were cleared: nobody is tracked from here on.
                return;
            }
        }
        let mut all = BTreeSet::new();
        for manager in MANAGERS {
            for path in owned(&live, manager) {
                assert!(all.insert(path.clone()), "{path} has two owners");
            }
        }
        let mut bare = live.clone();
        bare["metadata"].as_object_mut().expect("metadata").remove("managedFields");
        let fresh = world.update("one", "v1", None, &bare);
        assert_eq!(all, owned(&fresh, "one"));
    });
}

#[test]
fn force_takes_everything_that_is_applied() {
    check(40, |world| {
        let first = world.object();
        let mut live = world.update("maker", "v1", None, &first);
        for _ in 0..2 {
            let (manager, version, new) = (world.manager(), world.version(), world.object());
            live = world.update(manager, version, Some(&live), &new);
        }
        let applied = world.object();
        let version = world.version();
        let taken = world.apply("taker", version, Some(&live), &applied, true).expect("force");
        // What is new to the object is the taker's alone; what was there already is shared.
        for other in ["maker"].iter().chain(&MANAGERS) {
            assert!(owned(&taken, other).is_subset(&owned(&live, other)), "{other} got something");
        }
        let fresh = world.apply("taker", version, None, &applied, false).expect("an object");
        assert_eq!(owned(&taken, "taker"), owned(&fresh, "taker"));
    });
}

/// A set as it is written, of whatever there may be.
fn fields_v1(rng: &mut StdRng, depth: u32) -> Value {
    let mut fields = Map::new();
    if depth > 0 {
        for _ in 0..rng.random_range(0..4) {
            let text: String = (0..rng.random_range(0..4))
                .map(|_| *['a', '.', ':', '"', '\\', '\n', 'é', '鳥', '\u{1F426}'].choose(rng).expect("a letter"))
                .collect();
            let scalar = match rng.random_range(0..4) {
                0 => json!(rng.random::<i64>()),
                1 => json!(rng.random_range(-9..9) as f64 / 4.0 + 0.125),
                2 => json!(rng.random::<bool>()),
                _ => json!(text),
            };
            let key = match rng.random_range(0..4) {
                0 => format!("v:{scalar}"),
                1 => format!("k:{}", json!({"a": scalar, "b": text})),
                2 => format!("i:{}", rng.random::<i64>()),
                _ => format!("f:{text}"),
            };
            fields.insert(key, fields_v1(rng, depth - 1));
        }
        if !fields.is_empty() && rng.random() {
            fields.insert(".".to_owned(), json!({}));
        }
    }
    fields.into()
}

#[test]
fn managers_that_are_sent_back_stay_as_they_are() {
    check(40, |world| {
        let first = world.object();
        let mut live = world.update("maker", "v1", None, &first);
        for _ in 0..3 {
            let (manager, version, applied) = (world.manager(), world.version(), world.object());
            live = world.apply(manager, version, Some(&live), &applied, true).expect("force");
        }
        assert!(is_valid(&live));
        // Another entry keeps them from being recognised as those that are there already.
        let mut sent = live.clone();
        let entry = json!({
            "manager": "guest", "operation": "Apply", "apiVersion": "example.com/v1", "fieldsType": "FieldsV1",
            // The schema knows nothing of these fields, so that they are read and written and no more.
            "fieldsV1": {"f:unknown": fields_v1(&mut world.rng, 3)},
        });
        let entries = &mut sent["metadata"]["managedFields"];
        if entries.is_null() {
            *entries = json!([]);
        }
        entries.as_array_mut().expect("entries").push(entry.clone());
        let mut new = sent.clone();
        world.write("me", "v1", |world, writer| world.fields.update(writer, Some(&live), &mut new));
        let mut expect = owners(&live);
        expect.push(entry);
        expect.sort_by_key(Value::to_string);
        assert_eq!(owners(&new), expect);
    });
}

/// Changes one place in a document, be it sensible or not.
fn spoil(rng: &mut StdRng, value: &mut Value) {
    let nonsense = |rng: &mut StdRng| {
        let all = [
            json!(null),
            json!(5),
            json!("x"),
            json!([]),
            json!({}),
            json!({"f:": {}}),
            json!({"k:{}": {}, "k:null": {"f:x": {}}}),
            json!({"v:{\"a\":[1]}": {}, "v:null": {}}),
            json!({"i:-1": {"i:9223372036854775807": {}}}),
            json!({"x:y": {"z": 1}}),
            json!({"f:a": {"f:b": {"f:c": {"f:d": {".": {}}}}}}),
            json!({"\u{1F426}:": {}}),
        ];
        all.choose(rng).expect("something").clone()
    };
    match value {
        Value::Object(fields) if !fields.is_empty() && rng.random_bool(0.8) => {
            let name = fields.keys().nth(rng.random_range(0..fields.len())).expect("a field").clone();
            if rng.random_bool(0.2) {
                let below = fields.remove(&name).expect("a field");
                let keys = ["f:a", "k:{\"k\":1}", "k:{\"k\":\"x\",\"l\":\"x\"}", "v:1.0", "i:0", ".", "q", "f:spec"];
                fields.insert((*keys.choose(rng).expect("a key")).to_owned(), below);
            } else if let Some(below) = fields.get_mut(&name) {
                spoil(rng, below);
            }
        }
        Value::Array(items) if !items.is_empty() && rng.random_bool(0.8) => {
            let place = rng.random_range(0..items.len());
            match rng.random_range(0..4) {
                0 => items.push(items[place].clone()),
                _ => spoil(rng, &mut items[place]),
            }
        }
        other => *other = nonsense(rng),
    }
}

#[test]
fn nonsense_among_the_managers_does_no_harm() {
    check(80, |world| {
        let first = world.object();
        let mut live = world.update("maker", "v1", None, &first);
        let applied = world.object();
        live = world.apply("one", "v2", Some(&live), &applied, true).expect("force");
        let mut spoilt = live.clone();
        for _ in 0..world.rng.random_range(1..6) {
            spoil(&mut world.rng, &mut spoilt["metadata"]["managedFields"]);
        }
        let valid = is_valid(&spoilt);
        let (new, applied) = (world.object(), world.object());
        let mut sent = new.clone();
        sent["metadata"]["managedFields"] = spoilt["metadata"]["managedFields"].clone();
        for subresource in ["", "status"] {
            for (live, new) in [(Some(&spoilt), &new), (Some(&live), &sent), (None, &sent)] {
                let mut new = new.clone();
                world.write("me", "v1", |world, writer| {
                    world.fields.update(&Writer { subresource, ..*writer }, live, &mut new);
                });
                assert!(is_valid(&new));
            }
        }
        for force in [true, false] {
            match world.apply("me", "v2", Some(&spoilt), &applied, force) {
                Ok(object) => assert!(is_valid(&object)),
                Err(ApplyError::Conflict(_)) => assert!(!force),
                Err(error) => assert!(!valid, "{error}"),
            }
        }
        let mut seen = json!({"metadata": {"name": "x"}});
        scale::to_scale(&world.kind, &spoilt, &mut seen);
        scale::to_object(&world.kind, world.kind.storage_version(), &seen, &mut spoilt);
        assert!(is_valid(&seen) && is_valid(&spoilt));
    });
}
