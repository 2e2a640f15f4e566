//! docs/hooks.md

use apiserver::{Apis, RequestContext, Strategy, TestServer, field};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1alpha1", kind = "Bird", namespaced, status = "BirdStatus")]
#[serde(rename_all = "camelCase")]
pub struct BirdSpec {
    pub species: String,
    #[serde(default = "seeds")]
    pub diet: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wingspan: Option<u32>,
    #[serde(default)]
    pub songs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring: Option<String>,
    #[serde(default)]
    pub breeding: bool,
}

fn seeds() -> String {
    "seeds".to_owned()
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct BirdStatus {
    pub phase: Option<String>,
}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;

    fn defaulting(&self, bird: &mut Bird) {
        let small = ["robin", "wren"].contains(&bird.spec.species.as_str());
        bird.spec.wingspan.get_or_insert(if small { 20 } else { 60 });
    }

    fn prepare_for_create(&self, cx: &RequestContext, bird: &mut Bird) {
        bird.status = Some(BirdStatus { phase: Some("Egg".to_owned()) });
        bird.annotations_mut().insert("demo.example.com/keeper".to_owned(), cx.user.username.clone());
    }

    fn prepare_for_update(&self, _cx: &RequestContext, new: &mut Bird, old: &Bird) {
        // Clients that do not know of rings leave them out; a ring stays on all the same.
        if new.spec.ring.is_none() {
            new.spec.ring = old.spec.ring.clone();
        }
    }

    fn validate(&self, _cx: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.species.is_empty() {
            errors.required("spec.species", "every bird is of a kind");
        }
        for (index, song) in bird.spec.songs.iter().enumerate() {
            if song.len() > 80 {
                errors.too_long(format!("spec.songs[{index}]"), 80);
            }
        }
        if bird.spec.wingspan == Some(0) {
            errors.invalid("spec.wingspan", 0, "must be greater than 0");
        }
        if !["seeds", "worms", "fish"].contains(&bird.spec.diet.as_str()) {
            errors.not_supported("spec.diet", &bird.spec.diet, &["seeds", "worms", "fish"]);
        }
    }

    fn validate_update(&self, cx: &RequestContext, new: &Bird, old: &Bird, errors: &mut field::Errors) {
        self.validate(cx, new, errors);
        if new.spec.species != old.spec.species {
            errors.forbidden("spec.species", "a bird cannot become another");
        }
    }

    fn warnings_on_create(&self, _cx: &RequestContext, bird: &Bird) -> Vec<String> {
        match bird.spec.wingspan {
            Some(cm) if cm > 370 => vec![format!("spec.wingspan: no living bird measures {cm} cm")],
            _ => Vec::new(),
        }
    }

    fn warnings_on_update(&self, cx: &RequestContext, new: &Bird, _old: &Bird) -> Vec<String> {
        self.warnings_on_create(cx, new)
    }

    fn canonicalize(&self, bird: &mut Bird) {
        bird.spec.songs.sort();
        bird.spec.songs.dedup();
    }

    fn validate_delete(&self, cx: &RequestContext, bird: &Bird, errors: &mut field::Errors) {
        if bird.spec.breeding && !cx.user.groups.iter().any(|group| group == "rangers") {
            errors.forbidden("spec.breeding", "only rangers may take a breeding bird");
        }
    }

    fn prepare_for_delete(&self, _cx: &RequestContext, bird: &mut Bird) {
        bird.status = Some(BirdStatus { phase: Some("Leaving".to_owned()) });
    }

    fn allow_unconditional_update(&self) -> bool {
        true
    }
}

fn install(apis: &mut Apis) {
    apis.add(BirdStrategy);
}

async fn start() -> (TestServer, Api<Bird>) {
    let server = TestServer::start(install).await;
    let birds = server.api_in("default");
    (server, birds)
}

fn robin() -> Bird {
    Bird::new("robin", BirdSpec { species: "robin".into(), diet: seeds(), ..BirdSpec::default() })
}

async fn create(birds: &Api<Bird>, change: impl FnOnce(&mut Bird)) -> kube::Result<Bird> {
    let mut bird = robin();
    change(&mut bird);
    birds.create(&PostParams::default(), &bird).await
}

async fn patch(birds: &Api<Bird>, patch: Value) -> kube::Result<Bird> {
    birds.patch("robin", &PatchParams::default(), &Patch::Merge(patch)).await
}

