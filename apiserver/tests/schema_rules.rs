//! Rules in CEL on whole objects: what runs when, and what is said. The facts come from Kubernetes' own test cases
//! (apiextensions-apiserver, `pkg/apiserver/schema/cel`) and from recorded answers of a server.
#![cfg(feature = "cel")]

use apiserver::field::Errors;
use apiserver::schema::Schema;
use serde_json::{Value, json};

/// An object of which `spec` has this schema.
fn schema(spec: Value) -> Schema {
    let root = json!({"type": "object", "properties": {"spec": spec}});
    Schema::compile(&root).unwrap_or_else(|error| panic!("{error}"))
}

fn texts(errors: &Errors) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// What is said of a new object.
#[track_caller]
fn creates(spec: &Value, value: Value, expect: &[&str]) {
    let mut errors = Errors::default();
    schema(spec.clone()).validate(&json!({ "spec": value }), &mut errors);
    assert_eq!(texts(&errors), expect);
}

/// What is said of a changed object.
#[track_caller]
fn updates(spec: &Value, old: Value, new: Value, expect: &[&str]) {
    let mut errors = Errors::default();
    schema(spec.clone()).validate_update(&json!({ "spec": new }), &json!({ "spec": old }), &mut errors);
    assert_eq!(texts(&errors), expect);
}

/// Why a schema is none.
#[track_caller]
fn refuses(spec: Value, expect: &str) {
    let root = json!({"type": "object", "properties": {"spec": spec}});
    let error = Schema::compile(&root).expect_err("a schema that is refused").to_string();
    assert!(error.starts_with(expect), "{error}");
}

/// An object of integers and texts, with a rule.
fn object(rule: Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "a": {"type": "integer"}, "b": {"type": "integer"}, "s": {"type": "string"},
            "m": {"type": "object", "additionalProperties": {"type": "integer"}},
            "a-b": {"type": "string"}, "namespace": {"type": "string"},
        },
        "x-kubernetes-validations": [rule],
    })
}

fn with_rule(mut schema: Value, rule: &str) -> Value {
    schema["x-kubernetes-validations"] = json!([{ "rule": rule }]);
    schema
}

