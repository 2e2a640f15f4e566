//! Makes true what each Certificate asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apiserver::AnyFields;
use apiserver::manager::{Context, Lister};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::ObjectMeta;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::apis::demo::v1::nest::Nest;

/// What is read of each Certificate: give a line to each field that `reconcile` needs.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "cert-manager.io",
    version = "v1",
    kind = "Certificate",
    namespaced,
    no_spec
)]
pub struct CertificateFields {
    /// All fields that have no line of their own.
    #[serde(flatten)]
    pub others: AnyFields,
}

/// Tells, in what belongs to an object, of the Secret that it goes by.
const SEEN_SECRET: &str = "keepers.example.com/secret";

/// Tells, in what belongs to an object, of the Nest that it goes by.
const SEEN_NEST: &str = "keepers.example.com/nest";

/// After how long an object is looked at again although nothing has told of a change.
const AGAIN: Duration = Duration::from_secs(600);

/// Calls `reconcile` for each object that is new or changes, and again when what belongs to it or what it goes by changes.
pub async fn run(cx: Context) {
    let objects_of_nest = cx.lister();
    cx.controller::<Certificate>()
        .owns::<ConfigMap>()
        .watches::<Secret, _, _>(concerned_by_secret)
        .watches::<Nest, _, _>(move |changed| concerned_by_nest(&objects_of_nest, &changed))
        .run(reconcile)
        .await;
}

/// Sees to one object. An error is logged, and tried again, later each time.
async fn reconcile(object: Arc<Certificate>, cx: Context) -> kube::Result<Action> {
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    apply(&object, &cx).await
}

/// Makes the world as the object says. What is so already is left alone.
async fn apply(object: &Certificate, cx: &Context) -> kube::Result<Action> {
    let mut child = desired_config_map(object);
    child.annotations_mut().extend(seen(object, cx));
    cx.owned(&mut child, object);
    let children = cx.lister::<ConfigMap>();
    let namespace = child.namespace().unwrap_or_default();
    let is_new = children.get(&namespace, &child.name_any()).is_none();
    cx.apply(&child).await?;
    if is_new {
        let note = "All is as it should be.";
        cx.recorder().normal(object, "Reconciled", note);
    }
    Ok(Action::requeue(AGAIN))
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
        name: Some(format!("certificate-{}", object.name_any())),
        namespace: object.namespace(),
        ..ObjectMeta::default()
    }
}

/// Whom a change of a Secret concerns: the object of the same name.
fn concerned_by_secret(changed: Arc<Secret>) -> Vec<ObjectRef<Certificate>> {
    let namespace = changed.namespace().unwrap_or_default();
    vec![ObjectRef::new(&changed.name_any()).within(&namespace)]
}

/// Whom a change of a Nest concerns: objects of the same name.
fn concerned_by_nest(objects: &Lister<Certificate>, changed: &Nest) -> Vec<ObjectRef<Certificate>> {
    let objects = objects.list("").into_iter();
    let concerned = objects.filter(|object| object.name_any() == changed.name_any());
    concerned
        .map(|object| ObjectRef::from_obj(&*object))
        .collect()
}

/// What an object goes by beside its own fields, read from memory. What belongs to the object tells of it, so that whoever
/// uses that sees when it is another.
fn seen(object: &Certificate, cx: &Context) -> BTreeMap<String, String> {
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
    use kube::Api;
    use kube::CustomResourceExt;
    use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
    use serde_json::json;

    use super::*;

    /// What belongs to the example.
    const CHILD: &str = "certificate-example";

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
        let children = children(&server);
        server.eventually(&children, CHILD, is_gone).await;
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
            .crd(Certificate::crd())
            .start(crate::apis::install)
            .await;
        server.start_controllers(controllers);
        server
    }

    fn controllers(manager: &mut Manager) {
        manager.add("certificate", run);
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
    async fn settled(server: &TestServer) -> ConfigMap {
        let children = children(server);
        let child = server.eventually(&children, CHILD, is_there).await;
        child.unwrap()
    }

    fn is_there<K>(object: Option<&K>) -> bool {
        object.is_some()
    }

    fn is_gone<K>(object: Option<&K>) -> bool {
        object.is_none()
    }
}
