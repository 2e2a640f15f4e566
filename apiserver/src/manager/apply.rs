//! Server-side apply under a controller's name.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, Patch, PatchParams, Request};
use kube::core::object::HasStatus;
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Cluster, Context, Object};

impl Context {
    /// Makes an object as given, by server-side apply: fields that are set here become the controller's, which is the field
    /// manager, and those that it set before and leaves out now go away. What others set stays. Conflicts are decided in
    /// the controller's favour. Gives the object as the server has it now.
    ///
    /// Give only the fields that the controller decides on, not an object that was read and changed.
    ///
    /// # Errors
    /// Whatever the server answers.
    pub async fn apply<K>(&self, object: &K) -> kube::Result<K>
    where
        K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
    {
        apply(self.client(), self.name(), object).await
    }

    /// Deletes an object by its namespace and name; one that is gone already is fine. Nothing but these is read of `object`,
    /// so that what was given to [`apply`](Self::apply) may be given here.
    ///
    /// # Errors
    /// Whatever the server answers.
    pub async fn delete<K: Resource<DynamicType = ()>>(&self, object: &K) -> kube::Result<()> {
        delete(self.client(), object).await
    }

    /// Makes the status of `object` as given, by server-side apply through the `/status` subresource. Gives whether there
    /// was anything to do: nothing is sent if the object has this status already, and nothing is left to do for an object
    /// that is gone.
    ///
    /// # Errors
    /// Whatever the server answers.
    pub async fn apply_status<K>(&self, object: &K, status: impl Serialize) -> kube::Result<bool>
    where
        K: Object + HasStatus<Status: Serialize>,
    {
        let new = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
        let old = serde_json::to_value(object.status()).map_err(kube::Error::SerdeError)?;
        if without_nulls(old) == without_nulls(new.clone()) {
            return Ok(false);
        }
        let meta = object.meta();
        let name = meta.name.as_deref().unwrap_or_default();
        let body = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            // With the uid, the status of an object that was deleted does not become that of its successor.
            "metadata": {"name": name, "uid": meta.uid},
            "status": new,
        });
        let request = Request::new(K::url_path(&(), meta.namespace.as_deref()))
            .patch_subresource("status", name, &as_manager(self.name()), &Patch::Apply(without_nulls(body)))
            .map_err(kube::Error::BuildRequest)?;
        match self.client().request::<Value>(request).await {
            Ok(written) => {
                let version = written["metadata"]["resourceVersion"].as_str().unwrap_or_default();
                self.catch_up::<K>(meta.namespace.as_deref().unwrap_or_default(), name, version).await;
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes `child` an object that `owner` controls, in its namespace: changes of it wake the owner
    /// ([`owns`](super::ControllerBuilder::owns)), and it is deleted with its owner.
    pub fn owned<C: Resource, O: Resource<DynamicType = ()>>(&self, child: &mut C, owner: &O) {
        let meta = child.meta_mut();
        if meta.namespace.is_none() {
            meta.namespace = owner.meta().namespace.clone();
        }
        let Some(new) = owner.controller_owner_ref(&()) else { return };
        let owners: &mut Vec<OwnerReference> = meta.owner_references.get_or_insert_default();
        owners.retain(|old| old.uid != new.uid);
        owners.push(new);
    }
}

impl Cluster {
    /// As [`Context::apply`], in this cluster.
    ///
    /// # Errors
    /// Whatever the server answers.
    pub async fn apply<K>(&self, object: &K) -> kube::Result<K>
    where
        K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
    {
        apply(self.client(), self.cx.name(), object).await
    }

    /// As [`Context::delete`], in this cluster.
    ///
    /// # Errors
    /// Whatever the server answers.
    pub async fn delete<K: Resource<DynamicType = ()>>(&self, object: &K) -> kube::Result<()> {
        delete(self.client(), object).await
    }
}

async fn apply<K>(client: Client, manager: &str, object: &K) -> kube::Result<K>
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
{
    let mut body = serde_json::to_value(object).map_err(kube::Error::SerdeError)?;
    let types = [("apiVersion", K::api_version(&())), ("kind", K::kind(&()))];
    for (field, value) in types {
        body[field] = value.into();
    }
    if let Some(meta) = body["metadata"].as_object_mut() {
        // Nobody may set them.
        meta.remove("managedFields");
    }
    let meta = object.meta();
    let name = meta.name.as_deref().unwrap_or_default();
    let request = Request::new(K::url_path(&(), meta.namespace.as_deref()))
        .patch(name, &as_manager(manager), &Patch::Apply(body))
        .map_err(kube::Error::BuildRequest)?;
    client.request(request).await
}

async fn delete<K: Resource<DynamicType = ()>>(client: Client, object: &K) -> kube::Result<()> {
    let meta = object.meta();
    let name = meta.name.as_deref().unwrap_or_default();
    let request = Request::new(K::url_path(&(), meta.namespace.as_deref()))
        .delete(name, &DeleteParams::default())
        .map_err(kube::Error::BuildRequest)?;
    match client.request::<Value>(request).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        answer => answer.map(drop),
    }
}

