//! Plugins in the server's own process.

mod common;

use std::sync::{Arc, Mutex, OnceLock};

use apiserver::admission::{Admission, Attributes, Denied, Operation, ReadError, Target};
use apiserver::storage::memory::MemoryStore;
use apiserver::versions::Version;
use apiserver::{Apis, Strategy, TestServer, field};
use common::{Bird, BirdStrategy, Server};
use k8s_openapi::api::autoscaling::v1::Scale;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, CustomResource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Names that no flunder may have.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "wardle.example.com", version = "v1alpha1", kind = "Fischer", root = "Fischer", no_spec)]
#[serde(rename_all = "camelCase")]
struct FischerFields {
    #[serde(default)]
    disallowed_flunders: Vec<String>,
}

/// Something with a name.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "wardle.example.com", version = "v1alpha1", kind = "Flunder", namespaced, status = "FlunderStatus")]
#[kube(scale(spec_replicas_path = ".spec.count", status_replicas_path = ".spec.count"))]
struct FlunderSpec {
    #[serde(default)]
    count: i32,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
struct FlunderStatus {}

struct FischerStrategy;
impl Strategy for FischerStrategy {
    type Object = Fischer;
}

struct FlunderStrategy;
impl Strategy for FlunderStrategy {
    type Object = Flunder;
}

/// The plugin of Kubernetes' sample server.
struct BanFlunder;

#[async_trait::async_trait]
impl Admission for BanFlunder {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.operation == Operation::Create && target.is::<Flunder>()
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let fischers = request.objects().list::<Fischer>("").await?;
        if fischers.iter().any(|fischer| fischer.spec.disallowed_flunders.contains(&request.name)) {
            return Err("this name may not be used, please change the resource name".into());
        }
        Ok(())
    }
}

fn flunder(name: &str) -> Flunder {
    Flunder::new(name, FlunderSpec { count: 1 })
}

fn fischer(name: &str, disallowed: &str) -> Fischer {
    Fischer::new(name, FischerFields { disallowed_flunders: vec![disallowed.into()] })
}

#[tokio::test]
async fn a_plugin_decides_by_other_objects() {
    // The plugin is there before the kinds that it is about.
    let server = TestServer::start(|apis| {
        apis.admission(BanFlunder);
        apis.add(FlunderStrategy).add(FischerStrategy);
    })
    .await;
    let flunders: Api<Flunder> = server.api_in("default");
    let fischers: Api<Fischer> = server.api();
    flunders.create(&PostParams::default(), &flunder("no")).await.expect("not disallowed yet");
    fischers.create(&PostParams::default(), &fischer("f", "nope")).await.expect("a fischer");
    let refused = flunders.create(&PostParams::default(), &flunder("nope")).await.expect_err("banned");
    let kube::Error::Api(status) = refused else { panic!("{refused}") };
    assert_eq!(
        status.message,
        r#"flunders.wardle.example.com "nope" is forbidden: this name may not be used, please change the resource name"#
    );
    assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
    let details = status.details.clone().expect("details");
    assert_eq!(
        (details.name.as_str(), details.group.as_str(), details.kind.as_str()),
        ("nope", "wardle.example.com", "flunders")
    );
    // An object that is there already is not created again.
    fischers.create(&PostParams::default(), &fischer("g", "no")).await.expect("a fischer");
    let label = json!({ "metadata": { "labels": { "a": "b" } } });
    flunders.patch("no", &PatchParams::default(), &Patch::Merge(label)).await.expect("changed");
}

/// Notes what it can read.
struct Reader(Arc<Mutex<Vec<String>>>);

#[async_trait::async_trait]
impl Admission for Reader {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.is::<Flunder>()
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let objects = request.objects();
        let f = objects.get::<Fischer>("", "f").await?.map(|fischer| fischer.spec.disallowed_flunders);
        let here = objects.list::<Flunder>(request.namespace).await?.len();
        let all = objects.list::<Flunder>("").await?.len();
        let unknown = objects.get::<Bird>("default", "robin").await;
        assert!(matches!(&unknown, Err(ReadError::Unknown { kind, .. }) if kind == "Bird"), "{unknown:?}");
        self.0.lock().unwrap().push(format!("{f:?} {here} of {all}"));
        Ok(())
    }
}

