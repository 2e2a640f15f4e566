//! Makes true what each Flock asks for.

use std::sync::Arc;
use std::time::Duration;

use apiserver::manager::{Context, conditions};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{Error, Event, finalizer};
use kube::{Api, ResourceExt};

use crate::apis::demo::v1::flock::Flock;

/// The condition that this controller keeps.
const CONDITION: &str = "Ready";

/// Holds a deleted object until `cleanup` has had its turn.
const FINALIZER: &str = "demo.special.example.com/flock";

/// Where all is that belongs to an object, which has no namespace itself.
const NAMESPACE: &str = "default";

/// After how long an object is looked at again although nothing has told of a change.
const AGAIN: Duration = Duration::from_secs(600);

/// Calls `reconcile` for each object that is new or changes, and again when what belongs to it changes.
pub async fn run(cx: Context) {
    cx.controller::<Flock>()
        .owns::<ConfigMap>()
        .run(reconcile)
        .await;
}

/// Sees to one object. An error is logged, and tried again, later each time.
async fn reconcile(object: Arc<Flock>, cx: Context) -> Result<Action, Error<kube::Error>> {
    let api = Api::all(cx.client());
    finalizer(&api, FINALIZER, object, async |event| match event {
        Event::Apply(object) => apply(&object, &cx).await,
        Event::Cleanup(object) => cleanup(&object, &cx).await,
    })
    .await
}

/// Makes the world as the object says, and its status as the world is. What is so already is left alone.
async fn apply(object: &Flock, cx: &Context) -> kube::Result<Action> {
    let mut child = desired_config_map(object);
    cx.owned(&mut child, object);
    cx.apply(&child).await?;

    // Only what is said here is this controller's: what others say in the status stays theirs.
    let generation = object.metadata.generation;
    let mut status = object.status.clone().unwrap_or_default();
    status.observed_generation = generation;
    status.phase = Some("Ready".to_owned());
    status.replicas = object.spec.replicas;
    // What selects the parts of it.
    let name = object.name_any();
    status.selector = Some(format!("app.kubernetes.io/instance={name}"));
    let conditions = &mut status.conditions;
    conditions.retain(|condition| condition.type_ == CONDITION);
    let note = "All is as the spec says.";
    let news = conditions::mark_true(conditions, CONDITION, "Reconciled", note, generation);
    cx.apply_status(object, &status).await?;
    if news {
        cx.recorder().normal(object, "Reconciled", note);
    }
    Ok(Action::requeue(AGAIN))
}

/// Undoes what was done for an object, before it goes. May be called again.
async fn cleanup(object: &Flock, cx: &Context) -> kube::Result<Action> {
    // What an object owns would go after it anyway; this way it goes first.
    cx.delete(&desired_config_map(object)).await?;
    let note = "Nothing of it is left.";
    cx.recorder().normal(object, "CleanedUp", note);
    Ok(Action::await_change())
}

/// The ConfigMap that belongs to an object.
fn desired_config_map(object: &Flock) -> ConfigMap {
    let spec = serde_json::to_string(&object.spec).unwrap_or_default();
    let data = [("spec.json".to_owned(), spec)];
    ConfigMap {
        metadata: metadata(object),
        data: Some(data.into()),
        ..ConfigMap::default()
    }
}

