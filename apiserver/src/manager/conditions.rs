//! Conditions: what is true of an object, in the form that `kubectl wait --for=condition=…` reads.
//! Conventions: <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties>

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::request::clock;

/// Says that something is true, and why. Gives whether that is news: the condition was absent or had another status.
///
/// `type_` and `reason` are words in CamelCase, `message` is a sentence, and `generation` the `metadata.generation`
/// that this holds for.
pub fn mark_true(
    conditions: &mut Vec<Condition>,
    type_: &str,
    reason: &str,
    message: impl Into<String>,
    generation: Option<i64>,
) -> bool {
    mark(conditions, type_, "True", reason, message.into(), generation)
}

/// Says that something is not true, and why. Gives whether that is news.
pub fn mark_false(
    conditions: &mut Vec<Condition>,
    type_: &str,
    reason: &str,
    message: impl Into<String>,
    generation: Option<i64>,
) -> bool {
    mark(conditions, type_, "False", reason, message.into(), generation)
}

/// Says that nobody knows, and why. Gives whether that is news.
pub fn mark_unknown(
    conditions: &mut Vec<Condition>,
    type_: &str,
    reason: &str,
    message: impl Into<String>,
    generation: Option<i64>,
) -> bool {
    mark(conditions, type_, "Unknown", reason, message.into(), generation)
}

/// Whether a condition is there and true.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// The condition of a type, if it is there.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// `lastTransitionTime` moves only when the status does, so that it tells since when this has been so.
fn mark(
    conditions: &mut Vec<Condition>,
    type_: &str,
    status: &str,
    reason: &str,
    message: String,
    generation: Option<i64>,
) -> bool {
    let old = conditions.iter_mut().find(|condition| condition.type_ == type_);
    let since = old.as_ref().filter(|old| old.status == status).map(|old| old.last_transition_time.clone());
    let news = since.is_none();
    let new = Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: generation,
        last_transition_time: since.unwrap_or_else(now),
    };
    match old {
        Some(old) => *old = new,
        None => conditions.push(new),
    }
    news
}

/// Whole seconds, which is what the API keeps: what is written reads back the same.
fn now() -> Time {
    let now = clock::now();
    Time(jiff::Timestamp::from_second(now.as_second()).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_status_is_news_and_moves_the_time() {
        let mut conditions = Vec::new();
        let set = |conditions: &mut Vec<Condition>, ready: bool, reason: &str| {
            let mark = if ready { mark_true } else { mark_false };
            mark(conditions, "Ready", reason, String::new(), Some(3))
        };
        assert!(set(&mut conditions, true, "Hatched"));
        let long_ago = Time(jiff::Timestamp::from_second(1_000_000).unwrap());
        conditions[0].last_transition_time = long_ago.clone();

        assert!(!set(&mut conditions, true, "Fledged"));
        assert_eq!(conditions[0].reason, "Fledged");
        assert_eq!(conditions[0].last_transition_time, long_ago);
        assert!(is_true(&conditions, "Ready"));

        assert!(set(&mut conditions, false, "Flown"));
        assert_ne!(conditions[0].last_transition_time, long_ago);
        assert!(!is_true(&conditions, "Ready"));
        assert_eq!(find(&conditions, "Ready").unwrap().observed_generation, Some(3));
    }

    #[test]
    fn conditions_of_other_types_stay_as_they_are() {
        let mut conditions = Vec::new();
        assert!(mark_unknown(&mut conditions, "Ready", "New", "", None));
        assert!(mark_true(&mut conditions, "Fed", "Worms", "Two worms", None));
        assert!(!mark_true(&mut conditions, "Fed", "Worms", "Three worms", None));
        let found: Vec<_> =
            conditions.iter().map(|c| (c.type_.as_str(), c.status.as_str(), c.message.as_str())).collect();
        assert_eq!(found, [("Ready", "Unknown", ""), ("Fed", "True", "Three worms")]);
        assert!(!is_true(&conditions, "Absent"));
    }
}
