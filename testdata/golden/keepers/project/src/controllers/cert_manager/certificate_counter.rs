//! Makes true what each Certificate asks for.

use std::sync::Arc;
use std::time::Duration;

use apiserver::manager::Context;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{Error, Event, finalizer};
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt};

use super::certificate::Certificate;

/// Holds a deleted object until `cleanup` has had its turn.
const FINALIZER: &str = "keepers.example.com/certificate-counter";

/// The cluster in which all is that belongs to an object; `--cluster prod=KUBECONFIG` tells where it is.
const CLUSTER: &str = "prod";

/// After how long an object is looked at again although nothing has told of a change.
const AGAIN: Duration = Duration::from_secs(600);

/// Calls `reconcile` for each object that is new or changes, and again when what belongs to it changes.
pub async fn run(cx: Context) {
    let cluster = cx.cluster(CLUSTER);
    cx.controller::<Certificate>()
        .watches_in::<ConfigMap, _, _>(&cluster, owner_of)
        .run(reconcile)
        .await;
}

/// Sees to one object. An error is logged, and tried again, later each time.
async fn reconcile(object: Arc<Certificate>, cx: Context) -> Result<Action, Error<kube::Error>> {
    let namespace = object.namespace().unwrap_or_default();
    let api = Api::namespaced(cx.client(), &namespace);
    finalizer(&api, FINALIZER, object, async |event| match event {
        Event::Apply(object) => apply(&object, &cx).await,
        Event::Cleanup(object) => cleanup(&object, &cx).await,
    })
    .await
}

/// Makes the world as the object says. What is so already is left alone.
async fn apply(object: &Certificate, cx: &Context) -> kube::Result<Action> {
    let cluster = cx.cluster(CLUSTER);
    let child = desired_config_map(object);
    let children = cluster.lister::<ConfigMap>();
    let namespace = child.namespace().unwrap_or_default();
    let is_new = children.get(&namespace, &child.name_any()).is_none();
    cluster.apply(&child).await?;
    if is_new {
        let note = "All is as it should be.";
        cx.recorder().normal(object, "Reconciled", note);
    }
    Ok(Action::requeue(AGAIN))
}

/// Undoes what was done for an object, before it goes. May be called again.
async fn cleanup(object: &Certificate, cx: &Context) -> kube::Result<Action> {
    let cluster = cx.cluster(CLUSTER);
    cluster.delete(&desired_config_map(object)).await?;
    let note = "Nothing of it is left.";
    cx.recorder().normal(object, "CleanedUp", note);
    Ok(Action::await_change())
}

/// The ConfigMap that belongs to an object.
fn desired_config_map(object: &Certificate) -> ConfigMap {
    let data = [("name".to_owned(), object.name_any())];
    ConfigMap {
        metadata: metadata(object),
        data: Some(data.into()),
        ..ConfigMap::default()
    }
}

/// What all that belongs to an object has in common.
fn metadata(object: &Certificate) -> ObjectMeta {
    ObjectMeta {
        name: Some(format!("certificate-counter-{}", object.name_any())),
        namespace: object.namespace(),
        ..ObjectMeta::default()
    }
}

/// Whose an object in the other cluster is: its name tells.
fn owner_of<K: ResourceExt>(child: Arc<K>) -> Option<ObjectRef<Certificate>> {
    let name = child.name_any();
    let owner = ObjectRef::new(name.strip_prefix("certificate-counter-")?);
    Some(owner.within(&child.namespace()?))
}

#[cfg(test)]
mod tests {
    use apiserver::testing::{Faults, trials};
    use apiserver::{Manager, TestServer};
    use k8s_openapi::api::events::v1::Event;
    use kube::CustomResourceExt;
    use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
    use serde_json::json;

    use super::*;

    /// What belongs to the example.
    const CHILD: &str = "certificate-counter-example";

    #[tokio::test]
    async fn a_new_object_gets_what_belongs_to_it() {
        let (server, there) = start().await;
        create(&server).await;
        settled(&there).await;

        // Events are written by the end at the latest.
        server.stop_controllers().await;
        let events: Api<Event> = server.api();
        let events = events.list(&ListParams::default()).await.unwrap();
        let mut reasons = events.iter().map(|event| event.reason.as_deref());
        assert!(reasons.any(|reason| reason == Some("Reconciled")));
    }

