//! All roles and bindings, arranged by whom they are for, so that a request costs a few look-ups however many bindings
//! there are. Source: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#role-binding-examples>

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::authorization::v1::{NonResourceRule, ResourceRule, SubjectRulesReviewStatus};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};

use super::rule::allows;
use crate::authorization::{Decision, Reason};
use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;

/// Who may do what. Does not change: another is made when roles or bindings change.
#[derive(Debug, Default)]
pub struct Policy {
    cluster_roles: HashMap<String, Rules>,
    roles: HashMap<String, HashMap<String, Rules>>,
    everywhere: Grants,
    namespaces: HashMap<String, Grants>,
}

/// The rules of a role.
type Rules = Arc<[PolicyRule]>;

/// What is granted to users and to groups.
#[derive(Debug, Default)]
struct Grants {
    users: Table,
    groups: Table,
}

/// What one binding grants to one subject.
#[derive(Clone, Debug)]
struct Grant {
    because: Arc<str>,
    /// The words that say so where the role is missing.
    rules: Result<Rules, Arc<str>>,
}

/// A role that a binding names and that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRole {
    /// `roles` or `clusterroles`; empty where neither is named.
    pub resource: &'static str,
    /// Its name.
    pub name: String,
}

impl Policy {
    /// Arranges roles and bindings.
    pub fn new<'a>(
        cluster_roles: impl IntoIterator<Item = &'a ClusterRole>,
        roles: impl IntoIterator<Item = &'a Role>,
        cluster_bindings: impl IntoIterator<Item = &'a ClusterRoleBinding>,
        bindings: impl IntoIterator<Item = &'a RoleBinding>,
    ) -> Self {
        let mut policy = Self::default();
        for role in cluster_roles {
            policy.cluster_roles.insert(text(&role.metadata.name), shared(&role.rules));
        }
        for role in roles {
            let namespace = policy.roles.entry(text(&role.metadata.namespace)).or_default();
            namespace.insert(text(&role.metadata.name), shared(&role.rules));
        }
        for binding in cluster_bindings {
            let called = format!("ClusterRoleBinding {:?}", text(&binding.metadata.name));
            policy.bind(&called, "", &binding.role_ref, binding.subjects.as_deref().unwrap_or_default());
        }
        for binding in bindings {
            let namespace = text(&binding.metadata.namespace);
            let called = format!("RoleBinding {:?}", format!("{}/{namespace}", text(&binding.metadata.name)));
            policy.bind(&called, &namespace, &binding.role_ref, binding.subjects.as_deref().unwrap_or_default());
        }
        policy
    }

    /// Decides about a request, or about what is asked for as one.
    pub fn decide(&self, user: &UserInfo, info: &RequestInfo) -> Decision {
        let mut missing: Vec<&str> = Vec::new();
        for grant in self.grants(user, &info.namespace) {
            match &grant.rules {
                Ok(rules) if rules.iter().any(|rule| allows(rule, info)) => {
                    return Decision::Allow(grant.because.clone().into());
                }
                Ok(_) => {}
                Err(words) if missing.contains(&&**words) => {}
                Err(words) => missing.push(words),
            }
        }
        Decision::NoOpinion(missing_reason(&missing))
    }

    /// Lists what a user may do in a namespace, and on paths.
    pub fn rules(&self, user: &UserInfo, namespace: &str) -> SubjectRulesReviewStatus {
        let mut status = SubjectRulesReviewStatus::default();
        for rule in self.rules_of(user, namespace) {
            let PolicyRule { verbs, api_groups, resources, resource_names, non_resource_urls } = rule.clone();
            if resources.as_ref().is_some_and(|resources| !resources.is_empty()) {
                let verbs = verbs.clone();
                status.resource_rules.push(ResourceRule { verbs, api_groups, resources, resource_names });
            }
            if non_resource_urls.as_ref().is_some_and(|paths| !paths.is_empty()) {
                status.non_resource_rules.push(NonResourceRule { verbs, non_resource_urls });
            }
        }
        let missing: Vec<&str> = self.missing(user, namespace).collect();
        if !missing.is_empty() {
            status.evaluation_error = Some(joined(&missing));
        }
        status
    }

    /// The rules that apply to a user in a namespace; only those that hold everywhere where it is empty.
    pub(super) fn rules_of<'a>(&'a self, user: &'a UserInfo, namespace: &str) -> impl Iterator<Item = &'a PolicyRule> {
        self.grants(user, namespace).filter_map(|grant| grant.rules.as_ref().ok()).flat_map(|rules| rules.iter())
    }

    /// The words about each role that a user is bound to and that does not exist.
    pub(super) fn missing<'a>(&'a self, user: &'a UserInfo, namespace: &str) -> impl Iterator<Item = &'a str> {
        self.grants(user, namespace).filter_map(|grant| grant.rules.as_ref().err().map(|words| &**words))
    }

    /// The rules of the role that a binding in a namespace names; the namespace is empty for a ClusterRoleBinding.
    ///
    /// # Errors
    /// There is no such role.
    pub(super) fn role(&self, role: &RoleRef, namespace: &str) -> Result<&[PolicyRule], MissingRole> {
        self.find(role, namespace).map(|rules| &**rules)
    }

    fn find(&self, role: &RoleRef, namespace: &str) -> Result<&Rules, MissingRole> {
        let (resource, found) = match role.kind.as_str() {
            "ClusterRole" => ("clusterroles", self.cluster_roles.get(&role.name)),
            "Role" => ("roles", self.roles.get(namespace).and_then(|roles| roles.get(&role.name))),
            _ => ("", None),
        };
        found.ok_or_else(|| MissingRole { resource, name: role.name.clone() })
    }

    fn bind(&mut self, called: &str, namespace: &str, role: &RoleRef, subjects: &[Subject]) {
        let rules = self.find(role, namespace).cloned().map_err(|_| {
            let resource = role.kind.to_lowercase();
            format!("{resource}.rbac.authorization.k8s.io {:?} not found", role.name).into()
        });
        let grants = match namespace {
            "" => &mut self.everywhere,
            _ => self.namespaces.entry(namespace.to_owned()).or_default(),
        };
        for subject in subjects {
            let Some((by_name, name, described)) = grants.of_subject(subject, namespace) else { continue };
            let because = format!("RBAC: allowed by {called} of {} {:?} to {described}", role.kind, role.name);
            by_name.entry(name).or_default().push(Grant { because: because.into(), rules: rules.clone() });
        }
    }

    /// What is granted to a user: everywhere, and in the namespace if there is one.
    fn grants<'a>(&'a self, user: &'a UserInfo, namespace: &str) -> impl Iterator<Item = &'a Grant> {
        let there = if namespace.is_empty() { None } else { self.namespaces.get(namespace) };
        [Some(&self.everywhere), there].into_iter().flatten().flat_map(move |grants| grants.to(user))
    }
}

