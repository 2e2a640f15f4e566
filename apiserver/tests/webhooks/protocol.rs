//! What is sent and what is answered, as documents.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{bird_json, review, webhooks};

const MUTATE: &str = "/mutate-demo-example-com-v1-bird";
const VALIDATE: &str = "/validate-demo-example-com-v1-bird";

async fn ask(path: &str, review: &Value) -> Value {
    webhooks().review(path, review).await.expect("a path").unwrap_or_else(|error| panic!("{error}"))
}

async fn patch_of(path: &str, review: &Value) -> Value {
    let answer = ask(path, review).await;
    let response = &answer["response"];
    assert_eq!((&response["allowed"], &response["patchType"]), (&json!(true), &json!("JSONPatch")), "{answer}");
    let patch = STANDARD.decode(response["patch"].as_str().expect("a patch")).expect("base64");
    serde_json::from_slice(&patch).expect("JSON")
}

#[tokio::test]
async fn a_review_is_answered_with_its_uid_and_a_patch() {
    let asked = review("CREATE", bird_json(json!({"species": "robin", "songs": ["b", "a"]})), Value::Null, json!({}));
    let patch = patch_of(MUTATE, &asked).await;
    assert_eq!(
        patch,
        json!([
            {"op": "add", "path": "/metadata/labels", "value": {"example.com/keeper": "alice"}},
            {"op": "add", "path": "/spec/color", "value": "brown"},
            {"op": "replace", "path": "/spec/songs/0", "value": "a"},
            {"op": "replace", "path": "/spec/songs/1", "value": "b"},
        ]),
        "the status is no part of it: the server drops it anyway"
    );
    let answer = ask(VALIDATE, &asked).await;
    assert_eq!(
        answer,
        json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "response": {"uid": "u-1", "allowed": true, "auditAnnotations": {"looked-at": "create"}},
        })
    );
}

#[tokio::test]
async fn names_with_slashes_are_escaped_and_what_is_there_already_is_no_change() {
    let object = json!({
        "apiVersion": "demo.example.com/v1", "kind": "Bird",
        "metadata": {"name": "robin", "labels": {"a": "b"}}, "spec": {"species": "robin", "color": "red"},
    });
    let patch = patch_of(MUTATE, &review("CREATE", object.clone(), Value::Null, json!({}))).await;
    assert_eq!(patch, json!([{"op": "add", "path": "/metadata/labels/example.com~1keeper", "value": "alice"}]));
    let mut whole = object;
    whole["metadata"]["labels"]["example.com/keeper"] = "alice".into();
    let answer = ask(MUTATE, &review("CREATE", whole, Value::Null, json!({}))).await;
    assert_eq!(answer["response"], json!({"uid": "u-1", "allowed": true}));
}

#[tokio::test]
async fn a_refusal_is_the_status_that_the_server_itself_would_give() {
    let object = bird_json(json!({"species": "cat", "color": "pink"}));
    let answer = ask(VALIDATE, &review("CREATE", object, Value::Null, json!({}))).await;
    let message = "Bird.demo.example.com \"robin\" is invalid: [spec.species: Unsupported value: \"cat\": supported \
                   values: \"robin\", \"wren\", spec.color: Invalid value: \"pink\": only flamingos are]";
    assert_eq!(
        answer["response"],
        json!({
            "uid": "u-1", "allowed": false, "auditAnnotations": {"looked-at": "create"},
            "status": {
                "status": "Failure", "code": 422, "reason": "Invalid", "message": message,
                "details": {
                    "name": "robin", "group": "demo.example.com", "kind": "Bird",
                    "causes": [
                        {
                            "reason": "FieldValueNotSupported", "field": "spec.species",
                            "message": "Unsupported value: \"cat\": supported values: \"robin\", \"wren\"",
                        },
                        {
                            "reason": "FieldValueInvalid", "field": "spec.color",
                            "message": "Invalid value: \"pink\": only flamingos are",
                        },
                    ],
                },
            },
        })
    );
}

#[tokio::test]
async fn dry_runs_are_told_to_hooks() {
    let object = bird_json(json!({"species": "robin"}));
    let answer = ask(VALIDATE, &review("CREATE", object, Value::Null, json!({"dryRun": true}))).await;
    assert_eq!(answer["response"]["warnings"], json!(["robin would be born"]));
}

#[tokio::test]
async fn a_deletion_has_an_old_object_only() {
    let check = async |path: &str, species: &str, allowed: bool| {
        let old = bird_json(json!({"species": species}));
        let answer = ask(path, &review("DELETE", Value::Null, old, json!({"options": null}))).await;
        assert_eq!(answer["response"]["allowed"], allowed, "{answer}");
        answer
    };
    check(MUTATE, "dodo", true).await;
    check(VALIDATE, "robin", true).await;
    let answer = check(VALIDATE, "dodo", false).await;
    assert_eq!(
        answer["response"]["status"]["message"],
        "Bird.demo.example.com \"robin\" is invalid: spec.species: Forbidden: the last of them stay"
    );
}

#[tokio::test]
async fn connections_pass() {
    let options = json!({"apiVersion": "v1", "kind": "PodExecOptions"});
    for path in [MUTATE, VALIDATE] {
        for object in [&options, &Value::Null] {
            let asked = review("CONNECT", object.clone(), Value::Null, json!({"subResource": "exec"}));
            assert_eq!(ask(path, &asked).await["response"], json!({"uid": "u-1", "allowed": true}));
        }
    }
}

