//! What becomes of an object: created, changed, deleted.

mod common;

use std::sync::Arc;

use apiserver::Apis;
use apiserver::admission::{Admission, Attributes, Denied, Operation};
use apiserver::standalone::Standalone;
use apiserver::storage::memory::MemoryStore;
use common::{BirdStrategy, Server};
use serde_json::{Value, json};

fn meta<'a>(object: &'a Value, field: &str) -> &'a Value {
    &object["metadata"][field]
}

#[tokio::test]
async fn a_new_object_gets_what_only_the_server_can_give() {
    let server = Server::start().await;
    let robin = server.bird("robin", r#"{"species":"robin","songs":["b","a"]}"#).await;
    assert_eq!(robin["apiVersion"], "demo.example.com/v1");
    assert_eq!(meta(&robin, "generation"), 1);
    assert_eq!(meta(&robin, "namespace"), "default");
    assert_eq!(meta(&robin, "uid").as_str().map(str::len), Some(36));
    assert!(meta(&robin, "creationTimestamp").as_str().is_some_and(|time| time.ends_with('Z') && time.len() == 20));
    assert!(meta(&robin, "resourceVersion").as_str().is_some_and(|version| version.parse::<u64>().is_ok()));
    // Each hook and the schema left its trace.
    let expect = json!({ "species": "robin", "color": "brown", "wingspanCm": 20, "songs": ["a", "b"] });
    assert_eq!(robin["spec"], expect);
    assert_eq!(robin["status"], json!({ "phase": "Egg" }));
    assert_eq!(server.ask("GET robin", "").await.json(), robin);
}

#[tokio::test]
async fn what_a_client_claims_for_the_server_is_dropped() {
    let server = Server::start().await;
    let body = json!({
        "apiVersion": "demo.example.com/v1", "kind": "Bird",
        "metadata": {
            "name": "a", "uid": "mine", "generation": 7, "creationTimestamp": "2001-02-03T04:05:06Z",
            "deletionTimestamp": "2001-02-03T04:05:06Z", "selfLink": "/x", "managedFields": [],
        },
        "spec": { "species": "robin", "songs": ["a"] }, "status": { "phase": "Old" },
    });
    let bird = server.ask("POST ", &body.to_string()).await.json();
    assert_ne!(meta(&bird, "uid"), "mine");
    assert_eq!(meta(&bird, "generation"), 1);
    assert_ne!(meta(&bird, "creationTimestamp"), "2001-02-03T04:05:06Z");
    assert!(bird["metadata"].get("deletionTimestamp").is_none() && bird["metadata"].get("selfLink").is_none());
    assert_eq!(bird["status"]["phase"], "Egg");
}

#[tokio::test]
async fn bad_objects_are_refused_with_every_reason() {
    let server = Server::start().await;
    server.bird("taken", r#"{"species":"robin","songs":["a"]}"#).await;
    let bird = |name: &str, spec: Value| {
        json!({ "apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": { "name": name }, "spec": spec })
            .to_string()
    };
    let rows = [
        (
            bird("a", json!({ "species": "dragon" })),
            r#"422 Bird.demo.example.com "a" is invalid: spec.species: Invalid value: "dragon": dragons are no birds"#,
        ),
        (
            bird("a", json!({ "species": "shy" })),
            r#"422 Bird.demo.example.com "a" is invalid: spec.species: Forbidden: only admin may see shy birds"#,
        ),
        (bird("a", json!({})), r#"422 Bird.demo.example.com "a" is invalid: spec.species: Required value"#),
        (
            bird("", json!({ "species": "robin" })),
            r#"422 Bird.demo.example.com "" is invalid: metadata.name: Required value: name or generateName is required"#,
        ),
        (
            bird("Bad_Name", json!({ "species": "robin" })),
            r#"422 Bird.demo.example.com "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123"#,
        ),
        (bird("taken", json!({ "species": "robin" })), r#"409 birds.demo.example.com "taken" already exists"#),
        (
            bird("a", json!({ "species": "robin" })).replace(
                r#""name":"a""#,
                r#""name":"a","ownerReferences":[{"apiVersion":"v1","kind":"Event","name":"e","uid":"u"}]"#,
            ),
            r#"422 Bird.demo.example.com "a" is invalid: metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"e","uid":"u"}: /v1, Kind=Event is disallowed from being an owner"#,
        ),
        ("{".into(), "400 "),
        ("[]".into(), "400 "),
        (String::new(), "400 "),
        (
            bird("a", json!({ "species": "robin" })).replace("/v1", "/v2"),
            "400 the API version in the data (demo.example.com/v2) does not match the expected API version (demo.example.com/v1)",
        ),
        (bird("a", json!({ "species": "robin" })).replace("Bird", "Nest"), "400 Nest in version"),
        (json!({ "metadata": { "name": "a" } }).to_string(), "400 Object 'Kind' is missing"),
    ];
    for (body, expect) in rows {
        let failure = server.ask("POST ", &body).await.failure();
        assert!(failure.starts_with(expect), "{body}\n  gives {failure}\n  not   {expect}");
    }
    assert_eq!(server.ask("GET ", "").await.json()["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn names_are_made_up_when_asked_for() {
    let server = Server::start().await;
    let body = r#"{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{"generateName":"robin-"},"spec":{"species":"robin"}}"#;
    let names: Vec<String> = futures::future::join_all((0..5).map(|_| server.ask("POST ", body)))
        .await
        .iter()
        .map(|answer| meta(&answer.json(), "name").as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(names.iter().all(|name| name.starts_with("robin-") && name.len() == 11), "{names:?}");
}

#[tokio::test]
async fn an_update_needs_the_version_that_it_was_made_from() {
    let server = Server::start().await;
    let mut robin = server.bird("robin", r#"{"species":"robin","songs":["a"]}"#).await;
    let stale = robin.clone();
    robin["spec"]["color"] = "red".into();
    let updated = server.ask("PUT robin", &robin.to_string()).await;
    assert_eq!(updated.code, 200, "{}", updated.text());
    assert_eq!(meta(&updated.json(), "generation"), 2);
    assert_eq!(
        server.ask("PUT robin", &stale.to_string()).await.failure(),
        "409 Operation cannot be fulfilled on birds.demo.example.com \"robin\": the object has been modified; please \
         apply your changes to the latest version and try again"
    );
    let mut without = robin.clone();
    without["metadata"]["resourceVersion"] = "".into();
    let failure = server.ask("PUT robin", &without.to_string()).await.failure();
    assert!(
        failure.contains("metadata.resourceVersion: Invalid value: 0: must be specified for an update"),
        "{failure}"
    );
    let failure = server.ask("PUT other", &robin.to_string()).await.failure();
    assert_eq!(failure, "400 the name of the object (robin) does not match the name on the URL (other)");
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_no_write() {
    let server = Server::start().await;
    let robin = server.bird("robin", r#"{"species":"robin","songs":["b","a"]}"#).await;
    assert_eq!(server.ask("PUT robin", &robin.to_string()).await.json(), robin);
    assert_eq!(server.ask("PATCH robin", "{}").await.json(), robin);
    // The hooks bring the list back into its order, so this is no change either.
    assert_eq!(server.ask("PATCH robin", r#"{"spec":{"songs":["b","a"]}}"#).await.json(), robin);
    assert_eq!(
        server.ask("PATCH robin", r#"[{"op":"test","path":"/spec/species","value":"robin"}]"#).await.json(),
        robin
    );
}

#[tokio::test]
async fn the_generation_counts_changes_of_what_is_wanted() {
    let server = Server::start().await;
    server.bird("robin", r#"{"species":"robin","songs":["a"]}"#).await;
    let rows = [
        ("PATCH robin", r#"{"metadata":{"labels":{"a":"b"}}}"#, 1),
        ("PATCH robin", r#"{"spec":{"color":"red"}}"#, 2),
        ("PATCH robin", r#"{"status":{"phase":"Grown"}}"#, 2),
        ("PATCH robin/status", r#"{"status":{"phase":"Grown"},"spec":{"color":"blue"}}"#, 2),
        ("PATCH robin", r#"{"metadata":{"generation":9}}"#, 2),
    ];
    for (line, body, generation) in rows {
        let answer = server.ask(line, body).await;
        assert_eq!(meta(&answer.json(), "generation"), generation, "{line} {body}");
    }
    let robin = server.ask("GET robin", "").await.json();
    assert_eq!((&robin["spec"]["color"], &robin["status"]["phase"]), (&json!("red"), &json!("Grown")));
}

#[tokio::test]
async fn status_and_the_rest_are_written_apart() {
    let server = Server::start().await;
    let mut robin = server.bird("robin", r#"{"species":"robin","songs":["a"]}"#).await;
    robin["status"] = json!({ "phase": "Grown" });
    robin["spec"]["color"] = "red".into();
    robin["metadata"]["labels"] = json!({ "a": "b" });
    let answer = server.ask("PUT robin/status", &robin.to_string()).await.json();
    assert_eq!(answer["status"]["phase"], "Grown");
    assert_eq!(answer["spec"]["color"], "brown");
    assert!(answer["metadata"].get("labels").is_none());
}

#[tokio::test]
async fn immutable_metadata_stays() {
    let server = Server::start().await;
    let robin = server.bird("robin", r#"{"species":"robin","songs":["a"]}"#).await;
    let patched =
        server.ask("PATCH robin", r#"{"metadata":{"creationTimestamp":"2001-02-03T04:05:06Z"}}"#).await.json();
    assert_eq!(meta(&patched, "creationTimestamp"), meta(&robin, "creationTimestamp"));
    let failure = server.ask("PATCH robin", r#"{"metadata":{"uid":"other"}}"#).await.failure();
    assert!(
        failure.starts_with("422 ") && failure.contains("metadata.uid: Invalid value: \"other\": field is immutable"),
        "{failure}"
    );
    let mut other = robin.clone();
    other["metadata"]["uid"] = "other".into();
    let failure = server.ask("PUT robin", &other.to_string()).await.failure();
    assert!(
        failure.starts_with("409 ") && failure.contains("Precondition failed: UID in precondition: other"),
        "{failure}"
    );
    let failure = server.ask("PATCH robin", r#"{"metadata":{"name":"other"}}"#).await.failure();
    assert_eq!(failure, "400 the name of the object (other) does not match the name on the URL (robin)");
    let failure =
        server.ask("PATCH robin", r#"{"metadata":{"deletionTimestamp":"2001-02-03T04:05:06Z"}}"#).await.failure();
    assert!(failure.starts_with("422 ") && failure.contains("field is immutable"), "{failure}");
}

#[tokio::test]
async fn finalizers_hold_an_object_until_the_last_is_gone() {
    let server = Server::start().await;
    server.bird("robin", r#"{"species":"robin","songs":["a"]}"#).await;
    server.ask("PATCH robin", r#"{"metadata":{"finalizers":["example.com/a","example.com/b"]}}"#).await;
    let marked = server.ask("DELETE robin", "").await;
    assert_eq!(marked.code, 200);
    let marked = marked.json();
    assert!(meta(&marked, "deletionTimestamp").is_string());
    assert_eq!(meta(&marked, "generation"), 2);
    assert_eq!(server.ask("DELETE robin", "").await.json(), marked, "a second delete changes nothing");
    let failure = server.ask("PATCH robin", r#"{"metadata":{"finalizers":["example.com/c"]}}"#).await.failure();
    assert!(failure.contains("no new finalizers can be added if the object is being deleted"), "{failure}");
    let body =
        r#"{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{"name":"robin"},"spec":{"species":"robin"}}"#;
    let failure = server.ask("POST ", body).await.failure();
    assert_eq!(failure, "409 object is being deleted: birds.demo.example.com \"robin\" already exists");
    assert_eq!(server.ask("PATCH robin", r#"{"metadata":{"finalizers":["example.com/a"]}}"#).await.code, 200);
    assert_eq!(server.ask("PATCH robin", r#"{"metadata":{"finalizers":null}}"#).await.code, 200);
    assert_eq!(server.ask("GET robin", "").await.failure(), "404 birds.demo.example.com \"robin\" not found");
}

#[tokio::test]
async fn a_grace_period_keeps_an_object_for_those_who_clean_up() {
    let server = Server::start().await;
    let goose = r#"{"species":"goose","songs":["honk"]}"#;
    server.bird("goose", goose).await;
    let deleted = server.ask("DELETE goose", "").await.json();
    assert_eq!((meta(&deleted, "deletionGracePeriodSeconds"), meta(&deleted, "generation")), (&json!(30), &json!(2)));
    // Longer changes nothing, shorter does, and neither an update nor a second delete lets it go before its time.
    let longer = server.ask("DELETE goose?gracePeriodSeconds=60", "").await.json();
    assert_eq!(longer, deleted);
    let shorter = server.ask("DELETE goose", r#"{"gracePeriodSeconds":10}"#).await.json();
    assert_eq!((meta(&shorter, "deletionGracePeriodSeconds"), meta(&shorter, "generation")), (&json!(10), &json!(2)));
    assert!(meta(&shorter, "deletionTimestamp").as_str() < meta(&deleted, "deletionTimestamp").as_str());
    assert_eq!(server.ask("PATCH goose", r#"{"metadata":{"labels":{"a":"b"}}}"#).await.code, 200);
    assert_eq!(server.ask("GET goose", "").await.code, 200);
    assert_eq!(server.ask("DELETE goose?gracePeriodSeconds=0", "").await.json()["status"], "Success");
    assert_eq!(server.ask("GET goose", "").await.code, 404);
    // With a finalizer it stays on after its grace is over.
    let held = json!({
        "apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": { "name": "held", "finalizers": ["a/b"] },
        "spec": { "species": "goose", "songs": [] },
    });
    assert_eq!(server.ask("POST ", &held.to_string()).await.code, 201);
    server.ask("DELETE held", "").await;
    let over = server.ask("DELETE held?gracePeriodSeconds=0", "").await.json();
    assert_eq!(meta(&over, "deletionGracePeriodSeconds"), 0);
    assert_eq!(server.ask("PATCH held", r#"{"metadata":{"finalizers":null}}"#).await.code, 200);
    assert_eq!(server.ask("GET held", "").await.code, 404);
    // Other kinds have no grace to give, and options of another type are none.
    server.bird("robin", r#"{"species":"robin","songs":["a"]}"#).await;
    assert_eq!(server.ask("DELETE robin", r#"{"gracePeriodSeconds":"soon"}"#).await.code, 400);
    assert_eq!(server.ask("DELETE robin?gracePeriodSeconds=soon", "").await.code, 400);
    assert_eq!(server.ask("DELETE robin?gracePeriodSeconds=60", "").await.json()["status"], "Success");
}

#[tokio::test]
async fn deletes_keep_their_conditions() {
    let server = Server::start().await;
    let robin = server.bird("robin", r#"{"species":"robin","songs":["a"]}"#).await;
    server.bird("phoenix", r#"{"species":"phoenix","songs":["a"]}"#).await;
    let failure = server.ask("DELETE robin", r#"{"preconditions":{"uid":"other"}}"#).await.failure();
    assert!(failure.starts_with("409 Operation cannot be fulfilled on Bird.demo.example.com"), "{failure}");
    let failure = server.ask("DELETE phoenix", "").await.failure();
    assert!(failure.starts_with("422 ") && failure.contains("a phoenix does not die"), "{failure}");
    assert_eq!(server.ask("DELETE robin?dryRun=All", "").await.code, 200);
    assert_eq!(server.ask("GET robin", "").await.code, 200);
    let gone = server
        .ask("DELETE robin", &json!({ "preconditions": { "uid": meta(&robin, "uid") } }).to_string())
        .await
        .json();
    assert_eq!(gone["status"], "Success");
    assert_eq!(
        gone["details"],
        json!({ "name": "robin", "group": "demo.example.com", "kind": "birds", "uid": meta(&robin, "uid") })
    );
    assert_eq!(server.ask("DELETE robin", "").await.code, 404);
}

#[tokio::test]
async fn a_collection_is_deleted_object_by_object() {
    let server = Server::start().await;
    for name in ["a", "b", "c"] {
        server.bird(name, r#"{"species":"robin","songs":["a"]}"#).await;
    }
    server.ask("PATCH b", r#"{"metadata":{"labels":{"keep":"me"}}}"#).await;
    let deleted = server.ask("DELETE ?labelSelector=keep!%3Dme", "").await.json();
    assert_eq!(deleted["kind"], "BirdList");
    assert_eq!(deleted["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(server.ask("GET ", "").await.json()["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_dry_run_does_everything_but_store() {
    let server = Server::start().await;
    let body =
        r#"{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{"name":"a"},"spec":{"species":"robin"}}"#;
    let answer = server.ask("POST ?dryRun=All", body).await;
    assert_eq!(answer.code, 201);
    assert!(answer.json()["metadata"].get("resourceVersion").is_none());
    assert_eq!(answer.json()["spec"]["color"], "brown");
    assert_eq!(server.ask("GET a", "").await.code, 404);
    let robin = server.bird("a", r#"{"species":"robin","songs":["a"]}"#).await;
    let patched = server.ask("PATCH a?dryRun=All", r#"{"spec":{"color":"red"}}"#).await.json();
    assert_eq!(
        (&patched["spec"]["color"], meta(&patched, "resourceVersion")),
        (&json!("red"), meta(&robin, "resourceVersion"))
    );
    assert_eq!(server.ask("GET a", "").await.json(), robin);
    let failure = server.ask("POST ?dryRun=Some", body).await.failure();
    assert!(failure.starts_with("422 CreateOptions.meta.k8s.io"), "{failure}");
}

/// Where there need be no object for a namespace, nobody else looks at its name.
#[tokio::test]
async fn a_namespace_has_a_name_that_a_namespace_may_have() {
    let mut apis = Apis::default();
    apis.add(BirdStrategy);
    let how = Standalone::default().namespace_lifecycle(false);
    let server = Server::alone(how, apis, Arc::new(MemoryStore::default())).await;
    for (namespace, code) in [("forest", 201), ("dark%3Fforest", 422), ("Forest", 422), ("a.b", 422), ("-", 422)] {
        let body = json!({
            "apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": { "name": "a" },
            "spec": { "species": "robin", "songs": ["x"] },
        });
        let line = format!("POST /apis/demo.example.com/v1/namespaces/{namespace}/birds");
        let answer = server.ask(&line, &body.to_string()).await;
        assert_eq!(answer.code, code, "{namespace}: {}", answer.text());
        assert!(code == 201 || answer.failure().contains("metadata.namespace: Invalid value: "), "{}", answer.text());
    }
}

#[tokio::test]
async fn unknown_fields_are_told_of_or_refused() {
    let server = Server::start().await;
    let body = r#"{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{"name":"a"},"spec":{"species":"x","species":"robin","feathers":3}}"#;
    let failure = server.ask("POST ?fieldValidation=Strict", body).await.failure();
    assert_eq!(
        failure,
        "400 Bird in version \"v1\" cannot be handled as a Bird: strict decoding error: duplicate field \
         \"spec.species\", unknown field \"spec.feathers\""
    );
    let answer = server.ask("POST ", body).await;
    let expect = [
        r#"299 - "duplicate field \"spec.species\"""#,
        r#"299 - "unknown field \"spec.feathers\"""#,
        r#"299 - "this bird is silent""#,
    ];
    assert_eq!(answer.warnings(), expect);
    assert_eq!((&answer.json()["spec"]["species"], answer.json()["spec"].get("feathers")), (&json!("robin"), None));
    let failure = server.ask("PATCH a?fieldValidation=Strict", r#"{"spec":{"feathers":3}}"#).await.failure();
    assert!(failure.starts_with("422 ") && failure.contains("unknown field \"spec.feathers\""), "{failure}");
}

#[tokio::test]
async fn patches_are_applied_again_when_another_writer_was_first() {
    let server = Server::start().await;
    server.bird("robin", r#"{"species":"robin","songs":["a"]}"#).await;
    let writers = (0..20).map(|n| {
        let server = server.clone();
        async move {
            server
                .ask("PATCH robin", &json!({ "metadata": { "labels": { format!("l{n}"): "x" } } }).to_string())
                .await
                .code
        }
    });
    let codes = futures::future::join_all(writers).await;
    assert!(codes.iter().all(|code| *code == 200), "{codes:?}");
    let robin = server.ask("GET robin", "").await.json();
    assert_eq!(robin["metadata"]["labels"].as_object().map(serde_json::Map::len), Some(20));
    let stale = r#"{"metadata":{"resourceVersion":"1","labels":{"x":"y"}}}"#;
    assert!(server.ask("PATCH robin", stale).await.failure().starts_with("409 "));
}

#[tokio::test]
async fn yaml_is_as_good_as_json() {
    let server = Server::start().await;
    let body = "apiVersion: demo.example.com/v1\nkind: Bird\nmetadata:\n  name: robin\nspec:\n  species: robin\n";
    let headers = [("content-type", "application/yaml"), ("accept", "application/yaml")];
    let answer = server.send("POST ", &headers, body).await;
    assert_eq!((answer.code, answer.headers["content-type"].to_str().ok()), (201, Some("application/yaml")));
    assert!(answer.text().contains("species: robin"), "{}", answer.text());
    let twice = body.replace("robin\nspec", "wren\n  name: finch\nspec") + "  species: finch\n";
    let answer = server.send("POST ", &headers, &twice).await;
    let told = ["line 5: key \"name\" already set in map", "line 8: key \"species\" already set in map"];
    assert_eq!(answer.warnings()[..2], told.map(|text| format!("299 - {text:?}")));
    assert_eq!(server.send("POST ", &[("content-type", "text/plain")], body).await.code, 415);
    assert_eq!(server.send("GET robin", &[("accept", "text/html")], "").await.code, 406);
}

/// Refuses red birds, and gives every other bird a label that tells what it saw.
struct Keeper;

#[async_trait::async_trait]
impl Admission for Keeper {
    async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
        if let Some(object) = request.object_mut() {
            let seen = object["spec"]["wingspanCm"].as_i64().map_or("nothing".to_owned(), |wide| format!("{wide}cm"));
            object["metadata"]["labels"] = json!({ "seen": seen });
        }
        Ok(())
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let is = |object: Option<&Value>, color: &str| object.is_some_and(|object| object["spec"]["color"] == color);
        match request.operation {
            Operation::Delete if is(request.old_object(), "brown") => Err("brown birds stay".into()),
            _ if is(request.object(), "red") => Err("no red birds".into()),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn admission_sees_defaults_changes_objects_and_has_the_last_word() {
    let mut apis = Apis::default();
    apis.add(BirdStrategy).admission(Keeper);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    let robin = server.bird("robin", r#"{"species":"robin","songs":["a"]}"#).await;
    assert_eq!(meta(&robin, "labels"), &json!({ "seen": "20cm" }));
    let wide = server.ask("PATCH robin", r#"{"spec":{"wingspanCm":30}}"#).await.json();
    assert_eq!(meta(&wide, "labels"), &json!({ "seen": "30cm" }));
    let forbidden = |why: &str| format!("403 birds.demo.example.com \"robin\" is forbidden: {why}");
    let red = server.ask("PATCH robin", r#"{"spec":{"color":"red"}}"#).await;
    assert_eq!(red.failure(), forbidden("no red birds"));
    assert_eq!(server.ask("DELETE robin", "").await.failure(), forbidden("brown birds stay"));
    assert_eq!(server.ask("GET robin", "").await.json(), wide);
}