    #[tokio::test]
    async fn what_somebody_changes_or_takes_away_is_made_good() {
        let (server, there) = start().await;
        create(&server).await;
        let child = settled(&there).await;
        let children = children(&there);

        let change = Patch::Merge(json!({ "data": null }));
        let params = PatchParams::default();
        children.patch(CHILD, &params, &change).await.unwrap();
        let is_whole = |now: Option<&ConfigMap>| now.is_some_and(|now| now.data == child.data);
        there.eventually(&children, CHILD, is_whole).await;

        let params = DeleteParams::default();
        children.delete(CHILD, &params).await.unwrap();
        let is_new = |now: Option<&ConfigMap>| now.is_some_and(|now| now.uid() != child.uid());
        there.eventually(&children, CHILD, is_new).await;
        server.stop().await;
    }

    #[tokio::test]
    async fn a_deleted_object_takes_along_what_belongs_to_it() {
        let (server, there) = start().await;
        create(&server).await;
        settled(&there).await;
        let objects = objects(&server);
        let params = DeleteParams::default();
        objects.delete("example", &params).await.unwrap();
        server.eventually(&objects, "example", is_gone).await;
        let child = children(&there).get_opt(CHILD).await.unwrap();
        assert!(child.is_none(), "it goes before the object does");
        server.stop().await;
    }

    #[tokio::test]
    async fn what_fails_is_tried_again() {
        let (server, there) = start().await;
        create(&server).await;
        settled(&there).await;

        // What is taken away now is made good once requests succeed again.
        let faults = Faults::seeded(1).errors(1.0);
        there.faults(faults.clone());
        let children = children(&there);
        let params = DeleteParams::default();
        children.delete(CHILD, &params).await.unwrap();
        while faults.injected().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        there.calm();
        there.eventually(&children, CHILD, is_there).await;
        server.stop().await;
    }

    /// Conflicts, watches that break, a server that restarts: all that a bad day brings.
    #[tokio::test]
    async fn whatever_happens_it_comes_to_rest_and_then_writes_nothing() {
        trials(0..3, async |trial| {
            let (server, there) = start().await;
            server.faults(trial.faults());
            there.faults(trial.faults());
            create(&server).await;
            settled(&there).await;
            server.calm();
            there.calm();
            server.quiet().await;

            // Another process, which looks at everything again.
            let writes = server.writes() + there.writes();
            server.stop_controllers().await;
            server.start_controllers(|manager| controllers(manager, &there));
            server.quiet().await;
            assert_eq!(server.writes() + there.writes(), writes);
            server.stop().await;
        })
        .await;
    }

    /// A server with this controller, and the cluster in which it acts.
    async fn start() -> (TestServer, TestServer) {
        let server = TestServer::builder()
            .crd(Certificate::crd())
            .start(crate::apis::install)
            .await;
        let there = TestServer::start(crate::apis::install).await;
        server.start_controllers(|manager| controllers(manager, &there));
        (server, there)
    }

    fn controllers(manager: &mut Manager, there: &TestServer) {
        manager.cluster(CLUSTER, there.unreliable_client());
        manager.add("certificate-counter", run);
    }

    fn objects(server: &TestServer) -> Api<Certificate> {
        server.api_in("default")
    }

    fn children(server: &TestServer) -> Api<ConfigMap> {
        server.api_in("default")
    }

    async fn create(server: &TestServer) -> Certificate {
        let mut object = example();
        object.metadata.name = Some("example".to_owned());
        let params = PostParams::default();
        objects(server).create(&params, &object).await.unwrap()
    }

    fn example() -> Certificate {
        let object = json!({
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": {},
        });
        serde_json::from_value(object).unwrap()
    }

    /// Waits until all is as the example says, and gives what belongs to it.
    async fn settled(there: &TestServer) -> ConfigMap {
        let children = children(there);
        let child = there.eventually(&children, CHILD, is_there).await;
        child.unwrap()
    }

    fn is_there<K>(object: Option<&K>) -> bool {
        object.is_some()
    }

    fn is_gone<K>(object: Option<&K>) -> bool {
        object.is_none()
    }
}