fn as_manager(name: &str) -> PatchParams {
    PatchParams::apply(name).force()
}

/// Null and absent mean the same in an object, but not to one who compares or applies it. No deeper than our own types are.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::ResourceExt;
    use serde::Deserialize;

    use super::*;
    use crate::manager::fake::{FakeServer, context};

    #[derive(kube::CustomResource, Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
    #[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced, status = "BirdStatus")]
    struct BirdSpec {}

    #[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
    struct BirdStatus {
        mood: String,
        nest: Option<String>,
    }

    fn bird(mood: &str) -> Bird {
        let mut bird = Bird::new("wren", BirdSpec {});
        bird.metadata.namespace = Some("wood".into());
        bird.metadata.uid = Some("7".into());
        bird.status = Some(BirdStatus { mood: mood.into(), nest: None });
        bird
    }

    #[tokio::test]
    async fn a_status_is_applied_under_the_controllers_name_unless_it_is_there() {
        let server = FakeServer::default();
        let cx = context(server.client());
        let merry = BirdStatus { mood: "merry".into(), nest: None };
        assert!(!cx.apply_status(&bird("merry"), &merry).await.unwrap());
        assert_eq!(server.seen(), [""; 0]);
        // Gone: nothing is left to do.
        assert!(!cx.apply_status(&bird("sad"), &merry).await.unwrap());
        server.answer(Method::PATCH, 200, json!({}));
        assert!(cx.apply_status(&bird("sad"), &merry).await.unwrap());
        let (line, body) = server.requests.lock().unwrap().last().cloned().unwrap();
        assert_eq!(line, "PATCH /apis/demo.example.com/v1/namespaces/wood/birds/wren/status");
        let expect = json!({
            "apiVersion": "demo.example.com/v1",
            "kind": "Bird",
            "metadata": {"name": "wren", "uid": "7"},
            "status": {"mood": "merry"},
        });
        assert_eq!(body, expect);
    }

    #[tokio::test]
    async fn an_owned_object_is_applied_beside_its_owner() {
        let server = FakeServer::default();
        server.answer(Method::PATCH, 200, json!({"metadata": {"name": "nest", "uid": "8"}}));
        let cx = context(server.client());
        let mut nest = ConfigMap::default();
        nest.metadata.name = Some("nest".into());
        nest.metadata.managed_fields = Some(Vec::new());
        for _ in 0..2 {
            cx.owned(&mut nest, &bird("merry"));
        }
        assert_eq!(nest.owner_references().len(), 1);
        assert_eq!(cx.apply(&nest).await.unwrap().uid().as_deref(), Some("8"));
        let (line, body) = server.requests.lock().unwrap().last().cloned().unwrap();
        assert_eq!(line, "PATCH /api/v1/namespaces/wood/configmaps/nest");
        assert_eq!(body["kind"], "ConfigMap");
        assert_eq!(body["metadata"]["ownerReferences"][0]["name"], "wren");
        assert_eq!(body["metadata"].get("managedFields"), None);
    }
}
