//! The kinds of Kubernetes that a server keeps when it stands alone.

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Event;

use crate::apis::Apis;
use crate::builtin::{self, Builtin};
use crate::registry::hooks;

/// Adds them all.
pub fn install(apis: &mut Apis) {
    apis.builtin::<Event>(Builtin::new(builtin::events).conversion(builtin::EventShapes));
    let webhooks = |kind| Builtin::new(kind).hooks(hooks::checked(builtin::check_webhooks)).settles();
    apis.builtin::<MutatingWebhookConfiguration>(webhooks(builtin::mutating_webhooks));
    apis.builtin::<ValidatingWebhookConfiguration>(webhooks(builtin::validating_webhooks));
}
