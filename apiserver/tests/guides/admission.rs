//! docs/admission.md

use apiserver::admission::{Admission, Attributes, Denied, Operation, Target};
use apiserver::{Apis, Strategy, TestServer, async_trait};
use kube::api::PostParams;
use kube::{Api, CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced)]
pub struct BirdSpec {
    pub nest: String,
}

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Nest")]
pub struct NestSpec {
    pub room: usize,
}

struct BirdStrategy;

impl Strategy for BirdStrategy {
    type Object = Bird;
}

struct NestStrategy;

impl Strategy for NestStrategy {
    type Object = Nest;
}

/// Lets no nest have more birds than there is room for.
pub struct Room;

#[async_trait]
impl Admission for Room {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.operation == Operation::Create && target.is::<Bird>()
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let Some(bird) = request.object_as::<Bird>()? else { return Ok(()) };
        let Some(nest) = request.objects().get::<Nest>("", &bird.spec.nest).await? else {
            return Err(format!("there is no nest {:?}", bird.spec.nest).into());
        };
        let birds = request.objects().list::<Bird>(request.namespace).await?;
        if birds.iter().filter(|other| other.spec.nest == bird.spec.nest).count() >= nest.spec.room {
            return Err("the nest is full".into());
        }
        Ok(())
    }
}

/// Notes who made an object, whatever it is.
pub struct Signature;

#[async_trait]
impl Admission for Signature {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.operation == Operation::Create && target.subresource.is_empty()
    }

    async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
        let user = request.user.username.clone();
        if let Some(object) = request.object_mut() {
            object["metadata"]["annotations"]["demo.example.com/made-by"] = user.into();
        }
        Ok(())
    }
}

pub fn install(apis: &mut Apis) {
    apis.add(BirdStrategy).add(NestStrategy);
    apis.admission(Room).admission(Signature);
}

#[tokio::test]
async fn a_nest_takes_as_many_birds_as_there_is_room_for() {
    let server = TestServer::start(install).await;
    let (birds, nests): (Api<Bird>, Api<Nest>) = (server.api_in("default"), server.api());
    let post = PostParams::default();
    let bird = |name: &str| Bird::new(name, BirdSpec { nest: "oak".into() });
    let refused = birds.create(&post, &bird("robin")).await.expect_err("no nest");
    let text = r#"birds.demo.example.com "robin" is forbidden: there is no nest "oak""#;
    assert!(refused.to_string().contains(text), "{refused}");
    nests.create(&post, &Nest::new("oak", NestSpec { room: 1 })).await.expect("a nest");
    let robin = birds.create(&post, &bird("robin")).await.expect("a bird");
    assert_eq!(robin.annotations()["demo.example.com/made-by"], "test-admin");
    let refused = birds.create(&post, &bird("wren")).await.expect_err("no room");
    assert!(refused.to_string().contains("the nest is full"), "{refused}");
}
