//! Conditions in CEL on requests, as `matchConditions` of webhooks are. Their variables are `object`, `oldObject`,
//! `request` and `namespaceObject`. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/cel/compile.go>

use std::sync::LazyLock;

use serde_json::{Value as Json, json};

use super::Schema;
use super::cel::{COST_MAX, Program, Shape, Type, Value};
use super::sealed::Sealed;

/// A condition that is ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Condition(Sealed<Program>);

/// What a condition is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    /// The new object; null where there is none.
    pub(crate) object: &'a Json,
    /// The stored object; null where there is none.
    pub(crate) old_object: &'a Json,
    /// The request of an `AdmissionReview`, without its objects.
    pub(crate) request: &'a Json,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// What is no expression, or does not yield a truth value, in Kubernetes' words.
    pub(crate) fn compile(source: &str) -> Result<Self, String> {
        let request = Type::of(request_shape()).unwrap_or(Type::Dyn);
        let variables =
            [("object", Type::Dyn), ("oldObject", Type::Dyn), ("request", request), ("namespaceObject", Type::Dyn)];
        let compiled = Program::compile(source, &variables);
        match compiled.map_err(|error| format!("compilation failed: {error}"))? {
            (program, Type::Bool) => Ok(Self(Sealed::new(program))),
            (_, other) => Err(format!("must evaluate to bool but got {other}")),
        }
    }

    /// Whether it holds. `budget` is what may still be spent, for all conditions of a webhook together.
    ///
    /// # Errors
    /// Why that cannot be said.
    pub(crate) fn holds(&self, scene: Scene<'_>, budget: &mut u64) -> Result<bool, String> {
        let view = |json, shape| Value::view(json, shape).map_err(|error| error.to_string());
        let values = [
            view(scene.object, Shape::Free)?,
            view(scene.old_object, Shape::Free)?,
            view(scene.request, request_shape())?,
            Value::Null,
        ];
        let outcome = self.0.eval(&values, COST_MAX);
        *budget = budget
            .checked_sub(outcome.cost)
            .ok_or("validation failed due to running out of cost budget, no further validation rules will be run")?;
        match outcome.result {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err("the result is no bool".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn request_shape() -> Shape<'static> {
    // One level down, since the root of a schema has a `kind` of its own.
    REQUEST.root().property("request").map_or(Shape::Free, Shape::Open)
}

/// What is known of `request`.
static REQUEST: LazyLock<Schema> = LazyLock::new(|| {
    let text = json!({ "type": "string" });
    let texts = |names: [&str; 3]| -> Json {
        let properties: serde_json::Map<_, _> = names.map(|name| (name.to_owned(), text.clone())).into_iter().collect();
        json!({ "type": "object", "properties": properties })
    };
    let list = json!({ "type": "array", "items": text });
    let (gvk, gvr) = (texts(["group", "version", "kind"]), texts(["group", "version", "resource"]));
    let schema = json!({
        "type": "object",
        "properties": {
            "request": { "type": "object", "properties": {
                "kind": gvk, "resource": gvr, "subResource": text,
                "requestKind": gvk, "requestResource": gvr, "requestSubResource": text,
                "name": text, "namespace": text, "operation": text, "dryRun": { "type": "boolean" },
                "userInfo": { "type": "object", "properties": {
                    "username": text, "uid": text, "groups": list,
                    "extra": { "type": "object", "additionalProperties": list },
                } },
                "options": { "x-kubernetes-preserve-unknown-fields": true },
            } },
        },
    });
    Schema::compile(&schema).expect("a constant schema")
});

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: Result<bool, &str>) {
        let condition = Condition::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        let object = json!({ "metadata": { "name": "robin", "labels": { "a": "b" } }, "spec": { "size": 3 } });
        let request = json!({
            "kind": { "group": "demo.example.com", "version": "v1", "kind": "Bird" }, "operation": "CREATE",
            "name": "robin", "userInfo": { "username": "alice", "groups": ["birders"] }, "dryRun": false,
            "options": { "kind": "CreateOptions", "fieldManager": "kubectl" },
        });
        let scene = Scene { object: &object, old_object: &Json::Null, request: &request };
        let found = condition.holds(scene, &mut 1_000);
        assert_eq!(found, expected.map_err(str::to_owned), "{source}");
    }

    #[test]
    fn a_condition_sees_the_request_and_its_objects() {
        check("request.operation == 'CREATE' && request.kind.kind == 'Bird'", Ok(true));
        check("'birders' in request.userInfo.groups", Ok(true));
        check("request.options.fieldManager == 'kubectl'", Ok(true));
        check("object.spec.size > 3", Ok(false));
        check("oldObject == null && namespaceObject == null", Ok(true));
        check("has(object.metadata.labels) && object.metadata.labels['a'] == 'b'", Ok(true));
        check("has(request.subResource)", Ok(false));
        check("object.spec.weight == 1", Err("no such key: weight"));
        check("object.spec.size == 3 || object.spec.weight == 1", Ok(true));
    }

    #[test]
    fn a_condition_that_makes_no_sense_is_refused() {
        let refused = |source: &str| Condition::compile(source).expect_err(source);
        assert!(refused("request.color == 'red'").contains("undefined field 'color'"));
        assert!(refused("1 + 1").starts_with("must evaluate to bool but got int"));
        assert!(refused("object.").starts_with("compilation failed: ERROR: <input>:1:8: "), "{}", refused("object."));
        assert!(
            refused("authorizer.path('/x').check('get').allowed()").contains("undeclared reference to 'authorizer'")
        );
    }
}
