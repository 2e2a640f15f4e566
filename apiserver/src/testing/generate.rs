//! Objects made up from a schema.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use super::pattern;
use crate::kind::{Kind, KindVersion};

/// Lists and maps have at most so many items where the schema asks for no more.
const ITEMS_MAX: u64 = 3;
/// How many times an item is made up again that must differ from the others.
const TRIES: usize = 8;

/// Makes up values. Those of one random state are always the same.
pub(super) struct Generator {
    rng: StdRng,
    /// How likely it is that a field is there which need not be. Objects with nothing and with everything are the ones
    /// that break things.
    fill: f64,
}

impl Generator {
    /// A generator in this state.
    pub(super) fn new(mut rng: StdRng) -> Self {
        let fill = [0.0, 0.5, 0.8, 1.0][rng.random_range(0..4)];
        Self { rng, fill }
    }

    /// A whole object. It satisfies the schema as far as types, bounds, formats, enums and most patterns go.
    pub(super) fn object(mut self, kind: &Kind, version: &KindVersion) -> Value {
        let mut object = self.value(&version.openapi);
        if !object.is_object() {
            object = json!({});
        }
        object["apiVersion"] = version.api_version().into();
        object["kind"] = kind.kind.clone().into();
        object["metadata"] = self.metadata(kind);
        object
    }

    fn metadata(&mut self, kind: &Kind) -> Value {
        let mut metadata = json!({
            "name": self.word(1, 12),
            "uid": "0cd6a8d3-7b4c-4a8f-9a52-0d1f0a8f1f11",
            "generation": 3,
            "creationTimestamp": "2024-01-01T00:00:00Z",
        });
        if kind.namespaced {
            metadata["namespace"] = "default".into();
        }
        for field in ["labels", "annotations"] {
            if self.chance(self.fill) {
                metadata[field] = json!({ "app": self.word(1, 8), "example.com/of": self.word(1, 8) });
            }
        }
        if self.chance(self.fill) {
            metadata["finalizers"] = json!(["example.com/clean"]);
        }
        metadata
    }

    fn value(&mut self, schema: &Value) -> Value {
        if let Some(values) = schema["enum"].as_array() {
            let values: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
            if !values.is_empty() {
                return values[self.rng.random_range(0..values.len())].clone();
            }
        }
        if schema["x-kubernetes-int-or-string"] == true {
            return if self.chance(0.5) { self.integer(schema) } else { self.text(schema) };
        }
        match schema["type"].as_str() {
            Some("object") => self.fields(schema),
            Some("array") => self.items(schema),
            Some("string") => self.text(schema),
            Some("integer") => self.integer(schema),
            Some("number") => self.number(schema),
            Some("boolean") => self.chance(0.5).into(),
            _ => self.anything(2),
        }
    }

    fn fields(&mut self, schema: &Value) -> Value {
        // One of several shapes: the fields that only the others need are left out.
        let branches =
            ["oneOf", "anyOf"].into_iter().filter_map(|key| schema[key].as_array()).find(|all| !all.is_empty());
        let branch = branches.map(|all| &all[self.rng.random_range(0..all.len())]);
        let names = |schema: &Value| -> Vec<String> {
            let names = schema["required"].as_array().into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut required = names(schema);
        required.extend(branch.map(names).unwrap_or_default());
        let of_others: Vec<String> =
            branches.into_iter().flatten().flat_map(names).filter(|name| !required.contains(name)).collect();
        let mut fields = Map::new();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            if of_others.contains(name) || !(required.contains(name) || self.chance(self.fill)) {
                continue;
            }
            let narrowed = branch.and_then(|branch| branch["properties"][name].as_object()).map(|narrow| {
                let mut schema = schema.clone();
                schema.as_object_mut().into_iter().for_each(|schema| schema.extend(narrow.clone()));
                schema
            });
            fields.insert(name.clone(), self.value(narrowed.as_ref().unwrap_or(schema)));
        }
        let values = &schema["additionalProperties"];
        if values.is_object() {
            let count = self.count(&schema["minProperties"], &schema["maxProperties"]);
            for _ in 0..count {
                fields.insert(self.word(1, 8), self.value(values));
            }
        } else if schema["x-kubernetes-preserve-unknown-fields"] == true && self.chance(self.fill) {
            fields.insert(format!("any-{}", self.word(1, 4)), self.anything(2));
        }
        fields.into()
    }

    fn items(&mut self, schema: &Value) -> Value {
        let keys: Vec<&str> =
            schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let is_set = schema["x-kubernetes-list-type"] == "set" || schema["uniqueItems"] == true;
        let same = |a: &Value, b: &Value| match keys.is_empty() {
            true => is_set && a == b,
            false => keys.iter().all(|key| a.get(key) == b.get(key)),
        };
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..self.count(&schema["minItems"], &schema["maxItems"]) {
            for _ in 0..TRIES {
                let item = self.value(&schema["items"]);
                if !items.iter().any(|other| same(other, &item)) {
                    items.push(item);
                    break;
                }
            }
        }
        items.into()
    }

