//! What a namespace that is being deleted tells of its content. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/namespace/deletion/status_condition_utils.go>

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What deleting the content of a namespace came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What went wrong, a text for each kind.
    pub errors: Vec<String>,
    /// How many objects are left of each kind, by `PLURAL.GROUP`; the core group is an empty one.
    pub remaining: BTreeMap<String, usize>,
    /// How many of them each finalizer holds.
    pub finalizers: BTreeMap<String, usize>,
}

/// A condition: its type, and reason and message while it is not met.
struct Condition(&'static str, &'static str, &'static str);

/// In the order in which Kubernetes writes them. The first two are never met: all kinds are known here.
const CONDITIONS: [Condition; 5] = [
    Condition("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    Condition(
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    Condition(
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    Condition("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    Condition("NamespaceFinalizersRemaining", "ContentRemoved", "All content successfully removed"),
];

impl Outcome {
    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.errors.is_empty() && self.remaining.is_empty()
    }

    /// The conditions as they are to be from now on; `None` where those in `conditions` say all this already.
    pub fn conditions(&self, conditions: &[Value], now: &str) -> Option<Vec<Value>> {
        let mut after = conditions.to_vec();
        for Condition(type_, reason, message) in CONDITIONS {
            let (status, reason, message) = match self.met(type_) {
                Some((reason, message)) => ("True", reason, message),
                None => ("False", reason, message.to_owned()),
            };
            let Some(old) = after.iter_mut().find(|condition| condition["type"] == type_) else {
                after.push(json!({
                    "type": type_, "status": status, "lastTransitionTime": now, "reason": reason, "message": message,
                }));
                continue;
            };
            if old["status"] != status {
                old["lastTransitionTime"] = now.into();
            }
            for (field, value) in [("status", status), ("reason", reason), ("message", message.as_str())] {
                old[field] = value.into();
            }
        }
        (after != conditions).then_some(after)
    }

    /// Reason and message of a condition that is met.
    fn met(&self, type_: &str) -> Option<(&'static str, String)> {
        let listed = |counts: &BTreeMap<String, usize>, between: &str| {
            let texts = counts.iter().map(|(what, count)| format!("{what} {between} {count} resource instances"));
            texts.collect::<Vec<_>>().join(", ")
        };
        match type_ {
            "NamespaceDeletionContentFailure" if !self.errors.is_empty() => {
                let mut errors = self.errors.clone();
                errors.sort();
                let (count, errors) = (errors.len(), errors.join(", "));
                let message = format!("Failed to delete all resource types, {count} remaining: {errors}");
                Some(("ContentDeletionFailed", message))
            }
            "NamespaceContentRemaining" if !self.remaining.is_empty() => {
                let message = format!("Some resources are remaining: {}", listed(&self.remaining, "has"));
                Some(("SomeResourcesRemain", message))
            }
            "NamespaceFinalizersRemaining" if !self.finalizers.is_empty() => {
                let message = format!("Some finalizers are remaining: {}", listed(&self.finalizers, "in"));
                Some(("SomeFinalizersRemain", message))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(conditions: &[Value]) -> Vec<String> {
        let text = |condition: &Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
        let line = |condition: &Value| {
            format!(
                "{}={} {}: {}",
                text(condition, "type"),
                text(condition, "status"),
                text(condition, "reason"),
                text(condition, "message")
            )
        };
        conditions.iter().map(line).collect()
    }

    #[test]
    fn an_empty_namespace_says_that_all_went_well() {
        let conditions = Outcome::default().conditions(&[], "2026-01-01T00:00:00Z").unwrap();
        assert!(Outcome::default().is_done());
        assert_eq!(conditions.len(), 5);
        assert!(conditions.iter().all(|condition| condition["status"] == "False"));
        assert_eq!(Outcome::default().conditions(&conditions, "2026-01-01T00:00:01Z"), None);
    }

    #[test]
    fn what_is_left_is_told() {
        let outcome = Outcome {
            errors: vec!["second".into(), "first".into()],
            remaining: [("configmaps.".to_owned(), 2), ("birds.demo.example.com".to_owned(), 1)].into(),
            finalizers: [("demo.example.com/nest".to_owned(), 1)].into(),
        };
        let conditions = outcome.conditions(&[], "2026-01-01T00:00:00Z").unwrap();
        let expected = [
            "NamespaceDeletionContentFailure=True ContentDeletionFailed: Failed to delete all resource types, 2 remaining: \
             first, second",
            "NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: birds.demo.example.com has 1 \
             resource instances, configmaps. has 2 resource instances",
            "NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some finalizers are remaining: demo.example.com/nest in \
             1 resource instances",
        ];
        assert_eq!(texts(&conditions)[2..], expected);
    }

    #[test]
    fn times_are_those_of_changes_and_conditions_of_others_stay() {
        let theirs = json!({"type": "Theirs", "status": "True"});
        let before = Outcome::default().conditions(&[theirs], "2026-01-01T00:00:00Z").unwrap();
        let outcome = Outcome { remaining: [("birds.g".to_owned(), 1)].into(), ..Outcome::default() };
        let after = outcome.conditions(&before, "2026-01-02T00:00:00Z").unwrap();
        assert_eq!((after.len(), &after[0]), (6, &before[0]));
        let changed: Vec<&Value> =
            after.iter().filter(|condition| condition["lastTransitionTime"] == "2026-01-02T00:00:00Z").collect();
        assert_eq!((changed.len(), &changed[0]["type"]), (1, &json!("NamespaceContentRemaining")));
    }
}
