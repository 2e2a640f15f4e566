//! The same requests to a server that calls the hooks itself, and to one that knows the kind as a CRD without hooks and asks
//! the webhooks of the same project: both store the same objects, give the same errors and the same warnings.
//!
//! What is known to differ is marked with the reason, and must differ: a mark that is out of date fails as well.

use std::sync::Arc;

use apiserver::admission::{Admission, Attributes, Denied, Operation, Target};
use apiserver::request::user::UserInfo;
use apiserver::testing::{TestServer, WebhookTest};
use apiserver::versions::Version;
use apiserver::{Apis, RequestContext, Strategy, Webhooks, async_trait, field};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced, status = "BirdStatus")]
struct BirdSpec {
    #[serde(default)]
    species: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    color: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    wingspan: Option<i32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    songs: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ring: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
struct BirdStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
}

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1alpha1", kind = "Bird", root = "OldBird", namespaced)]
#[kube(status = "BirdStatus")]
struct OldBirdSpec {
    #[serde(default)]
    sort: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    color: Option<String>,
}

impl From<OldBird> for Bird {
    fn from(old: OldBird) -> Self {
        let spec = BirdSpec { species: old.spec.sort, color: old.spec.color, ..BirdSpec::default() };
        Self { metadata: old.metadata, spec, status: old.status }
    }
}

impl From<Bird> for OldBird {
    fn from(new: Bird) -> Self {
        let spec = OldBirdSpec { sort: new.spec.species, color: new.spec.color };
        Self { metadata: new.metadata, spec, status: new.status }
    }
}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;

    fn versions(&self) -> Vec<Version<Bird>> {
        vec![Version::of::<OldBird>().keep_lost_fields()]
    }

    fn defaulting(&self, bird: &mut Bird) {
        bird.spec.color.get_or_insert_with(|| "brown".into());
    }

    fn prepare_for_create(&self, cx: &RequestContext, bird: &mut Bird) {
        bird.metadata.annotations.get_or_insert_default().insert("a/keeper".into(), cx.user.username.clone());
        if bird.spec.species == "egg" {
            bird.status = Some(BirdStatus { phase: Some("Egg".into()) });
        }
    }

    fn prepare_for_update(&self, cx: &RequestContext, new: &mut Bird, old: &Bird) {
        if new.spec.ring.is_none() {
            new.spec.ring.clone_from(&old.spec.ring);
        }
        if cx.subresource == "status" {
            new.status.get_or_insert_default().phase.get_or_insert_default().push('!');
        }
    }

    fn canonicalize(&self, bird: &mut Bird) {
        bird.spec.songs.sort();
    }

    fn validate(&self, cx: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.species == "cat" {
            errors.not_supported("spec.species", "cat", &["robin"]);
        }
        if bird.spec.songs.first().is_some_and(|song| song == "z") {
            errors.invalid("spec.songs[0]", "z", "must not come first");
        }
        if bird.spec.species == "parrot" {
            cx.warn(format!("{} by {}", cx.verb, cx.field_manager));
        }
    }

    fn validate_update(&self, cx: &RequestContext, new: &Bird, old: &Bird, errors: &mut field::Errors) {
        self.validate(cx, new, errors);
        if new.spec.species != old.spec.species {
            errors.forbidden("spec.species", "it stays what it is");
        }
    }

    fn warnings_on_create(&self, cx: &RequestContext, bird: &Bird) -> Vec<String> {
        vec![format!("a {}{}", bird.spec.species, if cx.dry_run { " in theory" } else { "" })]
    }

    fn warnings_on_update(&self, _: &RequestContext, new: &Bird, old: &Bird) -> Vec<String> {
        let color = |bird: &Bird| bird.spec.color.clone().unwrap_or_default();
        if color(new) == color(old) { Vec::new() } else { vec![format!("{} no more", color(old))] }
    }

    fn prepare_for_delete(&self, _: &RequestContext, bird: &mut Bird) {
        bird.spec.color = Some("white".into());
    }

    fn validate_delete(&self, _: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.species == "dodo" {
            errors.forbidden("spec.species", "the last of them stay");
        }
    }
}

fn hooked(apis: &mut Apis) {
    apis.add(BirdStrategy);
}

/// Asks webhooks as an API server does.
struct Asking {
    webhooks: Arc<WebhookTest>,
    status: bool,
}

