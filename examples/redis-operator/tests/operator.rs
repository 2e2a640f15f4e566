//! What the operator does. The server runs in the test's own process; StatefulSets and Services are
//! only stored there, and the test plays the part of the cluster.

use std::sync::Arc;

use apiserver::manager::{Context, conditions};
use apiserver::testing::trials;
use apiserver::{Manager, TestServer};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};

use redis_operator::apis;
use redis_operator::apis::cache::v1alpha1::redis::Redis;
use redis_operator::controllers;

const NAME: &str = "example";

#[tokio::test]
async fn a_redis_is_served_by_pods_that_are_configured_and_found() {
    let server = start().await;
    let redis = create(&server, "8.2", 2).await;
    let status = ready(&server).await.status.unwrap();
    assert_eq!((status.replicas, status.ready_replicas), (Some(2), Some(2)));
    let endpoint = "example-0.example.default.svc:6379";
    assert_eq!(status.endpoint.as_deref(), Some(endpoint));

    let set: StatefulSet = get(&server, NAME).await;
    let service: Service = get(&server, NAME).await;
    let config: ConfigMap = get(&server, NAME).await;
    let owner = redis.controller_owner_ref(&()).unwrap();
    for owners in [
        set.owner_references(),
        service.owner_references(),
        config.owner_references(),
    ] {
        assert_eq!(owners, std::slice::from_ref(&owner));
    }
    server.stop().await;
}

#[tokio::test]
async fn it_is_scaled_as_a_deployment_is() {
    let server = start().await;
    create(&server, "8.2", 1).await;
    let before = template(&server).await;
    let api: Api<Redis> = server.api_in("default");
    let three = Patch::Merge(json!({ "spec": { "replicas": 3 } }));
    let params = PatchParams::default();
    api.patch_scale(NAME, &params, &three).await.unwrap();
    ready(&server).await;
    let scale = api.get_scale(NAME).await.unwrap().status.unwrap();
    assert_eq!(scale.replicas, 3);
    let selector = "app.kubernetes.io/instance=example,app.kubernetes.io/name=redis";
    assert_eq!(scale.selector.as_deref(), Some(selector));
    assert_eq!(
        template(&server).await,
        before,
        "no pod that runs is made anew"
    );
    server.stop().await;
}

#[tokio::test]
async fn another_configuration_makes_the_pods_anew() {
    let server = start().await;
    create(&server, "8.2", 1).await;
    let before = template(&server).await;
    change(
        &server,
        json!({ "config": { "maxmemory-policy": "allkeys-lru" } }),
    )
    .await;
    ready(&server).await;
    assert_ne!(template(&server).await, before);
    let config: ConfigMap = get(&server, NAME).await;
    let file = &config.data.unwrap()["redis.conf"];
    assert!(file.contains("\nmaxmemory-policy allkeys-lru\n"), "{file}");
    server.stop().await;
}

