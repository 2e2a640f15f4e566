//! Subresources with an object of their own.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apiserver::admission::{Admission, Attributes, Denied, Operation, Target};
use apiserver::request::user::UserInfo;
use apiserver::storage::memory::MemoryStore;
use apiserver::versions::Version;
use apiserver::{Apis, Error, Parent, RequestContext, Strategy, Subresource, TestServer, Verb, field};
use common::Server;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestStatus};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, CustomResource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced, status = "BirdStatus")]
struct BirdSpec {
    species: String,
    #[serde(default)]
    grams: u32,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
struct BirdStatus {
    #[serde(default)]
    meals: u32,
}

/// A meal.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Feeding", namespaced, no_spec)]
struct FeedingFields {
    /// How much there was.
    #[schemars(range(min = 1))]
    grams: u32,
    /// Of what.
    #[serde(default = "seeds")]
    food: String,
}

fn seeds() -> String {
    "seeds".into()
}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;

    fn validate(&self, _: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.grams > 100 {
            errors.invalid("spec.grams", bird.spec.grams, "a bird of more than 100 g does not fly");
        }
    }

    fn warnings_on_update(&self, _: &RequestContext, new: &Bird, _: &Bird) -> Vec<String> {
        if new.spec.grams > 80 { vec!["this bird is getting heavy".into()] } else { Vec::new() }
    }
}

struct BirdFeeding;

impl BirdFeeding {
    fn of(bird: &Bird, food: &str) -> Feeding {
        let mut feeding = Feeding::new("", FeedingFields { grams: bird.spec.grams, food: food.into() });
        feeding.metadata = bird.metadata.clone();
        feeding
    }
}

impl Subresource for BirdFeeding {
    type Parent = Bird;
    type Object = Feeding;
    const NAME: &'static str = "feeding";
    const VERBS: &'static [Verb] = &[Verb::Get, Verb::Create, Verb::Update];

    async fn get(&self, _: &RequestContext, bird: &Parent<Bird>) -> Result<Feeding, Error> {
        if bird.spec.species == "stuffed" {
            return Err(Error::forbidden("it does not eat"));
        }
        Ok(Self::of(bird, "?"))
    }

    async fn create(&self, cx: &RequestContext, bird: &Parent<Bird>, feeding: Feeding) -> Result<Feeding, Error> {
        if feeding.spec.food == "stones" {
            let mut errors = field::Errors::default();
            errors.invalid("food", &feeding.spec.food, "birds do not eat stones");
            return Err(Error::invalid(errors));
        }
        if feeding.spec.food == "air" {
            cx.warn("that was not much");
        }
        let fed = bird
            .update(|bird| {
                bird.spec.grams += feeding.spec.grams;
                Ok(())
            })
            .await?;
        bird.update_status(|bird| {
            bird.status.get_or_insert_default().meals += 1;
            Ok(())
        })
        .await?;
        Ok(Self::of(&fed, &feeding.spec.food))
    }

    async fn update(&self, _: &RequestContext, bird: &Parent<Bird>, feeding: Feeding) -> Result<Feeding, Error> {
        let fed = bird
            .update(|bird| {
                bird.spec.grams = feeding.spec.grams;
                bird.metadata.resource_version.clone_from(&feeding.metadata.resource_version);
                Ok(())
            })
            .await?;
        Ok(Self::of(&fed, &feeding.spec.food))
    }
}

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Nest")]
struct NestSpec {}

struct NestStrategy;

impl Strategy for NestStrategy {
    type Object = Nest;
}

/// With an object of Kubernetes itself, and nothing but POST.
struct NestToken;

impl Subresource for NestToken {
    type Parent = Nest;
    type Object = TokenRequest;
    const NAME: &'static str = "token";
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(
        &self,
        cx: &RequestContext,
        _: &Parent<Nest>,
        mut request: TokenRequest,
    ) -> Result<TokenRequest, Error> {
        let audiences = request
            .spec
            .iter()
            .flat_map(|spec| spec.audiences.iter().flatten().cloned())
            .collect::<Vec<_>>()
            .join(" and ");
        let token = Some(format!("a token of {} for {audiences}", cx.name));
        request.status = Some(TokenRequestStatus { token, ..TokenRequestStatus::default() });
        Ok(request)
    }
}

/// Fails as if another writer was first, the first three times.
#[derive(Default)]
struct Hurried(AtomicUsize);

impl Subresource for Hurried {
    type Parent = Nest;
    type Object = Feeding;
    const NAME: &'static str = "hurried";
    const VERBS: &'static [Verb] = &[Verb::Get, Verb::Update];

