//! Which webhooks a request concerns, and in which version they see it. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/generic/webhook.go>

use std::borrow::Cow;

use kube::core::GroupVersionKind;
use serde_json::Value;

use super::call;
use super::hooks::Hook;
use super::rules::Asked;
use super::source::Source;
use crate::admission::review::GroupVersionResource;
use crate::admission::{Attributes, Denied, ObjectKind, Operation};
use crate::kind::KindVersion;
use crate::request::selectors::LabelSelector;
use crate::schema::Scene;

/// What all conditions of a webhook may cost together. Source: `RuntimeCELCostBudgetMatchConditions` in
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/apis/cel/config.go>
const COST_BUDGET: u64 = 2_500_000;

/// A request as one webhook sees it.
pub(super) struct Invocation<'h, 'r> {
    pub hook: &'h Hook,
    /// The version that the webhook wants.
    pub version: &'r KindVersion,
}

/// The objects of a request in the version that a webhook wants.
#[derive(Clone, Debug)]
pub(super) struct Seen<'a> {
    pub object: Option<Cow<'a, Value>>,
    pub old: Option<Cow<'a, Value>>,
}

/// How a webhook is to be asked; nothing where the request is none of its business.
///
/// # Errors
/// Conditions that cannot be evaluated, namespaces that do not exist.
pub(super) fn invocation<'h, 'r>(
    hook: &'h Hook,
    request: &Attributes<'r>,
    source: &dyn Source,
) -> Result<Option<Invocation<'h, 'r>>, Denied> {
    if !matches_object(&hook.objects, request) {
        return Ok(None);
    }
    let Some(version) = matched_version(hook, request) else { return Ok(None) };
    if !matches_namespace(&hook.namespaces, request, source)? {
        return Ok(None);
    }
    let invocation = Invocation { hook, version };
    Ok(invocation.meets_conditions(request)?.then_some(invocation))
}

impl<'r> Invocation<'_, 'r> {
    /// The objects in the version that the webhook wants.
    ///
    /// # Errors
    /// Objects that cannot be expressed in it.
    pub fn seen<'a>(&self, request: &'a Attributes<'r>) -> Result<Seen<'a>, Denied> {
        let show = |object: &'a Value| -> Result<Cow<'a, Value>, Denied> {
            if !self.converts(request) {
                return Ok(Cow::Borrowed(object));
            }
            let converted = request.conversion.convert(request.target.version, self.version, object.clone());
            Ok(Cow::Owned(converted.map_err(Denied::internal)?))
        };
        Ok(Seen { object: request.object().map(show).transpose()?, old: request.old_object().map(show).transpose()? })
    }

    /// An object that the webhook has changed, with its defaults, in the version of the request.
    ///
    /// # Errors
    /// Objects that cannot be expressed in it.
    pub fn accepted(&self, request: &Attributes<'r>, mut object: Value) -> Result<Value, Denied> {
        let version = match request.target.object {
            ObjectKind::Same => Some(self.version),
            ObjectKind::Own(kind) => Some(kind.storage_version()),
            ObjectKind::Scale => None,
        };
        if let Some(version) = version {
            version.schema.prune(&mut object, &mut Vec::new());
            version.schema.default(&mut object);
        }
        if self.converts(request) {
            let converted = request.conversion.convert(self.version, request.target.version, object);
            object = converted.map_err(Denied::internal)?;
        }
        Ok(object)
    }

    pub fn kind(&self, request: &Attributes<'_>) -> GroupVersionKind {
        if !self.converts(request) {
            return request.kind.clone();
        }
        GroupVersionKind::gvk(&self.version.group, &self.version.version, &request.target.kind.kind)
    }

    pub fn resource(&self, request: &Attributes<'_>) -> GroupVersionResource {
        GroupVersionResource {
            group: self.version.group.clone(),
            version: self.version.version.clone(),
            resource: request.resource.resource.clone(),
        }
    }

    fn converts(&self, request: &Attributes<'_>) -> bool {
        matches!(request.target.object, ObjectKind::Same) && !std::ptr::eq(self.version, request.target.version)
    }

    /// A condition that does not hold outweighs those that cannot be evaluated. Source:
    /// <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/matchconditions/matcher.go>
    fn meets_conditions(&self, request: &Attributes<'r>) -> Result<bool, Denied> {
        if self.hook.conditions.is_empty() {
            return Ok(true);
        }
        let seen = self.seen(request)?;
        let described = serde_json::to_value(call::describe(self, request, String::new())).map_err(Denied::internal)?;
        let scene = Scene {
            object: seen.object.as_deref().unwrap_or(&Value::Null),
            old_object: seen.old.as_deref().unwrap_or(&Value::Null),
            request: &described,
        };
        let mut budget = COST_BUDGET;
        let mut errors = Vec::new();
        for condition in &self.hook.conditions {
            match condition.holds(scene, &mut budget) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => errors.push(error),
            }
        }
        match errors.as_slice() {
            [] => Ok(true),
            _ if self.hook.ignores_failures => Ok(false),
            [one] => Err(Denied::new(one)),
            all => Err(Denied::new(format!("[{}]", all.join(", ")))),
        }
    }
}

/// The version whose rules match: that of the request if it does, or else, where the webhook wants it, another one of the
/// same kind.
fn matched_version<'r>(hook: &Hook, request: &Attributes<'r>) -> Option<&'r KindVersion> {
    let target = &request.target;
    let asked = |version: &'r KindVersion| Asked {
        operation: request.operation,
        group: &version.group,
        version: &version.version,
        resource: &request.target.kind.plural,
        subresource: request.subresource,
        namespaced: request.target.kind.namespaced,
    };
    if hook.rules.iter().any(|rule| rule.matches(asked(target.version))) {
        return Some(target.version);
    }
    if !hook.equivalent {
        return None;
    }
    let others = || target.kind.versions.iter().filter(|other| other.served && !std::ptr::eq(*other, target.version));
    hook.rules.iter().find_map(|rule| others().find(|other| rule.matches(asked(other))))
}

fn matches_object(selector: &LabelSelector, request: &Attributes<'_>) -> bool {
    let matches = |object: Option<&Value>| {
        object.is_some_and(|object| selector.matches_with(|key| object["metadata"]["labels"].get(key)?.as_str()))
    };
    selector.is_empty() || matches(request.object()) || matches(request.old_object())
}

/// Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/predicates/namespace/matcher.go>
fn matches_namespace(selector: &LabelSelector, request: &Attributes<'_>, source: &dyn Source) -> Result<bool, Denied> {
    let is_namespace = request.target.is_namespace();
    if selector.is_empty() || request.namespace.is_empty() && !is_namespace {
        return Ok(true);
    }
    if is_namespace
        && request.subresource.is_empty()
        && matches!(request.operation, Operation::Create | Operation::Update)
    {
        let labels = request.object().map_or(&Value::Null, |object| &object["metadata"]["labels"]);
        return Ok(selector.matches_with(|key| labels.get(key)?.as_str()));
    }
    let name = request.namespace;
    match source.namespace_labels(name) {
        Some(labels) => Ok(selector.matches(&labels)),
        None => Err(Denied::no_namespace(name)),
    }
}
