//! PUT of what is not there, and PUT that does not say what it was made from.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use apiserver::authentication::ConnectionInfo;
use apiserver::authorization::{Attributes, AuthorizationError, Authorizer, Decision};
use apiserver::body::RequestBody;
use apiserver::request::user::UserInfo;
use apiserver::server::{Core, handle};
use apiserver::storage::Store;
use apiserver::storage::memory::MemoryStore;
use apiserver::{Apis, RequestContext, Strategy, field};
use bytes::Bytes;
use common::{Bird, BirdStatus};
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::sync::Barrier;

const BIRDS: &str = "/apis/demo.example.com/v1/namespaces/default/birds";

/// Birds that come into being by being written.
struct Loose {
    calls: Arc<Mutex<Vec<&'static str>>>,
    updates: Arc<AtomicUsize>,
}

impl Strategy for Loose {
    type Object = Bird;

    fn prepare_for_create(&self, _: &RequestContext, bird: &mut Bird) {
        self.calls.lock().unwrap().push("prepare_for_create");
        bird.status = Some(BirdStatus { phase: Some("Egg".into()) });
    }

    fn prepare_for_update(&self, _: &RequestContext, _: &mut Bird, _: &Bird) {
        self.calls.lock().unwrap().push("prepare_for_update");
        self.updates.fetch_add(1, Ordering::SeqCst);
    }

    fn validate(&self, _: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.species == "dragon" {
            errors.invalid("spec.species", &bird.spec.species, "dragons are no birds");
        }
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }

    fn allow_unconditional_update(&self) -> bool {
        true
    }
}

/// Lets everybody do everything, but `updater` only update.
struct Rights;

#[async_trait::async_trait]
impl Authorizer for Rights {
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError> {
        if attributes.user.username == "updater" && !matches!(&*attributes.info.verb, "get" | "update" | "patch") {
            return Ok(Decision::NoOpinion("it only updates".into()));
        }
        Ok(Decision::Allow("".into()))
    }
}

