//! The roles that are there from the start, and whom they are bound to. Those that concern nodes, volumes and
//! certificates are left out, because a server alone has none of these. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>
//!
//! They are written at each start where they are missing or have lost something. What somebody has added stays, and so
//! does one whose annotation `rbac.authorization.kubernetes.io/autoupdate` is `false`.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::{AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ObjectMeta;

use super::GROUP;
use super::covers::uncovered;

const AUTO_UPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
const BOOTSTRAPPING: (&str, &str) = ("kubernetes.io/bootstrapping", "rbac-defaults");
const AGGREGATE_TO: &str = "rbac.authorization.k8s.io/aggregate-to-";

/// A ClusterRole in short.
struct Given {
    name: &'static str,
    /// The role that it becomes a part of.
    part_of: &'static str,
    rules: Rules,
}

enum Rules {
    /// What the parts say that were labelled for this role.
    OfParts,
    /// Verbs, groups (`-` is the core group) and resources.
    On(&'static [(&'static str, &'static str, &'static str)]),
    /// Verbs and paths.
    Paths(&'static str, &'static str),
}

const READ: &str = "get list watch";
const WRITE: &str = "create delete deletecollection patch update";
const ALL_VERBS: &str = "create delete deletecollection get list patch update watch";

const ROLES: [Given; 13] = [
    Given { name: "cluster-admin", part_of: "", rules: Rules::On(&[("*", "*", "*")]) },
    Given { name: "admin", part_of: "", rules: Rules::OfParts },
    Given { name: "edit", part_of: "admin", rules: Rules::OfParts },
    Given { name: "view", part_of: "edit", rules: Rules::OfParts },
    Given {
        name: "system:aggregate-to-admin",
        part_of: "admin",
        rules: Rules::On(&[
            ("create", "authorization.k8s.io", "localsubjectaccessreviews"),
            (ALL_VERBS, "rbac.authorization.k8s.io", "rolebindings roles"),
        ]),
    },
    Given {
        name: "system:aggregate-to-edit",
        part_of: "edit",
        rules: Rules::On(&[
            (READ, "-", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
            ("impersonate", "-", "serviceaccounts"),
            (WRITE, "-", "pods pods/attach pods/exec pods/portforward pods/proxy"),
            ("create", "-", "pods/eviction"),
            (
                WRITE,
                "-",
                "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets \
                 serviceaccounts services services/proxy",
            ),
            ("create", "-", "serviceaccounts/token"),
            (
                WRITE,
                "apps",
                "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale \
                 statefulsets statefulsets/scale",
            ),
            (WRITE, "autoscaling", "horizontalpodautoscalers"),
            (WRITE, "batch", "cronjobs jobs"),
            (WRITE, "policy", "poddisruptionbudgets"),
            (WRITE, "networking.k8s.io", "ingresses networkpolicies"),
            (ALL_VERBS, "coordination.k8s.io", "leases"),
        ]),
    },
    Given {
        name: "system:aggregate-to-view",
        part_of: "view",
        rules: Rules::On(&[
            (
                READ,
                "-",
                "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods \
                 replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status",
            ),
            (
                READ,
                "-",
                "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status \
                 resourcequotas resourcequotas/status",
            ),
            // In a namespace, this is the right to see that very namespace.
            (READ, "-", "namespaces"),
            (READ, "discovery.k8s.io", "endpointslices"),
            (
                READ,
                "apps",
                "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status \
                 replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
            ),
            (READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
            (READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
            (READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
            (READ, "networking.k8s.io", "ingresses ingresses/status networkpolicies"),
        ]),
    },
    Given {
        name: "system:auth-delegator",
        part_of: "",
        rules: Rules::On(&[
            ("create", "authentication.k8s.io", "tokenreviews"),
            ("create", "authorization.k8s.io", "subjectaccessreviews"),
        ]),
    },
    Given {
        name: "system:basic-user",
        part_of: "",
        rules: Rules::On(&[
            ("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
            ("create", "authentication.k8s.io", "selfsubjectreviews"),
        ]),
    },
    Given {
        name: "system:discovery",
        part_of: "",
        rules: Rules::Paths(
            "get",
            "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/",
        ),
    },
    Given {
        name: "system:monitoring",
        part_of: "",
        rules: Rules::Paths("get", "/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*"),
    },
    Given {
        name: "system:public-info-viewer",
        part_of: "",
        rules: Rules::Paths("get", "/healthz /livez /readyz /version /version/"),
    },
    Given {
        name: "system:service-account-issuer-discovery",
        part_of: "",
        rules: Rules::Paths("get", "/.well-known/openid-configuration /openid/v1/jwks"),
    },
];

/// Which groups have which role from the start.
const BINDINGS: [(&str, &[&str]); 6] = [
    ("cluster-admin", &["system:masters"]),
    ("system:basic-user", &["system:authenticated"]),
    ("system:discovery", &["system:authenticated"]),
    ("system:monitoring", &["system:monitoring"]),
    ("system:public-info-viewer", &["system:authenticated", "system:unauthenticated"]),
    ("system:service-account-issuer-discovery", &["system:serviceaccounts"]),
];

/// The roles that are there from the start.
pub fn cluster_roles() -> Vec<ClusterRole> {
    ROLES.iter().map(role).collect()
}

/// The bindings that are there from the start.
pub fn cluster_role_bindings() -> Vec<ClusterRoleBinding> {
    let subject = |group: &&str| Subject {
        api_group: Some(GROUP.into()),
        kind: "Group".into(),
        name: (*group).to_owned(),
        namespace: None,
    };
    let binding = |(role, groups): &(&str, &[&str])| ClusterRoleBinding {
        metadata: meta(role, ""),
        role_ref: RoleRef { api_group: Some(GROUP.into()), kind: "ClusterRole".into(), name: (*role).to_owned() },
        subjects: Some(groups.iter().map(subject).collect()),
    };
    BINDINGS.iter().map(binding).collect()
}

/// What a stored role must become to be what it was from the start; `None` where it is that, or more.
pub fn reconciled_role(stored: &ClusterRole, given: &ClusterRole) -> Option<ClusterRole> {
    let mut role = stored.clone();
    if !reconciled_meta(&mut role.metadata, &given.metadata) {
        return None;
    }
    if given.aggregation_rule.is_some() {
        // Its rules are what its parts say, and none of its own.
        let selectors = |role: &ClusterRole| {
            role.aggregation_rule.as_ref().and_then(|rule| rule.cluster_role_selectors.clone()).unwrap_or_default()
        };
        let mut all = selectors(&role);
        all.extend(selectors(given).into_iter().filter(|selector| !selectors(stored).contains(selector)));
        role.aggregation_rule = Some(AggregationRule { cluster_role_selectors: Some(all) });
    } else {
        let missing =
            uncovered(stored.rules.as_deref().unwrap_or_default().iter(), given.rules.as_deref().unwrap_or_default());
        if !missing.is_empty() {
            role.rules.get_or_insert_default().extend(missing);
        }
    }
    (role != *stored).then_some(role)
}

/// As [`reconciled_role`]. A binding of another role cannot be changed into it, and must be made anew.
pub fn reconciled_binding(stored: &ClusterRoleBinding, given: &ClusterRoleBinding) -> Option<ClusterRoleBinding> {
    let mut binding = stored.clone();
    if !reconciled_meta(&mut binding.metadata, &given.metadata) {
        return None;
    }
    binding.role_ref = given.role_ref.clone();
    let present = binding.subjects.get_or_insert_default();
    for subject in given.subjects.iter().flatten() {
        let same = |other: &Subject| (&other.kind, &other.name) == (&subject.kind, &subject.name);
        if !present.iter().any(same) {
            present.push(subject.clone());
        }
    }
    (binding != *stored).then_some(binding)
}

/// Adds labels and annotations that are missing; false where all shall stay as it is.
fn reconciled_meta(stored: &mut ObjectMeta, given: &ObjectMeta) -> bool {
    let annotations = stored.annotations.get_or_insert_default();
    if annotations.get(AUTO_UPDATE).is_some_and(|value| value != "true") {
        return false;
    }
    for (key, value) in given.annotations.iter().flatten() {
        annotations.entry(key.clone()).or_insert_with(|| value.clone());
    }
    let labels = stored.labels.get_or_insert_default();
    for (key, value) in given.labels.iter().flatten() {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    true
}

fn role(given: &Given) -> ClusterRole {
    let words = |text: &str| text.split_whitespace().map(|word| word.trim_matches('-').to_owned()).collect::<Vec<_>>();
    let paths = |verbs: &str, paths: &str| PolicyRule {
        verbs: words(verbs),
        non_resource_urls: Some(words(paths)),
        ..PolicyRule::default()
    };
    let (rules, parts) = match given.rules {
        Rules::OfParts => (None, Some(format!("{AGGREGATE_TO}{}", given.name))),
        Rules::Paths(verbs, text) => (Some(vec![paths(verbs, text)]), None),
        Rules::On(all) => {
            let on = |(verbs, groups, resources): &(&str, &str, &str)| PolicyRule {
                verbs: words(verbs),
                api_groups: Some(words(groups)),
                resources: Some(words(resources)),
                ..PolicyRule::default()
            };
            let everywhere = (given.name == "cluster-admin").then(|| paths("*", "*"));
            (Some(all.iter().map(on).chain(everywhere).collect()), None)
        }
    };
    let selector = |label: String| LabelSelector {
        match_labels: Some(BTreeMap::from([(label, "true".to_owned())])),
        ..LabelSelector::default()
    };
    ClusterRole {
        metadata: meta(given.name, given.part_of),
        aggregation_rule: parts.map(|label| AggregationRule { cluster_role_selectors: Some(vec![selector(label)]) }),
        rules,
    }
}

fn meta(name: &str, part_of: &str) -> ObjectMeta {
    let mut labels = BTreeMap::from([(BOOTSTRAPPING.0.to_owned(), BOOTSTRAPPING.1.to_owned())]);
    if !part_of.is_empty() {
        labels.insert(format!("{AGGREGATE_TO}{part_of}"), "true".into());
    }
    ObjectMeta {
        name: Some(name.into()),
        labels: Some(labels),
        annotations: Some(BTreeMap::from([(AUTO_UPDATE.to_owned(), "true".to_owned())])),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::aggregated;
    use super::super::policy::Policy;
    use super::super::tests::user;
    use super::*;
    use crate::authorization::Decision;
    use crate::request::info::RequestInfo;

    /// All that is there from the start, and what the bindings of a test add.
    struct Server {
        roles: Vec<ClusterRole>,
    }

    impl Server {
        fn new() -> Self {
            let mut roles = cluster_roles();
            loop {
                let refs: Vec<&ClusterRole> = roles.iter().collect();
                let changed = refs.iter().enumerate().find_map(|(at, role)| Some((at, aggregated(role, &refs)?)));
                let Some((at, rules)) = changed else { return Self { roles } };
                roles[at].rules = Some(rules);
            }
        }

        #[track_caller]
        fn check(&self, role: &str, request: &str, expected: bool) {
            let mut bindings = cluster_role_bindings();
            if !role.is_empty() {
                let subject = Subject { kind: "User".into(), name: "alice".into(), ..Subject::default() };
                let mut binding = bindings[0].clone();
                (binding.role_ref.name, binding.subjects) = (role.to_owned(), Some(vec![subject]));
                bindings.push(binding);
            }
            let policy = Policy::new(&self.roles, [], &bindings, []);
            let (method, path) = request.split_once(' ').expect("a method and a path");
            let info = RequestInfo::new(&method.parse().expect("a method"), path, "").expect("a path");
            let allowed = matches!(policy.decide(&user("alice"), &info), Decision::Allow(_));
            assert_eq!(allowed, expected, "{role}: {request}");
        }
    }

    #[test]
    fn each_role_is_for_its_purpose() {
        let server = Server::new();
        let configmap = "/api/v1/namespaces/n/configmaps/a";
        let secret = "/api/v1/namespaces/n/secrets/a";
        let role = "/apis/rbac.authorization.k8s.io/v1/namespaces/n/roles/a";
        for (of, may, may_not) in [
            (
                "",
                vec!["GET /apis", "GET /readyz", "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"],
                vec![
                    format!("GET {configmap}"),
                    "GET /metrics".into(),
                    "POST /apis/authorization.k8s.io/v1/subjectaccessreviews".into(),
                ],
            ),
            (
                "view",
                vec!["GET /api/v1/namespaces/n/configmaps/a"],
                vec![format!("GET {secret}"), format!("PUT {configmap}")],
            ),
            (
                "edit",
                vec!["PUT /api/v1/namespaces/n/secrets/a", "GET /api/v1/namespaces/n/secrets/a"],
                vec![format!("GET {role}")],
            ),
            (
                "admin",
                vec!["PUT /apis/rbac.authorization.k8s.io/v1/namespaces/n/roles/a"],
                vec![
                    "PUT /apis/rbac.authorization.k8s.io/v1/clusterroles/a".into(),
                    "DELETE /api/v1/namespaces/n".into(),
                ],
            ),
            ("cluster-admin", vec!["DELETE /api/v1/namespaces/n", "POST /metrics"], vec![]),
            ("system:monitoring", vec!["GET /metrics"], vec!["POST /metrics".into()]),
        ] {
            may.iter().for_each(|request| server.check(of, request, true));
            may_not.iter().for_each(|request| server.check(of, request, false));
        }
    }

    #[test]
    fn each_binding_is_of_a_role_that_is_there() {
        let roles = cluster_roles();
        for binding in cluster_role_bindings() {
            assert!(roles.iter().any(|role| role.metadata.name.as_deref() == Some(&binding.role_ref.name)));
        }
    }

    #[test]
    fn what_is_lost_comes_back_and_what_is_added_stays() {
        let given = cluster_roles().into_iter().find(|role| role.metadata.name.as_deref() == Some("system:basic-user"));
        let given = given.expect("a role");
        let stored = |change: &dyn Fn(&mut ClusterRole)| {
            let mut role = given.clone();
            change(&mut role);
            reconciled_role(&role, &given).map(|role| role.rules.unwrap_or_default().len())
        };
        assert_eq!(stored(&|_| {}), None);
        assert_eq!(stored(&|role| role.rules = None), Some(3), "one for each right that was lost");
        assert_eq!(stored(&|role| role.rules.get_or_insert_default().push(PolicyRule::default())), None);
        assert_eq!(stored(&|role| role.metadata.labels = None), Some(2));
        let keep = |role: &mut ClusterRole| {
            role.rules = None;
            role.metadata.annotations = Some(BTreeMap::from([(AUTO_UPDATE.to_owned(), "false".to_owned())]));
        };
        assert_eq!(stored(&keep), None);
    }

    #[test]
    fn a_binding_gets_its_subjects_back() {
        let given = cluster_role_bindings().remove(4);
        let mut stored = given.clone();
        assert_eq!(reconciled_binding(&stored, &given), None);
        stored.subjects = Some(vec![Subject { kind: "User".into(), name: "alice".into(), ..Subject::default() }]);
        let names = |binding: ClusterRoleBinding| -> Vec<String> {
            binding.subjects.into_iter().flatten().map(|subject| subject.name).collect()
        };
        let back = reconciled_binding(&stored, &given).expect("a change");
        assert_eq!(names(back), ["alice", "system:authenticated", "system:unauthenticated"]);
    }
}