    async fn get(&self, _: &RequestContext, _: &Parent<Nest>) -> Result<Feeding, Error> {
        Ok(Feeding::new("", FeedingFields { grams: 1, food: "worms".into() }))
    }

    async fn update(&self, _: &RequestContext, _: &Parent<Nest>, feeding: Feeding) -> Result<Feeding, Error> {
        if self.0.fetch_add(1, Ordering::SeqCst) % 4 < 3 { Err(Error::conflict("not yet")) } else { Ok(feeding) }
    }
}

fn install(apis: &mut Apis) {
    apis.add(BirdStrategy).subresource(BirdFeeding);
    apis.add(NestStrategy).subresource(NestToken).subresource(Hurried::default());
}

async fn server() -> Server {
    let mut apis = Apis::default();
    install(&mut apis);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    server.bird("robin", r#"{"species":"robin","grams":20}"#).await;
    let nest = r#"{"apiVersion":"demo.example.com/v1","kind":"Nest","metadata":{"name":"oak"},"spec":{}}"#;
    assert_eq!(server.ask("POST /apis/demo.example.com/v1/nests", nest).await.code, 201);
    server
}

fn feeding(fields: &str) -> String {
    format!(r#"{{"apiVersion":"demo.example.com/v1","kind":"Feeding","metadata":{{}},{fields}}}"#)
}

#[tokio::test]
async fn a_post_does_what_its_object_says() {
    let server = server().await;
    let answer = server.ask("POST robin/feeding", &feeding(r#""grams":5"#)).await;
    assert_eq!(answer.code, 201, "{}", answer.text());
    let made = answer.json();
    assert_eq!((&made["kind"], &made["apiVersion"]), (&json!("Feeding"), &json!("demo.example.com/v1")));
    assert_eq!(
        (&made["grams"], &made["food"], &made["metadata"]["name"]),
        (&json!(25), &json!("seeds"), &json!("robin"))
    );
    let robin = server.ask("GET robin", "").await.json();
    assert_eq!((&robin["spec"]["grams"], &robin["status"]["meals"]), (&json!(25), &json!(1)));
    assert_eq!(robin["metadata"]["generation"], 2, "one change of the spec");

    let dry = server.ask("POST robin/feeding?dryRun=All", &feeding(r#""grams":5"#)).await;
    assert_eq!((dry.code, &dry.json()["grams"]), (201, &json!(30)));
    assert_eq!(server.ask("GET robin", "").await.json()["spec"]["grams"], 25);
}

#[tokio::test]
async fn what_is_asked_of_a_subresource_is_checked() {
    let server = server().await;
    let check = async |line: &str, body: &str, expect: &str| {
        let failure = server.ask(line, body).await.failure();
        assert!(failure.starts_with(expect), "{line}: {failure}");
    };
    let post = async |fields: &str, expect: &str| check("POST robin/feeding", &feeding(fields), expect).await;
    post(r#""grams":0"#, "422 Feeding.demo.example.com \"robin\" is invalid: grams: Invalid value: 0").await;
    post(r#""food":"bread""#, "422 Feeding.demo.example.com \"robin\" is invalid: grams: Required value").await;
    post(r#""grams":1,"food":"stones""#, "422 Feeding.demo.example.com \"robin\" is invalid: food: Invalid").await;
    post(r#""grams":90"#, "422 Bird.demo.example.com \"robin\" is invalid: spec.grams: Invalid value: 110").await;
    let strict = "POST robin/feeding?fieldValidation=Strict";
    check(
        strict,
        &feeding(r#""grams":1,"size":2"#),
        "400 Feeding in version \"v1\" cannot be handled as a Feeding: strict",
    )
    .await;
    check("POST robin/feeding?dryRun=Some", &feeding(r#""grams":1"#), "422 ").await;
    check("POST robin/feeding", "{", "400 ").await;
    let other = r#"{"apiVersion":"demo.example.com/v1","kind":"Bird","grams":1}"#;
    check("POST robin/feeding", other, "400 Bird in version \"v1\" cannot be handled as a Feeding").await;
    let elsewhere = r#"{"apiVersion":"demo.example.com/v1","kind":"Feeding","metadata":{"name":"wren"},"grams":1}"#;
    check("POST robin/feeding", elsewhere, "400 the name of the object (wren) does not match").await;
    check("POST wren/feeding", &feeding(r#""grams":1"#), "404 birds.demo.example.com \"wren\" not found").await;
    check("GET wren/feeding", "", "404 birds.demo.example.com \"wren\" not found").await;
    server.bird("owl", r#"{"species":"stuffed"}"#).await;
    check("GET owl/feeding", "", "403 birds.demo.example.com \"owl\" is forbidden: it does not eat").await;
    check("DELETE robin/feeding", "", "405 the server does not allow this method on the requested resource").await;
    check("GET /apis/demo.example.com/v1/nests/oak/token", "", "405 ").await;
    check("PATCH /apis/demo.example.com/v1/nests/oak/token", "{}", "405 ").await;
    assert_eq!(server.ask("GET robin/feeding/more", "").await.code, 404);
    check("GET robin/flying", "", "404 ").await;
    assert_eq!(server.ask("GET robin", "").await.json()["spec"]["grams"], 20, "nothing was done");
}

#[tokio::test]
async fn a_put_and_a_patch_change_what_get_gives() {
    let server = server().await;
    let mut seen = server.ask("GET robin/feeding", "").await.json();
    assert_eq!(seen["grams"], 20);
    seen["grams"] = 30.into();
    assert_eq!(server.ask("PUT robin/feeding", &seen.to_string()).await.json()["grams"], 30);
    let stale = server.ask("PUT robin/feeding", &seen.to_string()).await;
    assert!(
        stale.failure().starts_with("409 Operation cannot be fulfilled on birds.demo.example.com"),
        "{}",
        stale.text()
    );
    for patch in [r#"{"grams":40}"#, r#"[{"op":"replace","path":"/grams","value":40}]"#] {
        let answer = server.ask("PATCH robin/feeding", patch).await;
        assert_eq!((answer.code, &answer.json()["grams"]), (200, &json!(40)), "{}", answer.text());
    }
    let refused = server.ask("PATCH robin/feeding", r#"{"grams":0}"#).await;
    assert_eq!(refused.code, 422, "{}", refused.text());
    let strict = server.ask("PATCH robin/feeding?fieldValidation=Strict", r#"{"size":0}"#).await;
    assert_eq!(strict.code, 422, "{}", strict.text());
    for media_type in ["text/plain", "application/apply-patch+yaml"] {
        let answer = server.send("PATCH robin/feeding?fieldManager=me", &[("content-type", media_type)], "{}").await;
        assert_eq!(answer.code, 415, "{}", answer.text());
    }

    // A patch is made again when others were first; a PUT is not.
    let hurried = "PATCH /apis/demo.example.com/v1/nests/oak/hurried";
    assert_eq!(server.ask(hurried, r#"{"grams":2}"#).await.json()["grams"], 2);
    let put = r#"{"apiVersion":"demo.example.com/v1","kind":"Feeding","metadata":{"name":"oak"},"grams":2,"food":"x"}"#;
    let answer = server.ask("PUT /apis/demo.example.com/v1/nests/oak/hurried", put).await;
    assert_eq!(answer.failure(), "409 Operation cannot be fulfilled on nests.demo.example.com \"oak\": not yet");
}

#[tokio::test]
async fn answers_come_in_the_forms_that_there_are() {
    let server = server().await;
    let get = async |accept: &str| server.send("GET robin/feeding", &[("accept", accept)], "").await;
    let yaml = get("application/yaml").await;
    assert_eq!(yaml.headers["content-type"], "application/yaml");
    assert!(yaml.text().contains("kind: Feeding"), "{}", yaml.text());
    let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    assert_eq!(get(kubectl).await.json()["kind"], "Feeding", "no Table, where something else will do");
    let table = get("application/json;as=Table;v=v1;g=meta.k8s.io").await;
    assert_eq!(table.failure(), "406 the resource birds/feeding does not support being converted to a Table");
    assert_eq!(get("text/plain").await.code, 406);
    let body = "apiVersion: demo.example.com/v1\nkind: Feeding\ngrams: 3\n";
    let posted = server.send("POST robin/feeding", &[("content-type", "application/yaml")], body).await;
    assert_eq!((posted.code, &posted.json()["grams"]), (201, &json!(23)), "{}", posted.text());
}

#[tokio::test]
async fn warnings_reach_the_client() {
    let server = server().await;
    let answer = server.ask("POST robin/feeding", &feeding(r#""grams":70,"food":"air","size":1"#)).await;
    assert_eq!(answer.code, 201, "{}", answer.text());
    let expect =
        [r#"299 - "unknown field \"size\"""#, r#"299 - "that was not much""#, r#"299 - "this bird is getting heavy""#];
    assert_eq!(answer.warnings(), expect);
}

#[tokio::test]
async fn an_object_may_be_one_of_kubernetes() {
    let server = server().await;
    let body = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"audiences":["me","you"]}}"#;
    let answer = server.ask("POST /apis/demo.example.com/v1/nests/oak/token", body).await;
    assert_eq!(answer.code, 201, "{}", answer.text());
    assert_eq!(answer.json()["status"]["token"], "a token of oak for me and you");
}

#[tokio::test]
async fn discovery_and_openapi_tell_what_is_implemented() {
    let server = server().await;
    let list = server.ask("GET /apis/demo.example.com/v1", "").await.json();
    let row = |name: &str| {
        let mut all = list["resources"].as_array().unwrap().iter();
        all.find(|resource| resource["name"] == name).cloned().unwrap_or_else(|| panic!("{name}: {list}"))
    };
    assert_eq!(
        row("birds/feeding"),
        json!({
            "name": "birds/feeding", "singularName": "", "namespaced": true, "kind": "Feeding",
            "verbs": ["create", "get", "patch", "update"],
        })
    );
    assert_eq!(
        row("nests/token"),
        json!({
            "name": "nests/token", "singularName": "", "namespaced": false, "kind": "TokenRequest",
            "group": "authentication.k8s.io", "version": "v1", "verbs": ["create"],
        })
    );
    let names: Vec<&str> = list["resources"].as_array().unwrap().iter().filter_map(|r| r["name"].as_str()).collect();
    assert_eq!(names, ["birds", "birds/feeding", "birds/status", "nests", "nests/hurried", "nests/token"]);

    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let groups = server.send("GET /apis", &[("accept", aggregated)], "").await.json();
    let demo = groups["items"].as_array().unwrap().iter().find(|group| group["metadata"]["name"] == "demo.example.com");
    let birds = &demo.unwrap()["versions"][0]["resources"][0];
    assert_eq!(
        birds["subresources"][0],
        json!({
            "subresource": "feeding", "verbs": ["create", "get", "patch", "update"],
            "responseKind": {"group": "demo.example.com", "version": "v1", "kind": "Feeding"},
        })
    );

    let document = server.ask("GET /openapi/v3/apis/demo.example.com/v1", "").await.json();
    let path = &document["paths"]["/apis/demo.example.com/v1/namespaces/{namespace}/birds/{name}/feeding"];
    let methods: Vec<&String> = path.as_object().unwrap().keys().filter(|key| *key != "parameters").collect();
    assert_eq!(methods, ["get", "patch", "post", "put"]);
    assert_eq!(path["post"]["x-kubernetes-group-version-kind"]["kind"], "Feeding");
    assert_eq!(path["post"]["operationId"], "createDemoExampleComV1NamespacedBirdFeeding");
    assert!(path["patch"]["requestBody"]["content"].get("application/apply-patch+yaml").is_none());
    let schema = &document["components"]["schemas"]["com.example.demo.v1.Feeding"];
    assert_eq!(schema["properties"]["grams"]["description"], "How much there was.");
    let token = &document["paths"]["/apis/demo.example.com/v1/nests/{name}/token"];
    assert_eq!(token.as_object().unwrap().len(), 2, "{token}");
    assert_eq!(server.ask("GET /openapi/v2", "").await.code, 200);
}

#[tokio::test]
async fn an_ordinary_client_uses_it() {
    let server = TestServer::start(install).await;
    let birds: Api<Bird> = server.api_in("default");
    let robin = Bird::new("robin", BirdSpec { species: "robin".into(), grams: 10 });
    birds.create(&PostParams::default(), &robin).await.unwrap();
    let meal = Feeding::new("robin", FeedingFields { grams: 2, food: "worms".into() });
    let made: Feeding = birds.create_subresource("feeding", "robin", &PostParams::default(), &meal).await.unwrap();
    assert_eq!((made.spec.grams, made.spec.food.as_str()), (12, "worms"));
    let patch = Patch::Merge(json!({"grams": 15}));
    let params = PatchParams::default();
    let bird: Value = {
        let request = kube::core::Request::new("/apis/demo.example.com/v1/namespaces/default/birds");
        let request = request.patch_subresource("feeding", "robin", &params, &patch).unwrap();
        server.client().request(request).await.unwrap()
    };
    assert_eq!(bird["grams"], 15);
    // Rights to the bird are none to its feeding: to a server in a cluster these are two resources.
    let alice = server.client_as(UserInfo::anonymous());
    let refused = Api::<Bird>::namespaced(alice, "default").get_subresource("feeding", "robin").await;
    let Err(kube::Error::Api(status)) = refused else { panic!("{refused:?}") };
    assert!(status.code == 403 && status.message.contains("cannot get resource \"birds/feeding\""), "{status:?}");
}

/// Refuses large meals, and salts the others.
struct Cook;

#[async_trait::async_trait]
impl Admission for Cook {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.operation == Operation::Create && target.is::<Feeding>()
    }

    async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
        assert_eq!((request.resource.resource.as_str(), request.subresource), ("birds", "feeding"));
        assert_eq!((request.kind.kind.as_str(), request.kind.group.as_str()), ("Feeding", "demo.example.com"));
        request.change(|feeding: &mut Feeding| feeding.spec.food = format!("salted {}", feeding.spec.food))
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        match request.object_as::<Feeding>()? {
            Some(feeding) if feeding.spec.grams > 50 => Err("too much".into()),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn admission_sees_the_object_of_the_subresource() {
    let mut apis = Apis::default();
    install(&mut apis);
    apis.admission(Cook);
    let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
    server.bird("robin", r#"{"species":"robin","grams":20}"#).await;
    let made = server.ask("POST robin/feeding", &feeding(r#""grams":5"#)).await.json();
    assert_eq!(made["food"], "salted seeds");
    let refused = server.ask("POST robin/feeding", &feeding(r#""grams":51"#)).await;
    assert_eq!(refused.failure(), "403 birds.demo.example.com \"robin\" is forbidden: too much");
}

/// A kind in two versions.
struct OldAndNew;

impl Strategy for OldAndNew {
    type Object = Bird;

    fn versions(&self) -> Vec<Version<Bird>> {
        vec![Version::same_shape("v1alpha1")]
    }
}

/// A meal, as it was told in v1alpha1.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1alpha1", kind = "Feeding", root = "OldFeeding", namespaced, no_spec)]
struct OldFeedingFields {
    ounces: u32,
}

struct OldBirdFeeding;

impl Subresource for OldBirdFeeding {
    type Parent = Bird;
    type Object = OldFeeding;
    const NAME: &'static str = "feeding";
    const VERBS: &'static [Verb] = &[Verb::Get];

    async fn get(&self, _: &RequestContext, bird: &Parent<Bird>) -> Result<OldFeeding, Error> {
        Ok(OldFeeding::new("", OldFeedingFields { ounces: bird.spec.grams / 28 }))
    }
}

#[tokio::test]
async fn each_version_has_the_subresources_of_its_shape() {
    let check = async |with_old: bool, old: Value| {
        let mut apis = Apis::default();
        let added = apis.add(OldAndNew).subresource(BirdFeeding);
        if with_old {
            added.subresource(OldBirdFeeding);
        }
        let server = Server::of(apis, Arc::new(MemoryStore::default())).await;
        server.bird("robin", r#"{"species":"robin","grams":56}"#).await;
        let told = async |version: &str| {
            let path = format!("GET /apis/demo.example.com/{version}/namespaces/default/birds/robin/feeding");
            let feeding = server.ask(&path, "").await.json();
            json!([feeding["apiVersion"], feeding["grams"], feeding["ounces"]])
        };
        assert_eq!(told("v1").await, json!(["demo.example.com/v1", 56, null]));
        assert_eq!(told("v1alpha1").await, old);
    };
    // Alone it serves all versions, as a Scale does.
    check(false, json!(["demo.example.com/v1", 56, null])).await;
    check(true, json!(["demo.example.com/v1alpha1", null, 2])).await;
}

#[tokio::test]
async fn what_contradicts_itself_is_found_at_the_start() {
    let check = async |expect: &str, install: fn(&mut Apis)| {
        let mut apis = Apis::default();
        install(&mut apis);
        let built = apis.build(Arc::new(MemoryStore::default()));
        let error = built.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expect), "{error}");
    };
    check("birds.demo.example.com/feeding is added twice", |apis| {
        apis.add(BirdStrategy).subresource(BirdFeeding).subresource(BirdFeeding);
    })
    .await;
    check("nests.demo.example.com/none cannot be served: its verbs", |apis| {
        apis.add(NestStrategy).subresource(Nothing);
    })
    .await;
}

struct Nothing;

impl Subresource for Nothing {
    type Parent = Nest;
    type Object = Feeding;
    const NAME: &'static str = "none";
    const VERBS: &'static [Verb] = &[];
}
