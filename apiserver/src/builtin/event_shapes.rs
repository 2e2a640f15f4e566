//! The two shapes of an Event: that of the core group, and that of `events.k8s.io`. They have the same fields under
//! different names, so nothing is lost either way. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/events/v1/conversion.go>

use serde_json::Value;

use crate::kind::KindVersion;
use crate::versions::{Conversion, ConversionError};

/// Turns Events of one group into Events of the other.
#[derive(Debug, Default)]
pub struct EventShapes;

/// What a field is called in the core group, and in `events.k8s.io`. All others are called the same in both.
pub(super) const RENAMED: [(&str, &str); 7] = [
    ("count", "deprecatedCount"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("involvedObject", "regarding"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
];

impl Conversion for EventShapes {
    fn convert(&self, _: &KindVersion, to: &KindVersion, mut event: Value) -> Result<Value, ConversionError> {
        convert(&mut event, to);
        Ok(event)
    }
}

/// Gives an Event the shape that it has in the group of `to`. One that has it already is not changed.
fn convert(event: &mut Value, to: &KindVersion) {
    let Some(fields) = event.as_object_mut() else { return };
    for (core, named) in RENAMED {
        let (from, to) = if to.group.is_empty() { (named, core) } else { (core, named) };
        if let Some(value) = fields.remove(from) {
            fields.insert(to.to_owned(), value);
        }
    }
    fields.insert("apiVersion".into(), to.api_version().into());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::builtin::events;

    #[test]
    fn every_field_survives_the_round_trip() {
        let kind = events();
        let [core, named] = &kind.versions[..] else { panic!("two versions") };
        let object = json!({"kind": "Bird", "name": "robin"});
        let source = json!({"component": "bird-controller", "host": "n1"});
        let first = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "robin.1", "namespace": "default"},
            "involvedObject": object, "reason": "Nested", "message": "found a nest", "source": source,
            "firstTimestamp": "2026-03-01T12:00:00Z", "lastTimestamp": "2026-03-01T12:05:00Z", "count": 3,
            "type": "Normal", "eventTime": null, "action": "Nest", "related": {"kind": "Nest", "name": "oak"},
            "reportingComponent": "demo.example.com/bird", "reportingInstance": "p1",
            "series": {"count": 4, "lastObservedTime": "2026-03-01T12:05:00.000000Z"},
        });
        let second = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "robin.1", "namespace": "default"},
            "regarding": object, "reason": "Nested", "note": "found a nest", "deprecatedSource": source,
            "deprecatedFirstTimestamp": "2026-03-01T12:00:00Z", "deprecatedLastTimestamp": "2026-03-01T12:05:00Z",
            "deprecatedCount": 3,
            "type": "Normal", "eventTime": null, "action": "Nest", "related": {"kind": "Nest", "name": "oak"},
            "reportingController": "demo.example.com/bird", "reportingInstance": "p1",
            "series": {"count": 4, "lastObservedTime": "2026-03-01T12:05:00.000000Z"},
        });
        for (from, to, before, after) in
            [(core, named, &first, &second), (named, core, &second, &first), (core, core, &first, &first)]
        {
            assert_eq!(&EventShapes.convert(from, to, before.clone()).unwrap(), after);
        }
        for (version, event) in [(core, &first), (named, &second)] {
            let own = |field: &&String| !matches!(field.as_str(), "apiVersion" | "kind" | "metadata");
            for field in event.as_object().unwrap().keys().filter(own) {
                assert!(version.openapi["properties"].get(field).is_some(), "{} in {}", field, version.api_version());
            }
        }
    }
}
