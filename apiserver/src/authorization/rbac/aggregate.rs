//! ClusterRoles made of other ClusterRoles, which they choose by labels. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles>

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};

use crate::request::selectors::LabelSelector;

/// The rules that a role shall have because of those that it chooses, in the order of their names; `None` where it
/// chooses none, or already has these rules.
pub fn aggregated(role: &ClusterRole, all: &[&ClusterRole]) -> Option<Vec<PolicyRule>> {
    let selectors = role.aggregation_rule.as_ref()?.cluster_role_selectors.as_deref().unwrap_or_default();
    let mut others: Vec<&ClusterRole> =
        all.iter().copied().filter(|other| other.metadata.name != role.metadata.name).collect();
    others.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let mut rules: Vec<PolicyRule> = Vec::new();
    for selector in selectors {
        let selector = LabelSelector::from_object(selector).ok()?;
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