impl Asking {
    async fn ask(&self, mutating: bool, request: &Attributes<'_>) -> Result<Option<Value>, Denied> {
        let user = request.user;
        let (verb, letter) = if mutating { ("mutate", 'm') } else { ("validate", 'v') };
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "u-1", "kind": request.kind, "resource": request.resource, "subResource": request.subresource,
                "requestKind": request.kind, "requestResource": request.resource,
                "name": request.name, "namespace": request.namespace, "operation": request.operation.name(),
                "userInfo": {"username": user.username, "groups": user.groups},
                "object": request.object(), "oldObject": request.old_object(), "dryRun": request.dry_run,
                "options": request.options(),
            },
        });
        let answer = self.webhooks.review(&format!("/{verb}-demo-example-com-v1-bird"), &review).await;
        let answer = answer.expect("a webhook").map_err(|error| Denied::internal(error.0))?;
        let response = &answer["response"];
        for warning in response["warnings"].as_array().into_iter().flatten() {
            request.warn(warning.as_str().unwrap_or_default());
        }
        if response["allowed"] != true {
            let status = &response["status"];
            let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
            let name = format!("{letter}bird-v1.demo.example.com");
            let message = format!("admission webhook {name:?} denied the request: {}", text("message"));
            let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(400);
            return Err(Denied::with_code(code, text("reason"), message).with_details(status["details"].clone()));
        }
        let patch = response["patch"].as_str().map(|patch| STANDARD.decode(patch).expect("base64"));
        Ok(patch.map(|patch| serde_json::from_slice(&patch).expect("a JSON patch")))
    }
}

#[async_trait]
impl Admission for Asking {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.is::<Bird>() && (target.subresource.is_empty() || self.status && target.subresource == "status")
    }

    async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
        if request.operation == Operation::Delete {
            return Ok(());
        }
        let Some(patch) = self.ask(true, request).await? else { return Ok(()) };
        let object = request.object_mut().expect("a patch is of an object");
        *object = patched(object, &patch);
        Ok(())
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        self.ask(false, request).await.map(drop)
    }
}

/// The operations that the differ knows, on any document: nothing of the library, which is what is tested.
fn patched(object: &Value, patch: &Value) -> Value {
    let mut object = object.clone();
    for operation in patch.as_array().expect("operations") {
        let path = operation["path"].as_str().expect("a path");
        let (parent, name) = path.rsplit_once('/').expect("a parent");
        let name = name.replace("~1", "/").replace("~0", "~");
        let value = operation["value"].clone();
        match object.pointer_mut(parent).expect("a parent that is there") {
            Value::Object(fields) if operation["op"] == "remove" => drop(fields.remove(&name).expect("something")),
            Value::Object(fields) => drop(fields.insert(name, value)),
            Value::Array(items) => {
                let at: usize = name.parse().expect("a place");
                match operation["op"].as_str() {
                    Some("add") => items.insert(at, value),
                    Some("remove") => drop(items.remove(at)),
                    _ => items[at] = value,
                }
            }
            scalar => panic!("{scalar} has nothing below it"),
        }
    }
    object
}

struct Both {
    hooks: TestServer,
    webhooks: TestServer,
}

impl Both {
    async fn start(status: bool) -> Self {
        let install = move |webhooks: &mut Webhooks| {
            let kind = webhooks.kind(BirdStrategy).defaulting().validation().conversion();
            if status {
                let _ = kind.status();
            }
        };
        let webhooks = Arc::new(WebhookTest::new(hooked, install));
        let without_hooks = move |apis: &mut Apis| {
            let mut own = Apis::default();
            hooked(&mut own);
            own.crds().into_iter().for_each(|crd| {
                apis.crd(crd);
            });
            apis.admission(Asking { webhooks, status });
        };
        Self { hooks: TestServer::start(hooked).await, webhooks: TestServer::start(without_hooks).await }
    }

    /// Sends a request to both; `differs` is the reason where the answers are known to differ.
    async fn check(&self, method: &str, path: &str, body: Value, differs: Option<&str>) {
        let path = format!("/apis/demo.example.com/v1/namespaces/default/birds{path}");
        let a = answer(&self.hooks, method, &path, &body).await;
        let b = answer(&self.webhooks, method, &path, &body).await;
        match differs {
            None => assert_eq!(a, b, "{method} {path} {body}"),
            Some(reason) => assert_ne!(a, b, "{method} {path} {body} is the same, and not: {reason}"),
        }
    }

    async fn same(&self, method: &str, path: &str, body: Value) {
        self.check(method, path, body, None).await;
    }
}

