//! Makes true what each Bird asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apiserver::manager::{Context, Lister, conditions};
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    Container, PodSpec, PodTemplateSpec, Secret, Service, ServicePort, ServiceSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ObjectMeta;
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{Error, Event, finalizer};
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt};

use crate::apis::demo::v1::bird::{Bird, BirdStatus};
use crate::apis::demo::v1::nest::Nest;
use crate::apis::demo::v1::note::{Note, NoteFields};

/// The condition that this controller keeps.
const CONDITION: &str = "HousekeeperReady";

/// Holds a deleted object until `cleanup` has had its turn.
const FINALIZER: &str = "demo.keepers.example.com/housekeeper";

/// Tells, in what belongs to an object, of the Secret that it goes by.
const SEEN_SECRET: &str = "demo.keepers.example.com/secret";

/// Tells, in what belongs to an object, of the Nest that it goes by.
const SEEN_NEST: &str = "demo.keepers.example.com/nest";

/// After how long an object is looked at again although nothing has told of a change.
const AGAIN: Duration = Duration::from_secs(600);

/// Calls `reconcile` for each object that is new or changes, and again when what belongs to it or what it goes by changes.
pub async fn run(cx: Context) {
    let objects_of_nest = cx.lister();
    cx.controller::<Bird>()
        .owns::<StatefulSet>()
        .owns::<Service>()
        .owns::<Note>()
        .watches::<Secret, _, _>(concerned_by_secret)
        .watches::<Nest, _, _>(move |changed| concerned_by_nest(&objects_of_nest, &changed))
        .run(reconcile)
        .await;
}

/// Sees to one object. An error is logged, and tried again, later each time.
async fn reconcile(object: Arc<Bird>, cx: Context) -> Result<Action, Error<kube::Error>> {
    let namespace = object.namespace().unwrap_or_default();
    let api = Api::namespaced(cx.client(), &namespace);
    finalizer(&api, FINALIZER, object, async |event| match event {
        Event::Apply(object) => apply(&object, &cx).await,
        Event::Cleanup(object) => cleanup(&object, &cx).await,
    })
    .await
}

/// Makes the world as the object says, and its status as the world is. What is so already is left alone.
async fn apply(object: &Bird, cx: &Context) -> kube::Result<Action> {
    let mut child = desired_stateful_set(object);
    child.annotations_mut().extend(seen(object, cx));
    cx.owned(&mut child, object);
    cx.apply(&child).await?;
    let mut child = desired_service(object);
    child.annotations_mut().extend(seen(object, cx));
    cx.owned(&mut child, object);
    cx.apply(&child).await?;
    let mut child = desired_note(object);
    child.annotations_mut().extend(seen(object, cx));
    cx.owned(&mut child, object);
    cx.apply(&child).await?;

    // Only what is said here is this controller's: what others say in the status stays theirs.
    let generation = object.metadata.generation;
    let mut status = BirdStatus {
        conditions: object.status.clone().unwrap_or_default().conditions,
        ..BirdStatus::default()
    };
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
async fn cleanup(object: &Bird, cx: &Context) -> kube::Result<Action> {
    // What an object owns would go after it anyway; this way it goes first.
    cx.delete(&desired_stateful_set(object)).await?;
    cx.delete(&desired_service(object)).await?;
    cx.delete(&desired_note(object)).await?;
    let note = "Nothing of it is left.";
    cx.recorder().normal(object, "CleanedUp", note);
    Ok(Action::await_change())
}

/// The StatefulSet that belongs to an object.
fn desired_stateful_set(object: &Bird) -> StatefulSet {
    let container = Container {
        name: "main".to_owned(),
        image: Some("registry.k8s.io/pause:3.10".to_owned()),
        ..Container::default()
    };
    let pod = PodSpec {
        containers: vec![container],
        ..PodSpec::default()
    };
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels(object)),
            ..ObjectMeta::default()
        }),
        spec: Some(pod),
    };
    let selector = LabelSelector {
        match_labels: Some(labels(object)),
        ..LabelSelector::default()
    };
    let spec = StatefulSetSpec {
        selector,
        template,
        ..StatefulSetSpec::default()
    };
    StatefulSet {
        metadata: metadata(object),
        spec: Some(spec),
        ..StatefulSet::default()
    }
}

