//! What roles and bindings may say. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/rbac/validation/validation.go>

use serde_json::Value;

use super::columns::{count, text};
use super::rbac_kinds::{GROUP, path_segment};
use super::webhook_checks::check_selector;
use crate::field::{self, labels};

/// Reports what is wrong with a Role, which is namespaced, or a ClusterRole.
pub(super) fn check_role(role: &Value, namespaced: bool, errors: &mut field::Errors) {
    for (index, rule) in items(role, "rules").iter().enumerate() {
        check_rule(rule, namespaced, &format!("rules[{index}]"), errors);
    }
    let aggregation = &role["aggregationRule"];
    if namespaced || !aggregation.is_object() {
        return;
    }
    let selectors = items(aggregation, "clusterRoleSelectors");
    if selectors.is_empty() {
        let problem = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.required("aggregationRule.clusterRoleSelectors", problem);
    }
    for (index, selector) in selectors.iter().enumerate() {
        check_selector(selector, &format!("aggregationRule.clusterRoleSelectors[{index}]"), errors);
    }
}

fn check_rule(rule: &Value, namespaced: bool, at: &str, errors: &mut field::Errors) {
    let has = |field: &str| count(&rule[field]) > 0;
    let required = |field: &str, problem: &str, errors: &mut field::Errors| {
        if !has(field) {
            errors.required(format!("{at}.{field}"), problem);
        }
    };
    required("verbs", "verbs must contain at least one value", errors);
    if has("nonResourceURLs") {
        let invalid = |problem: &str, errors: &mut field::Errors| {
            errors.invalid(format!("{at}.nonResourceURLs"), &rule["nonResourceURLs"], problem);
        };
        if namespaced {
            invalid("namespaced rules cannot apply to non-resource URLs", errors);
        }
        if has("apiGroups") || has("resources") || has("resourceNames") {
            invalid("rules cannot apply to both regular resources and non-resource URLs", errors);
        }
        return;
    }
    required("apiGroups", "resource rules must supply at least one api group", errors);
    required("resources", "resource rules must supply at least one resource", errors);
}

/// Reports what is wrong with a RoleBinding, which is namespaced, or a ClusterRoleBinding.
pub(super) fn check_binding(new: &Value, old: Option<&Value>, namespaced: bool, errors: &mut field::Errors) {
    let role = &new["roleRef"];
    if role["apiGroup"] != GROUP {
        errors.not_supported("roleRef.apiGroup", text(&role["apiGroup"]), &[GROUP]);
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&text(&role["kind"])) {
        errors.not_supported("roleRef.kind", text(&role["kind"]), kinds);
    }
    match text(&role["name"]) {
        "" => errors.required("roleRef.name", ""),
        name => path_segment(name).into_iter().for_each(|problem| errors.invalid("roleRef.name", name, problem)),
    }
    for (index, subject) in items(new, "subjects").iter().enumerate() {
        check_subject(subject, namespaced, &format!("subjects[{index}]"), errors);
    }
    if let Some(old) = old
        && old["roleRef"] != *role
    {
        errors.invalid("roleRef", role, "cannot change roleRef");
    }
}

fn check_subject(subject: &Value, namespaced: bool, at: &str, errors: &mut field::Errors) {
    let (kind, name, group) = (text(&subject["kind"]), text(&subject["name"]), text(&subject["apiGroup"]));
    let at = |field: &str| format!("{at}.{field}");
    if name.is_empty() {
        errors.required(at("name"), "");
    }
    match kind {
        "ServiceAccount" => {
            if !name.is_empty() {
                labels::dns_subdomain(name).into_iter().for_each(|problem| errors.invalid(at("name"), name, problem));
            }
            if !group.is_empty() {
                errors.not_supported(at("apiGroup"), group, &[""]);
            }
            if !namespaced && text(&subject["namespace"]).is_empty() {
                errors.required(at("namespace"), "");
            }
        }
        "User" | "Group" => {
            if name.is_empty() {
                errors.invalid(at("name"), name, format!("{} name cannot be empty", kind.to_lowercase()));
            }
            if group != GROUP {
                errors.not_supported(at("apiGroup"), group, &[GROUP]);
            }
        }
        _ => errors.not_supported(at("kind"), kind, &["ServiceAccount", "User", "Group"]),
    }
}

