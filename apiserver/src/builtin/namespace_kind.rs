//! The kind Namespace. It says in its spec who has to finish with it before it may go, so that it outlives its content.
//! Sources: <https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/core/namespace/strategy.go>,
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/core/namespace/storage/storage.go>

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Map, Value, json};

use super::behaviour::{Behaviour, check_finalizer};
use super::columns::{ALWAYS, age, column, text};
use super::{Builtin, plain};
use crate::field::{self, labels};
use crate::kind::{Kind, Verb};
use crate::registry::metadata;
use crate::registry::object::Object;
use crate::request::context::RequestContext;

/// The subresource by which those who have finished with a namespace say so.
pub const FINALIZE: &str = "finalize";

/// The label that every namespace has, with its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The finalizer of whoever deletes the content.
const FINALIZER: &str = "kubernetes";

/// The kind Namespace, without its subresource [`FINALIZE`].
pub fn namespaces() -> Builtin {
    let behaviour = Behaviour {
        defaults,
        prepare,
        check,
        begin_deletion: |namespace| namespace["status"]["phase"] = "Terminating".into(),
        is_held,
        name_problems: labels::dns_label,
        ..Behaviour::default()
    };
    Builtin::new(kind).hooks(Arc::new(behaviour)).settles()
}

/// Whether a stored Namespace is on its way out: told by the field that selectors may name first.
pub fn is_terminating(namespace: &Object) -> bool {
    namespace.summary.fields.first().is_some_and(|phase| &**phase == "Terminating")
}

fn kind() -> Kind {
    let mut kind = plain::kind::<Namespace>(
        |_| {},
        |_| {
            let phase = |namespace: &Value, _| text(&namespace["status"]["phase"]).into();
            vec![column("Status", ALWAYS, "The status of the namespace", phase), age()]
        },
    );
    kind.verbs.retain(|verb| *verb != Verb::DeleteCollection);
    // The second one is an old mistake that clients may have learnt.
    kind.versions[0].selectable_fields =
        vec![plain::selectable("status.phase", ".status.phase"), plain::selectable("name", ".metadata.name")];
    kind
}

fn defaults(namespace: &mut Value) {
    let name = metadata::text(namespace, "name").to_owned();
    if !name.is_empty() {
        label(namespace, &name);
    }
    if namespace["status"]["phase"].is_null()
        && let Some(fields) = namespace.as_object_mut()
    {
        let status = fields.entry("status").or_insert_with(|| Map::new().into());
        if let Some(status) = status.as_object_mut() {
            status.insert("phase".into(), "Active".into());
        }
    }
}

fn label(namespace: &mut Value, name: &str) {
    let labels = metadata::of_mut(namespace).entry("labels").or_insert_with(|| Map::new().into());
    if let Some(labels) = labels.as_object_mut() {
        labels.insert(NAME_LABEL.into(), name.into());
    }
}

fn prepare(cx: &RequestContext, namespace: &mut Value, old: Option<&Value>) {
    match old {
        None => {
            // A name may have been made up since the defaults were filled in.
            let name = metadata::text(namespace, "name").to_owned();
            label(namespace, &name);
            let mut finalizers = finalizers(namespace).to_vec();
            if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
                finalizers.push(FINALIZER.into());
            }
            namespace["spec"] = json!({ "finalizers": finalizers });
            namespace["status"] = json!({ "phase": "Active" });
        }
        Some(old) if cx.subresource != FINALIZE => match (old.get("spec"), namespace.as_object_mut()) {
            (Some(spec), _) => namespace["spec"] = spec.clone(),
            (None, Some(fields)) => drop(fields.remove("spec")),
            (None, None) => {}
        },
        Some(_) => {}
    }
}

