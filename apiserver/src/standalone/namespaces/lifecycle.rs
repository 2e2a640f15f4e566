//! Refuses what would be created in a namespace that is not there, or is on its way out, and the deletion of namespaces
//! that a system cannot be without. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/namespace/lifecycle/admission.go>

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::admission::{Denied, Guard, Operation, Target};
use crate::builtin;
use crate::registry::metadata;
use crate::registry::object::Object;
use crate::request::context::RequestContext;
use crate::storage::Store;
use crate::storage::cache::feed::Feed;
use crate::storage::cache::{Cached, WatchCache};

/// How long a request waits for the cache to be filled for the first time.
const WAIT: Duration = Duration::from_secs(3);

/// Namespaces that may not be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

/// Keeps objects out of namespaces that are not there. It decides by what is in memory, and asks the store only about
/// namespaces that are not: those that another server has just made.
pub struct NamespaceLifecycle {
    namespaces: Arc<WatchCache<Object>>,
    store: Arc<dyn Store>,
    feed: Arc<Feed>,
}

impl NamespaceLifecycle {
    /// A guard by the namespaces in a cache, which `feed` fills from a store.
    pub fn new(namespaces: Arc<WatchCache<Object>>, store: Arc<dyn Store>, feed: Arc<Feed>) -> Self {
        Self { namespaces, store, feed }
    }

    async fn find(&self, name: &str) -> Result<Option<Arc<Object>>, Denied> {
        if !self.feed.is_filled() && tokio::time::timeout(WAIT, self.feed.filled()).await.is_err() {
            return Err(Denied::new("not yet ready to handle request"));
        }
        let key = format!("{}{name}", self.namespaces.prefix());
        if let Some(found) = self.namespaces.get(&key) {
            return Ok(Some(found));
        }
        let stored = self.store.get(&key).await.map_err(Denied::internal)?;
        Ok(stored.map(|entry| Arc::new(Object::decode(self.namespaces.codec(), &entry))))
    }
}

#[async_trait]
impl Guard for NamespaceLifecycle {
    async fn check(&self, cx: &RequestContext, target: &Target<'_>, object: Option<&Value>) -> Result<(), Denied> {
        match target.operation {
            Operation::Delete if target.is_namespace() && IMMORTAL.contains(&cx.name.as_str()) => {
                Err(Denied { name: cx.name.clone(), ..Denied::new("this namespace may not be deleted") })
            }
            Operation::Create if target.kind.namespaced && !is_access_review(target) => {
                match self.find(&cx.namespace).await? {
                    None => Err(Denied::no_namespace(&cx.namespace)),
                    Some(found) if builtin::is_terminating(&found) => Err(terminating(cx, target, object)),
                    Some(_) => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

/// Who may do what in a namespace can be asked whether it is there or not: the answer must not tell.
fn is_access_review(target: &Target<'_>) -> bool {
    target.kind.plural == "localsubjectaccessreviews" && target.kind.group == "authorization.k8s.io"
}

fn terminating(cx: &RequestContext, target: &Target<'_>, object: Option<&Value>) -> Denied {
    let named = |field| object.map(|object| metadata::text(object, field)).unwrap_or_default();
    let names = [named("name"), cx.name.as_str(), named("generateName")];
    let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let namespace = &cx.namespace;
    let resource = crate::kind::qualified(&target.kind.plural, &target.version.group);
    let message = format!(
        "{resource} {name:?} is forbidden: unable to create new content in namespace {namespace} because it is being \
         terminated"
    );
    let cause = json!({
        "reason": "NamespaceTerminating",
        "message": format!("namespace {namespace} is being terminated"),
        "field": "metadata.namespace",
    });
    let mut details = json!({ "name": name, "kind": target.kind.plural, "causes": [cause] });
    if !target.version.group.is_empty() {
        details["group"] = target.version.group.as_str().into();
    }
    Denied::with_code(403, "Forbidden", message).with_details(details)
}
