//! Objects of a few kinds that own each other, and how long one waits for what happens by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apiserver::Apis;
use apiserver::storage::Store;
use apiserver::storage::memory::MemoryStore;
use serde_json::{Value, json};

use crate::common::{Answer, Server};

const GROUP: &str = "demo.example.com";

/// A server with birds and nests in namespaces, and forests outside of them.
pub struct World {
    pub server: Server,
}

/// An owner reference: `kind name uid`, and whether the owner waits.
pub fn owner(kind: &str, name: &str, uid: &str, blocks: bool) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": kind, "name": name, "uid": uid, "blockOwnerDeletion": blocks,
    })
}

pub fn apis() -> Apis {
    let mut apis = Apis::default();
    for (kind, scope) in [("Bird", "Namespaced"), ("Nest", "Namespaced"), ("Forest", "Cluster")] {
        let (singular, plural) = (kind.to_lowercase(), plural(kind));
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{GROUP}")},
            "spec": {
                "group": GROUP,
                "scope": scope,
                "names": {"kind": kind, "singular": singular, "plural": plural},
                "versions": [{
                    "name": "v1",
                    "served": true,
                    "storage": true,
                    "schema": {"openAPIV3Schema": {
                        "type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                    }},
                }],
            },
        });
        apis.crd(serde_json::from_value(crd).expect("a CRD"));
    }
    apis
}

fn plural(kind: &str) -> String {
    format!("{}s", kind.to_lowercase())
}

/// Where the objects of a kind are; `namespace` is empty for forests.
fn path(kind: &str, namespace: &str) -> String {
    let namespace = if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
    format!("/apis/{GROUP}/v1{namespace}/{}", plural(kind))
}

impl World {
    pub async fn start() -> Self {
        Self::on(Arc::new(MemoryStore::default())).await
    }

    pub async fn on(store: Arc<dyn Store>) -> Self {
        Self { server: Server::of(apis(), store).await }
    }

    /// Creates a namespace.
    pub async fn namespace(&self, name: &str) {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).to_string();
        let answer = self.server.ask("POST /api/v1/namespaces", &body).await;
        assert_eq!(answer.code, 201, "{}", answer.text());
    }

    /// A namespace, if it is there.
    pub async fn get_namespace(&self, name: &str) -> Option<Value> {
        let answer = self.server.ask(&format!("GET /api/v1/namespaces/{name}"), "").await;
        (answer.code == 200).then(|| answer.json())
    }

    /// Deletes a namespace, which goes later.
    pub async fn delete_namespace(&self, name: &str) {
        let answer = self.server.ask(&format!("DELETE /api/v1/namespaces/{name}"), "").await;
        assert_eq!((answer.code, &answer.json()["status"]["phase"]), (200, &json!("Terminating")), "{}", answer.text());
    }

    /// Creates an object with these owners, and gives its uid.
    pub async fn create(&self, kind: &str, namespace: &str, name: &str, owners: &[Value]) -> String {
        self.create_with(kind, namespace, name, json!({"ownerReferences": owners})).await
    }

    /// Creates an object with this metadata, and gives its uid.
    pub async fn create_with(&self, kind: &str, namespace: &str, name: &str, mut metadata: Value) -> String {
        metadata["name"] = name.into();
        let body = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": metadata}).to_string();
        let answer = self.server.ask(&format!("POST {}", path(kind, namespace)), &body).await;
        assert_eq!(answer.code, 201, "{}", answer.text());
        answer.json()["metadata"]["uid"].as_str().expect("a uid").to_owned()
    }

    /// Deletes an object by this policy.
    pub async fn delete(&self, kind: &str, namespace: &str, name: &str, propagation: &str) {
        let body = json!({"propagationPolicy": propagation}).to_string();
        let answer = self.server.ask(&format!("DELETE {}/{name}", path(kind, namespace)), &body).await;
        assert_eq!(answer.code, 200, "{}", answer.text());
    }

    pub async fn patch(&self, kind: &str, namespace: &str, name: &str, patch: Value) -> Answer {
        self.server.ask(&format!("PATCH {}/{name}", path(kind, namespace)), &patch.to_string()).await
    }

    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let answer = self.server.ask(&format!("GET {}/{name}", path(kind, namespace)), "").await;
        (answer.code == 200).then(|| answer.json())
    }

    /// The names of all objects of a kind, in all namespaces.
    pub async fn names(&self, kind: &str) -> Vec<String> {
        let list = self.server.ask(&format!("GET {}", path(kind, "")), "").await.json();
        let items = list["items"].as_array().expect("items");
        items.iter().filter_map(|item| item["metadata"]["name"].as_str().map(str::to_owned)).collect()
    }

    /// Waits until the objects of a kind are these.
    pub async fn until(&self, kind: &str, names: &[&str]) {
        eventually(&format!("{} are {names:?}", plural(kind)), async || self.names(kind).await == names).await;
    }

    /// Waits until something that was to happen after all that came before has happened, and so these as well.
    pub async fn settle(&self) {
        let uid = self.create("Bird", "default", "marker", &[]).await;
        self.create("Nest", "default", "marked", &[owner("Bird", "marker", &uid, false)]).await;
        self.delete("Bird", "default", "marker", "Background").await;
        eventually("the collector has come by", async || self.get("Nest", "default", "marked").await.is_none()).await;
    }
}

/// Waits until something is so.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < patience, "it is still not so that {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
