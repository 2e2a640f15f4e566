//! Writes the roles and bindings that are there from the start, and keeps roles that are made of others up to date. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/rbac/rest/storage_rbac.go>

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::core::{Selector, SelectorExt};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::authorization::privileged::MASTERS;
use crate::authorization::rbac::aggregate::aggregated;
use crate::authorization::rbac::{GROUP, bootstrap};
use crate::endpoints::Endpoints;
use crate::kind::{Typed, Verb};
use crate::registry::delete::DeleteOptions;
use crate::registry::error::Error;
use crate::registry::object::Object;
use crate::registry::read::Freshness;
use crate::registry::rest::Rest;
use crate::registry::update::Change;
use crate::request::context::RequestContext;
use crate::request::user::UserInfo;
use crate::storage::cache::WatchCache;

/// How long to wait after something failed.
const RETRY: Duration = Duration::from_secs(1);
/// Roles are made of roles that are made of roles: how often all are looked at after one change, at most.
const PASSES_MAX: usize = 16;

/// What works in the background, until dropped.
pub struct Bootstrap {
    task: JoinHandle<()>,
    done: watch::Receiver<bool>,
}

impl Bootstrap {
    /// Starts, where ClusterRoles are served. `roles` is their cache.
    pub fn start(endpoints: &Arc<Endpoints>, roles: Arc<WatchCache<Object>>) -> Option<Self> {
        let of = |plural: &str| {
            let wanted = |rest: &&Arc<dyn Rest>| rest.kind().group == GROUP && rest.kind().plural == plural;
            endpoints.resources().find(wanted).cloned()
        };
        let (cluster_roles, bindings) = (of("clusterroles")?, of("clusterrolebindings")?);
        let (sender, done) = watch::channel(false);
        let endpoints = endpoints.clone();
        let task = tokio::spawn(async move {
            endpoints.filled().await;
            drop(endpoints);
            while let Err(error) = write_all(&*cluster_roles, &*bindings).await {
                failed("the roles that are there from the start could not be written", &error);
                tokio::time::sleep(RETRY).await;
            }
            let waiter = roles.waiter(roles.prefix());
            loop {
                let told = waiter.told();
                let settled = aggregate(&*cluster_roles, &roles).await;
                sender.send_replace(true);
                if let Err(error) = settled {
                    failed("a role that is made of others could not be written", &error);
                    tokio::time::sleep(RETRY).await;
                } else {
                    waiter.changed(&told).await;
                }
            }
        });
        Some(Self { task, done })
    }

    /// Tells whether everything has been written once.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.done.clone()
    }
}

impl Drop for Bootstrap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn write_all(roles: &dyn Rest, bindings: &dyn Rest) -> Result<(), Error> {
    for role in bootstrap::cluster_roles() {
        ensure(roles, &role, |stored| bootstrap::reconciled_role(stored, &role)).await?;
    }
    for binding in bootstrap::cluster_role_bindings() {
        let stored: Option<ClusterRoleBinding> = read(bindings, &binding).await?;
        let Some(stored) = stored else {
            ensure(bindings, &binding, |_| None).await?;
            continue;
        };
        let Some(wanted) = bootstrap::reconciled_binding(&stored, &binding) else { continue };
        // The role of a binding cannot be changed.
        if stored.role_ref != wanted.role_ref {
            let cx = request(bindings, Verb::Delete, name(&binding), BOOTSTRAP);
            bindings.delete(&cx, bindings.kind().storage_version(), &DeleteOptions::default()).await?;
            ensure(bindings, &binding, |_| None).await?;
            continue;
        }
        ensure(bindings, &binding, |stored| bootstrap::reconciled_binding(stored, &binding)).await?;
    }
    Ok(())
}

