//! A test server with kinds, a store or rights of one's own.

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Deserialize;
use serde_json::Value;

use super::TestServer;
use crate::apis::Apis;
use crate::builtin::Native;
use crate::standalone::Standalone;
use crate::storage::Store;
use crate::storage::memory::MemoryStore;

/// How a [`TestServer`] shall be; made by [`TestServer::builder`].
#[must_use = "nothing is started yet"]
pub struct TestServerBuilder {
    pub(super) apis: Apis,
    pub(super) store: Arc<dyn Store>,
    pub(super) standalone: Option<Standalone>,
}

impl Default for TestServerBuilder {
    fn default() -> Self {
        let store = Arc::new(MemoryStore::default());
        Self { apis: Apis::default(), store, standalone: Some(Standalone::default()) }
    }
}

impl TestServerBuilder {
    /// Serves a kind as its CRD says, for example `Bird::crd()`.
    pub fn crd(mut self, crd: CustomResourceDefinition) -> Self {
        self.apis.crd(crd);
        self
    }

    /// Serves the kinds of all CRDs in a YAML text, which may hold other things beside them.
    ///
    /// # Panics
    /// If the text is no YAML or has no CRD; the message says why.
    #[track_caller]
    pub fn crd_yaml(self, text: &str) -> Self {
        let crds = crds(text).unwrap_or_else(|problem| panic!("{problem}"));
        crds.into_iter().fold(self, Self::crd)
    }

    /// Serves a kind of Kubernetes as objects that are stored and nothing more: there is no controller behind it.
    pub fn native<K: Native>(mut self) -> Self {
        self.apis.native::<K>();
        self
    }

    /// Keeps its objects there. In memory unless told.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// The same, for a store that outlives the server.
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// Serves only what is installed, and lets in only the group `system:masters`, as a server without `--standalone`
    /// does while no cluster tells it who may do what.
    pub fn behind_a_cluster(mut self) -> Self {
        self.standalone = None;
        self
    }

    /// Leaves what a deletion leaves, as an API server does whose controllers are elsewhere: what a deleted object owned,
    /// and what is in a namespace that is being deleted.
    pub fn without_controllers(mut self) -> Self {
        self.standalone = self.standalone.map(Standalone::without_controllers);
        self
    }

    /// Stands alone, but not as usual.
    pub fn standalone(mut self, how: Standalone) -> Self {
        self.standalone = Some(how);
        self
    }

    /// Adds kinds, starts the server and waits until it answers.
    ///
    /// # Panics
    /// If the kinds cannot be served; the message says why.
    pub async fn start(mut self, install: impl FnOnce(&mut Apis)) -> TestServer {
        install(&mut self.apis);
        self.serve().await
    }

    /// Starts the server with what it has been given so far, and waits until it answers.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn serve(self) -> TestServer {
        TestServer::start_as(self).await
    }
}

/// The CRDs in a YAML text of one or more documents.
fn crds(text: &str) -> Result<Vec<CustomResourceDefinition>, String> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| format!("the CRDs are no YAML: {error}"))?;
    let crds = documents.into_iter().filter(|document| document["kind"] == "CustomResourceDefinition");
    let crds = crds.map(|document| {
        let name = document["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        CustomResourceDefinition::deserialize(&document).map_err(|error| format!("the CRD {name:?} is none: {error}"))
    });
    let crds: Vec<_> = crds.collect::<Result<_, _>>()?;
    if crds.is_empty() { Err("there is no CustomResourceDefinition in the text".into()) } else { Ok(crds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIRDS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: birds.demo.example.com}
spec:
  group: demo.example.com
  scope: Namespaced
  names: {kind: Bird, plural: birds}
  versions: []
";

    #[track_caller]
    fn check(text: &str, expect: Result<usize, &str>) {
        match (crds(text).map(|crds| crds.len()), expect) {
            (Err(problem), Err(expect)) => assert!(problem.contains(expect), "{problem}"),
            (found, expect) => assert_eq!(found, expect.map_err(str::to_owned), "{text}"),
        }
    }

    #[test]
    fn crds_are_found_among_other_documents() {
        check(BIRDS, Ok(1));
        check(&format!("---{BIRDS}---\nkind: ServiceAccount\n---\n# nothing\n---{BIRDS}"), Ok(2));
        check("kind: ServiceAccount", Err("no CustomResourceDefinition"));
        check("", Err("no CustomResourceDefinition"));
        check("{", Err("no YAML"));
        check("kind: CustomResourceDefinition\nmetadata: {name: owls}\nspec: 1", Err("\"owls\" is none"));
    }
}
