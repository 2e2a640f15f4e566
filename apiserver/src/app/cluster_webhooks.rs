//! Webhooks by the configurations of the cluster that this server is part of: followed, so that they are at hand when a
//! request comes. When the cluster cannot be reached, what was known last goes on.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use futures::StreamExt;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::watcher::{Config, Event};
use kube::{Client, ResourceExt};
use tokio::task::JoinHandle;

use crate::admission::webhook::{Clients, Hooks, NamespaceLabels, Source};
use crate::follow::{Events, follow, follow_metadata};

/// Webhooks of a cluster.
#[derive(Default)]
pub struct ClusterWebhooks {
    state: RwLock<State>,
    clients: Clients,
}

/// What is known of the cluster.
#[derive(Default)]
struct State {
    mutating: Known<MutatingWebhookConfiguration>,
    validating: Known<ValidatingWebhookConfiguration>,
    /// Absent where namespaces are not followed: then every namespace is taken to be there.
    namespaces: Option<Known<NamespaceLabels>>,
    hooks: Option<Arc<Hooks>>,
}

/// Objects of one kind, by name.
struct Known<T> {
    objects: BTreeMap<String, T>,
    /// What a list under way has brought so far.
    listing: BTreeMap<String, T>,
    listed: bool,
}

/// Follows a cluster until dropped.
pub struct Following([JoinHandle<()>; 3]);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), listing: BTreeMap::new(), listed: false }
    }
}

impl ClusterWebhooks {
    /// Follows a cluster, and its namespaces, where it has any.
    pub fn follow(client: &Client, namespaces: bool) -> (Arc<Self>, Following) {
        let followed = Arc::new(Self::default());
        followed.change(|state| state.namespaces = namespaces.then(Known::default));
        let mutating = follow::<MutatingWebhookConfiguration>(client, None, Config::default());
        let validating = follow::<ValidatingWebhookConfiguration>(client, None, Config::default());
        let of_namespaces = follow_metadata::<Namespace>(client, Config::default());
        let into = followed.clone();
        let mutating = into.run("mutatingwebhookconfigurations", mutating, |state, event| {
            state.mutating.apply(event, |object| (object.name_any(), object));
        });
        let into = followed.clone();
        let validating = into.run("validatingwebhookconfigurations", validating, |state, event| {
            state.validating.apply(event, |object| (object.name_any(), object));
        });
        let into = followed.clone();
        let namespaces = tokio::spawn(async move {
            if namespaces {
                into.each("namespaces", of_namespaces, |state, event| {
                    let Some(known) = &mut state.namespaces else { return };
                    known.apply(event, |metadata| {
                        (metadata.name.unwrap_or_default(), Arc::new(metadata.labels.unwrap_or_default()))
                    });
                })
                .await;
            }
        });
        (followed, Following([mutating, validating, namespaces]))
    }

    fn run<K: Send + 'static>(
        self: Arc<Self>,
        what: &'static str,
        events: Events<K>,
        apply: impl Fn(&mut State, Event<K>) + Send + Sync + 'static,
    ) -> JoinHandle<()> {
        tokio::spawn(async move { self.each(what, events, apply).await })
    }

    async fn each<K: Send + 'static>(
        &self,
        what: &'static str,
        events: Events<K>,
        apply: impl Fn(&mut State, Event<K>),
    ) {
        events
            .for_each(|event| {
                match event {
                    Ok(event) => self.change(|state| apply(state, event)),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(what, error, "the cluster cannot be followed; what was known last goes on");
                    }
                }
                ready(())
            })
            .await;
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.write().unwrap_or_else(|broken| broken.into_inner());
        change(&mut state);
        let all = state.mutating.listed
            && state.validating.listed
            && state.namespaces.as_ref().is_none_or(|namespaces| namespaces.listed);
        if all {
            let (mutating, validating) = (&state.mutating.objects, &state.validating.objects);
            let (mutating, validating) = (mutating.values().cloned().collect(), validating.values().cloned().collect());
            state.hooks = Some(Arc::new(Hooks::compile(mutating, validating, &self.clients)));
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(|broken| broken.into_inner())
    }
}

impl<T> Known<T> {
    fn apply<K>(&mut self, event: Event<K>, read: impl Fn(K) -> (String, T)) {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(object) => {
                let (name, value) = read(object);
                self.listing.insert(name, value);
            }
            Event::InitDone => {
                self.objects = std::mem::take(&mut self.listing);
                self.listed = true;
            }
            Event::Apply(object) => {
                let (name, value) = read(object);
                self.objects.insert(name, value);
            }
            Event::Delete(object) => {
                self.objects.remove(&read(object).0);
            }
        }
    }
}

impl Source for ClusterWebhooks {
    fn hooks(&self) -> Option<Arc<Hooks>> {
        self.state().hooks.clone()
    }

    fn namespace_labels(&self, name: &str) -> Option<NamespaceLabels> {
        match &self.state().namespaces {
            Some(namespaces) => namespaces.objects.get(name).cloned(),
            None => Some(Arc::new(BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())]))),
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use kube::Api;
    use kube::api::{DeleteParams, PostParams};
    use serde_json::json;

    use super::*;
    use crate::TestServer;

    async fn until(what: &str, holds: impl Fn() -> bool) {
        let patience = Instant::now() + Duration::from_secs(10);
        while !holds() {
            assert!(Instant::now() < patience, "{what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn configurations_of_the_cluster_are_followed() {
        let cluster = TestServer::start(|_| {}).await;
        let (followed, _following) = ClusterWebhooks::follow(&cluster.client(), false);
        assert!(followed.hooks().is_none(), "nothing is known before the first list");
        until("listed", || followed.hooks().is_some()).await;
        let configurations: Api<MutatingWebhookConfiguration> = cluster.api();
        let configuration = serde_json::from_value(json!({
            "metadata": { "name": "m" },
            "webhooks": [{
                "name": "m.demo.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "clientConfig": { "url": "https://127.0.0.1:1/m" },
            }],
        }));
        configurations.create(&PostParams::default(), &configuration.unwrap()).await.unwrap();
        let count = || followed.hooks().map(|hooks| hooks.len());
        until("added", || count() == Some(1)).await;
        configurations.delete("m", &DeleteParams::default()).await.unwrap();
        until("deleted", || count() == Some(0)).await;
        drop(cluster);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(count(), Some(0), "what was known last goes on");
    }

    #[test]
    fn a_namespace_that_is_not_there_has_no_labels() {
        let source = ClusterWebhooks::default();
        assert_eq!(source.namespace_labels("a").map(|labels| labels.len()), Some(1));
        source.change(|state| state.namespaces = Some(Known::default()));
        assert_eq!(source.namespace_labels("a"), None);
    }
}
