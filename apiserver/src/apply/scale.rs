//! Who owns the replicas, seen through `/scale`. Source:
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/managedfields/scalehandler.go>
//!
//! A write to `/scale` goes three ways: [`to_scale`] gives the Scale the managers that own the replicas of its object,
//! [`ScaleManager`] tracks the write on the Scale as on any object, and [`to_object`] carries the outcome back.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::managers::{Identity, Manager, Managers, Operation};
use super::object::managed_fields;
use super::set::Set;
use super::{ApplyError, FieldManager, Writer};
use crate::kind::{Column, Kind, KindVersion};
use crate::schema::Schema;
use crate::schema::json_path::JsonPath;
use crate::versions::SameShape;

/// The `apiVersion` of a Scale.
const API_VERSION: &str = "autoscaling/v1";

/// Where a Scale has the replicas.
const REPLICAS: [&str; 2] = ["spec", "replicas"];

/// Keeps managedFields of Scales.
pub struct ScaleManager {
    kind: Arc<Kind>,
    manager: FieldManager,
}

/// The one for all kinds that can be scaled.
pub static SCALES: LazyLock<ScaleManager> = LazyLock::new(|| {
    let kind = Arc::new(kind());
    ScaleManager { manager: FieldManager::new(Arc::clone(&kind), Arc::new(SameShape)), kind }
});

impl ScaleManager {
    /// As [`FieldManager::update`], for a Scale. `now` is RFC 3339 in UTC, whole seconds.
    pub fn update(&self, manager: &str, now: &str, live: &Value, new: &mut Value) {
        self.manager.update(&self.writer(manager, now), Some(live), new);
    }

    /// As [`FieldManager::apply`], for a Scale.
    ///
    /// # Errors
    /// As there.
    pub fn apply(
        &self,
        manager: &str,
        now: &str,
        live: &Value,
        applied: &Value,
        force: bool,
    ) -> Result<Value, ApplyError> {
        self.manager.apply(&self.writer(manager, now), Some(live), applied, force)
    }

    fn writer<'a>(&'a self, manager: &'a str, now: &'a str) -> Writer<'a> {
        Writer { manager, subresource: "scale", version: self.kind.storage_version(), now }
    }
}

/// Gives a Scale the managers that own the replicas of its object.
pub fn to_scale(kind: &Kind, object: &Value, scale: &mut Value) {
    let managers = read(object);
    let mut owners = Managers::default();
    for manager in managers.iter().filter(|manager| owns_replicas(kind, manager)) {
        let identity = Identity { api_version: API_VERSION.to_owned(), ..manager.identity.clone() };
        owners.put(Manager::new(identity, manager.time.clone(), Set::of_fields(&REPLICAS)));
    }
    write(scale, owners);
}

/// Carries back to an object who owns its replicas now. `version` is that of the request.
pub fn to_object(kind: &Kind, version: &KindVersion, scale: &Value, object: &mut Value) {
    let mut owners = read(scale);
    owners.retain(|owner| owner.set.has_fields(&REPLICAS));
    let before = read(object);
    let api_version = version.api_version();
    let mut after = Managers::default();
    for manager in before.iter() {
        let Some(path) = replicas_path(kind, &manager.identity.api_version) else { continue };
        let mut manager = manager.clone();
        if owns_replicas(kind, &manager) {
            let keys: Vec<_> = path.iter().map(String::as_str).collect();
            let replicas = Set::of_fields(&keys);
            let as_owner = Identity { api_version: API_VERSION.to_owned(), ..manager.identity.clone() };
            let moved = manager.identity.operation == Operation::Update
                && manager.identity.api_version != api_version
                && manager.set == replicas;
            // Nobody took them, so they stay where they are; those who own nothing else move on to the version in use.
            if moved || owners.take(&as_owner).is_none() {
                manager.subtract(&replicas);
            }
        }
        if !manager.set.is_empty() {
            after.put(manager);
        }
    }
    let keys = replicas_path(kind, &api_version).unwrap_or_default();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    for owner in owners.iter() {
        let identity = Identity { api_version: api_version.clone(), ..owner.identity.clone() };
        // An applier keeps the time of its last apply of the object; other times are not known here.
        let known = before
            .iter()
            .find(|manager| manager.identity.operation == Operation::Apply && manager.identity.is(&identity));
        let time = known.and_then(|manager| manager.time.clone());
        match after.get_mut(&identity) {
            Some(manager) => manager.set_mut().unite(Set::of_fields(&keys)),
            None => after.put(Manager::new(identity, time, Set::of_fields(&keys))),
        }
    }
    write(object, after);
}

/// Managers that cannot be read are none.
fn read(object: &Value) -> Managers {
    Managers::decode(managed_fields(object)).unwrap_or_default()
}

fn write(object: &mut Value, managers: Managers) {
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else { return };
    match managers.encode() {
        Some(entries) => metadata.insert("managedFields".to_owned(), entries),
        None => metadata.remove("managedFields"),
    };
}

fn owns_replicas(kind: &Kind, manager: &Manager) -> bool {
    replicas_path(kind, &manager.identity.api_version).is_some_and(|path| {
        let keys: Vec<_> = path.iter().map(String::as_str).collect();
        manager.set.has_fields(&keys)
    })
}

