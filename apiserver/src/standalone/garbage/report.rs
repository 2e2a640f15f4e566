//! Events about owners that are in another namespace than those who name them. Source: `reportInvalidNamespaceOwnerRef` in
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/garbagecollector/graph_builder.go>

use serde_json::json;

use super::graph::Id;
use super::work::Worker;
use crate::kind::Verb;
use crate::registry::error::Error;
use crate::registry::metadata;

const REASON: &str = "OwnerRefInvalidNamespace";
const COMPONENT: &str = "garbage-collector-controller";

impl Worker {
    /// Tells of dependents that name an owner of another namespace. That this fails keeps nobody from going on.
    pub async fn report(&self, owner: &Id, dependents: Vec<Id>) {
        for dependent in dependents {
            if let Err(error) = self.report_one(owner, &dependent).await {
                tracing::debug!(object = &*dependent.place, error = %error, "an Event was not written");
            }
        }
    }

    async fn report_one(&self, owner: &Id, dependent: &Id) -> Result<(), Error> {
        let is_events = |kind: &crate::kind::Kind| kind.group.is_empty() && kind.plural == "events";
        let Some(events) = self.places.rests().find(|rest| is_events(rest.kind())) else { return Ok(()) };
        let Some(place) = self.places.locate(&dependent.place) else { return Ok(()) };
        let Some(facts) = self.read(&place).await?.filter(|facts| *facts.uid == *dependent.uid) else { return Ok(()) };
        let named = facts.owners.iter().find(|reference| *reference.uid == *owner.uid);
        let Some(reference) = named else { return Ok(()) };
        let message = format!(
            "ownerRef [{}/{}, namespace: {ns}, name: {}, uid: {}] does not exist in namespace {ns:?}",
            reference.api_version,
            reference.kind,
            reference.name,
            reference.uid,
            ns = place.namespace,
        );
        let kind = place.rest.kind();
        let now = metadata::now();
        let name = format!("{}.{:x}", place.name, jiff::Timestamp::now().as_nanosecond());
        let event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": place.namespace},
            "involvedObject": {
                "apiVersion": kind.storage_version().api_version(),
                "kind": kind.kind,
                "namespace": place.namespace,
                "name": place.name,
                "uid": facts.uid,
            },
            "reason": REASON,
            "message": message,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": "",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": "Warning",
        });
        let cx = self.caller.request(events.kind(), Verb::Create, place.namespace, "");
        events.create(&cx, events.kind().storage_version(), event).await.map(drop)
    }
}
