//! Validating webhooks: all at once, since none changes what another sees. The first in order that refuses is told. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/validating/dispatcher.go>

use std::time::Instant;

use futures::future::join_all;

use super::call::{self, Failure, Sort};
use super::hooks::Hook;
use super::matching::{self, Invocation};
use super::metrics::WebhookMetrics;
use super::source::Source;
use crate::admission::{Attributes, Denied};

pub(super) async fn dispatch(
    hooks: &[Hook],
    source: &dyn Source,
    metrics: &WebhookMetrics,
    request: &Attributes<'_>,
) -> Result<(), Denied> {
    let mut invocations = Vec::new();
    for hook in hooks {
        invocations.extend(matching::invocation(hook, request, source)?);
    }
    let questions = invocations.iter().enumerate().map(|(index, invocation)| one(index, invocation, metrics, request));
    join_all(questions).await.into_iter().collect()
}

async fn one(
    index: usize,
    invocation: &Invocation<'_, '_>,
    metrics: &WebhookMetrics,
    request: &Attributes<'_>,
) -> Result<(), Denied> {
    let hook = invocation.hook;
    let seen = invocation.seen(request)?;
    let started = Instant::now();
    let result = call::ask(invocation, request, &seen, Sort::Validating).await;
    metrics.observe(hook, Sort::Validating, request, started.elapsed(), result.as_ref().err());
    match result {
        Ok(_) => Ok(()),
        Err(Failure::Calling { message, .. }) if hook.ignores_failures => {
            tracing::warn!(message, "a webhook failed, and the request goes on");
            let key = format!("failed-open.validating.webhook.admission.k8s.io/round_0_index_{index}");
            request.annotate(key, &hook.name);
            Ok(())
        }
        Err(Failure::Calling { message, .. }) => Err(Denied::internal(message)),
        Err(Failure::Rejected(denied) | Failure::Failed(denied)) => Err(denied),
    }
}