#[tokio::test]
async fn what_somebody_breaks_is_mended() {
    let server = start().await;
    create(&server, "8.2", 1).await;
    ready(&server).await;
    let services: Api<Service> = server.api_in("default");
    let sets: Api<StatefulSet> = server.api_in("default");
    services
        .delete(NAME, &DeleteParams::default())
        .await
        .unwrap();
    let seven = Patch::Merge(json!({ "spec": { "replicas": 7 } }));
    let params = PatchParams::default();
    sets.patch(NAME, &params, &seven).await.unwrap();
    server.quiet().await;
    let set: StatefulSet = get(&server, NAME).await;
    assert_eq!(set.spec.unwrap().replicas, Some(1));
    services.get(NAME).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn an_older_version_does_not_get_the_data() {
    let server = start().await;
    create(&server, "8.4", 1).await;
    ready(&server).await;
    delete(&server).await;
    create(&server, "8.2", 1).await;
    let api: Api<Redis> = server.api_in("default");
    let refused = server.eventually(&api, NAME, |redis: Option<&Redis>| is(redis, "Downgrade"));
    assert_eq!(
        refused
            .await
            .unwrap()
            .status
            .unwrap()
            .data_version
            .as_deref(),
        Some("8.4")
    );
    server.quiet().await;
    let sets: Api<StatefulSet> = server.api_in("default");
    assert!(sets.get_opt(NAME).await.unwrap().is_none());
    change(&server, json!({ "version": "8.6" })).await;
    ready(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn whatever_goes_wrong_it_ends_as_asked() {
    trials(0..3, async |trial| {
        let server = start().await;
        server.faults(trial.faults());
        create(&server, "8.2", 1).await;
        for step in 0..5 {
            match trial.below(4) {
                0 => change(&server, json!({ "replicas": trial.below(4) })).await,
                1 => change(&server, json!({ "version": format!("8.{}", 3 + step) })).await,
                2 => change(&server, json!({ "config": { "hz": step.to_string() } })).await,
                _ => {
                    // It may not be there yet.
                    let sets: Api<StatefulSet> = server.api_in("default");
                    let _ = sets.delete(NAME, &DeleteParams::default()).await;
                }
            }
        }
        // From here on all goes well, and what was asked for last must come about.
        server.calm();
        let redis = ready(&server).await;
        server.quiet().await;
        let set: StatefulSet = get(&server, NAME).await;
        let set = set.spec.unwrap();
        assert_eq!(set.replicas, Some(redis.spec.replicas));
        let pod = &set.template.spec.unwrap().containers[0];
        assert_eq!(pod.image, Some(format!("redis:{}", redis.spec.version)));

        // Whoever comes next finds nothing to do.
        server.stop_controllers().await;
        let before = server.writes();
        server.start_controllers(install);
        server.quiet().await;
        assert_eq!(server.writes(), before);
        server.stop().await;
    })
    .await;
}

/// A server with the operator and what it needs of a cluster.
async fn start() -> TestServer {
    let server = TestServer::builder()
        .native::<StatefulSet>()
        .native::<Service>();
    let server = server.start(apis::install).await;
    server.start_controllers(install);
    server
}

fn install(manager: &mut Manager) {
    controllers::install(manager);
    manager.add("cluster", cluster);
}

/// Plays the part of a cluster.
async fn cluster(cx: Context) {
    cx.controller::<StatefulSet>().run(roll_out).await;
}

/// Whatever a StatefulSet asks for is so at once.
async fn roll_out(set: Arc<StatefulSet>, cx: Context) -> kube::Result<Action> {
    let replicas = set.spec.as_ref().and_then(|spec| spec.replicas);
    let status = Patch::Merge(json!({ "status": {
        "observedGeneration": set.metadata.generation,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
    } }));
    let sets: Api<StatefulSet> = Api::default_namespaced(cx.client());
    let params = PatchParams::default();
    sets.patch_status(&set.name_any(), &params, &status).await?;
    Ok(Action::await_change())
}

async fn create(server: &TestServer, version: &str, replicas: i32) -> Redis {
    let spec = json!({ "version": version, "replicas": replicas });
    let redis = Redis::new(NAME, serde_json::from_value(spec).unwrap());
    let api: Api<Redis> = server.api_in("default");
    api.create(&PostParams::default(), &redis).await.unwrap()
}

async fn change(server: &TestServer, spec: Value) {
    let api: Api<Redis> = server.api_in("default");
    let patch = Patch::Merge(json!({ "spec": spec }));
    let params = PatchParams::default();
    api.patch(NAME, &params, &patch).await.unwrap();
}

/// Deletes the Redis and waits until all that belongs to it is gone too.
async fn delete(server: &TestServer) {
    let api: Api<Redis> = server.api_in("default");
    api.delete(NAME, &DeleteParams::foreground()).await.unwrap();
    server
        .eventually(&api, NAME, |redis: Option<&Redis>| redis.is_none())
        .await;
}

/// Waits until the Redis is as its spec says.
async fn ready(server: &TestServer) -> Redis {
    let api: Api<Redis> = server.api_in("default");
    let ready = server.eventually(&api, NAME, |redis: Option<&Redis>| is(redis, "AllReady"));
    ready.await.unwrap()
}

/// Whether a Redis has got so far with what its spec says by now.
fn is(redis: Option<&Redis>, reason: &str) -> bool {
    let Some(redis) = redis else { return false };
    let Some(status) = &redis.status else {
        return false;
    };
    let ready = conditions::find(&status.conditions, "Ready");
    status.observed_generation == redis.metadata.generation
        && ready.is_some_and(|ready| ready.reason == reason)
}

/// What the pods are made from.
async fn template(server: &TestServer) -> Value {
    ready(server).await;
    let set: StatefulSet = get(server, NAME).await;
    json!(set.spec.unwrap().template)
}

async fn get<K>(server: &TestServer, name: &str) -> K
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    server.api_in("default").get(name).await.unwrap()
}
