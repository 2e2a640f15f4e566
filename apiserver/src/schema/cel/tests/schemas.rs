//! Values that a schema describes, and values that nothing describes.

use serde_json::{Value as Json, json};

use super::super::{COST_MAX, Program, Shape, Type, Value};
use crate::schema::Schema;

/// Evaluates an expression over `self`, of this schema.
fn run(schema: &Json, object: &Json, source: &str) -> Result<String, String> {
    let schema = Schema::compile(&json!({"type": "object", "properties": {"x": schema}})).expect("a schema");
    let node = schema.root().property("x").expect("a property");
    let type_ = Type::of(Shape::of(node)).expect("a type");
    let (program, _) = Program::compile(source, &[("self", type_)]).map_err(|error| error.problem.clone())?;
    let value = Value::view(object, Shape::of(node)).map_err(|error| error.to_string())?;
    let result = program.eval(&[value], COST_MAX).result.map_err(|error| error.to_string())?;
    Ok(match result {
        Value::Bool(truth) => truth.to_string(),
        other => format!("{other:?}"),
    })
}

#[track_caller]
fn holds(schema: &Json, object: &Json, sources: &[&str]) {
    for source in sources {
        assert_eq!(run(schema, object, source).as_deref(), Ok("true"), "{source}");
    }
}

#[track_caller]
fn fails(schema: &Json, object: &Json, source: &str, expect: &str) {
    assert_eq!(run(schema, object, source), Err(expect.to_owned()), "{source}");
}

fn object(properties: Json) -> Json {
    json!({"type": "object", "properties": properties})
}

#[test]
fn formats_become_types() {
    let schema = object(json!({
        "i": {"type": "integer", "format": "int32"}, "n": {"type": "number"}, "b": {"type": "boolean"},
        "at": {"type": "string", "format": "date-time"}, "day": {"type": "string", "format": "date"},
        "long": {"type": "string", "format": "duration"}, "raw": {"type": "string", "format": "byte"},
        "id": {"type": "string", "format": "uuid"},
    }));
    let value = json!({
        "i": 5, "n": 5, "b": true, "at": "2024-05-06T07:08:09+02:00", "day": "2024-05-06", "long": "1h30m",
        "raw": "QUI=", "id": "x",
    });
    holds(
        &schema,
        &value,
        &[
            "type(self.i) == int && type(self.n) == double && type(self.b) == bool && type(self.id) == string",
            "self.n == 5.0 && double(self.i) == self.n && self.i < self.n + 1.0",
            "self.at == timestamp('2024-05-06T05:08:09Z') && self.at.getHours('+02:00') == 7",
            "self.day == timestamp('2024-05-06T00:00:00Z') && self.at > self.day",
            "self.long == duration('90m') && self.long > duration('1h')",
            "self.raw == b'AB' && size(self.raw) == 2",
        ],
    );
    fails(
        &schema,
        &value,
        "self.at == '2024'",
        "found no matching overload for '_==_' applied to '(timestamp, string)'",
    );
    fails(&schema, &value, "self.i == 5.0", "found no matching overload for '_==_' applied to '(int, double)'");
    fails(&schema, &json!({"long": "soon"}), "self.long == self.long", "Invalid duration soon");
    fails(&schema, &json!({"i": 5.5}), "self.i == 5", "invalid data, expected int, got float64");
}

#[test]
fn fields_are_there_or_not() {
    let schema = object(json!({
        "a": object(json!({"b": {"type": "integer"}})),
        "null": {"type": "string", "nullable": true},
        "m": {"type": "object", "additionalProperties": {"type": "string", "nullable": true}},
    }));
    let value = json!({"a": {}, "null": null, "m": {"k": null, "l": "x"}});
    holds(
        &schema,
        &value,
        &[
            "has(self.a) && !has(self.a.b) && !has(self.__null__)",
            "self.?a.?b.orValue(7) == 7 && !self.?__null__.hasValue()",
            "'k' in self.m && !('z' in self.m) && self.m.size() == 2 && has(self.m.l)",
            "type(self.m['k']) == null_type && self.m['l'] == 'x' && self.m.l == 'x'",
            "self.m.all(k, k in ['k', 'l']) && self.m[?'z'] == optional.none()",
        ],
    );
    fails(&schema, &value, "self.a.b == 1", "no such key: b");
    fails(&schema, &value, "self.m.z == 'x'", "no such key: z");
    fails(&schema, &value, "self.z == 1", "undefined field 'z'");
    fails(
        &schema,
        &value,
        "self['a'] == self.a",
        "found no matching overload for '_[_]' applied to '(object, string)'",
    );
    fails(&schema, &value, "size(self) == 1", "found no matching overload for 'size' applied to '(object)'");
    fails(&schema, &value, "self.a == self", "found no matching overload for '_==_' applied to '(object, object)'");
    holds(&schema, &value, &["self.a == self.a && self.a != null"]);
}

#[test]
fn names_are_escaped() {
    let text = || json!({"type": "string"});
    let schema = object(json!({
        "a-b": text(), "c.d/e": text(), "f__g": text(), "namespace": text(), "if": text(), "1x": text(), "$y": text(),
    }));
    let value = json!({"a-b": "1", "c.d/e": "2", "f__g": "3", "namespace": "4", "if": "5", "1x": "6", "$y": "7"});
    holds(
        &schema,
        &value,
        &[
            "self.a__dash__b == '1' && self.c__dot__d__slash__e == '2' && self.f__underscores__g == '3'",
            "self.__namespace__ == '4' && self.namespace == '4' && self.__if__ == '5' && self.if == '5'",
            "self == self && has(self.a__dash__b)",
        ],
    );
    fails(&schema, &value, "self.f__g == '3'", "undefined field 'f__g'");
    fails(&schema, &value, "self.__x__ == '3'", "undefined field '__x__'");
}

