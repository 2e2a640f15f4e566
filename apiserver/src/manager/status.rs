//! Writing an object's status, only when there is something to write.

use kube::Resource;
use kube::api::{Patch, PatchParams, Request};
use kube::core::object::HasStatus;
use serde::Serialize;
use serde_json::{Value, json};

use super::Context;

impl Context {
    /// Writes the parts of `status` that differ from those of `object` through the `/status` subresource. Gives whether
    /// there were any; nothing is sent otherwise, and nothing is left to do for an object that is gone.
    ///
    /// # Errors
    /// Whatever the server answers: 409 if the object has changed since it was read, in which case
    /// [`run`](Self::run) calls reconcile again with the newer one.
    pub async fn patch_status<K>(&self, object: &K, status: &K::Status) -> kube::Result<bool>
    where
        K: Resource<DynamicType = ()> + HasStatus,
        K::Status: Serialize,
    {
        let old = serde_json::to_value(object.status()).map_err(kube::Error::SerdeError)?;
        let new = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
        let Some(change) = merge_patch(&old, &new) else { return Ok(false) };
        let meta = object.meta();
        // With the resourceVersion, a decision made on an old object is refused instead of undoing a newer one.
        let patch = json!({"metadata": {"resourceVersion": meta.resource_version}, "status": change});
        let params = PatchParams { field_manager: Some(self.name().to_owned()), ..PatchParams::default() };
        let name = meta.name.as_deref().unwrap_or_default();
        let request = Request::new(K::url_path(&(), meta.namespace.as_deref()))
            .patch_subresource("status", name, &params, &Patch::Merge(patch))
            .map_err(kube::Error::BuildRequest)?;
        match self.client().request::<Value>(request).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The merge patch that turns `old` into `new`; nothing when they are alike. Null and absent are the same here.
fn merge_patch(old: &Value, new: &Value) -> Option<Value> {
    let Value::Object(new_fields) = new else { return (old != new).then(|| new.clone()) };
    let empty = serde_json::Map::new();
    let old_fields = old.as_object().unwrap_or(&empty);
    let mut patch = serde_json::Map::new();
    for (key, new) in new_fields {
        if let Some(change) = merge_patch(old_fields.get(key).unwrap_or(&Value::Null), new) {
            patch.insert(key.clone(), change);
        }
    }
    for (key, old) in old_fields {
        if !old.is_null() && !new_fields.contains_key(key) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    let replaces_scalar = !old.is_object() && !old.is_null();
    (!patch.is_empty() || replaces_scalar).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use kube::api::ObjectMeta;
    use serde::Deserialize;

    use super::*;
    use crate::manager::fake::{FakeServer, context, status};

    #[track_caller]
    fn check(old: Value, new: Value, expect: Option<Value>) {
        assert_eq!(merge_patch(&old, &new), expect, "{old} -> {new}");
    }

    #[test]
    fn a_patch_holds_what_changed_and_nulls_for_what_went() {
        check(json!({"a": 1}), json!({"a": 1}), None);
        check(json!({"a": 1}), json!({"a": 1, "b": null}), None);
        check(json!(null), json!({}), None);
        check(json!(null), json!({"a": 1}), Some(json!({"a": 1})));
        check(json!({"a": 1, "b": 2}), json!({"a": 3, "b": 2}), Some(json!({"a": 3})));
        check(json!({"a": 1, "b": 2}), json!({"a": 1}), Some(json!({"b": null})));
        check(json!({"a": 1}), json!({"a": null}), Some(json!({"a": null})));
        check(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1, "c": 3}}), Some(json!({"a": {"c": 3}})));
        check(json!({"a": [1, 2]}), json!({"a": [1]}), Some(json!({"a": [1]})));
        check(json!({"a": 1}), json!({"a": {}}), Some(json!({"a": {}})));
    }

    #[derive(kube::CustomResource, Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
    #[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced, status = "BirdStatus")]
    struct BirdSpec {}

    #[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
    struct BirdStatus {
        mood: String,
    }

    fn bird(mood: &str) -> Bird {
        let metadata = ObjectMeta {
            name: Some("wren".into()),
            namespace: Some("nest".into()),
            resource_version: Some("7".into()),
            ..Default::default()
        };
        Bird { metadata, spec: BirdSpec {}, status: Some(BirdStatus { mood: mood.into() }) }
    }

    async fn patch(server: &FakeServer, object: &Bird, mood: &str) -> kube::Result<bool> {
        context(server.client()).patch_status(object, &BirdStatus { mood: mood.into() }).await
    }

    #[tokio::test]
    async fn only_a_change_is_sent_and_only_to_the_object_that_was_read() {
        let server = FakeServer::default();
        server.answer(Method::PATCH, 200, json!({}));
        assert!(!patch(&server, &bird("merry"), "merry").await.unwrap());
        assert_eq!(server.seen(), [""; 0]);
        assert!(patch(&server, &bird("sad"), "merry").await.unwrap());
        let body = json!({"metadata": {"resourceVersion": "7"}, "status": {"mood": "merry"}});
        let expect = [("PATCH /apis/demo.example.com/v1/namespaces/nest/birds/wren/status".to_owned(), body)];
        assert_eq!(*server.requests.lock().unwrap(), expect);
    }

    #[tokio::test]
    async fn an_object_that_is_gone_needs_no_status_and_one_that_changed_is_told() {
        let server = FakeServer::default();
        assert!(!patch(&server, &bird("sad"), "merry").await.unwrap());
        server.answer(Method::PATCH, 409, status(409, "Conflict"));
        assert!(matches!(patch(&server, &bird("sad"), "merry").await, Err(kube::Error::Api(s)) if s.code == 409));
    }
}
