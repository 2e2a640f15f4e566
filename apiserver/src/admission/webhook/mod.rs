//! Webhooks: plugins elsewhere, asked over HTTPS as `MutatingWebhookConfiguration` and `ValidatingWebhookConfiguration`
//! say. Sources: <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>,
//! <https://github.com/kubernetes/apiserver/tree/master/pkg/admission/plugin/webhook>
//!
//! - [`Source`] where configurations come from · [`Hooks`] what they say, compiled once for each change
//! - `matching` which webhooks a request concerns · `call` one question and its answer · [`Clients`] connections
//! - [`Webhooks`] the plugin · `mutating`, `validating` its two phases
//!
//! A webhook may hang, lie or be gone. So every call has an end, every answer a largest size, and what it says is checked.

mod call;
mod client;
mod hooks;
mod matching;
mod metrics;
mod mutating;
mod rules;
mod source;
mod trust;
mod validating;

use std::sync::Arc;

use async_trait::async_trait;

use super::{Admission, Attributes, Denied, Target};

pub use client::Clients;
pub use hooks::{Hook, Hooks};
pub use metrics::WebhookMetrics;
pub use source::{NamespaceLabels, Source, labels_of_unknown};

/// Asks webhooks.
pub struct Webhooks {
    source: Arc<dyn Source>,
    metrics: WebhookMetrics,
}

impl Webhooks {
    /// Asks the webhooks of a source.
    pub fn new(source: Arc<dyn Source>, metrics: WebhookMetrics) -> Self {
        Self { source, metrics }
    }

    fn hooks(&self) -> Result<Arc<Hooks>, Denied> {
        self.source.hooks().ok_or_else(|| Denied::new("not yet ready to handle request"))
    }
}

#[async_trait]
impl Admission for Webhooks {
    fn handles(&self, target: &Target<'_>) -> bool {
        !is_exempt(target) && self.source.hooks().is_none_or(|hooks| hooks.concern(target))
    }

    async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
        let hooks = self.hooks()?;
        mutating::dispatch(&hooks.mutating, &*self.source, &self.metrics, request).await
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let hooks = self.hooks()?;
        validating::dispatch(&hooks.validating, &*self.source, &self.metrics, request).await
    }
}

/// Whoever could keep these from being changed could keep himself in place for ever.
const EXEMPT: [&str; 6] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
];

fn is_exempt(target: &Target<'_>) -> bool {
    target.version.group == "admissionregistration.k8s.io" && EXEMPT.contains(&target.kind.kind.as_str())
}
