//! Role-based access control: what a user may do is written in Roles and ClusterRoles, which bindings give to users,
//! groups and service accounts. Source: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>
//!
//! - [`Rbac`] the authorizer · [`Policy`] all roles and bindings, arranged by whom they are for
//! - [`NoEscalation`] the plugin that keeps users from allowing what they may not do themselves
//! - [`bootstrap`] the roles that are there from the start · [`aggregate`] roles made of other roles

pub mod aggregate;
pub mod bootstrap;
mod covers;
mod escalation;
mod policy;
mod rule;
mod stored;

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;

use super::{Attributes, AuthorizationError, Authorizer, Decision};
use crate::request::user::UserInfo;

pub use escalation::NoEscalation;
pub use policy::{MissingRole, Policy};
pub use stored::StoredPolicy;

/// The group of roles and their bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// Where roles and bindings come from.
pub trait PolicySource: Send + Sync + 'static {
    /// What holds now; `None` while that is not known.
    fn policy(&self) -> Option<Arc<Policy>>;
}

/// Allows what roles allow. Denies nothing: another authorizer may still say yes.
pub struct Rbac(Arc<dyn PolicySource>);

impl Rbac {
    /// By these roles and bindings.
    pub fn new(source: Arc<dyn PolicySource>) -> Self {
        Self(source)
    }

    fn policy(&self) -> Result<Arc<Policy>, AuthorizationError> {
        self.0.policy().ok_or_else(|| AuthorizationError("roles and bindings are not known yet".into()))
    }
}

#[async_trait]
impl Authorizer for Rbac {
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError> {
        Ok(self.policy()?.decide(attributes.user, attributes.info))
    }

    async fn rules(&self, user: &UserInfo, namespace: &str) -> Result<SubjectRulesReviewStatus, AuthorizationError> {
        Ok(self.policy()?.rules(user, namespace))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::{
        ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
    };
    use kube::api::ObjectMeta;

    use super::*;

    /// Rules from lines such as `get,list demo.example.com birds,nests robin; get /metrics`; `-` is the core group.
    pub fn rules(text: &str) -> Vec<PolicyRule> {
        text.split(';').map(str::trim).filter(|text| !text.is_empty()).map(rule).collect()
    }

    /// One of [`rules`].
    pub fn rule(text: &str) -> PolicyRule {
        let list = |text: &str| text.split(',').map(|text| text.trim_matches('-').to_owned()).collect::<Vec<_>>();
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            [verbs, paths] => {
                PolicyRule { verbs: list(verbs), non_resource_urls: Some(list(paths)), ..PolicyRule::default() }
            }
            [verbs, groups, resources, ref names @ ..] => PolicyRule {
                verbs: list(verbs),
                api_groups: Some(list(groups)),
                resources: Some(list(resources)),
                resource_names: names.first().map(|names| list(names)),
                ..PolicyRule::default()
            },
            _ => panic!("{text} is no rule"),
        }
    }

    /// A user from `name,group,group`.
    pub fn user(text: &str) -> UserInfo {
        let mut words = text.split(',').map(str::to_owned);
        UserInfo::authenticated(&words.next().unwrap_or_default(), words)
    }

    /// Roles and bindings.
    #[derive(Default)]
    pub struct Fixture {
        cluster_roles: Vec<ClusterRole>,
        roles: Vec<Role>,
        cluster_bindings: Vec<ClusterRoleBinding>,
        bindings: Vec<RoleBinding>,
    }

    impl Fixture {
        /// From lines: `clusterrole NAME: RULES`, `role NS/NAME: RULES`, `clusterrolebinding NAME ROLE: SUBJECTS`,
        /// `rolebinding NS/NAME KIND ROLE: SUBJECTS`, where subjects are as `User alice, ServiceAccount ns/name`.
        pub fn new(lines: &[&str]) -> Self {
            let mut all = Self::default();
            for line in lines {
                let (head, tail) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
                match head.split(' ').collect::<Vec<_>>()[..] {
                    ["clusterrole", name] => all.cluster_roles.push(ClusterRole {
                        metadata: meta(name),
                        rules: Some(rules(tail)),
                        aggregation_rule: None,
                    }),
                    ["role", name] => all.roles.push(Role { metadata: meta(name), rules: Some(rules(tail)) }),
                    ["clusterrolebinding", name, role] => all.cluster_bindings.push(ClusterRoleBinding {
                        metadata: meta(name),
                        role_ref: role_ref("ClusterRole", role),
                        subjects: Some(subjects(tail)),
                    }),
                    ["rolebinding", name, kind, role] => all.bindings.push(RoleBinding {
                        metadata: meta(name),
                        role_ref: role_ref(kind, role),
                        subjects: Some(subjects(tail)),
                    }),
                    _ => panic!("{line}"),
                }
            }
            all
        }

        pub fn policy(&self) -> Policy {
            Policy::new(&self.cluster_roles, &self.roles, &self.cluster_bindings, &self.bindings)
        }
    }

    fn meta(name: &str) -> ObjectMeta {
        let (namespace, name) = name.split_once('/').map_or((None, name), |(namespace, name)| (Some(namespace), name));
        ObjectMeta { name: Some(name.into()), namespace: namespace.map(str::to_owned), ..ObjectMeta::default() }
    }

    fn role_ref(kind: &str, name: &str) -> RoleRef {
        RoleRef { api_group: Some(GROUP.into()), kind: kind.into(), name: name.into() }
    }

    fn subjects(text: &str) -> Vec<Subject> {
        let subject = |text: &str| {
            let (kind, name) = text.split_once(' ').expect("a kind and a name");
            let (namespace, name) =
                name.split_once('/').map_or((None, name), |(namespace, name)| (Some(namespace.to_owned()), name));
            Subject { kind: kind.into(), name: name.into(), namespace, api_group: None }
        };
        text.split(", ").map(subject).collect()
    }
}
