//! Objects for a schema: some as it asks for, some with faults.

use apiserver::field;
use apiserver::schema::Schema;
use serde_json::{Map, Value, json};

/// Something for most formats and patterns.
const TEXTS: [&str; 14] = [
    "a",
    "example",
    "example.com",
    "1h",
    "https://example.com/",
    "2024-01-31T12:00:00Z",
    "2024-01-31",
    "192.0.2.1",
    "Name",
    "1",
    "50Mi",
    "5%",
    "ZXhhbXBsZQ==",
    "",
];

/// An object; equal seeds give equal objects.
pub fn object(schema: &Value, seed: u64) -> Value {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    // Few faults in most: with many, all are refused alike.
    let faults = [0, 0, 1, 2, 8, 60][random.below(6)];
    let mut making = Making { random, faults, depth: 0 };
    let mut object = making.value(schema);
    if !object.is_object() {
        object = json!({});
    }
    object["apiVersion"] = json!("example.com/v1");
    object["kind"] = json!("Kind");
    object["metadata"] = json!({"name": "example"});
    object
}

struct Making {
    random: Random,
    /// Of a thousand values, so many are wrong.
    faults: usize,
    depth: usize,
}

impl Making {
    fn value(&mut self, schema: &Value) -> Value {
        if self.random.below(1000) < self.faults {
            return self.fault();
        }
        self.depth += 1;
        let value = self.right(schema);
        self.depth -= 1;
        value
    }

    fn right(&mut self, schema: &Value) -> Value {
        if schema["nullable"] == true && self.random.below(4) == 0 {
            return Value::Null;
        }
        for given in ["default", "example"] {
            if !schema[given].is_null() && self.random.below(3) == 0 {
                return schema[given].clone();
            }
        }
        if let Some(values) = schema["enum"].as_array().filter(|values| !values.is_empty()) {
            return values[self.random.below(values.len())].clone();
        }
        if schema["x-kubernetes-int-or-string"] == true {
            return if self.random.below(3) == 0 { json!(1) } else { self.text(schema) };
        }
        match schema["type"].as_str() {
            Some("boolean") => json!(self.random.below(2) == 0),
            Some("integer") => json!(self.number(schema) as i64),
            Some("number") if schema["multipleOf"].is_null() => {
                json!(self.number(schema) + [0.0, 0.5][self.random.below(2)])
            }
            Some("number") => json!(self.number(schema)),
            Some("string") => self.text(schema),
            Some("array") => {
                let min = schema["minItems"].as_u64().unwrap_or_default() as usize;
                let length = min + if self.depth < 12 { self.random.below(3) } else { 0 };
                (0..length.min(20)).map(|_| self.value(&schema["items"])).collect()
            }
            Some("object") => self.fields(schema),
            _ => [json!({"any": [1, null]}), json!("any"), json!(7)][self.random.below(3)].clone(),
        }
    }

    fn fields(&mut self, schema: &Value) -> Value {
        let mut fields = Map::new();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let odds = if self.depth < 4 && self.faults > 0 { 2 } else { 5 };
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let needed = required.contains(&name.as_str()) && self.random.below(1000) >= self.faults;
            if needed || self.random.below(odds) == 0 {
                let value = self.value(property);
                fields.insert(name.clone(), value);
            }
        }
        if schema["additionalProperties"].is_object() {
            let min = schema["minProperties"].as_u64().unwrap_or_default() as usize;
            for index in 0..min + self.random.below(3) {
                let value = self.value(&schema["additionalProperties"]);
                fields.insert(format!("key{index}"), value);
            }
        }
        if self.random.below(1000) < self.faults {
            fields.insert("nobodyKnowsThis".into(), json!(1));
        }
        if schema["x-kubernetes-embedded-resource"] == true {
            fields.insert("apiVersion".into(), json!("v1"));
            fields.insert("kind".into(), json!("ConfigMap"));
        }
        Value::Object(fields)
    }

    fn number(&mut self, schema: &Value) -> f64 {
        let (min, max) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        let step = schema["multipleOf"].as_f64().unwrap_or(1.0);
        let start = min.or(max.map(|max| max - 3.0 * step)).unwrap_or_default();
        // Bounds themselves matter most, and what is just beyond them.
        let steps = if self.faults > 0 { self.random.below(5) as f64 - 1.0 } else { self.random.below(3) as f64 };
        start + steps * step
    }

    /// A text that fits, where there is one among those tried.
    fn text(&mut self, schema: &Value) -> Value {
        let min = schema["minLength"].as_u64().unwrap_or_default() as usize;
        let start = self.random.below(TEXTS.len());
        let texts = (0..TEXTS.len()).map(|index| {
            let text = TEXTS[(start + index) % TEXTS.len()];
            json!(format!("{text}{}", "a".repeat(min.saturating_sub(text.len()).min(1000))))
        });
        let texts: Vec<Value> = texts.collect();
        if schema["pattern"].is_null() && schema["format"].is_null() && schema["maxLength"].is_null() {
            return texts[0].clone();
        }
        let Ok(compiled) = Schema::compile(&json!({"type": "object", "properties": {"x": schema}})) else {
            return texts[0].clone();
        };
        let fits = |text: &&Value| {
            let mut errors = field::Errors::default();
            compiled.validate(&json!({"x": text}), &mut errors);
            errors.is_empty()
        };
        texts.iter().find(fits).unwrap_or(&texts[0]).clone()
    }

    fn fault(&mut self) -> Value {
        let faults = [
            Value::Null,
            json!({}),
            json!([]),
            json!("wrong"),
            json!(-1),
            json!(2.5),
            json!(true),
            json!({"a": {"b": []}}),
            json!([[]]),
        ];
        faults[self.random.below(faults.len())].clone()
    }
}

/// Xorshift: good enough to choose by.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound.max(1)
    }
}