/// The Service that belongs to an object.
fn desired_service(object: &Bird) -> Service {
    let port = ServicePort {
        port: 80,
        ..ServicePort::default()
    };
    let spec = ServiceSpec {
        selector: Some(labels(object)),
        ports: Some(vec![port]),
        ..ServiceSpec::default()
    };
    Service {
        metadata: metadata(object),
        spec: Some(spec),
        ..Service::default()
    }
}

/// The Note that belongs to an object.
fn desired_note(object: &Bird) -> Note {
    let mut child = Note::new("", NoteFields::default());
    child.metadata = metadata(object);
    child
}

/// What all that belongs to an object has in common.
fn metadata(object: &Bird) -> ObjectMeta {
    ObjectMeta {
        name: Some(format!("housekeeper-{}", object.name_any())),
        namespace: object.namespace(),
        labels: Some(labels(object)),
        ..ObjectMeta::default()
    }
}

/// By what the parts of an object are found.
fn labels(object: &Bird) -> BTreeMap<String, String> {
    let instance = "app.kubernetes.io/instance".to_owned();
    BTreeMap::from([(instance, object.name_any())])
}

/// Whom a change of a Secret concerns: the object of the same name.
fn concerned_by_secret(changed: Arc<Secret>) -> Vec<ObjectRef<Bird>> {
    let namespace = changed.namespace().unwrap_or_default();
    vec![ObjectRef::new(&changed.name_any()).within(&namespace)]
}

/// Whom a change of a Nest concerns: objects of the same name.
fn concerned_by_nest(objects: &Lister<Bird>, changed: &Nest) -> Vec<ObjectRef<Bird>> {
    let objects = objects.list("").into_iter();
    let concerned = objects.filter(|object| object.name_any() == changed.name_any());
    concerned
        .map(|object| ObjectRef::from_obj(&*object))
        .collect()
}

/// What an object goes by beside its own fields, read from memory. What belongs to the object tells of it, so that whoever
/// uses that sees when it is another.
fn seen(object: &Bird, cx: &Context) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    let all = cx.lister::<Secret>();
    let namespace = object.namespace().unwrap_or_default();
    if let Some(found) = all.get(&namespace, &object.name_any()) {
        let version = found.resource_version().unwrap_or_default();
        seen.insert(SEEN_SECRET.to_owned(), version);
    }
    let all = cx.lister::<Nest>();
    if let Some(found) = all.get("", &object.name_any()) {
        let version = found.resource_version().unwrap_or_default();
        seen.insert(SEEN_NEST.to_owned(), version);
    }
    seen
}

#[cfg(test)]
mod tests {
    use apiserver::testing::{Faults, trials};
    use apiserver::{Manager, TestServer};
    use k8s_openapi::api::events::v1::Event;
    use kube::api::{DeleteParams, ListParams, PostParams};

    use super::*;

    /// What belongs to the example.
    const CHILD: &str = "housekeeper-example";

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

        let params = DeleteParams::default();
        children.delete(CHILD, &params).await.unwrap();
        let is_new = |now: Option<&StatefulSet>| now.is_some_and(|now| now.uid() != child.uid());
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
            server.faults(trial.faults());
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
        let server = TestServer::builder()
            .native::<StatefulSet>()
            .native::<Service>()
            .start(crate::apis::install)
            .await;
        server.start_controllers(controllers);
        server
    }

    fn controllers(manager: &mut Manager) {
        manager.add("housekeeper", run);
    }

    fn objects(server: &TestServer) -> Api<Bird> {
        server.api_in("default")
    }

    fn children(server: &TestServer) -> Api<StatefulSet> {
        server.api_in("default")
    }

    async fn create(server: &TestServer) -> Bird {
        let mut object = example();
        object.metadata.name = Some("example".to_owned());
        let params = PostParams::default();
        objects(server).create(&params, &object).await.unwrap()
    }

    fn example() -> Bird {
        let sample = include_str!("../../../sample/bird.yaml");
        serde_saphyr::from_str(sample).unwrap()
    }

    /// Waits until all is as the example says, and gives what belongs to it.
    async fn settled(server: &TestServer) -> StatefulSet {
        let objects = objects(server);
        server.eventually(&objects, "example", is_ready).await;
        let children = children(server);
        let child = server.eventually(&children, CHILD, is_there).await;
        child.unwrap()
    }

    fn is_ready(object: Option<&Bird>) -> bool {
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
