//! docs/subresources.md

use apiserver::http::{Method, Response};
use apiserver::{
    Apis, Body, Connect, ConnectRequest, Error, Parent, RequestContext, Strategy, Subresource, TestServer, Verb,
};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced)]
pub struct BirdSpec {
    pub diet: String,
    pub grams: u32,
    #[serde(default)]
    pub branch: String,
}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;
}

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Feeding", namespaced, no_spec)]
pub struct FeedingFields {
    /// How much, in grams.
    #[schemars(range(min = 1))]
    pub grams: u32,
}

struct BirdFeeding;

impl Subresource for BirdFeeding {
    type Parent = Bird;
    type Object = Feeding;
    const NAME: &'static str = "feeding";
    const VERBS: &'static [Verb] = &[Verb::Create];

    async fn create(&self, cx: &RequestContext, bird: &Parent<Bird>, feeding: Feeding) -> Result<Feeding, Error> {
        if bird.spec.diet == "nothing" {
            return Err(Error::forbidden("it is stuffed"));
        }
        if feeding.spec.grams > 100 {
            cx.warn("that is a lot");
        }
        bird.update(|bird| {
            bird.spec.grams += feeding.spec.grams;
            Ok(())
        })
        .await?;
        Ok(feeding)
    }
}

#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Perch", namespaced, no_spec)]
pub struct PerchFields {
    pub branch: String,
}

struct BirdPerch;

impl Subresource for BirdPerch {
    type Parent = Bird;
    type Object = Perch;
    const NAME: &'static str = "perch";
    const VERBS: &'static [Verb] = &[Verb::Get, Verb::Update];

    async fn get(&self, _: &RequestContext, bird: &Parent<Bird>) -> Result<Perch, Error> {
        let mut perch = Perch::new(&bird.name_any(), PerchFields { branch: bird.spec.branch.clone() });
        perch.metadata.resource_version = bird.resource_version();
        Ok(perch)
    }

    async fn update(&self, _: &RequestContext, bird: &Parent<Bird>, perch: Perch) -> Result<Perch, Error> {
        bird.update(|bird| {
            bird.spec.branch.clone_from(&perch.spec.branch);
            bird.metadata.resource_version = perch.resource_version();
            Ok(())
        })
        .await?;
        Ok(perch)
    }
}

struct BirdSong;

impl Connect for BirdSong {
    type Parent = Bird;
    const NAME: &'static str = "song";
    const METHODS: &'static [Method] = &[Method::GET];

    async fn connect(
        &self,
        _: &RequestContext,
        bird: Parent<Bird>,
        request: ConnectRequest,
    ) -> Result<Response<Body>, Error> {
        match request.path.as_str() {
            "" => Ok(Response::new(lines(bird))),
            "talk" => request.websocket(async move |mut socket| {
                while let Some(message) = socket.recv().await {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
            }),
            path => Err(Error::bad_request(format!("there is nothing at {path:?}"))),
        }
    }
}

fn lines(bird: Parent<Bird>) -> Body {
    let (sender, body) = Body::channel(1);
    tokio::spawn(async move {
        for number in 1..=3 {
            if sender.send(format!("{number}: {}\n", bird.name_any())).await.is_err() {
                return; // nobody listens any more
            }
        }
    });
    body
}

fn install(apis: &mut Apis) {
    apis.add(BirdStrategy).subresource(BirdFeeding).connect(BirdSong);
}

fn robin() -> Bird {
    Bird::new("robin", BirdSpec { diet: "seeds".into(), grams: 20, branch: String::new() })
}

#[tokio::test]
async fn a_bird_answers() {
    let server = TestServer::start(install).await;
    let birds: Api<Bird> = server.api_in("default");
    birds.create(&PostParams::default(), &robin()).await.unwrap();

    let meal = Feeding::new("robin", FeedingFields { grams: 5 });
    let _: Feeding = birds.create_subresource("feeding", "robin", &PostParams::default(), &meal).await.unwrap();
    assert_eq!(birds.get("robin").await.unwrap().spec.grams, 25);

    let mut socket = server.websocket(&format!("{}/robin/song/talk", birds.resource_url())).await;
    socket.send("tic-tic").await.unwrap();
    assert_eq!(socket.recv().await, Some("tic-tic".into()));
}

#[tokio::test]
async fn what_the_guide_says_besides_is_true() {
    let server = TestServer::start(|apis| {
        apis.add(BirdStrategy).subresource(BirdFeeding).subresource(BirdPerch).connect(BirdSong);
    })
    .await;
    let birds: Api<Bird> = server.api_in("default");
    birds.create(&PostParams::default(), &robin()).await.unwrap();
    let url = format!("{}/robin", birds.resource_url());
    let song = apiserver::http::Request::get(format!("{url}/song")).body(Vec::new()).unwrap();
    assert_eq!(server.client().request_text(song).await.unwrap(), "1: robin\n2: robin\n3: robin\n");

    let put = async |perch: &Perch| {
        let request = apiserver::http::Request::put(format!("{url}/perch")).header("content-type", "application/json");
        server.request(request.body(serde_json::to_vec(perch).unwrap()).unwrap()).await.status()
    };
    let perch = apiserver::http::Request::get(format!("{url}/perch")).body("").unwrap();
    let mut perch: Perch = serde_json::from_slice(server.request(perch).await.body()).unwrap();
    perch.spec.branch = "oak".into();
    assert_eq!((put(&perch).await.as_u16(), put(&perch).await.as_u16()), (200, 409));
    let patch = Patch::Merge(json!({"branch": "elm"}));
    let request = kube::core::Request::new(birds.resource_url());
    let request = request.patch_subresource("perch", "robin", &PatchParams::default(), &patch).unwrap();
    let patched: Perch = server.client().request(request).await.unwrap();
    assert_eq!(patched.spec.branch, "elm");
}