fn refusal<T: std::fmt::Debug>(result: kube::Result<T>) -> String {
    match result {
        Err(kube::Error::Api(status)) if status.code == 422 => status.message.clone(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_new_object_is_filled_in_prepared_and_put_in_order() {
    let (_server, birds) = start().await;
    let bird = create(&birds, |bird| bird.spec.songs = vec!["b".into(), "a".into(), "b".into()]).await.unwrap();
    assert_eq!(bird.spec.wingspan, Some(20));
    assert_eq!(bird.spec.songs, ["a", "b"]);
    assert_eq!(bird.status.as_ref().unwrap().phase.as_deref(), Some("Egg"));
    assert_eq!(bird.annotations()["demo.example.com/keeper"], "test-admin");
}

#[tokio::test]
async fn the_schema_fills_in_what_it_can_say() {
    let (server, _birds) = start().await;
    let path = "/apis/demo.example.com/v1alpha1/namespaces/default/birds";
    let wren = r#"{"apiVersion": "demo.example.com/v1alpha1", "kind": "Bird", "metadata": {"name": "wren"}, "spec": {"species": "wren"}}"#;
    let request = http::Request::post(path).header("content-type", "application/json").body(wren).unwrap();
    let answer: Value = serde_json::from_slice(server.request(request).await.body()).unwrap();
    assert_eq!(answer["spec"]["diet"], "seeds");
}

#[tokio::test]
async fn every_error_is_told_at_once() {
    let (_server, birds) = start().await;
    let refused = refusal(
        create(&birds, |bird| {
            bird.spec.species = String::new();
            bird.spec.wingspan = Some(0);
            bird.spec.diet = "cake".into();
            bird.spec.songs = vec!["la".repeat(50)];
        })
        .await,
    );
    for part in [
        "spec.species: Required value: every bird is of a kind",
        "spec.wingspan: Invalid value: 0: must be greater than 0",
        r#"spec.diet: Unsupported value: "cake": supported values: "seeds", "worms", "fish""#,
        "spec.songs[0]: Too long: may not be more than 80 bytes",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[tokio::test]
async fn an_update_keeps_rings_and_species() {
    let (_server, birds) = start().await;
    create(&birds, |bird| bird.spec.ring = Some("A7".into())).await.unwrap();
    let bird = patch(&birds, json!({"spec": {"ring": null, "wingspan": 21}})).await.unwrap();
    assert_eq!((bird.spec.ring.as_deref(), bird.spec.wingspan), (Some("A7"), Some(21)));
    let refused = refusal(patch(&birds, json!({"spec": {"species": "wren"}})).await);
    assert!(refused.contains("spec.species: Forbidden: a bird cannot become another"), "{refused}");
    let refused = refusal(patch(&birds, json!({"spec": {"wingspan": 0}})).await);
    assert!(refused.contains("must be greater than 0"), "{refused}");
}

#[tokio::test]
async fn warnings_reach_the_client() {
    let (server, birds) = start().await;
    let warning = async |request: http::request::Builder, name: &str, cm: u32| {
        let spec = json!({"species": "roc", "wingspan": cm});
        let body = json!({"apiVersion": "demo.example.com/v1alpha1", "kind": "Bird", "metadata": {"name": name}, "spec": spec});
        let answer = server.request(request.body(body.to_string()).unwrap()).await;
        answer.headers().get("warning").map(|warning| warning.to_str().unwrap().to_owned())
    };
    let path = "/apis/demo.example.com/v1alpha1/namespaces/default/birds";
    let post = || http::Request::post(path).header("content-type", "application/json");
    let expect = r#"299 - "spec.wingspan: no living bird measures 900 cm""#;
    assert_eq!(warning(post(), "roc", 900).await.as_deref(), Some(expect));
    assert_eq!(warning(post(), "kite", 170).await, None);
    let patch = http::Request::patch(format!("{path}/kite")).header("content-type", "application/merge-patch+json");
    assert!(warning(patch, "kite", 901).await.is_some());
    assert_eq!(birds.get("kite").await.unwrap().spec.wingspan, Some(901));
}

#[tokio::test]
async fn a_delete_may_be_refused_or_marked() {
    let (server, birds) = start().await;
    create(&birds, |bird| {
        bird.spec.breeding = true;
        bird.metadata.finalizers = Some(vec!["demo.example.com/farewell".into()]);
    })
    .await
    .unwrap();
    let refused = refusal(birds.delete("robin", &DeleteParams::default()).await);
    assert!(refused.contains("spec.breeding: Forbidden: only rangers may take a breeding bird"), "{refused}");
    let ranger = server.client_as(apiserver::request::user::UserInfo::authenticated("ann", ["rangers".to_owned()]));
    let birds: Api<Bird> = Api::default_namespaced(ranger);
    birds.delete("robin", &DeleteParams::default()).await.unwrap();
    let leaving = birds.get("robin").await.unwrap();
    assert!(leaving.metadata.deletion_timestamp.is_some());
    assert_eq!(leaving.status.unwrap().phase.as_deref(), Some("Leaving"));
}

#[tokio::test]
async fn an_update_may_leave_out_the_version_where_the_strategy_lets_it() {
    let (_server, birds) = start().await;
    create(&birds, |_| {}).await.unwrap();
    let replaced = birds.replace("robin", &PostParams::default(), &robin()).await.unwrap();
    assert_eq!(replaced.spec.species, "robin");
}