#[test]
fn the_bird_of_the_recordings() {
    let spec = json!({
        "type": "object",
        "required": ["species"],
        "x-kubernetes-validations": [{"rule": "self.replicas <= 10", "message": "replicas must be at most 10"}],
        "properties": {
            "species": {
                "type": "string",
                "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "species is immutable"}],
            },
            "replicas": {"type": "integer", "default": 1},
        },
    });
    let bird = |species: &str, replicas: i64| json!({"species": species, "replicas": replicas});
    creates(&spec, bird("robin", 10), &[]);
    creates(&spec, bird("robin", 11), &["spec: Invalid value: replicas must be at most 10"]);
    updates(&spec, bird("robin", 1), bird("robin", 2), &[]);
    updates(
        &spec,
        bird("robin", 1),
        bird("wren", 1),
        &[r#"spec.species: Invalid value: "wren": species is immutable"#],
    );
    let unchecked = "<nil>: Invalid value: null: some validation rules were not checked because the object was \
                     invalid; correct the existing errors to complete validation";
    creates(&spec, json!({"replicas": 11}), &["spec.species: Required value", unchecked]);
}

#[test]
fn what_is_said_of_a_rule_that_does_not_hold() {
    let rule = |more: Value| {
        let mut rule = json!({"rule": "self.a < self.b"});
        rule.as_object_mut().expect("a rule").extend(more.as_object().expect("fields").clone());
        object(rule)
    };
    let value = || json!({"a": 2, "b": 1, "s": "x"});
    creates(&rule(json!({})), value(), &["spec: Invalid value: failed rule: self.a < self.b"]);
    creates(&rule(json!({"message": " no "})), value(), &["spec: Invalid value: no"]);
    creates(
        &rule(json!({"reason": "FieldValueForbidden"})),
        value(),
        &["spec: Forbidden: failed rule: self.a < self.b"],
    );
    creates(&rule(json!({"reason": "FieldValueRequired", "message": "b"})), value(), &["spec: Required value: b"]);
    creates(&rule(json!({"reason": "FieldValueDuplicate", "message": "b"})), value(), &["spec: Duplicate value"]);
    creates(&rule(json!({"reason": "FieldValueInvalid", "message": "b"})), value(), &["spec: Invalid value: b"]);
    creates(&rule(json!({"fieldPath": ".b", "message": "no"})), value(), &["spec.b: Invalid value: no"]);
    creates(&rule(json!({"fieldPath": "['a-b']", "message": "no"})), value(), &["spec.a-b: Invalid value: no"]);
    creates(&rule(json!({"fieldPath": ".m.k", "message": "no"})), value(), &["spec.m[k]: Invalid value: no"]);
    let message = |expression: &str| rule(json!({"messageExpression": expression, "message": "fallback"}));
    creates(&message("'a is ' + string(self.a)"), value(), &["spec: Invalid value: a is 2"]);
    creates(&message("'  ' + self.s + ' '"), value(), &["spec: Invalid value: x"]);
    creates(&message("''"), value(), &["spec: Invalid value: fallback"]);
    creates(&message(r"'a\nb'"), value(), &["spec: Invalid value: fallback"]);
    creates(&message("string(self.m['none'])"), value(), &["spec: Invalid value: fallback"]);
    creates(&rule(json!({"messageExpression": "''"})), value(), &["spec: Invalid value: failed rule: self.a < self.b"]);
    let numbers = with_rule(json!({"type": "number"}), "self < 2.0");
    creates(&numbers, json!(2.5), &["spec: Invalid value: 2.5: failed rule: self < 2.0"]);
    let list = with_rule(json!({"type": "array", "items": {"type": "string"}}), "self.size() < 1");
    creates(&list, json!(["a"]), &["spec: Invalid value: failed rule: self.size() < 1"]);
    let either = with_rule(json!({"x-kubernetes-int-or-string": true}), "self == 5 || self == '5'");
    creates(&either, json!("5"), &[]);
    creates(&either, json!("6"), &[r#"spec: Invalid value: "6": failed rule: self == 5 || self == '5'"#]);
}

#[test]
fn what_is_said_of_a_rule_that_fails() {
    let fails =
        |rule: &str, expect: &str| creates(&object(json!({ "rule": rule })), json!({"a": 1, "m": {}}), &[expect]);
    fails("self.b > 0", r#"spec: Invalid value: "object": no such key: b evaluating rule: self.b > 0"#);
    fails("self.a / 0 > 0", r#"spec: Invalid value: "object": division by zero evaluating rule: self.a / 0 > 0"#);
    fails("self.m['x'] > 0", r#"spec: Invalid value: "object": no such key: x evaluating rule: self.m['x'] > 0"#);
    fails("[1][5] > 0", r#"spec: Invalid value: "object": index out of bounds: 5 evaluating rule: [1][5] > 0"#);
    fails(
        "9223372036854775807 + self.a > 0",
        r#"spec: Invalid value: "object": integer overflow evaluating rule: 9223372036854775807 + self.a > 0"#,
    );
    let either = with_rule(json!({"x-kubernetes-int-or-string": true}), "self < 5");
    creates(
        &either,
        json!("6"),
        &[
            r#"spec: Invalid value: "": 'no such overload': call arguments did not match a supported operator, function or macro signature for rule: self < 5"#,
        ],
    );
}

#[test]
fn rules_about_the_change_need_an_old_value() {
    let immutable = |mut schema: Value| {
        schema["x-kubernetes-validations"] = json!([{"rule": "self == oldSelf", "message": "is immutable"}]);
        schema
    };
    let text = || immutable(json!({"type": "string"}));
    let fields = json!({"type": "object", "properties": {"x": text(), "y": {"type": "string"}}});
    updates(&fields, json!({"y": "a"}), json!({"x": "b"}), &[]);
    updates(&fields, json!({"x": "a"}), json!({"x": "b"}), &[r#"spec.x: Invalid value: "b": is immutable"#]);
    updates(&fields, json!({"x": "a"}), json!({}), &[]);
    let map = json!({"type": "object", "additionalProperties": text()});
    updates(
        &map,
        json!({"k.l": "a"}),
        json!({"k.l": "b", "n": "c"}),
        &[r#"spec[k.l]: Invalid value: "b": is immutable"#],
    );
    let item = immutable(json!({
        "type": "object",
        "required": ["k"],
        "properties": {"k": {"type": "string"}, "v": {"type": "string"}},
    }));
    let list = json!({
        "type": "array", "items": item.clone(), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
    });
    updates(
        &list,
        json!([{"k": "1", "v": "a"}, {"k": "2", "v": "b"}]),
        json!([{"k": "2", "v": "x"}, {"k": "3", "v": "y"}, {"k": "1", "v": "a"}]),
        &["spec[0]: Invalid value: is immutable"],
    );
    refuses(
        json!({"type": "array", "items": item}),
        "properties[spec].items.x-kubernetes-validations[0].rule: oldSelf cannot be used on the uncorrelatable portion \
         of the schema within properties[spec]",
    );
    let optional = |rule: &str| {
        let mut schema = json!({"type": "integer"});
        schema["x-kubernetes-validations"] = json!([{"rule": rule, "optionalOldSelf": true}]);
        schema
    };
    let grows = optional("!oldSelf.hasValue() || self > oldSelf.value()");
    creates(&grows, json!(5), &[]);
    updates(&grows, json!(5), json!(6), &[]);
    updates(
        &grows,
        json!(5),
        json!(4),
        &["spec: Invalid value: 4: failed rule: !oldSelf.hasValue() || self > oldSelf.value()"],
    );
    let starts_small = optional("oldSelf.orValue(0) + 5 > self");
    creates(&starts_small, json!(9), &["spec: Invalid value: 9: failed rule: oldSelf.orValue(0) + 5 > self"]);
    updates(&starts_small, json!(9), json!(9), &[]);
}

#[test]
fn what_did_not_change_is_let_pass() {
    let small = |kind: &str| with_rule(json!({"type": kind}), "self < 5");
    let spec = json!({"type": "object", "properties": {"x": small("integer"), "y": {"type": "string"}}});
    updates(&spec, json!({"x": 9}), json!({"x": 9, "y": "new"}), &[]);
    updates(&spec, json!({"x": 9}), json!({"x": 8}), &["spec.x: Invalid value: 8: failed rule: self < 5"]);
    let around = with_rule(
        json!({"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "string"}}}),
        "self.x < 5",
    );
    updates(&around, json!({"x": 9}), json!({"x": 9}), &[]);
    updates(&around, json!({"x": 9}), json!({"x": 9, "y": "a"}), &["spec: Invalid value: failed rule: self.x < 5"]);
    // Items of lists without keys are looked at only as a whole.
    let list = json!({"type": "array", "items": small("integer")});
    updates(&list, json!([9, 1]), json!([9, 1]), &[]);
    updates(&list, json!([9, 1]), json!([9, 2]), &["spec[0]: Invalid value: 9: failed rule: self < 5"]);
    let keyed = json!({
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
        "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "v": small("integer")}},
    });
    updates(
        &keyed,
        json!([{"k": "a", "v": 9}, {"k": "b", "v": 1}]),
        json!([{"k": "b", "v": 8}, {"k": "a", "v": 9}]),
        &["spec[0].v: Invalid value: 8: failed rule: self < 5"],
    );
    // A rule about the change is about the change.
    let changes = with_rule(json!({"type": "integer"}), "self > oldSelf");
    updates(&changes, json!(5), json!(5), &["spec: Invalid value: 5: failed rule: self > oldSelf"]);
}

#[test]
fn the_root_shows_little_of_its_metadata() {
    let root = |rule: &str| {
        let schema = json!({
            "type": "object",
            "properties": {"spec": {"type": "object", "properties": {"name": {"type": "string"}}}},
            "x-kubernetes-validations": [{ "rule": rule }],
        });
        Schema::compile(&schema)
    };
    let object = json!({
        "apiVersion": "demo.example.com/v1",
        "kind": "Bird",
        "metadata": {"name": "robin", "labels": {"a": "b"}},
        "spec": {"name": "robin"},
    });
    for (rule, expect) in [
        ("self.metadata.name == self.spec.name", None),
        ("self.kind == 'Bird' && self.apiVersion == 'demo.example.com/v1'", None),
        ("has(self.metadata.generateName)", Some("<nil>: Invalid value: failed rule: has(self.metadata.generateName)")),
    ] {
        let mut errors = Errors::default();
        root(rule).expect("a schema").validate(&object, &mut errors);
        assert_eq!(texts(&errors), expect.into_iter().collect::<Vec<_>>(), "{rule}");
    }
    let error = root("self.metadata.labels.a == 'b'").expect_err("labels are not seen").to_string();
    assert!(error.contains("undefined field 'labels'"), "{error}");
}

#[test]
fn writes_to_the_status_run_all_rules() {
    let schema = json!({
        "type": "object",
        "properties": {
            "spec": with_rule(json!({"type": "object", "properties": {"max": {"type": "integer"}}}), "self.max < 5"),
            "status": {"type": "object", "properties": {"at": {"type": "integer"}}},
        },
        "x-kubernetes-validations": [{"rule": "self.status.at <= self.spec.max", "fieldPath": ".status.at"}],
    });
    let schema = Schema::compile(&schema).expect("a schema");
    let object = |max: i64, at: i64| json!({"spec": {"max": max}, "status": {"at": at}});
    let mut errors = Errors::default();
    schema.validate_status_update(&object(9, 9), &object(9, 1), &mut errors);
    assert_eq!(texts(&errors), [""; 0]);
    schema.validate_status_update(&object(4, 5), &object(4, 1), &mut errors);
    assert_eq!(texts(&errors), ["status.at: Invalid value: failed rule: self.status.at <= self.spec.max"]);
}

#[test]
fn rules_that_cannot_work_are_refused() {
    let at = "properties[spec].x-kubernetes-validations[0]";
    let bad = |rule: Value, expect: &str| refuses(object(rule), &format!("{at}{expect}"));
    bad(
        json!({"rule": "self.a >"}),
        ".rule: compilation failed: ERROR: <input>:1:9: Syntax error: unexpected end of expression\n | self.a >\n | ........^",
    );
    bad(json!({"rule": "self.nope == 1"}), ".rule: compilation failed: ERROR: <input>:1:5: undefined field 'nope'");
    bad(json!({"rule": "other"}), ".rule: compilation failed: ERROR: <input>:1:1: undeclared reference to 'other'");
    bad(json!({"rule": "f(self)"}), ".rule: compilation failed: ERROR: <input>:1:2: undeclared reference to 'f'");
    bad(
        json!({"rule": "self.a == 'x'"}),
        ".rule: compilation failed: ERROR: <input>:1:8: found no matching overload for '_==_' applied to '(int, string)'",
    );
    bad(json!({"rule": "self.a"}), ".rule: cel expression must evaluate to a bool");
    bad(
        json!({"rule": "true", "messageExpression": "1"}),
        ".messageExpression: messageExpression must evaluate to a string",
    );
    bad(
        json!({"rule": "true", "messageExpression": "x"}),
        ".messageExpression: messageExpression compilation failed: ",
    );
    bad(
        json!({"rule": "true", "optionalOldSelf": true}),
        ".optionalOldSelf: may not be set if oldSelf is not used in rule",
    );
    bad(json!({"rule": "true", "fieldPath": ".zz"}), ".fieldPath: \".zz\" must be a valid path: does not refer");
    bad(json!({"rule": "true", "reason": "Why"}), ".reason: \"Why\" is none of ");
    bad(json!({"rule": "true", "message": " "}), ".message: must be non-empty if specified");
    bad(json!({"rule": "true", "message": "a\nb"}), ".message: must not contain line breaks");
    bad(json!({"rule": "true &&\n true"}), ".message: message must be specified if rule contains line breaks");
    bad(json!({"rule": " "}), ".rule: ");
    refuses(
        json!({"type": "object", "properties": {"x": {
            "x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-validations": [{"rule": "true"}],
        }}}),
        "properties[spec].properties[x].x-kubernetes-validations: rules cannot be written for values of which the \
         schema tells no type",
    );
}

#[test]
fn what_costs_too_much_ends_the_validation() {
    let list = json!({"type": "array", "items": {"type": "integer"}});
    let cubed = with_rule(list.clone(), "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))");
    let numbers = |count: i64| Value::from((0..count).collect::<Vec<_>>());
    creates(&cubed, numbers(20), &[]);
    creates(
        &cubed,
        numbers(100),
        &[
            r#"spec: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.all(a, self.all(b, self.all(c, a + b + c >= 0)))"#,
        ],
    );
    // Each rule stays within its limit, all together do not.
    let mut many = list;
    many["x-kubernetes-validations"] =
        (0..30).map(|_| json!({"rule": "self.all(a, self.all(b, a + b >= 0))"})).collect();
    creates(
        &many,
        numbers(300),
        &[
            r#"spec: Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run"#,
        ],
    );
}

#[test]
fn defaults_keep_the_rules() {
    let with_default = |rule: Value, default: Value| json!({"type": "integer", "default": default, "x-kubernetes-validations": [rule]});
    refuses(
        with_default(json!({"rule": "self < 5"}), json!(9)),
        "properties[spec].default: is not valid itself: default: Invalid value: 9: failed rule: self < 5",
    );
    refuses(
        with_default(json!({"rule": "oldSelf.hasValue() || self < 5", "optionalOldSelf": true}), json!(9)),
        "properties[spec].default: is not valid itself: default: Invalid value: 9: failed rule: ",
    );
    refuses(
        json!({"type": "object", "default": {"a": 9}, "properties": {"a": with_rule(json!({"type": "integer"}), "self < 5")}}),
        "properties[spec].default: is not valid itself: default.a: Invalid value: 9: failed rule: self < 5",
    );
    schema(with_default(json!({"rule": "self == oldSelf"}), json!(9)));
}

#[test]
fn an_answer_does_not_grow_without_end() {
    let list = json!({"type": "array", "items": with_rule(json!({"type": "integer"}), "self < 0")});
    let mut errors = Errors::default();
    schema(list).validate(&json!({"spec": vec![5; 5000]}), &mut errors);
    assert_eq!(errors.len(), 1000);
}
