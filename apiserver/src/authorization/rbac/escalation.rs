//! Keeps users from giving away what they do not have. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#restrictions-on-role-creation-or-update>

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef};

use super::covers::{describe, quoted, uncovered};
use super::policy::{MissingRole, Policy};
use super::{GROUP, PolicySource};
use crate::admission::{Admission, Attributes, Denied, Operation, Target};
use crate::authorization::privileged::MASTERS;
use crate::authorization::{self, Authorizer, Decision};
use crate::request::info::RequestInfo;

/// Refuses roles that allow more than their writer may do, and bindings of such roles. Members of `system:masters` and
/// those who have the verb `escalate` or `bind` may do it nevertheless.
pub struct NoEscalation {
    source: Arc<dyn PolicySource>,
    authorizer: Arc<dyn Authorizer>,
}

impl NoEscalation {
    /// By what these roles and bindings allow; `authorizer` is who decides about requests.
    pub fn new(source: Arc<dyn PolicySource>, authorizer: Arc<dyn Authorizer>) -> Self {
        Self { source, authorizer }
    }

    /// Whether the writer has a verb on a role.
    async fn may(&self, request: &Attributes<'_>, verb: &'static str, resource: &str, name: &str) -> bool {
        let info = RequestInfo {
            is_resource: true,
            verb: verb.into(),
            group: GROUP.into(),
            version: "v1".into(),
            namespace: request.namespace.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            ..RequestInfo::default()
        };
        let attributes = authorization::Attributes { user: request.user, info: &info };
        matches!(self.authorizer.authorize(attributes).await, Ok(Decision::Allow(_)))
    }

    fn policy(&self) -> Result<Arc<Policy>, Denied> {
        self.source.policy().ok_or_else(|| Denied::internal("roles and bindings are not known yet"))
    }

    async fn check_role(&self, request: &Attributes<'_>, new: Rules, old: Option<Rules>) -> Result<(), Denied> {
        if old.as_ref() == Some(&new) || self.may(request, "escalate", &request.resource.resource, &request.name).await
        {
            return Ok(());
        }
        let policy = self.policy()?;
        if old.as_ref().is_none_or(|old| old.rules != new.rules) {
            confirm(&policy, request, &new.rules)?;
        }
        let aggregates = new.aggregates || old.is_some_and(|old| old.aggregates);
        if aggregates && !uncovered_by(&policy, request, &everything()).is_empty() {
            return Err(Denied::new("must have cluster-admin privileges to use the aggregationRule"));
        }
        Ok(())
    }

    async fn check_binding(&self, request: &Attributes<'_>, new: Bound, old: Option<Bound>) -> Result<(), Denied> {
        let resource = if new.role.kind == "Role" { "roles" } else { "clusterroles" };
        if old.as_ref() == Some(&new) || self.may(request, "bind", resource, &new.role.name).await {
            return Ok(());
        }
        let policy = self.policy()?;
        confirm(&policy, request, policy.role(&new.role, request.namespace).map_err(not_found)?)
    }
}

#[async_trait]
impl Admission for NoEscalation {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.kind.group == GROUP && matches!(target.operation, Operation::Create | Operation::Update)
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        if request.user.groups.iter().any(|group| group == MASTERS) {
            return Ok(());
        }
        match request.kind.kind.as_str() {
            "Role" => {
                let of = |role: Role| Rules { rules: role.rules.unwrap_or_default(), aggregates: false };
                let Some(new) = request.object_as::<Role>()? else { return Ok(()) };
                self.check_role(request, of(new), request.old_object_as()?.map(of)).await
            }
            "ClusterRole" => {
                let of = |role: ClusterRole| Rules {
                    rules: role.rules.unwrap_or_default(),
                    aggregates: role
                        .aggregation_rule
                        .and_then(|rule| rule.cluster_role_selectors)
                        .is_some_and(|selectors| !selectors.is_empty()),
                };
                let Some(new) = request.object_as::<ClusterRole>()? else { return Ok(()) };
                self.check_role(request, of(new), request.old_object_as()?.map(of)).await
            }
            "RoleBinding" => {
                let of = |binding: RoleBinding| Bound { role: binding.role_ref, subjects: binding.subjects };
                let Some(new) = request.object_as::<RoleBinding>()? else { return Ok(()) };
                self.check_binding(request, of(new), request.old_object_as()?.map(of)).await
            }
            "ClusterRoleBinding" => {
                let of = |binding: ClusterRoleBinding| Bound { role: binding.role_ref, subjects: binding.subjects };
                let Some(new) = request.object_as::<ClusterRoleBinding>()? else { return Ok(()) };
                self.check_binding(request, of(new), request.old_object_as()?.map(of)).await
            }
            _ => Ok(()),
        }
    }
}

/// What counts in a role.
#[derive(PartialEq)]
struct Rules {
    rules: Vec<PolicyRule>,
    aggregates: bool,
}

/// What counts in a binding.
#[derive(PartialEq)]
struct Bound {
    role: RoleRef,
    subjects: Option<Vec<k8s_openapi::api::rbac::v1::Subject>>,
}

fn confirm(policy: &Policy, request: &Attributes<'_>, rules: &[PolicyRule]) -> Result<(), Denied> {
    let missing = uncovered_by(policy, request, rules);
    if missing.is_empty() {
        return Ok(());
    }
    let user = request.user;
    let mut message = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.username,
        quoted(&user.groups),
        describe(missing)
    );
    let unresolved: Vec<&str> = policy.missing(user, request.namespace).collect();
    if !unresolved.is_empty() {
        message = format!("{message}; resolution errors: [{}]", unresolved.join(" "));
    }
    Err(Denied::new(message))
}

fn uncovered_by(policy: &Policy, request: &Attributes<'_>, rules: &[PolicyRule]) -> Vec<PolicyRule> {
    let held: Vec<&PolicyRule> = policy.rules_of(request.user, request.namespace).collect();
    uncovered(held.into_iter(), rules)
}

fn not_found(missing: MissingRole) -> Denied {
    let MissingRole { resource, name } = missing;
    let details = serde_json::json!({ "name": name, "group": GROUP, "kind": resource });
    Denied::with_code(404, "NotFound", format!("{resource}.{GROUP} {name:?} not found")).with_details(details)
}

fn everything() -> [PolicyRule; 2] {
    let all = || vec!["*".to_owned()];
    [
        PolicyRule { verbs: all(), api_groups: Some(all()), resources: Some(all()), ..PolicyRule::default() },
        PolicyRule { verbs: all(), non_resource_urls: Some(all()), ..PolicyRule::default() },
    ]
}
