use std::time::Duration;

use apiserver::TestServer;
use apiserver::testing::{Faults, trials};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use redis_operator::{LOOK_AGAIN, Redis, RedisSpec, RedisStatus};
use serde_json::json;
use tokio::process::Command;
use tokio::task::JoinHandle;

async fn start() -> TestServer {
    TestServer::builder().crd_yaml(include_str!("../config/redises.yaml")).native::<StatefulSet>().serve().await
}

fn operate(client: Client) -> JoinHandle<()> {
    tokio::spawn(redis_operator::run(client))
}

async fn create(server: &TestServer, name: &str, replicas: i32) {
    let redises: Api<Redis> = server.api_in("default");
    redises.create(&PostParams::default(), &Redis::new(name, RedisSpec { replicas })).await.unwrap();
}

fn has_replicas(count: i32) -> impl Fn(Option<&StatefulSet>) -> bool {
    move |set| set.and_then(|set| set.spec.as_ref()).is_some_and(|spec| spec.replicas == Some(count))
}

#[tokio::test]
async fn a_redis_gets_a_stateful_set() {
    let server = start().await;
    let operator = operate(server.client());

    create(&server, "sessions", 3).await;

    let sets: Api<StatefulSet> = server.api_in("default");
    let set = server.eventually(&sets, "sessions", has_replicas(3)).await.unwrap();
    assert_eq!(set.metadata.owner_references.unwrap()[0].kind, "Redis");
    operator.abort();
}

#[tokio::test]
async fn the_crd_is_held_to_its_rules() {
    let server = start().await;
    let redises: Api<Redis> = server.api_in("default");
    let even = Redis::new("sessions", RedisSpec { replicas: 2 });
    let refused = redises.create(&PostParams::default(), &even).await.unwrap_err();
    assert!(refused.to_string().contains("an even number cannot elect a leader"), "{refused}");
}

#[tokio::test]
async fn the_status_follows_the_pods() {
    let server = start().await;
    let operator = operate(server.client());
    create(&server, "sessions", 3).await;
    let sets: Api<StatefulSet> = server.api_in("default");
    server.eventually(&sets, "sessions", has_replicas(3)).await;

    // There is no kubelet here: the test says what one would.
    let status = json!({"status": {"replicas": 3, "readyReplicas": 3}});
    sets.patch_status("sessions", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();

    let redises: Api<Redis> = server.api_in("default");
    let ready = |redis: Option<&Redis>| {
        redis.is_some_and(|redis| redis.status == Some(RedisStatus { ready_replicas: Some(3) }))
    };
    server.eventually(&redises, "sessions", ready).await;
    operator.abort();
}

#[tokio::test]
async fn what_somebody_changed_is_changed_back() {
    let server = start().await;
    let operator = operate(server.client());
    create(&server, "sessions", 3).await;
    let sets: Api<StatefulSet> = server.api_in("default");
    server.eventually(&sets, "sessions", has_replicas(3)).await;

    let drift = Patch::Merge(json!({"spec": {"replicas": 7}}));
    sets.patch("sessions", &PatchParams::default(), &drift).await.unwrap();
    server.eventually(&sets, "sessions", has_replicas(3)).await;

    sets.delete("sessions", &DeleteParams::default()).await.unwrap();
    server.eventually(&sets, "sessions", has_replicas(3)).await;
    operator.abort();
}

#[tokio::test(start_paused = true)]
async fn it_arrives_where_it_should_on_any_day() {
    trials(0..50, async |trial| {
        let server = start().await;
        server.faults(trial.faults());
        let operator = operate(server.unreliable_client());
        for name in ["sessions", "carts"] {
            create(&server, name, 3).await;
        }
        server.advance(Duration::from_secs(60)).await;

        // From here on all goes well, and it must get there.
        server.calm();
        operator.abort();
        let operator = operate(server.unreliable_client());
        let sets: Api<StatefulSet> = server.api_in("default");
        for name in ["sessions", "carts"] {
            server.eventually(&sets, name, has_replicas(3)).await;
        }
        server.quiet().await;

        // Then there is nothing left to do, however often it looks.
        let before = server.writes();
        server.advance(2 * LOOK_AGAIN).await;
        server.restart().await;
        server.quiet().await;
        assert_eq!(server.writes(), before);
        operator.abort();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn it_looks_again_every_hour() {
    let server = start().await;
    let operator = operate(server.unreliable_client());
    create(&server, "sessions", 3).await;
    let sets: Api<StatefulSet> = server.api_in("default");
    server.eventually(&sets, "sessions", has_replicas(3)).await;
    server.quiet().await;

    // The deletion goes by unseen: nobody tells the operator of anything.
    server.faults(Faults::seeded(1).delayed_watches(1.0).delays_up_to(10 * LOOK_AGAIN));
    sets.delete("sessions", &DeleteParams::default()).await.unwrap();
    server.advance(LOOK_AGAIN + Duration::from_secs(1)).await;
    assert!(sets.get("sessions").await.is_ok());
    operator.abort();
}

#[tokio::test(start_paused = true)]
async fn events_are_gone_after_an_hour() {
    let server = start().await;
    let events: Api<Event> = server.api_in("default");
    let event = Event {
        metadata: kube::core::ObjectMeta { name: Some("hello".into()), ..Default::default() },
        involved_object: ObjectReference { namespace: Some("default".into()), ..Default::default() },
        ..Default::default()
    };
    events.create(&PostParams::default(), &event).await.unwrap();
    server.advance(Duration::from_secs(3500)).await;
    assert!(events.get_opt("hello").await.unwrap().is_some());
    server.advance(Duration::from_secs(200)).await;
    assert!(events.get_opt("hello").await.unwrap().is_none());
}

#[tokio::test]
async fn kubectl_sees_what_the_operator_sees() {
    let server = start().await;
    create(&server, "sessions", 3).await;
    let listening = server.listen().await;
    let kubeconfig = std::env::temp_dir().join(format!("kubeconfig-{}", listening.address().port()));
    std::fs::write(&kubeconfig, listening.kubeconfig()).unwrap();
    let kubectl = Command::new("kubectl").arg("--kubeconfig").arg(&kubeconfig).args(["get", "redises"]).output();
    let told = kubectl.await.expect("kubectl on this machine");
    let told = String::from_utf8_lossy(&told.stdout);
    assert!(told.contains("sessions   3"), "{told}");
    std::fs::remove_file(kubeconfig).unwrap();
}