#[tokio::test]
async fn a_plugin_reads_what_was_written_before() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let log = seen.clone();
    let server = TestServer::start(|apis| {
        apis.add(FlunderStrategy).add(FischerStrategy).admission(Reader(log));
    })
    .await;
    let fischers: Api<Fischer> = server.api();
    for namespace in ["one", "two", "two"] {
        let count = seen.lock().unwrap().len();
        let name = format!("f{count}");
        server.namespace(namespace).await;
        let flunders: Api<Flunder> = server.api_in(namespace);
        flunders.create(&PostParams::default(), &flunder(&name)).await.expect("created");
        if count == 0 {
            fischers.create(&PostParams::default(), &fischer("f", "x")).await.expect("created");
        }
    }
    assert_eq!(*seen.lock().unwrap(), ["None 0 of 0", r#"Some(["x"]) 0 of 1"#, r#"Some(["x"]) 1 of 2"#]);
}

/// Refuses in every way there is.
struct Refuser;

#[async_trait::async_trait]
impl Admission for Refuser {
    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let Some(bird) = request.object_as::<Bird>()? else { return Ok(()) };
        match bird.spec.species.as_str() {
            "shy" => Err(Denied::new("no shy birds")),
            "wide" => {
                let mut errors = field::Errors::default();
                errors.invalid("spec.wingspanCm", 3, "too wide");
                Err(Denied::invalid(errors))
            }
            "late" => {
                Err(Denied::with_code(409, "Conflict", "too late").with_details(json!({ "retryAfterSeconds": 1 })))
            }
            "odd" => Err(Denied::internal("the oracle is silent")),
            _ => {
                request.warn("a bird");
                request.annotate("demo.example.com/species", &bird.spec.species);
                request.annotate("demo.example.com/species", "what came later");
                assert_eq!(request.context().annotations()["demo.example.com/species"], bird.spec.species);
                Ok(())
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_is_told_as_the_plugin_wants_it() {
    let mut apis = Apis::default();
    apis.add(BirdStrategy).admission(Refuser);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    for (species, expected) in [
        ("shy2", ""),
        ("wide", r#"422 Bird.demo.example.com "x" is invalid: spec.wingspanCm: Invalid value: 3: too wide"#),
        ("late", "409 too late"),
        ("odd", "500 Internal error occurred: the oracle is silent"),
    ] {
        let body = format!(
            r#"{{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{{"name":"x"}},"spec":{{"species":"{species}"}}}}"#
        );
        let answer = server.ask("POST ", &body).await;
        if expected.is_empty() {
            assert_eq!(answer.code, 201);
            assert!(answer.warnings().contains(&r#"299 - "a bird""#.to_owned()));
            server.ask("DELETE x", "").await;
            continue;
        }
        assert_eq!(answer.failure(), expected);
        if species == "late" {
            let status = answer.json();
            assert_eq!((&status["reason"], &status["details"]["retryAfterSeconds"]), (&json!("Conflict"), &json!(1)));
        }
    }
    // Where the server makes up the name, the start of it is all that is known.
    let body = r#"{"apiVersion":"demo.example.com/v1","kind":"Bird","metadata":{"generateName":"x-"},"spec":{"species":"shy"}}"#;
    let mut apis = Apis::default();
    struct Early;
    #[async_trait::async_trait]
    impl Admission for Early {
        async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
            assert_eq!(request.name, "");
            Err("not today".into())
        }
    }
    apis.add(BirdStrategy).admission(Early);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    let refused = server.ask("POST ", body).await.failure();
    assert_eq!(refused, r#"403 birds.demo.example.com "x-" is forbidden: not today"#);
}

/// Birds in two versions.
struct OldAndNew;

impl Strategy for OldAndNew {
    type Object = Bird;

    fn versions(&self) -> Vec<Version<Bird>> {
        vec![Version::same_shape("v1alpha1")]
    }
}

/// Paints birds, whatever version they come in, and notes what it is shown.
struct Painter(Arc<Mutex<Vec<String>>>);

#[async_trait::async_trait]
impl Admission for Painter {
    async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
        request.change(|bird: &mut Bird| bird.spec.color = Some("red".into()))
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let version = request.object().map_or(&Value::Null, |object| &object["apiVersion"]);
        let color = request.object_as::<Bird>()?.and_then(|bird| bird.spec.color);
        let old = request.old_object_as::<Bird>()?.and_then(|bird| bird.spec.color);
        let (kind, uid) = (&request.kind, request.object().is_some_and(|object| object["metadata"]["uid"].is_string()));
        let options = request.options().map_or(Value::Null, |options| options["kind"].clone());
        self.0.lock().unwrap().push(format!(
            "{:?} {}/{} {version} {color:?} {old:?} {uid} {options}",
            request.operation, kind.version, kind.kind
        ));
        Ok(())
    }
}

#[tokio::test]
async fn objects_are_in_the_version_of_the_client_and_typed_ones_in_that_of_the_type() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let mut apis = Apis::default();
    apis.add(OldAndNew).admission(Painter(seen.clone()));
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    let path = "/apis/demo.example.com/v1alpha1/namespaces/default/birds";
    let body =
        r#"{"apiVersion":"demo.example.com/v1alpha1","kind":"Bird","metadata":{"name":"x"},"spec":{"species":"wren"}}"#;
    let made = server.ask(&format!("POST {path}"), body).await.json();
    assert_eq!((&made["apiVersion"], &made["spec"]["color"]), (&json!("demo.example.com/v1alpha1"), &json!("red")));
    server.ask("PATCH x", r#"{"spec":{"color":"blue"}}"#).await;
    server.ask(&format!("DELETE {path}/x"), "").await;
    let expected = [
        r#"Create v1alpha1/Bird "demo.example.com/v1alpha1" Some("red") None true "CreateOptions""#,
        r#"Update v1/Bird "demo.example.com/v1" Some("red") Some("red") true "UpdateOptions""#,
        r#"Delete v1alpha1/Bird null None Some("red") false "DeleteOptions""#,
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

/// Keeps flunders from becoming many.
struct Frugal;

#[async_trait::async_trait]
impl Admission for Frugal {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.is::<Scale>()
    }

    async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
        assert_eq!((request.subresource, request.resource.resource.as_str()), ("scale", "flunders"));
        assert_eq!((request.kind.group.as_str(), request.kind.kind.as_str()), ("autoscaling", "Scale"));
        request.change(|scale: &mut Scale| {
            if let Some(replicas) = scale.spec.as_mut().and_then(|spec| spec.replicas.as_mut()) {
                *replicas = (*replicas).min(10);
            }
        })
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let of = |scale: Option<Scale>| scale.and_then(|scale| scale.spec?.replicas);
        match (of(request.old_object_as()?), of(request.object_as()?)) {
            (Some(old), Some(new)) if new < old => Err("flunders do not become fewer".into()),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_scale_is_seen_as_one() {
    let server = TestServer::start(|apis| {
        apis.add(FlunderStrategy).admission(Frugal);
    })
    .await;
    let flunders: Api<Flunder> = server.api_in("default");
    flunders.create(&PostParams::default(), &flunder("a")).await.expect("created");
    let to = |replicas: i32| Patch::Merge(json!({ "spec": { "replicas": replicas } }));
    let params = PatchParams::default();
    let scaled = flunders.patch_scale("a", &params, &to(50)).await.expect("scaled");
    assert_eq!(scaled.spec.and_then(|spec| spec.replicas), Some(10));
    assert_eq!(flunders.get("a").await.expect("a flunder").spec.count, 10);
    let refused = flunders.patch_scale("a", &params, &to(3)).await.expect_err("refused");
    assert!(
        refused.to_string().contains(r#"flunders.wardle.example.com "a" is forbidden: flunders do not"#),
        "{refused}"
    );
    // To change the object itself is another matter.
    let count = Patch::Merge(json!({ "spec": { "count": 3 } }));
    assert_eq!(flunders.patch("a", &params, &count).await.expect("changed").spec.count, 3);
}

/// Adds what no bird has.
struct Stranger;

#[async_trait::async_trait]
impl Admission for Stranger {
    async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
        if let Some(object) = request.object_mut() {
            object["spec"]["strange"] = true.into();
            object["spec"].as_object_mut().expect("a spec").remove("color");
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_a_plugin_adds_is_pruned_and_gets_defaults() {
    let mut apis = Apis::default();
    apis.add(BirdStrategy).admission(Stranger);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    let robin = server.bird("robin", r#"{"species":"robin","color":"red"}"#).await;
    assert_eq!(robin["spec"], json!({ "species": "robin", "color": "brown", "wingspanCm": 20 }));
}

/// Lets somebody else be first, once.
struct Rival {
    server: Arc<OnceLock<Server>>,
    seen: Arc<Mutex<Vec<String>>>,
}

#[async_trait::async_trait]
impl Admission for Rival {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.operation == Operation::Update
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let color = |object: Option<&Value>| object.map_or(Value::Null, |object| object["spec"]["color"].clone());
        let text = format!("{} to {}", color(request.old_object()), color(request.object()));
        let count = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(text);
            seen.len()
        };
        if count == 1 {
            let server = self.server.get().expect("a server");
            assert_eq!(server.ask("PATCH robin", r#"{"spec":{"color":"blue"}}"#).await.code, 200);
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_retried_write_is_asked_about_again() {
    let (server, seen) = (Arc::<OnceLock<Server>>::default(), Arc::<Mutex<Vec<String>>>::default());
    let mut apis = Apis::default();
    apis.add(BirdStrategy).admission(Rival { server: server.clone(), seen: seen.clone() });
    let asked = Server::of(apis, Arc::new(MemoryStore::default())).await;
    assert!(server.set(asked.clone()).is_ok());
    asked.bird("robin", r#"{"species":"robin"}"#).await;
    assert_eq!(asked.ask("PATCH robin", r#"{"spec":{"color":"red"}}"#).await.code, 200);
    let expected = [r#""brown" to "red""#, r#""brown" to "blue""#, r#""blue" to "red""#];
    assert_eq!(*seen.lock().unwrap(), expected);
}