#[tokio::test]
async fn objects_that_cannot_be_read_are_left_for_those_who_say_why() {
    let object = bird_json(json!({"songs": "not a list"}));
    let asked = review("CREATE", object, Value::Null, json!({}));
    assert_eq!(ask(MUTATE, &asked).await["response"], json!({"uid": "u-1", "allowed": true}));
    let refused = ask(VALIDATE, &asked).await;
    assert_eq!(refused["response"]["status"]["code"], 422);
    let message = refused["response"]["status"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("<root>: Invalid value: null: invalid type: string \"not a list\""), "{message}");
}

#[tokio::test]
async fn a_webhook_says_what_it_is_not_for() {
    let scale = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {}});
    let kind = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
    let asked = review("UPDATE", scale.clone(), scale, json!({"kind": kind, "subResource": "scale"}));
    let status = &ask(VALIDATE, &asked).await["response"]["status"];
    assert_eq!(status["code"], 400);
    assert_eq!(status["message"], "this webhook is for Bird.demo.example.com, and not for autoscaling/v1 Scale");
}

#[tokio::test]
async fn what_is_no_review_is_refused_with_a_reason() {
    let bird = bird_json(json!({}));
    let good = review("CREATE", bird.clone(), Value::Null, json!({}));
    let with = |key: &str, value: Value| {
        let mut document = good.clone();
        document[key] = value;
        document
    };
    let asked = |operation: &str, object: Value, old: Value, change: Value| review(operation, object, old, change);
    for (document, expected) in [
        (json!([]), "expected a AdmissionReview of admission.k8s.io/v1, and found kind \"\" of \"\""),
        (json!({}), "expected a AdmissionReview"),
        (with("kind", "Bird".into()), "and found kind \"Bird\" of \"admission.k8s.io/v1\""),
        (with("apiVersion", "admission.k8s.io/v1beta1".into()), "let the configuration name v1 and nothing else"),
        (with("request", Value::Null), "the review has no request"),
        (with("request", "x".into()), "the review has no request"),
        (asked("CREATE", bird.clone(), Value::Null, json!({"uid": ""})), "request.uid is empty"),
        (asked("CREATE", bird.clone(), Value::Null, json!({"uid": null})), "missing field `uid`"),
        (asked("CREATE", bird.clone(), Value::Null, json!({"uid": 5})), "invalid type: integer `5`"),
        (asked("PATCH", bird.clone(), Value::Null, json!({})), "unknown variant `PATCH`"),
        (asked("CREATE", Value::Null, Value::Null, json!({})), "request.object is missing, and CREATE needs it"),
        (asked("UPDATE", bird.clone(), Value::Null, json!({})), "request.oldObject is missing, and UPDATE needs it"),
        (asked("DELETE", bird.clone(), Value::Null, json!({})), "request.oldObject is missing, and DELETE needs it"),
        (asked("CREATE", "bird".into(), Value::Null, json!({})), "request.object is no object"),
        (asked("CREATE", bird.clone(), Value::Null, json!({"userInfo": "alice"})), "invalid type: string \"alice\""),
    ] {
        let refused = webhooks().review(MUTATE, &document).await.expect("a path").expect_err("refused");
        assert!(refused.0.contains(expected), "{refused} is not: {expected}");
    }
    assert!(webhooks().review("/mutate-demo-example-com-v1-cat", &good).await.is_none());
}

#[tokio::test]
async fn what_the_type_does_not_know_survives() {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "nest", "unheardOf": 1},
        "spec": {"selector": {}, "template": {}, "newerThanUs": {"a/b": [null]}},
    });
    let kind = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    let change = json!({
        "kind": kind, "requestKind": kind, "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
    });
    let answer = ask("/mutate-apps-v1-deployment", &review("CREATE", deployment, Value::Null, change)).await;
    let patch = STANDARD.decode(answer["response"]["patch"].as_str().expect("a patch")).expect("base64");
    let patch: Value = serde_json::from_slice(&patch).expect("JSON");
    assert_eq!(patch, json!([{"op": "add", "path": "/spec/replicas", "value": 2}]));
    assert_eq!(answer["response"]["auditAnnotations"], json!({"defaulted": "replicas"}));
}

#[tokio::test]
async fn another_version_is_converted_and_answered_in_its_own_shape() {
    let old = |spec: Value| {
        json!({
            "apiVersion": "demo.example.com/v1alpha1", "kind": "Bird", "metadata": {"name": "robin"}, "spec": spec,
        })
    };
    let kind = json!({"group": "demo.example.com", "version": "v1alpha1", "kind": "Bird"});
    let asked = review("CREATE", old(json!({"sort": "robin"})), Value::Null, json!({"kind": kind.clone()}));
    assert_eq!(
        patch_of(MUTATE, &asked).await,
        json!([
            {"op": "add", "path": "/metadata/labels", "value": {"example.com/keeper": "alice"}},
            {"op": "add", "path": "/spec/color", "value": "brown"},
        ])
    );
    let change = review(
        "UPDATE",
        old(json!({"sort": "wren", "color": "red"})),
        old(json!({"sort": "robin"})),
        json!({"kind": kind}),
    );
    assert_eq!(patch_of(MUTATE, &change).await, json!([{"op": "replace", "path": "/spec/sort", "value": "robin"}]));
}
