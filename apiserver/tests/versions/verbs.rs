//! What can be done in every version.

use serde_json::json;

use super::common::Events;
use super::kinds::{self, Birds};
use super::{apply, bird, birds, create, get, patch, put, serve, server};

#[tokio::test]
async fn every_verb_in_every_version() {
    let server = server().await;
    let made = create(&server, "v1alpha1", json!({"species": "robin", "size": "22cm", "color": "red"})).await;
    assert_eq!(made["apiVersion"], "demo.example.com/v1alpha1");
    assert_eq!(made["spec"], json!({"species": "robin", "size": "22cm", "color": "red"}));
    let v1 = get(&server, "v1").await;
    assert_eq!(v1["spec"], json!({"species": "robin", "wingspan": {"centimetres": 22}, "replicas": 1}));
    let beta = get(&server, "v1beta1").await;
    assert_eq!(beta["spec"], json!({"bird": {"species": "robin"}, "wingspanCm": 22, "count": 1}));
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
        assert_eq!(made["metadata"][field], v1["metadata"][field]);
        assert_eq!(made["metadata"][field], beta["metadata"][field]);
    }
    let mut beta = beta;
    beta["spec"]["wingspanCm"] = 30.into();
    let beta = put(&server, "v1beta1", &beta).await;
    assert_eq!(beta["metadata"]["generation"], 2);
    assert_eq!(get(&server, "v1alpha1").await["spec"]["size"], "30cm");
    for version in ["v1", "v1beta1", "v1alpha1"] {
        let list = server.ask(&format!("GET {}", birds(version)), "").await.json();
        assert_eq!(list["apiVersion"], format!("demo.example.com/{version}"));
        assert_eq!(list["items"][0]["apiVersion"], format!("demo.example.com/{version}"));
        let own = get(&server, version).await;
        assert_eq!(list["items"][0]["spec"], own["spec"]);
    }
    let gone = server.ask(&format!("DELETE {}/robin", birds("v1beta1")), "").await;
    assert_eq!(gone.code, 200);
    let made = apply(&server, "v1beta1", "me", json!({"bird": {"species": "wren"}})).await;
    assert_eq!(made.code, 201, "{}", made.text());
    assert_eq!(get(&server, "v1").await["spec"]["species"], "wren");
    let gone = server.ask(&format!("DELETE {}", birds("v1alpha1")), "").await;
    assert_eq!(gone.json()["items"][0]["spec"]["species"], "wren");
}

#[tokio::test]
async fn a_watch_shows_its_own_version() {
    let server = server().await;
    let path = |version: &str, query: &str| format!("{}?watch=1&{query}", birds(version));
    let mut all = Events::at(&server, &path("v1alpha1", "")).await;
    let mut large = Events::at(&server, &path("v1alpha1", "fieldSelector=spec.size%3D30cm")).await;
    create(&server, "v1", json!({"species": "robin", "wingspan": {"centimetres": 22}})).await;
    patch(&server, "v1", json!({"spec": {"wingspan": {"centimetres": 30}}})).await;
    patch(&server, "v1beta1", json!({"spec": {"wingspanCm": 31}})).await;
    for (event, size) in [("ADDED", "22cm"), ("MODIFIED", "30cm"), ("MODIFIED", "31cm")] {
        let seen = all.value().await;
        assert_eq!((&seen["type"], &seen["object"]["spec"]["size"]), (&json!(event), &json!(size)));
    }
    assert_eq!(large.value().await["type"], "ADDED");
    let left = large.value().await;
    assert_eq!((&left["type"], &left["object"]["spec"]["size"]), (&json!("DELETED"), &json!("30cm")));
}