/// What is granted, by name.
type Table = HashMap<String, Vec<Grant>>;

impl Grants {
    fn to<'a>(&'a self, user: &'a UserInfo) -> impl Iterator<Item = &'a Grant> {
        let to_user = self.users.get(&user.username);
        let to_groups = user.groups.iter().filter_map(|group| self.groups.get(group));
        to_user.into_iter().chain(to_groups).flatten()
    }

    /// Where what is granted to a subject stands: the table, the name in it, and what the subject is called.
    fn of_subject(&mut self, subject: &Subject, namespace: &str) -> Option<(&mut Table, String, String)> {
        let described = |name: &str| format!("{} {name:?}", subject.kind);
        match subject.kind.as_str() {
            "User" => Some((&mut self.users, subject.name.clone(), described(&subject.name))),
            "Group" => Some((&mut self.groups, subject.name.clone(), described(&subject.name))),
            "ServiceAccount" => {
                // In a RoleBinding, an account of the same namespace need not say so.
                let own = subject.namespace.as_deref().filter(|own| !own.is_empty()).unwrap_or(namespace);
                let user = format!("system:serviceaccount:{own}:{}", subject.name);
                let described = described(&format!("{}/{own}", subject.name));
                (!own.is_empty()).then_some((&mut self.users, user, described))
            }
            _ => None,
        }
    }
}

/// Why nothing is allowed, where that may be because roles are missing.
fn missing_reason(missing: &[&str]) -> Reason {
    if missing.is_empty() { "".into() } else { format!("RBAC: {}", joined(missing)).into() }
}

fn joined(missing: &[&str]) -> String {
    match missing {
        [one] => (*one).to_owned(),
        several => format!("[{}]", several.join(", ")),
    }
}

fn shared(rules: &Option<Vec<PolicyRule>>) -> Rules {
    rules.as_deref().unwrap_or_default().into()
}

