//! The kinds of `rbac.authorization.k8s.io`: who may do what, as it is written down. Who reads it is another matter.
//! Sources: <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/rbac/validation/validation.go>,
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/rbac/v1/defaults.go>

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde_json::Value;

use super::behaviour::Behaviour;
use super::columns::{ALWAYS, WIDE, age, column, created_at, text};
use super::native::Native;
use super::rbac_checks::{check_binding, check_role};
use super::{Builtin, plain};
use crate::kind::Kind;

/// The group of these kinds, which is also that of the users and groups in them.
pub(super) const GROUP: &str = "rbac.authorization.k8s.io";

/// The kind Role: what may be done in one namespace.
pub fn roles() -> Builtin {
    let check = |_: &_, role: &_, _: Option<&_>, errors: &mut _| check_role(role, true, errors);
    builtin(role_kind::<Role>, Behaviour { check, ..behaviour() })
}

/// The kind ClusterRole: what may be done anywhere.
pub fn cluster_roles() -> Builtin {
    let check = |_: &_, role: &_, _: Option<&_>, errors: &mut _| check_role(role, false, errors);
    builtin(role_kind::<ClusterRole>, Behaviour { check, ..behaviour() })
}

/// The kind RoleBinding: to whom a role is given in one namespace.
pub fn role_bindings() -> Builtin {
    let check = |_: &_, new: &_, old: Option<&_>, errors: &mut _| check_binding(new, old, true, errors);
    builtin(binding_kind::<RoleBinding>, Behaviour { check, defaults, ..behaviour() })
}

/// The kind ClusterRoleBinding: to whom a role is given everywhere.
pub fn cluster_role_bindings() -> Builtin {
    let check = |_: &_, new: &_, old: Option<&_>, errors: &mut _| check_binding(new, old, false, errors);
    builtin(binding_kind::<ClusterRoleBinding>, Behaviour { check, defaults, ..behaviour() })
}

/// What this server itself acts on is in its caches once a write is answered.
fn builtin(kind: fn() -> Kind, behaviour: Behaviour) -> Builtin {
    Builtin::new(kind).hooks(Arc::new(behaviour)).settles()
}

fn behaviour() -> Behaviour {
    Behaviour { name_problems: path_segment, create_on_update: true, ..Behaviour::default() }
}

/// Their names have colons in them, so all that counts is that a path can hold them. Source:
/// <https://github.com/kubernetes/apimachinery/blob/master/pkg/api/validation/path/name.go>
pub(super) fn path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    let held = ['/', '%'].into_iter().filter(|part| name.contains(*part));
    held.map(|part| format!("may not contain '{part}'")).collect()
}

fn role_kind<K: Native>() -> Kind {
    plain::kind::<K>(|_| {}, |_| vec![created_at()])
}

fn binding_kind<K: Native>() -> Kind {
    plain::kind::<K>(
        |openapi| {
            for path in ["/properties/roleRef", "/properties/subjects/items"] {
                if let Some(reference) = openapi.pointer_mut(path) {
                    reference["x-kubernetes-map-type"] = "atomic".into();
                }
            }
            openapi["properties"]["subjects"]["x-kubernetes-list-type"] = "atomic".into();
        },
        |openapi| {
            let role = |binding: &Value, _| {
                let role = &binding["roleRef"];
                format!("{}/{}", text(&role["kind"]), text(&role["name"])).into()
            };
            vec![
                column("Role", ALWAYS, plain::description(openapi, "/properties/roleRef"), role),
                age(),
                column("Users", WIDE, "Users in the binding", |binding, _| subjects(binding, "User")),
                column("Groups", WIDE, "Groups in the binding", |binding, _| subjects(binding, "Group")),
                column("ServiceAccounts", WIDE, "ServiceAccounts in the binding", |binding, _| {
                    subjects(binding, "ServiceAccount")
                }),
            ]
        },
    )
}

/// The names of all subjects of a kind, as a cell.
fn subjects(binding: &Value, kind: &str) -> Value {
    let subjects = binding["subjects"].as_array().into_iter().flatten().filter(|subject| subject["kind"] == kind);
    let name = |subject: &Value| match (text(&subject["namespace"]), text(&subject["name"])) {
        (namespace, name) if kind == "ServiceAccount" => format!("{namespace}/{name}"),
        (_, name) => name.to_owned(),
    };
    subjects.map(name).collect::<Vec<_>>().join(", ").into()
}

/// Which group a role, a user or a group is of goes without saying.
fn defaults(binding: &mut Value) {
    let fill = |reference: &mut Value| {
        if let Some(fields) = reference.as_object_mut()
            && fields.get("apiGroup").is_none_or(|group| group == "")
        {
            fields.insert("apiGroup".into(), GROUP.into());
        }
    };
    if let Some(role) = binding.get_mut("roleRef") {
        fill(role);
    }
    for subject in binding.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        if matches!(text(&subject["kind"]), "User" | "Group") {
            fill(subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_go_without_saying() {
        let mut binding = json!({
            "roleRef": { "kind": "Role", "name": "keeper" },
            "subjects": [
                { "kind": "User", "name": "alice" }, { "kind": "Group", "name": "keepers", "apiGroup": "" },
                { "kind": "ServiceAccount", "name": "default", "namespace": "forest" },
            ],
        });
        defaults(&mut binding);
        let groups: Vec<&Value> = binding["subjects"].as_array().unwrap().iter().map(|one| &one["apiGroup"]).collect();
        assert_eq!(groups, [GROUP, GROUP].map(Value::from).iter().chain([&Value::Null]).collect::<Vec<_>>());
        assert_eq!(binding["roleRef"]["apiGroup"], GROUP);
    }

    #[test]
    fn bindings_show_who_has_which_role() {
        let binding = json!({
            "roleRef": { "kind": "ClusterRole", "name": "edit" },
            "subjects": [
                { "kind": "User", "name": "alice" }, { "kind": "User", "name": "bob" },
                { "kind": "ServiceAccount", "name": "default", "namespace": "forest" },
            ],
        });
        let kind = binding_kind::<RoleBinding>();
        let cells = kind.versions[0].columns.iter().map(|column| {
            let cell = column.cell.unwrap()(&binding, Timestamp::UNIX_EPOCH);
            format!("{}={}", column.name, text(&cell))
        });
        assert_eq!(
            cells.collect::<Vec<_>>().join(" | "),
            "Role=ClusterRole/edit | Age=<unknown> | Users=alice, bob | Groups= | ServiceAccounts=forest/default"
        );
    }

    #[test]
    fn names_are_segments_of_paths() {
        for good in ["system:basic-user", "Keeper of birds", "a.b"] {
            assert!(path_segment(good).is_empty(), "{good}");
        }
        assert_eq!(path_segment(".."), ["may not be '..'"]);
        assert_eq!(path_segment("a/b%c"), ["may not contain '/'", "may not contain '%'"]);
    }
}