/// Source: `ValidateNamespace` and what follows it in
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go>
fn check(cx: &RequestContext, namespace: &Value, old: Option<&Value>, errors: &mut field::Errors) {
    if old.is_some() && cx.subresource == "status" {
        let phase = text(&namespace["status"]["phase"]);
        let (wanted, deleted) = match metadata::is_terminating(namespace) {
            true => ("Terminating", "not "),
            false => ("Active", ""),
        };
        if phase != wanted {
            let problem = format!("may only be '{wanted}' if `deletionTimestamp` is {deleted}empty");
            errors.invalid("status.Phase", phase, problem);
        }
        return;
    }
    for (index, finalizer) in finalizers(namespace).iter().map(text).enumerate() {
        let at = || match cx.subresource.as_str() {
            FINALIZE => format!("spec.finalizers[{index}]"),
            _ => "spec.finalizers".to_owned(),
        };
        for problem in labels::qualified_name(finalizer) {
            errors.invalid(at(), finalizer, problem);
        }
        check_finalizer(finalizer, at(), errors);
    }
}

/// A namespace is marked first, whoever is in its spec: what is in it would lose its place otherwise.
fn is_held(namespace: &Value) -> bool {
    !metadata::is_terminating(namespace) || !finalizers(namespace).is_empty()
}

fn finalizers(namespace: &Value) -> &[Value] {
    namespace["spec"]["finalizers"].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(subresource: &str) -> RequestContext {
        let mut cx = RequestContext::default();
        cx.subresource = subresource.into();
        cx
    }

    #[test]
    fn a_new_namespace_waits_for_its_content() {
        let mut namespace = json!({ "metadata": { "name": "forest" } });
        defaults(&mut namespace);
        namespace["spec"]["finalizers"] = json!(["example.com/mine"]);
        prepare(&on(""), &mut namespace, None);
        let expected = json!({
            "metadata": { "name": "forest", "labels": { "kubernetes.io/metadata.name": "forest" } },
            "spec": { "finalizers": ["example.com/mine", "kubernetes"] }, "status": { "phase": "Active" },
        });
        assert_eq!(namespace, expected);
    }

    #[test]
    fn only_finalize_changes_who_has_to_finish() {
        let old = json!({ "spec": { "finalizers": ["kubernetes"] } });
        for (subresource, left) in [("", json!(["kubernetes"])), ("finalize", json!([]))] {
            let mut new = json!({ "spec": { "finalizers": [] } });
            prepare(&on(subresource), &mut new, Some(&old));
            assert_eq!(new["spec"]["finalizers"], left, "{subresource}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_the_words_of_kubernetes() {
        let check = |subresource: &str, namespace: Value, expect: &str| {
            let mut errors = field::Errors::default();
            super::check(&on(subresource), &namespace, Some(&json!({})), &mut errors);
            let text = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            assert!(text == expect || !expect.is_empty() && text.starts_with(expect), "{text}");
        };
        check("", json!({ "spec": { "finalizers": ["kubernetes", "example.com/mine"] } }), "");
        check(
            "finalize",
            json!({ "spec": { "finalizers": ["kubernetes", "mine"] } }),
            "spec.finalizers[1]: Invalid value: \"mine\": name is neither a standard finalizer name nor is it fully \
             qualified",
        );
        check(
            "",
            json!({ "spec": { "finalizers": ["a b/c"] } }),
            "spec.finalizers: Invalid value: \"a b/c\": prefix part",
        );
        check(
            "status",
            json!({ "status": { "phase": "Terminating" } }),
            "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
        );
        let deleted = json!({ "deletionTimestamp": "2026-03-01T12:00:00Z" });
        check(
            "status",
            json!({ "metadata": deleted, "status": { "phase": "Active" } }),
            "status.Phase: Invalid value: \"Active\": may only be 'Terminating' if `deletionTimestamp` is not empty",
        );
        check("status", json!({ "metadata": deleted, "status": { "phase": "Terminating" } }), "");
    }

    #[test]
    fn a_namespace_goes_when_it_was_marked_and_all_have_finished() {
        let deleted = json!({ "deletionTimestamp": "2026-03-01T12:00:00Z" });
        for (namespace, held) in [
            (json!({ "spec": { "finalizers": [] } }), true),
            (json!({ "metadata": deleted, "spec": { "finalizers": ["kubernetes"] } }), true),
            (json!({ "metadata": deleted, "spec": { "finalizers": [] } }), false),
            (json!({ "metadata": deleted, "spec": {} }), false),
        ] {
            assert_eq!(is_held(&namespace), held, "{namespace}");
        }
    }
}
