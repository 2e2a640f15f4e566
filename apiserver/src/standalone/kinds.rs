//! The kinds of Kubernetes that a server keeps when it stands alone.

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};

use super::access::Prepared;
use crate::apis::Apis;
use crate::builtin::{self, Builtin};
use crate::registry::hooks;

/// Adds them all.
pub fn install(apis: &mut Apis, access: &Prepared) {
    apis.builtin::<Namespace>(builtin::namespaces()).aspect(builtin::FINALIZE);
    apis.builtin::<Secret>(builtin::secrets());
    apis.builtin::<ConfigMap>(builtin::config_maps());
    access.add_token_requests(apis.builtin::<ServiceAccount>(builtin::service_accounts()));
    apis.builtin::<Lease>(builtin::leases());
    apis.builtin::<Role>(builtin::roles());
    apis.builtin::<RoleBinding>(builtin::role_bindings());
    apis.builtin::<ClusterRole>(builtin::cluster_roles());
    apis.builtin::<ClusterRoleBinding>(builtin::cluster_role_bindings());
    apis.builtin::<Event>(Builtin::new(builtin::events).conversion(builtin::EventShapes));
    let webhooks = |kind| Builtin::new(kind).hooks(hooks::checked(builtin::check_webhooks)).settles();
    apis.builtin::<MutatingWebhookConfiguration>(webhooks(builtin::mutating_webhooks));
    apis.builtin::<ValidatingWebhookConfiguration>(webhooks(builtin::validating_webhooks));
}