#[tokio::test]
async fn selectors_columns_and_strictness_are_those_of_the_version() {
    let server = server().await;
    create(&server, "v1", json!({"species": "robin", "wingspan": {"centimetres": 22}})).await;
    let found = async |version: &str, selector: &str| {
        let answer = server.ask(&format!("GET {}?fieldSelector={selector}", birds(version)), "").await;
        match answer.code {
            200 => answer.json()["items"].as_array().map_or(0, Vec::len).to_string(),
            _ => answer.failure(),
        }
    };
    assert_eq!(found("v1", "spec.species%3Drobin").await, "1");
    assert_eq!(found("v1beta1", "spec.bird.species%3Drobin").await, "1");
    assert_eq!(found("v1alpha1", "spec.size%3D22cm").await, "1");
    assert_eq!(found("v1alpha1", "spec.size!%3D22cm").await, "0");
    assert_eq!(found("v1alpha1", "spec.species%3Drobin").await, "400 field label not supported: spec.species");

    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = server.send(&format!("GET {}", birds("v1alpha1")), &table, "").await.json();
    assert_eq!(table["rows"][0]["cells"], json!(["robin", "22cm"]));

    let body = bird("v1alpha1", json!({"species": "robin", "size": "1cm", "wingspan": {}}));
    let strict = server.ask(&format!("POST {}?fieldValidation=Strict", birds("v1alpha1")), &body).await;
    assert!(strict.failure().contains(r#"unknown field "spec.wingspan""#), "{}", strict.text());
}

#[tokio::test]
async fn what_is_wrong_is_told_in_the_version_of_the_request() {
    let server = server().await;
    let refused = async |version: &str, spec| {
        server.ask(&format!("POST {}", birds(version)), &bird(version, spec)).await.failure()
    };
    assert_eq!(
        refused("v1alpha1", json!({"species": "robin"})).await,
        "422 Bird.demo.example.com \"robin\" is invalid: spec.size: Required value"
    );
    assert_eq!(
        refused("v1alpha1", json!({"species": "robin", "size": 3})).await,
        "422 Bird.demo.example.com \"robin\" is invalid: spec.size: Invalid value: \"integer\": spec.size in body must \
         be of type string: \"integer\""
    );
    let bad = refused("v1alpha1", json!({"species": "robin", "size": "large"})).await;
    assert!(bad.contains("spec.size: Invalid value: \"large\""), "{bad}");
    let hook = refused("v1beta1", json!({"bird": {"species": "dragon"}})).await;
    assert!(hook.contains("dragons are no birds"), "{hook}");
    create(&server, "v1alpha1", json!({"species": "robin", "size": "1cm"})).await;
    let patch = server.ask(&format!("PATCH {}/robin", birds("v1alpha1")), r#"{"spec":{"size":7}}"#).await;
    assert_eq!(patch.code, 422, "{}", patch.text());
}

#[tokio::test]
async fn status_and_scale_are_at_their_paths_in_the_version() {
    let server = server().await;
    let body = json!({
        "apiVersion": "demo.example.com/v1alpha1", "kind": "Bird", "metadata": {"name": "robin"},
        "spec": {"species": "robin", "size": "1cm", "color": "red"}, "status": {"state": "Egg"},
    });
    let made = server.ask(&format!("POST {}", birds("v1alpha1")), &body.to_string()).await.json();
    assert_eq!(made.get("status"), None);
    let status = r#"{"status":{"state":"Hatched"},"spec":{"size":"9cm"}}"#;
    let set = server.ask(&format!("PATCH {}/robin/status", birds("v1alpha1")), status).await.json();
    assert_eq!((&set["status"], &set["spec"]["size"]), (&json!({"state": "Hatched"}), &json!("1cm")));
    assert_eq!((&set["spec"]["color"], &set["metadata"]["generation"]), (&json!("red"), &json!(1)));
    let v1 = get(&server, "v1").await;
    assert_eq!(v1["status"], json!({"phase": "Hatched", "replicas": 0}));
    // The status of the main endpoint does not count, in whichever version.
    let ignored = patch(&server, "v1beta1", json!({"status": {"phase": "Flown"}, "spec": {"wingspanCm": 2}})).await;
    assert_eq!(ignored["status"]["phase"], "Hatched");

    let scale = server.ask(&format!("PATCH {}/robin/scale", birds("v1beta1")), r#"{"spec":{"replicas":4}}"#).await;
    assert_eq!(scale.json()["spec"]["replicas"], 4, "{}", scale.text());
    assert_eq!(get(&server, "v1").await["spec"]["replicas"], 4);
    let scale = server.ask(&format!("GET {}/robin/scale", birds("v1")), "").await.json();
    assert_eq!(scale["spec"]["replicas"], 4);
    assert_eq!(server.ask(&format!("GET {}/robin/scale", birds("v1alpha1")), "").await.code, 404);
    assert_eq!(get(&server, "v1alpha1").await["spec"]["color"], "red");
}

#[tokio::test]
async fn an_apply_meets_the_owners_of_other_versions() {
    let server = server().await;
    let made = apply(&server, "v1", "maker", json!({"species": "robin", "wingspan": {"centimetres": 20}})).await;
    assert_eq!(made.code, 201, "{}", made.text());
    let conflict = apply(&server, "v1alpha1", "other", json!({"species": "robin", "size": "30cm"})).await;
    assert_eq!(
        conflict.failure(),
        "409 Apply failed with 1 conflict: conflict with \"maker\": .spec.wingspan.centimetres"
    );
    let shared = apply(&server, "v1alpha1", "other", json!({"species": "robin", "size": "20cm", "color": "red"})).await;
    assert_eq!(shared.code, 200, "{}", shared.text());
    let managers = &shared.json()["metadata"]["managedFields"];
    let versions: Vec<_> = managers.as_array().into_iter().flatten().map(|entry| &entry["apiVersion"]).collect();
    assert_eq!(versions, ["demo.example.com/v1", "demo.example.com/v1alpha1"]);
    assert!(!managers.to_string().contains("fields-of"), "{managers}");
    // The same once more is nothing.
    let again = apply(&server, "v1alpha1", "other", json!({"species": "robin", "size": "20cm", "color": "red"})).await;
    assert_eq!(again.json()["metadata"]["resourceVersion"], shared.json()["metadata"]["resourceVersion"]);
    // What is applied no more goes away, also where only this version has it.
    let less = apply(&server, "v1alpha1", "other", json!({"species": "robin", "size": "20cm"})).await;
    assert_eq!(less.json()["spec"].get("color"), None, "{}", less.text());
    // An update in v1 takes the field from the applier of v1alpha1, in whose version it is called otherwise.
    patch(&server, "v1", json!({"spec": {"wingspan": {"centimetres": 25}}})).await;
    let seen = get(&server, "v1alpha1").await;
    let other = seen["metadata"]["managedFields"].as_array().into_iter().flatten().find(|m| m["manager"] == "other");
    assert_eq!(other.expect("still there")["fieldsV1"]["f:spec"], json!({"f:species": {}}));
}

#[tokio::test]
async fn versions_say_what_becomes_of_them() {
    let server = serve(
        |apis| {
            apis.add(kinds::OldBirds)
                .stored_as::<kinds::v1beta1::Bird>()
                .version(apiserver::versions::Version::of::<kinds::v1::Bird>())
                .version(apiserver::versions::Version::of::<kinds::v1alpha1::Bird>().deprecated("go").unserved());
        },
        std::sync::Arc::new(apiserver::storage::memory::MemoryStore::default()),
    )
    .await;
    assert_eq!(server.ask(&format!("GET {}", birds("v1alpha1")), "").await.code, 404);
    let groups = server.ask("GET /apis/demo.example.com", "").await.json();
    let versions: Vec<_> = groups["versions"].as_array().into_iter().flatten().map(|v| &v["version"]).collect();
    assert_eq!(versions, ["v1", "v1beta1"]);
    assert_eq!(groups["preferredVersion"]["version"], "v1");
    assert_eq!(server.ask("GET /openapi/v3/apis/demo.example.com/v1alpha1", "").await.code, 404);

    let server = super::server().await;
    let listed = server.ask(&format!("GET {}", birds("v1alpha1")), "").await;
    assert_eq!(listed.warnings(), [r#"299 - "demo.example.com/v1alpha1 Bird is deprecated""#]);
}

#[test]
fn versions_of_another_kind_are_refused() {
    use apiserver::Apis;
    use apiserver::versions::Version;
    let mut apis = Apis::default();
    apis.add(Birds).version(Version::of::<kinds::v1::Bird>());
    assert!(apis.kinds().is_err(), "v1 is there twice");
    let mut apis = Apis::default();
    apis.add(Birds);
    let crds = apis.crds();
    let names: Vec<_> = crds[0].spec.versions.iter().map(|v| (v.name.as_str(), v.served, v.storage)).collect();
    assert_eq!(names, [("v1", true, true), ("v1beta1", true, false), ("v1alpha1", true, false)]);
}
