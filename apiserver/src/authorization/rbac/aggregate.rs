//! ClusterRoles made of other ClusterRoles, which they choose by labels. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles>

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::core::{Selector, SelectorExt};

/// The rules that a role shall have because of those that it chooses, in the order of their names; `None` where it
/// chooses none, or already has these rules.
pub fn aggregated(role: &ClusterRole, all: &[&ClusterRole]) -> Option<Vec<PolicyRule>> {
    let selectors = role.aggregation_rule.as_ref()?.cluster_role_selectors.as_deref().unwrap_or_default();
    let mut others: Vec<&ClusterRole> =
        all.iter().copied().filter(|other| other.metadata.name != role.metadata.name).collect();
    others.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let mut rules: Vec<PolicyRule> = Vec::new();
    for selector in selectors {
        let selector = Selector::try_from(selector.clone()).ok()?;
        for other in &others {
            let labels = other.metadata.labels.clone().unwrap_or_default();
            if !selector.matches(&labels) {
                continue;
            }
            for rule in other.rules.iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    (rules != role.rules.as_deref().unwrap_or_default()).then_some(rules)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_role_is_made_of_those_that_it_chooses() {
        let roles: Vec<ClusterRole> = [
            json!({ "metadata": { "name": "all" }, "aggregationRule": { "clusterRoleSelectors": [
                { "matchLabels": { "to": "all" } },
                { "matchExpressions": [{ "key": "more", "operator": "Exists" }] },
            ] } }),
            role("b", json!({ "to": "all" }), &["get", "list"]),
            role("a", json!({ "to": "all" }), &["watch"]),
            role("c", json!({ "more": "" }), &["get", "update"]),
            role("d", json!({ "to": "nothing" }), &["delete"]),
        ]
        .into_iter()
        .map(|role| serde_json::from_value(role).expect("a role"))
        .collect();
        let all: Vec<&ClusterRole> = roles.iter().collect();
        let rules = aggregated(all[0], &all).expect("rules");
        let verbs: Vec<&str> = rules.iter().flat_map(|rule| &rule.verbs).map(String::as_str).collect();
        assert_eq!(verbs, ["watch", "get", "list", "update"]);
        let settled = ClusterRole { rules: Some(rules), ..all[0].clone() };
        assert_eq!(aggregated(&settled, &all), None);
        assert_eq!(aggregated(all[1], &all), None, "chooses none");
    }

    fn role(name: &str, labels: serde_json::Value, verbs: &[&str]) -> serde_json::Value {
        let rules: Vec<_> = verbs.iter().map(|verb| json!({ "verbs": [verb] })).collect();
        json!({ "metadata": { "name": name, "labels": labels }, "rules": rules })
    }
}