#[test]
fn either_is_known_when_it_is_seen() {
    let schema = object(json!({"p": {"x-kubernetes-int-or-string": true}}));
    for (value, source) in [
        (json!({"p": 5}), "self.p == 5 && self.p != '5' && type(self.p) == int && self.p < 6"),
        (json!({"p": "50%"}), "self.p == '50%' && self.p != 50 && self.p.endsWith('%') && type(self.p) == string"),
        (json!({"p": "50%"}), "type(self.p) == string ? int(self.p.replace('%', '')) == 50 : false"),
    ] {
        holds(&schema, &value, &[source]);
    }
    fails(&schema, &json!({"p": "50%"}), "self.p < 6", "no such overload");
}

#[test]
fn what_has_no_schema_is_not_seen() {
    let schema = object(json!({
        "any": {"x-kubernetes-preserve-unknown-fields": true},
        "list": {"type": "array", "items": {"x-kubernetes-preserve-unknown-fields": true}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"a": {"type": "integer"}}},
    }));
    let value = json!({"any": 1, "list": [1], "free": {"a": 1, "b": 2}});
    holds(&schema, &value, &["self.free.a == 1 && has(self.free)"]);
    fails(&schema, &value, "self.any == 1", "undefined field 'any'");
    fails(&schema, &value, "self.list.size() == 1", "undefined field 'list'");
    fails(&schema, &value, "self.free.b == 2", "undefined field 'b'");
    let pair = json!({"type": "array", "items": schema["properties"]["free"]});
    holds(&pair, &json!([{"a": 1, "b": 2}, {"a": 1, "b": 2}]), &["self[0] == self[1]"]);
    holds(&pair, &json!([{"a": 1, "b": 2}, {"a": 1, "b": 3}]), &["self[0] != self[1]"]);
}

#[test]
fn embedded_resources_say_what_they_are() {
    let schema = object(json!({"r": {
        "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"spec": object(json!({"a": {"type": "integer"}}))},
    }}));
    let value = json!({"r": {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {}}, "spec": {"a": 1}, "more": 1,
    }});
    holds(&schema, &value, &["self.r.kind == 'Pod' && self.r.metadata.name == 'a' && self.r.spec.a == 1"]);
    fails(&schema, &value, "has(self.r.metadata.labels)", "undefined field 'labels'");
    fails(&schema, &value, "has(self.r.more)", "undefined field 'more'");
}

#[test]
fn sets_and_map_lists_are_what_they_are() {
    let set = json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"});
    let item = || json!({"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "v": {"type": "string"}}});
    let map = || json!({"type": "array", "items": item(), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]});
    let plain = json!({"type": "array", "items": {"type": "string"}});
    let schema = object(json!({"s": set, "t": set, "m": {"type": "array", "items": map()}, "p": plain, "q": plain}));
    let value = json!({
        "s": ["a", "b"], "t": ["b", "a"], "p": ["a", "b"], "q": ["b", "a"],
        "m": [
            [{"k": "1", "v": "a"}, {"k": "2", "v": "b"}],
            [{"k": "2", "v": "b"}, {"k": "1", "v": "a"}],
            [{"k": "2", "v": "x"}, {"k": "3", "v": "c"}],
        ],
    });
    holds(
        &schema,
        &value,
        &[
            "self.s == self.t && self.s == ['b', 'a'] && self.s != ['a'] && self.p != self.q",
            "self.s + ['c', 'a'] == ['a', 'b', 'c'] && (self.s + ['c'])[2] == 'c' && (self.s + ['a']).size() == 2",
            "(self.s + ['c']) + ['c'] == ['c', 'b', 'a'] && self.p + ['a'] == ['a', 'b', 'a']",
            "self.m[0] == self.m[1] && self.m[0] != self.m[2] && self.m[0] == [self.m[0][1], self.m[0][0]]",
            "(self.m[0] + self.m[2]).size() == 3 && (self.m[0] + self.m[2])[1].v == 'x'",
            "self.m[0] + self.m[1] == self.m[0] && self.m[0].exists(x, x.k == '2' && x.v == 'b')",
        ],
    );
}

#[test]
fn variables_without_a_schema_are_looked_at_as_they_are() {
    let object = json!({"spec": {"replicas": 3, "ratio": 0.5, "tags": ["a"], "none": null}});
    let old = json!(null);
    let variables = [("object", Type::Dyn), ("oldObject", Type::Dyn)];
    for source in [
        "object.spec.replicas == 3 && object.spec.ratio < 1 && 'a' in object.spec.tags && oldObject == null",
        "has(object.spec.none) && object.spec.none == null && object.?spec.?zones.orValue([]).size() == 0",
        "object.spec.all(k, k != 'z') && object.spec['replicas'] == 3.0",
    ] {
        let (program, type_) = Program::compile(source, &variables).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(type_, Type::Bool);
        assert_eq!((program.reads(0), program.reads(1)), (true, source.contains("oldObject")));
        let values = [&object, &old].map(|json| Value::view(json, Shape::Free).expect("a value"));
        assert!(matches!(program.eval(&values, COST_MAX).result, Ok(Value::Bool(true))), "{source}");
    }
}