struct Server {
    core: Arc<Core>,
    calls: Arc<Mutex<Vec<&'static str>>>,
    updates: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        let (calls, updates) = (Arc::default(), Arc::default());
        let mut apis = Apis::default();
        apis.add(Loose { calls: Arc::clone(&calls), updates: Arc::clone(&updates) });
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let endpoints = apis.build(store).unwrap();
        endpoints.filled().await;
        Self { core: Core::builder(endpoints).authorizer(Rights).build(), calls, updates }
    }

    /// `METHOD NAME` of the birds in `default`.
    async fn ask(&self, user: &str, line: &str, body: &Value) -> (u16, Value) {
        let (method, name) = line.split_once(' ').unwrap();
        let (method, media_type) = match method {
            "APPLY" => ("PATCH", "application/apply-patch+yaml"),
            "PATCH" => ("PATCH", "application/merge-patch+json"),
            _ => (method, "application/json"),
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let body: RequestBody = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
        let request = Request::builder()
            .method(method)
            .uri(format!("{BIRDS}/{name}"))
            .header("content-type", media_type)
            .extension(Arc::new(UserInfo::authenticated(user, [])));
        let response = handle(&self.core, &ConnectionInfo::default(), request.body(body).unwrap()).await;
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

fn bird(name: &str, species: &str) -> Value {
    json!({
        "apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": {"name": name}, "spec": {"species": species},
    })
}

fn with(mut object: Value, path: &str, value: Value) -> Value {
    *object
        .pointer_mut(path.rsplit_once('/').unwrap().0)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .entry(path.rsplit_once('/').unwrap().1)
        .or_insert(Value::Null) = value;
    object
}

#[tokio::test]
async fn a_put_of_nothing_creates() {
    let server = Server::start().await;
    let body = with(bird("robin", "robin"), "/status", json!({"phase": "Grown"}));
    let (code, made) = server.ask("anyone", "PUT robin", &body).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(server.calls(), ["prepare_for_create"], "the hooks of a create");
    assert_eq!(made["status"]["phase"], "Egg");
    assert_eq!((&made["metadata"]["generation"], &made["metadata"]["namespace"]), (&json!(1), &json!("default")));
    assert!(made["metadata"]["uid"].is_string() && made["metadata"]["creationTimestamp"].is_string());
    assert_eq!(server.ask("anyone", "GET robin", &Value::Null).await.1, made);

    let (code, again) = server.ask("anyone", "PUT robin", &bird("robin", "wren")).await;
    assert_eq!((code, &again["metadata"]["generation"]), (200, &json!(2)));
    assert_eq!(again["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(server.calls(), ["prepare_for_update"]);

    // What it was made from does not matter where there is nothing, but that there was something does.
    let (code, _) =
        server.ask("anyone", "PUT owl", &with(bird("owl", "owl"), "/metadata/resourceVersion", "7".into())).await;
    assert_eq!(code, 201);
    let (code, refused) =
        server.ask("anyone", "PUT tit", &with(bird("tit", "tit"), "/metadata/uid", "1-2".into())).await;
    assert_eq!((code, &refused["reason"]), (409, &json!("Conflict")), "{refused}");
}

#[tokio::test]
async fn a_put_of_nothing_is_checked_as_a_create() {
    let server = Server::start().await;
    let (code, refused) = server.ask("anyone", "PUT smaug", &bird("smaug", "dragon")).await;
    assert_eq!((code, refused["details"]["causes"][0]["field"].as_str()), (422, Some("spec.species")));
    let (code, _) = server.ask("anyone", "PUT Robin", &bird("Robin", "robin")).await;
    assert_eq!(code, 422, "a name that may not be");
    let (code, _) = server.ask("anyone", "PUT robin", &bird("wren", "wren")).await;
    assert_eq!(code, 400, "another name than that of the path");
    let (code, dry) = server.ask("anyone", "PUT robin?dryRun=All", &bird("robin", "robin")).await;
    assert_eq!((code, dry["metadata"].get("resourceVersion")), (201, None));
    assert_eq!(server.ask("anyone", "GET robin", &Value::Null).await.0, 404);
    for line in ["PUT robin/status", "PATCH robin", "PATCH robin/status"] {
        let (code, _) = server.ask("anyone", line, &bird("robin", "robin")).await;
        assert_eq!(code, 404, "{line}: no part of an object creates it, and no patch");
    }
}

#[tokio::test]
async fn who_may_only_update_creates_nothing() {
    let server = Server::start().await;
    let (code, refused) = server.ask("updater", "PUT robin", &bird("robin", "robin")).await;
    let message = "birds.demo.example.com \"robin\" is forbidden: User \"updater\" cannot create resource \"birds\" in API \
                   group \"demo.example.com\" in the namespace \"default\": it only updates";
    assert_eq!((code, refused["message"].as_str()), (403, Some(message)));
    assert_eq!(server.ask("anyone", "GET robin", &Value::Null).await.0, 404);
    assert_eq!(server.calls(), Vec::<&str>::new());
    let apply = "APPLY robin?fieldManager=me";
    let (code, refused) = server.ask("updater", apply, &bird("robin", "robin")).await;
    assert_eq!((code, refused["message"].as_str()), (403, Some(message)));
    assert_eq!(server.ask("anyone", apply, &bird("robin", "robin")).await.0, 201);
    assert_eq!(server.ask("updater", apply, &bird("robin", "owl")).await.0, 200);
    assert_eq!(server.ask("updater", "PUT robin", &bird("robin", "wren")).await.0, 200);
}

#[tokio::test]
async fn an_update_need_not_say_what_it_was_made_from() {
    let server = Server::start().await;
    let (_, made) = server.ask("anyone", "PUT robin", &bird("robin", "robin")).await;
    let version = &made["metadata"]["resourceVersion"];
    let put = async |version: Value, species: &str| {
        let body = with(bird("robin", species), "/metadata/resourceVersion", version);
        server.ask("anyone", "PUT robin", &body).await.0
    };
    assert_eq!(put("".into(), "wren").await, 200);
    assert_eq!(put("0".into(), "owl").await, 200);
    assert_eq!(put(version.clone(), "tit").await, 409, "who says it is taken at his word");
    let (code, _) = server.ask("anyone", "PUT robin", &with(bird("robin", "tit"), "/metadata/uid", "1-2".into())).await;
    assert_eq!(code, 409);
    let (_, now) = server.ask("anyone", "GET robin", &Value::Null).await;
    assert_eq!(now["spec"]["species"], "owl");
}

#[tokio::test]
async fn writers_who_do_not_say_meet_no_conflict() {
    const WRITERS: usize = 16;
    let server = Arc::new(Server::start().await);
    let start = Arc::new(Barrier::new(WRITERS));
    let writers = (0..WRITERS).map(|number| {
        let (server, start) = (server.clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            let body = with(bird("robin", "robin"), "/spec/songs", json!([number.to_string()]));
            server.ask("anyone", "PUT robin", &body).await.0
        })
    });
    let mut created = 0;
    for writer in writers.collect::<Vec<_>>() {
        match writer.await.unwrap() {
            201 => created += 1,
            code => assert_eq!(code, 200),
        }
    }
    assert_eq!(created, 1, "one of them was first");
    // Each was made again on what it met; nothing was lost on the way.
    assert!(server.updates.load(Ordering::SeqCst) >= WRITERS - 1);
    let (_, now) = server.ask("anyone", "GET robin", &Value::Null).await;
    assert_eq!(now["metadata"]["generation"], WRITERS);
}
