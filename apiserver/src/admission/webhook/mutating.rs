//! Mutating webhooks: one after the other, each seeing what the ones before it have made of the object. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/mutating/dispatcher.go>

use std::collections::HashSet;
use std::mem::take;
use std::time::Instant;

use serde_json::{Value, json};

use super::call::{self, Failure, Sort};
use super::hooks::Hook;
use super::matching::{self, Invocation};
use super::metrics::WebhookMetrics;
use super::source::Source;
use crate::admission::{Attributes, Denied};
use crate::request::patch::json_patch;

/// What is remembered from the first round to the second.
#[derive(Default)]
struct Rounds {
    /// Who was called, and wants to be called again if the object changes.
    called: HashSet<String>,
    /// Who is to be called again, as the object has changed since.
    again: HashSet<String>,
    /// What they left behind.
    output: Option<Value>,
}

pub(super) async fn dispatch(
    hooks: &[Hook],
    source: &dyn Source,
    metrics: &WebhookMetrics,
    request: &mut Attributes<'_>,
) -> Result<(), Denied> {
    if hooks.is_empty() {
        return Ok(());
    }
    let second = request.reinvocation().is_reinvoked();
    let mut rounds = take(request.reinvocation().value::<Rounds>());
    if second && rounds.output.as_ref() != request.object() {
        rounds.changed();
    }
    for (index, hook) in hooks.iter().enumerate() {
        let Some(invocation) = matching::invocation(hook, request, source)? else { continue };
        // Whoever was not called in the first round is not called for the first time in the second.
        if second && !rounds.again.contains(&hook.id) {
            continue;
        }
        let started = Instant::now();
        let result = mutate(&invocation, request).await;
        metrics.observe(hook, Sort::Mutating, request, started.elapsed(), result.as_ref().err());
        let round = u8::from(second);
        if matches!(result, Ok(true)) {
            rounds.changed();
            request.reinvocation().request();
        }
        if hook.reinvoked {
            rounds.called.insert(hook.id.clone());
        }
        let mutated = matches!(result, Ok(true));
        let note = json!({ "configuration": hook.configuration, "webhook": hook.name, "mutated": mutated });
        request.annotate(format!("mutation.webhook.admission.k8s.io/round_{round}_index_{index}"), note);
        match result {
            Ok(_) => {}
            Err(Failure::Calling { message, .. }) if hook.ignores_failures => {
                tracing::warn!(message, "a webhook failed, and the request goes on");
                let key = format!("failed-open.mutation.webhook.admission.k8s.io/round_{round}_index_{index}");
                request.annotate(key, &hook.name);
            }
            Err(Failure::Calling { message, .. }) => return Err(Denied::internal(message)),
            Err(Failure::Rejected(denied) | Failure::Failed(denied)) => return Err(denied),
        }
    }
    if !rounds.called.is_empty() || !rounds.again.is_empty() {
        rounds.output = request.object().cloned();
    }
    *request.reinvocation().value::<Rounds>() = rounds;
    Ok(())
}

/// Asks a webhook, and does what it says. Tells whether the object has changed.
async fn mutate(invocation: &Invocation<'_, '_>, request: &mut Attributes<'_>) -> Result<bool, Failure> {
    let seen = invocation.seen(request).map_err(Failure::Failed)?;
    let Some(patch) = call::ask(invocation, request, &seen, Sort::Mutating).await? else { return Ok(false) };
    if patch.as_array().is_some_and(Vec::is_empty) {
        return Ok(false);
    }
    let name = &invocation.hook.name;
    let failed = |message: String| Failure::Failed(Denied::internal(message));
    let Some(object) = seen.object else {
        return Err(failed(format!(
            "admission webhook {name:?} attempted to modify the object, which is not supported for this operation"
        )));
    };
    let patched = match json_patch::apply(&object, &patch) {
        Ok(patched) => patched,
        Err(json_patch::JsonPatchError::NotAPatch(why)) => {
            let message =
                format!("failed calling webhook {name:?}: received undecodable patch in webhook response: {why}");
            return Err(Failure::Calling { message, code: 503 });
        }
        Err(error) => return Err(failed(error.to_string())),
    };
    if !patched.is_object()
        || patched.get("kind") != object.get("kind")
        || patched.get("apiVersion") != object.get("apiVersion")
    {
        return Err(failed(format!("admission webhook {name:?} made something else of the object")));
    }
    if patched == *object {
        return Ok(false);
    }
    let accepted = invocation.accepted(request, patched).map_err(Failure::Failed)?;
    let changed = request.object() != Some(&accepted);
    if let Some(object) = request.object_mut() {
        *object = accepted;
    }
    Ok(changed)
}

impl Rounds {
    /// The object has changed: whoever was called before and wants to know is called again.
    fn changed(&mut self) {
        self.again.extend(self.called.drain());
    }
}