/// What all that belongs to an object has in common.
fn metadata(object: &Flock) -> ObjectMeta {
    ObjectMeta {
        name: Some(format!("flock-{}", object.name_any())),
        namespace: Some(NAMESPACE.to_owned()),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use apiserver::testing::{Faults, trials};
    use apiserver::{Manager, TestServer};
    use k8s_openapi::api::events::v1::Event;
    use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
    use serde_json::json;

    use super::*;

    /// What belongs to the example.
    const CHILD: &str = "flock-example";

    #[tokio::test]
    async fn a_new_object_gets_what_belongs_to_it() {
        let server = start().await;
        let object = create(&server).await;
        let child = settled(&server).await;
        assert_eq!(child.owner_references()[0].uid, object.uid().unwrap());

        // Events are written by the end at the latest.
        server.stop_controllers().await;
        let events: Api<Event> = server.api();
        let events = events.list(&ListParams::default()).await.unwrap();
        let mut reasons = events.iter().map(|event| event.reason.as_deref());
        assert!(reasons.any(|reason| reason == Some("Reconciled")));
    }

    #[tokio::test]
    async fn what_somebody_changes_or_takes_away_is_made_good() {
        let server = start().await;
        create(&server).await;
        let child = settled(&server).await;
        let children = children(&server);

        let change = Patch::Merge(json!({ "data": null }));
        let params = PatchParams::default();
        children.patch(CHILD, &params, &change).await.unwrap();
        let is_whole = |now: Option<&ConfigMap>| now.is_some_and(|now| now.data == child.data);
        server.eventually(&children, CHILD, is_whole).await;

        let params = DeleteParams::default();
        children.delete(CHILD, &params).await.unwrap();
        let is_new = |now: Option<&ConfigMap>| now.is_some_and(|now| now.uid() != child.uid());
        server.eventually(&children, CHILD, is_new).await;
        server.stop().await;
    }

    #[tokio::test]
    async fn a_deleted_object_takes_along_what_belongs_to_it() {
        let server = start().await;
        create(&server).await;
        settled(&server).await;
        let objects = objects(&server);
        let params = DeleteParams::default();
        objects.delete("example", &params).await.unwrap();
        server.eventually(&objects, "example", is_gone).await;
        let child = children(&server).get_opt(CHILD).await.unwrap();
        assert!(child.is_none(), "it goes before the object does");
        server.stop().await;
    }

    #[tokio::test]
    async fn what_fails_is_tried_again() {
        let server = start().await;
        create(&server).await;
        settled(&server).await;

        // What is taken away now is made good once requests succeed again.
        let faults = Faults::seeded(1).errors(1.0);
        server.faults(faults.clone());
        let children = children(&server);
        let params = DeleteParams::default();
        children.delete(CHILD, &params).await.unwrap();
        while faults.injected().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.calm();
        server.eventually(&children, CHILD, is_there).await;
        server.stop().await;
    }

    /// Conflicts, watches that break, a server that restarts: all that a bad day brings.
    #[tokio::test]
    async fn whatever_happens_it_comes_to_rest_and_then_writes_nothing() {
        trials(0..3, async |trial| {
            let server = start().await;
            // The backend forgets everything when the server is started again.
            server.faults(trial.faults().restarts(0.0));
            create(&server).await;
            settled(&server).await;
            server.calm();
            server.quiet().await;

            // Another process, which looks at everything again.
            let writes = server.writes();
            server.stop_controllers().await;
            server.start_controllers(controllers);
            server.quiet().await;
            assert_eq!(server.writes(), writes);
            server.stop().await;
        })
        .await;
    }

    /// A server with this controller.
    async fn start() -> TestServer {
        let server = TestServer::start(crate::apis::install).await;
        server.start_controllers(controllers);
        server
    }

    fn controllers(manager: &mut Manager) {
        manager.add("flock", run);
    }

    fn objects(server: &TestServer) -> Api<Flock> {
        server.api()
    }

    fn children(server: &TestServer) -> Api<ConfigMap> {
        server.api_in("default")
    }

    async fn create(server: &TestServer) -> Flock {
        let mut object = example();
        object.metadata.name = Some("example".to_owned());
        let params = PostParams::default();
        objects(server).create(&params, &object).await.unwrap()
    }

    fn example() -> Flock {
        let sample = include_str!("../../../sample/flock.yaml");
        serde_saphyr::from_str(sample).unwrap()
    }

    /// Waits until all is as the example says, and gives what belongs to it.
    async fn settled(server: &TestServer) -> ConfigMap {
        let objects = objects(server);
        server.eventually(&objects, "example", is_ready).await;
        let children = children(server);
        let child = server.eventually(&children, CHILD, is_there).await;
        child.unwrap()
    }

    fn is_ready(object: Option<&Flock>) -> bool {
        let status = object.and_then(|object| object.status.as_ref());
        status.is_some_and(|status| conditions::is_true(&status.conditions, CONDITION))
    }

    fn is_there<K>(object: Option<&K>) -> bool {
        object.is_some()
    }

    fn is_gone<K>(object: Option<&K>) -> bool {
        object.is_none()
    }
}
