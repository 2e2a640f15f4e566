//! What makes namespaces more than names: nothing is created in one that is not there or is on its way out, some are
//! always there, and each has an account.

mod accounts;
mod conditions;
mod deletion;
mod initial;
mod lifecycle;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::endpoints::Endpoints;
use crate::kind::Verb;
use crate::registry::object::Object;
use crate::registry::rest::Rest;
use crate::request::context::RequestContext;
use crate::standalone::caller::Caller;
use crate::storage::cache::WatchCache;

pub use self::deletion::ContentDeletion;
pub use self::lifecycle::NamespaceLifecycle;

/// The caches that tell of namespaces and their accounts.
pub struct Caches {
    /// Of Namespaces.
    pub namespaces: Arc<WatchCache<Object>>,
    /// Of ServiceAccounts.
    pub accounts: Arc<WatchCache<Object>>,
}

/// Makes namespaces and accounts until dropped.
pub struct Namespaces {
    tasks: [JoinHandle<()>; 2],
    made: watch::Receiver<bool>,
}

impl Namespaces {
    /// Starts to make the namespaces that are always there, and the account that each namespace has. `None` where the
    /// server keeps no such kinds.
    pub fn start(endpoints: &Endpoints, caches: Caches) -> Option<Self> {
        let find = |resource: &str| {
            let mut all = endpoints.resources();
            all.find(|rest| rest.kind().qualified_resource() == resource).cloned()
        };
        let (namespaces, accounts) = (find("namespaces")?, find("serviceaccounts")?);
        let (has_namespaces, first) = watch::channel(false);
        let (has_accounts, made) = watch::channel(false);
        let tasks = [
            tokio::spawn(initial::run(namespaces, has_namespaces)),
            tokio::spawn(accounts::run(accounts, caches, first, has_accounts)),
        ];
        Some(Self { tasks, made })
    }

    /// Tells whether the namespaces that are always there have been made, with their accounts.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.made.clone()
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// A create of what is always there.
fn creation(caller: &Caller, rest: &dyn Rest, namespace: &str, name: &str) -> RequestContext {
    let mut cx = caller.request(rest.kind(), Verb::Create, namespace, name);
    cx.unasked = true;
    cx
}