/// Creates an object that is not there, or changes it as `reconciled` says.
async fn ensure<K: Typed>(rest: &dyn Rest, given: &K, reconciled: impl Fn(&K) -> Option<K>) -> Result<(), Error> {
    let version = rest.kind().storage_version();
    let value = |object: &K| {
        let mut value = serde_json::to_value(object).map_err(Error::internal)?;
        value["apiVersion"] = K::api_version(&()).into();
        value["kind"] = K::kind(&()).into();
        Ok::<_, Error>(value)
    };
    let Some(stored) = read::<K>(rest, given).await? else {
        let cx = request(rest, Verb::Create, name(given), BOOTSTRAP);
        return match rest.create(&cx, version, value(given)?).await {
            // Another server of the same store was first.
            Err(Error::AlreadyExists { .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
    };
    let Some(wanted) = reconciled(&stored) else { return Ok(()) };
    let wanted = value(&wanted)?;
    let cx = request(rest, Verb::Update, name(given), BOOTSTRAP);
    rest.update(&cx, version, Change::Edit(&mut |_| Ok(wanted.clone()))).await.map(drop)
}

async fn read<K: Typed>(rest: &dyn Rest, given: &K) -> Result<Option<K>, Error> {
    let cx = request(rest, Verb::Get, name(given), BOOTSTRAP);
    match rest.get(&cx, Freshness::Consistent).await {
        Ok(object) => Ok(Some(typed(&object)?)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the rules of those roles that are made of others and do not have them yet.
async fn aggregate(rest: &dyn Rest, cache: &WatchCache<Object>) -> Result<(), Error> {
    for _ in 0..PASSES_MAX {
        let mut changed = false;
        let roles = relevant(cache)?;
        let all: Vec<&ClusterRole> = roles.iter().collect();
        for role in &all {
            let Some(rules) = aggregated(role, &all) else { continue };
            changed = true;
            let applied = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": { "name": name(*role) }, "rules": rules,
            });
            let cx = request(rest, Verb::Patch, name(*role), AGGREGATION);
            let change = Change::Apply { applied: &applied, force: true, check: &|_| Ok(()) };
            match rest.update(&cx, rest.kind().storage_version(), change).await {
                // It was deleted meanwhile.
                Ok(_) | Err(Error::NotFound { .. } | Error::WouldCreate { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if !changed {
            break;
        }
    }
    Ok(())
}

/// The roles that are made of others, and those that they are made of; the rest is not worth reading.
fn relevant(cache: &WatchCache<Object>) -> Result<Vec<ClusterRole>, Error> {
    let objects = cache.snapshot(cache.prefix(), |_| true).objects;
    let (made, plain): (Vec<_>, Vec<_>) = objects.into_iter().partition(|object| is_made_of_others(object));
    let mut roles: Vec<ClusterRole> = made.iter().map(|object| typed(object)).collect::<Result<_, _>>()?;
    let selectors: Vec<Selector> = roles
        .iter()
        .filter_map(|role| role.aggregation_rule.as_ref()?.cluster_role_selectors.as_ref())
        .flatten()
        .filter_map(|selector| Selector::try_from(selector.clone()).ok())
        .collect();
    for object in plain {
        let labels = object.summary.labels.to_map();
        if selectors.iter().any(|selector| selector.matches(&labels)) {
            roles.push(typed(&object)?);
        }
    }
    Ok(roles)
}

fn is_made_of_others(object: &Object) -> bool {
    const FIELD: &[u8] = b"\"aggregationRule\"";
    object.stored().windows(FIELD.len()).any(|bytes| bytes == FIELD)
}

fn typed<K: Typed>(object: &Object) -> Result<K, Error> {
    K::deserialize(&object.value().map_err(Error::internal)?).map_err(Error::internal)
}

fn name<K: Typed>(object: &K) -> &str {
    object.meta().name.as_deref().unwrap_or_default()
}

/// Who writes, and what that is called in managed fields: as in Kubernetes.
const BOOTSTRAP: (&str, &str) = ("system:apiserver", "kube-apiserver");
const AGGREGATION: (&str, &str) =
    ("system:serviceaccount:kube-system:clusterrole-aggregation-controller", "clusterrole-aggregation-controller");

fn request(rest: &dyn Rest, verb: Verb, name: &str, (user, manager): (&str, &str)) -> RequestContext {
    let kind = rest.kind();
    let mut cx = RequestContext::default();
    cx.user = Arc::new(UserInfo::authenticated(user, [MASTERS.to_owned()]));
    cx.verb = verb.name().into();
    cx.group = kind.group.clone();
    cx.resource = kind.plural.clone();
    cx.name = name.to_owned();
    cx.version = kind.storage_version().version.clone();
    cx.field_manager = manager.to_owned();
    cx
}

fn failed(what: &str, error: &Error) {
    tracing::warn!(error = error as &dyn std::error::Error, "{what}");
}