fn items<'a>(object: &'a Value, field: &str) -> &'a [Value] {
    object[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(found: impl FnOnce(&mut field::Errors), expect: &str) {
        let mut errors = field::Errors::default();
        found(&mut errors);
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "), expect);
    }

    #[test]
    fn a_rule_is_about_resources_or_about_paths() {
        let role = |rule: Value, namespaced: bool, expect: &str| {
            check(|errors| check_role(&json!({ "rules": [rule] }), namespaced, errors), expect);
        };
        role(json!({ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] }), true, "");
        role(json!({ "verbs": ["get"], "nonResourceURLs": ["/healthz"] }), false, "");
        role(
            json!({}),
            true,
            "rules[0].verbs: Required value: verbs must contain at least one value; rules[0].apiGroups: Required value: \
             resource rules must supply at least one api group; rules[0].resources: Required value: resource rules must \
             supply at least one resource",
        );
        role(
            json!({ "verbs": ["get"], "nonResourceURLs": ["/a"], "resources": ["pods"] }),
            true,
            "rules[0].nonResourceURLs: Invalid value: [\"/a\"]: namespaced rules cannot apply to non-resource URLs; \
             rules[0].nonResourceURLs: Invalid value: [\"/a\"]: rules cannot apply to both regular resources and \
             non-resource URLs",
        );
    }

    #[test]
    fn aggregation_needs_selectors() {
        let role = |rule: Value, expect: &str| {
            check(|errors| check_role(&json!({ "aggregationRule": rule }), false, errors), expect);
        };
        role(json!({ "clusterRoleSelectors": [{ "matchLabels": { "a": "b" } }] }), "");
        role(
            json!({}),
            "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if \
             aggregationRule is non-nil",
        );
        role(
            json!({ "clusterRoleSelectors": [{ "matchExpressions": [{ "key": "a", "operator": "Is" }] }] }),
            "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: \"Is\": not a valid \
             selector operator",
        );
    }

    #[test]
    fn a_binding_names_a_role_and_subjects() {
        let role = json!({ "apiGroup": GROUP, "kind": "Role", "name": "keeper" });
        let binding = |subject: Value, namespaced: bool, expect: &str| {
            let role = if namespaced {
                role.clone()
            } else {
                json!({ "apiGroup": GROUP, "kind": "ClusterRole", "name": "a" })
            };
            let binding = json!({ "roleRef": role, "subjects": [subject] });
            check(|errors| check_binding(&binding, None, namespaced, errors), expect);
        };
        binding(json!({ "kind": "User", "name": "alice", "apiGroup": GROUP }), true, "");
        binding(json!({ "kind": "ServiceAccount", "name": "default" }), true, "");
        binding(json!({ "kind": "ServiceAccount", "name": "default" }), false, "subjects[0].namespace: Required value");
        binding(
            json!({ "kind": "Bird", "name": "robin" }),
            true,
            "subjects[0].kind: Unsupported value: \"Bird\": supported values: \"ServiceAccount\", \"User\", \"Group\"",
        );
        binding(
            json!({ "kind": "Group", "apiGroup": "" }),
            true,
            "subjects[0].name: Required value; subjects[0].name: Invalid value: \"\": group name cannot be empty; \
             subjects[0].apiGroup: Unsupported value: \"\": supported values: \"rbac.authorization.k8s.io\"",
        );
        check(
            |errors| check_binding(&json!({ "roleRef": { "apiGroup": GROUP, "kind": "Role" } }), None, false, errors),
            "roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\"; roleRef.name: Required value",
        );
    }

    #[test]
    fn a_binding_keeps_its_role() {
        let with = |name: &str| json!({ "roleRef": { "apiGroup": GROUP, "kind": "Role", "name": name } });
        check(|errors| check_binding(&with("a"), Some(&with("a")), true, errors), "");
        check(
            |errors| check_binding(&with("b"), Some(&with("a")), true, errors),
            "roleRef: Invalid value: {\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"b\"}: cannot \
             change roleRef",
        );
    }
}