    fn count(&mut self, min: &Value, max: &Value) -> u64 {
        let min = min.as_u64().unwrap_or_default();
        let max = max.as_u64().unwrap_or(u64::MAX).min(min.saturating_add(ITEMS_MAX));
        self.rng.random_range(min..=max.max(min)).min(100)
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let (low, high) = match schema["format"].as_str() {
            Some("int32") => (i32::MIN.into(), i32::MAX.into()),
            Some("uint8") => (0, u8::MAX.into()),
            Some("uint16") => (0, u16::MAX.into()),
            Some("uint32") => (0, u32::MAX.into()),
            Some("uint64" | "uint") => (0, i64::MAX),
            Some("int8") => (i8::MIN.into(), i8::MAX.into()),
            Some("int16") => (i16::MIN.into(), i16::MAX.into()),
            _ => (i64::MIN, i64::MAX),
        };
        let bound = |key: &str| schema[key].as_f64();
        let low = bound("minimum").map_or(low, |min| low.max(min.ceil() as i64));
        let high = bound("maximum").map_or(high, |max| high.min(max.floor() as i64));
        let low = if schema["exclusiveMinimum"] == true { low.saturating_add(1) } else { low };
        let high = if schema["exclusiveMaximum"] == true { high.saturating_sub(1) } else { high }.max(low);
        let number = match self.rng.random_range(0..4) {
            // Small numbers are the ones that people write, and the ends those that do not fit elsewhere.
            0 => low,
            1 => high,
            2 => self.rng.random_range(-20..=1000).clamp(low, high),
            _ => self.rng.random_range(low..=high),
        };
        match schema["multipleOf"].as_f64().map(|step| step as i64).filter(|step| *step > 0) {
            Some(step) => (number - number % step).max(low).into(),
            None => number.into(),
        }
    }

    fn number(&mut self, schema: &Value) -> Value {
        let low = schema["minimum"].as_f64().unwrap_or(-1000.0);
        let high = schema["maximum"].as_f64().unwrap_or(low.max(0.0) + 1000.0).max(low);
        // Quarters are exact however often they are written and read, in 32 bits too.
        let number = (low + (high - low) * self.rng.random_range(0.0..=1.0)) * 4.0;
        json!((number.round() / 4.0).clamp(low, high))
    }

    fn text(&mut self, schema: &Value) -> Value {
        let min = schema["minLength"].as_u64().unwrap_or_default();
        let max = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
        if let Some(made) = schema["pattern"].as_str().and_then(|pattern| pattern::matching(pattern, &mut self.rng)) {
            return made.into();
        }
        let byte = |rng: &mut StdRng| rng.random_range(1..=250u8);
        match schema["format"].as_str() {
            Some("date-time") => {
                let second = self.rng.random_range(0..2_000_000_000);
                jiff::Timestamp::from_second(second).unwrap_or_default().to_string().into()
            }
            Some("date") => format!("20{:02}-0{}-1{}", self.digit() * 9, 1 + self.digit() % 9, self.digit()).into(),
            Some("byte") => STANDARD.encode(self.word(0, 9)).into(),
            Some("uuid" | "uuid3" | "uuid4" | "uuid5") => {
                format!("0cd6a8d3-7b4c-4a8f-9a52-0d1f0a8f{:04x}", self.rng.random_range(0..=0xffff)).into()
            }
            Some("ipv4" | "ip") => format!("10.{}.{}.1", byte(&mut self.rng), byte(&mut self.rng)).into(),
            Some("ipv6") => format!("2001:db8::{:x}", byte(&mut self.rng)).into(),
            Some("cidr") => format!("10.{}.0.0/16", byte(&mut self.rng)).into(),
            Some("mac") => format!("02:00:00:00:00:{:02x}", byte(&mut self.rng)).into(),
            Some("uri" | "uri-reference" | "url") => format!("https://{}.example.com/", self.word(1, 8)).into(),
            Some("email") => format!("{}@example.com", self.word(1, 8)).into(),
            Some("hostname") => format!("{}.example.com", self.word(1, 8)).into(),
            Some("duration") => format!("{}h{}m", self.digit(), 1 + self.digit()).into(),
            Some("quantity") => format!("{}Mi", 1 + self.digit()).into(),
            _ => self.word(min, max.min(min.saturating_add(8))).into(),
        }
    }

    fn anything(&mut self, depth: usize) -> Value {
        match self.rng.random_range(0..if depth == 0 { 3 } else { 5 }) {
            0 => self.word(0, 6).into(),
            1 => self.rng.random_range(-5..1000).into(),
            2 => self.chance(0.5).into(),
            3 => Value::Array(vec![self.anything(depth - 1)]),
            _ => json!({ self.word(1, 6): self.anything(depth - 1) }),
        }
    }

    fn word(&mut self, min: u64, max: u64) -> String {
        let length = self.rng.random_range(min..=max.max(min)).min(1_000);
        (0..length).map(|_| char::from(self.rng.random_range(b'a'..=b'z'))).collect()
    }

    fn digit(&mut self) -> u64 {
        self.rng.random_range(0..=9)
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }
}