/// Where the objects of a version have their replicas: empty where the version has no scale, `None` where there is no such
/// version.
fn replicas_path(kind: &Kind, api_version: &str) -> Option<Vec<String>> {
    let version = kind.versions.iter().find(|version| version.api_version() == api_version)?;
    let path = version.scale.as_ref().and_then(|scale| JsonPath::parse(&scale.spec_replicas_path).ok());
    let keys = path.as_ref().and_then(JsonPath::keys).unwrap_or_default();
    Some(keys.into_iter().map(str::to_owned).collect())
}

/// Source: <https://kubernetes.io/docs/reference/kubernetes-api/autoscaling/scale-v1/>
fn kind() -> Kind {
    let openapi = json!({
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
            "status": {
                "type": "object",
                "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}},
            },
        },
    });
    let version = KindVersion {
        group: "autoscaling".into(),
        version: "v1".into(),
        served: true,
        deprecation_warning: None,
        schema: Arc::new(Schema::compile(&openapi).expect("a constant schema")),
        openapi,
        columns: vec![Column::age()],
        selectable_fields: Vec::new(),
        status: false,
        scale: None,
        subresources: Vec::new(),
    };
    Kind {
        group: "autoscaling".into(),
        kind: "Scale".into(),
        list_kind: "ScaleList".into(),
        plural: "scales".into(),
        singular: "scale".into(),
        short_names: Vec::new(),
        categories: Vec::new(),
        namespaced: true,
        generation: false,
        verbs: Vec::new(),
        stored: false,
        native: false,
        versions: vec![version],
        storage: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{birds, entry};
    use super::*;

    /// A write of a Scale that asks for so many replicas, on an object with these entries and one replica. Gives the
    /// entries afterwards.
    fn scaled(version: &str, manager: &str, replicas: i64, entries: Value) -> Value {
        let kind = birds();
        let version = kind.versions.iter().find(|known| known.version == version).expect("a version");
        let mut object = json!({"metadata": {"name": "a", "managedFields": entries}, "spec": {"replicas": 1}});
        let mut scale = json!({
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "a", "uid": "u"},
            "spec": {"replicas": 1},
            "status": {"replicas": 0},
        });
        to_scale(&kind, &object, &mut scale);
        let mut new = scale.clone();
        new["spec"]["replicas"] = replicas.into();
        SCALES.update(manager, "2024-01-01T00:00:00Z", &scale, &mut new);
        to_object(&kind, version, &new, &mut object);
        object["metadata"]["managedFields"].take()
    }

    #[track_caller]
    fn check(version: &str, manager: &str, replicas: i64, before: &[&str], after: &[&str]) {
        let entries = |rows: &[&str]| Value::Array(rows.iter().map(|row| entry(row)).collect());
        assert_eq!(scaled(version, manager, replicas, entries(before)), entries(after));
    }

    #[test]
    fn replicas_change_hands() {
        const USER: &str = r#"user Apply v1 "" 2023-01-01T00:00:00Z {"f:spec":{"f:replicas":{},"f:species":{}}}"#;
        const REST: &str = r#"user Apply v1 "" 2023-01-01T00:00:00Z {"f:spec":{"f:species":{}}}"#;
        const SCALER: &str = r#"scaler Update v1 scale - {"f:spec":{"f:replicas":{}}}"#;
        check("v1", "scaler", 5, &[USER], &[REST, SCALER]);
        check("v1", "scaler", 5, &[REST, SCALER], &[REST, SCALER]);
        check("v1", "scaler", 1, &[USER], &[USER]);
        // Who is not tracked stays untracked.
        assert_eq!(scaled("v1", "scaler", 5, json!([])), Value::Null);
        const OLD: &str = r#"scaler Update v1alpha1 scale - {"f:spec":{"f:replicas":{}}}"#;
        check("v1alpha1", "scaler", 5, &[REST, SCALER], &[REST, OLD]);
    }

    #[test]
    fn a_scale_that_changes_nothing_leaves_everyone_what_they_own() {
        const MAKER: &str = r#"maker Update v1 "" 2023-01-01T00:00:00Z {"f:spec":{".":{},"f:replicas":{}}}"#;
        check("v1", "scaler", 1, &[MAKER], &[MAKER]);
        check("v1", "maker", 1, &[MAKER], &[MAKER]);
        check("v1alpha1", "scaler", 1, &[MAKER], &[MAKER]);
    }

    #[test]
    fn a_scale_can_be_applied() {
        let kind = birds();
        let entries = json!([entry(r#"maker Update v1 "" 2023-01-01T00:00:00Z {"f:spec":{"f:replicas":{}}}"#)]);
        let object = json!({"metadata": {"name": "a", "managedFields": entries}, "spec": {"replicas": 1}});
        let mut scale = json!({
            "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"}, "spec": {"replicas": 1},
        });
        to_scale(&kind, &object, &mut scale);
        let applied = json!({
            "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"}, "spec": {"replicas": 2},
        });
        let now = "2024-01-01T00:00:00Z";
        let error = SCALES.apply("me", now, &scale, &applied, false).expect_err("a conflict");
        assert_eq!(
            error.to_string(),
            "Apply failed with 1 conflict: conflict with \"maker\" using autoscaling/v1: .spec.replicas"
        );
        let new = SCALES.apply("me", now, &scale, &applied, true).expect("a scale");
        assert_eq!(new["spec"]["replicas"], 2);
        let mut object = object.clone();
        to_object(&kind, kind.storage_version(), &new, &mut object);
        let expect = json!([entry(r#"me Apply v1 scale - {"f:spec":{"f:replicas":{}}}"#)]);
        assert_eq!(object["metadata"]["managedFields"], expect);
    }
}
