//! Who the controllers inside the server are, when they read and write: users as they are in a cluster, so that hooks,
//! admission and managed fields see the same as there.

use std::sync::Arc;

use crate::authorization::privileged::MASTERS;
use crate::kind::{Kind, Verb};
use crate::request::context::RequestContext;
use crate::request::user::UserInfo;

/// What Kubernetes' own controllers are called in managed fields.
const FIELD_MANAGER: &str = "kube-controller-manager";

/// A controller inside the server.
#[derive(Clone, Debug)]
pub struct Caller {
    user: Arc<UserInfo>,
    field_manager: &'static str,
}

impl Caller {
    /// The controller with a service account of this name in `kube-system`.
    pub fn of_service_account(name: &str) -> Self {
        let groups = ["system:serviceaccounts", "system:serviceaccounts:kube-system"].map(str::to_owned);
        let user = UserInfo::authenticated(&format!("system:serviceaccount:kube-system:{name}"), groups);
        Self { user: Arc::new(user), field_manager: FIELD_MANAGER }
    }

    /// The server itself.
    pub fn server() -> Self {
        let user = UserInfo::authenticated("system:apiserver", [MASTERS.to_owned()]);
        Self { user: Arc::new(user), field_manager: "kube-apiserver" }
    }

    /// A request of its own for an object, in the version that is stored.
    pub fn request(&self, kind: &Kind, verb: Verb, namespace: &str, name: &str) -> RequestContext {
        let version = kind.storage_version();
        let mut cx = RequestContext::default();
        cx.user = self.user.clone();
        cx.verb = verb.name().into();
        cx.group = version.group.clone();
        cx.resource = kind.plural.clone();
        cx.namespace = namespace.to_owned();
        cx.name = name.to_owned();
        cx.version = version.version.clone();
        cx.field_manager = self.field_manager.to_owned();
        cx
    }
}