/// Code, warnings and document, without what no two servers have in common.
async fn answer(server: &TestServer, method: &str, path: &str, body: &Value) -> (u16, Vec<String>, Value) {
    let content_type = match method {
        "PATCH" if body.is_array() => "application/json-patch+json",
        "PATCH" if path.contains("fieldManager") => "application/apply-patch+yaml",
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = Request::builder().method(method).uri(path).header("content-type", content_type);
    request = request.extension(Arc::new(UserInfo::authenticated("alice", [])));
    let response = server.request(request.body(body).expect("a request")).await;
    let mut warnings: Vec<String> =
        response.headers().get_all("warning").iter().map(|text| text.to_str().expect("text").to_owned()).collect();
    warnings.sort();
    let mut document: Value = serde_json::from_slice(response.body()).expect("JSON");
    strip(&mut document);
    // Who owns what is compared by itself.
    if path.contains("owners") {
        document = serde_json::from_slice::<Value>(response.body()).expect("JSON")["metadata"]["managedFields"].take();
        strip(&mut document);
    }
    (response.status().as_u16(), warnings, document)
}

fn strip(document: &mut Value) {
    match document {
        Value::Object(fields) => {
            for name in ["uid", "creationTimestamp", "resourceVersion", "time", "deletionTimestamp", "managedFields"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::String(text) => {
            if let Some((before, after)) = text.split_once(" denied the request: ")
                && before.starts_with("admission webhook \"")
            {
                *text = after.to_owned();
            }
        }
        _ => {}
    }
}

fn bird(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "demo.example.com/v1", "kind": "Bird", "metadata": {"name": name}, "spec": spec})
}

#[tokio::test]
async fn objects_errors_and_warnings_are_the_same() {
    let both = Both::start(false).await;
    both.same("POST", "", bird("robin", json!({"species": "robin", "songs": ["b", "a"], "ring": "7"}))).await;
    both.same("POST", "", bird("robin", json!({"species": "robin"}))).await;
    both.same("POST", "?dryRun=All", bird("wren", json!({"species": "wren"}))).await;
    both.same("GET", "/wren", Value::Null).await;
    both.same("POST", "", bird("cat", json!({"species": "cat"}))).await;
    both.same("POST", "", bird("odd", json!({"species": "robin", "wingspan": 0}))).await;
    both.same("POST", "", bird("odd", json!({"species": 5}))).await;
    both.same("POST", "?fieldValidation=Strict", bird("odd", json!({"species": "robin", "wings": 2}))).await;
    both.same("POST", "", bird("", json!({}))).await;
    both.same("PATCH", "/robin", json!({"spec": {"color": "red"}})).await;
    both.same("PATCH", "/robin", json!({"spec": {"ring": null, "songs": ["d", "c"]}})).await;
    both.same("PATCH", "/robin", json!({"spec": {"species": "cat"}})).await;
    both.same("PATCH", "/robin", json!([{"op": "remove", "path": "/spec/color"}])).await;
    both.same("PATCH", "/robin", json!({"metadata": {"finalizers": ["example.com/a"]}})).await;
    both.same("PATCH", "/robin", json!({"metadata": {"labels": {"a": "not a label!"}}})).await;
    both.same("PUT", "/robin", bird("robin", json!({"species": "robin"}))).await;
    both.same("PATCH", "/owl?fieldManager=ann", bird("owl", json!({"species": "owl"}))).await;
    both.same("PATCH", "/owl?fieldManager=ben", bird("owl", json!({"species": "hawk"}))).await;
    both.same("PATCH", "/owl?fieldManager=ann", bird("owl", json!({"species": "owl", "songs": ["y", "x"]}))).await;
    both.same("POST", "", bird("dodo", json!({"species": "dodo"}))).await;
    both.same("DELETE", "/dodo", Value::Null).await;
    both.same("DELETE", "/owl", Value::Null).await;
    both.same("GET", "", Value::Null).await;
}

#[tokio::test]
async fn what_differs_is_known() {
    let both = Both::start(false).await;
    let invalid = bird("odd", json!({"species": "cat", "wingspan": 0}));
    both.check("POST", "", invalid, Some("errors of the schema are told alone")).await;
    let egg = bird("egg", json!({"species": "egg"}));
    both.check("POST", "", egg, Some("a cluster drops the status of a new object")).await;
    let songs = bird("thrush", json!({"species": "thrush", "songs": ["z", "a"]}));
    both.check("POST", "", songs, Some("the canonical form comes before validation")).await;
    both.same("POST", "?fieldManager=ann", bird("parrot", json!({"species": "parrot"}))).await;
    let unnamed = bird("parrot-2", json!({"species": "parrot"}));
    both.check("POST", "", unnamed, Some("a review does not tell what a client is called that says nothing")).await;
    both.check("GET", "/parrot?owners", Value::Null, Some("what defaulting sets is owned by nobody")).await;
    both.check("PATCH", "/parrot", json!({"spec": {"color": "red"}}), Some("a patch is an update in a review")).await;
    both.same("POST", "", bird("robin", json!({"species": "robin"}))).await;
    let status = json!({"status": {"phase": "Hatched"}});
    both.check("PATCH", "/robin/status", status, Some("nobody asks about the status")).await;
    both.same("POST", "", bird("crow", json!({"species": "crow"}))).await;
    both.same("PATCH", "/crow", json!({"metadata": {"finalizers": ["example.com/a"]}})).await;
    both.check("DELETE", "/crow", Value::Null, Some("nobody asks how to prepare for a deletion")).await;
}

#[tokio::test]
async fn a_status_is_the_same_where_it_is_asked_about() {
    let both = Both::start(true).await;
    both.same("POST", "", bird("robin", json!({"species": "robin"}))).await;
    both.same("PATCH", "/robin/status", json!({"status": {"phase": "Hatched"}, "spec": {"species": "cat"}})).await;
    both.same("PATCH", "/robin/status", json!({"status": {"phase": 5}})).await;
    both.same("GET", "/robin", Value::Null).await;
}