fn text(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, user};
    use super::*;

    #[test]
    fn a_binding_grants_a_role_to_its_subjects() {
        let fixture = Fixture::new(&[
            "clusterrole reader: get,list g birds",
            "role n/writer: create g birds",
            "clusterrolebinding all-read reader: Group crew",
            "rolebinding n/alice-writes Role writer: User alice",
            "rolebinding n/bob-reads ClusterRole reader: User bob, ServiceAccount m/robin, ServiceAccount wren",
        ]);
        let check = |who, what, expected| check(&fixture, who, what, expected);
        check(
            "carol,crew",
            "get n birds",
            "RBAC: allowed by ClusterRoleBinding \"all-read\" of ClusterRole \"reader\" to Group \"crew\"",
        );
        check("carol,crew", "get - birds", "RBAC: allowed by ClusterRoleBinding \"all-read\" of");
        check("carol", "get n birds", "no");
        check(
            "alice",
            "create n birds",
            "RBAC: allowed by RoleBinding \"alice-writes/n\" of Role \"writer\" to User \"alice\"",
        );
        check("alice", "create m birds", "no");
        check("alice", "create - birds", "no");
        check("bob", "list n birds", "RBAC: allowed by RoleBinding \"bob-reads/n\" of ClusterRole \"reader\" to User");
        check("bob", "list - birds", "no");
        check("system:serviceaccount:m:robin", "get n birds", "RBAC: allowed by RoleBinding \"bob-reads/n\"");
        check("system:serviceaccount:n:robin", "get n birds", "no");
        check(
            "system:serviceaccount:n:wren",
            "get n birds",
            "RBAC: allowed by RoleBinding \"bob-reads/n\" of ClusterRole \"reader\" to ServiceAccount \"wren/n\"",
        );
    }

    #[test]
    fn a_role_that_is_missing_is_named() {
        let fixture = Fixture::new(&[
            "clusterrole reader: get g birds",
            "rolebinding n/a Role lost: User alice",
            "clusterrolebinding b gone: User alice",
            "clusterrolebinding c gone: User alice",
            "clusterrolebinding d reader: User alice",
        ]);
        check(&fixture, "alice", "get n birds", "RBAC: allowed by ClusterRoleBinding \"d\"");
        let gone = "clusterrole.rbac.authorization.k8s.io \"gone\" not found";
        check(&fixture, "alice", "create - birds", &format!("no, RBAC: {gone}"));
        let lost = "role.rbac.authorization.k8s.io \"lost\" not found";
        check(&fixture, "alice", "create n birds", &format!("no, RBAC: [{gone}, {lost}]"));
    }

    #[test]
    fn a_role_of_another_namespace_is_none() {
        let fixture = Fixture::new(&["role m/reader: get g birds", "rolebinding n/a Role reader: User alice"]);
        check(&fixture, "alice", "get n birds", "no, RBAC: role.rbac.authorization.k8s.io \"reader\" not found");
    }

    #[test]
    fn rights_can_be_listed() {
        let fixture = Fixture::new(&[
            "clusterrole reader: get g birds; get /metrics",
            "role n/writer: create g birds robin",
            "clusterrolebinding a reader: User alice",
            "rolebinding n/b Role writer: User alice",
        ]);
        let policy = fixture.policy();
        let listed = |namespace| {
            let status = policy.rules(&user("alice"), namespace);
            (status.resource_rules.len(), status.non_resource_rules.len(), status.incomplete)
        };
        assert_eq!(listed("n"), (2, 1, false));
        assert_eq!(listed("m"), (1, 1, false));
    }

    #[track_caller]
    fn check(fixture: &Fixture, who: &str, what: &str, expected: &str) {
        let [verb, namespace, resource] = what.split(' ').collect::<Vec<_>>()[..] else { panic!("{what}") };
        let info = RequestInfo {
            is_resource: true,
            verb: verb.to_owned().into(),
            group: "g".into(),
            namespace: namespace.replace('-', ""),
            resource: resource.into(),
            ..RequestInfo::default()
        };
        let found = match fixture.policy().decide(&user(who), &info) {
            Decision::Allow(reason) => reason.to_string(),
            Decision::NoOpinion(reason) if reason.is_empty() => "no".into(),
            Decision::NoOpinion(reason) => format!("no, {reason}"),
            Decision::Deny(reason) => format!("never, {reason}"),
        };
        assert!(found.starts_with(expected), "{who}: {what}: {found}");
    }
}
