//! What kubectl shows of Events. Most cells are put together from several fields, so they are computed. Source:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/printers/internalversion/printers.go>

use jiff::Timestamp;
use serde_json::{Value, json};

use super::event_shapes::RENAMED;
use crate::endpoints::table::age;
use crate::kind::{Cell, Column};
use crate::schema::json_path::JsonPath;

/// The columns of Events, for either shape. The name is the last of them.
pub(super) fn columns() -> Vec<Column> {
    let always = 0;
    let wide = 1;
    vec![
        column("Last Seen", "", always, "How long ago it was last seen.", last_seen),
        column("Type", "", always, "Normal or Warning.", |event, _| text(event, "type").into()),
        column("Reason", "", always, "Why it happened, in one word.", |event, _| text(event, "reason").into()),
        column("Object", "", always, "What it is about.", object),
        column("Subobject", "", wide, "Which part of the object it is about.", |event, _| {
            field(event, "involvedObject")["fieldPath"].as_str().unwrap_or_default().into()
        }),
        column("Source", "", wide, "Who reported it.", source),
        column("Message", "", always, "What happened, in words.", |event, _| text(event, "message").trim().into()),
        column("First Seen", "", wide, "How long ago it was first seen.", first_seen),
        column("Count", "", wide, "How often it was seen.", count),
        column("Name", "name", wide, "The name of the Event itself.", |event, _| {
            event["metadata"]["name"].as_str().unwrap_or_default().into()
        }),
    ]
}

fn column(name: &str, format: &str, priority: i32, description: &str, cell: Cell) -> Column {
    Column {
        name: name.into(),
        type_: "string".into(),
        format: format.into(),
        description: description.into(),
        priority,
        path: JsonPath::default(),
        cell: Some(cell),
    }
}

fn first_seen(event: &Value, now: Timestamp) -> Value {
    let first = text(event, "firstTimestamp");
    age(if first.is_empty() { text(event, "eventTime") } else { first }, now).into()
}

fn last_seen(event: &Value, now: Timestamp) -> Value {
    if event["series"].is_object() {
        return age(event["series"]["lastObservedTime"].as_str().unwrap_or_default(), now).into();
    }
    match text(event, "lastTimestamp") {
        "" => first_seen(event, now),
        last => age(last, now).into(),
    }
}

fn object(event: &Value, _: Timestamp) -> Value {
    let object = field(event, "involvedObject");
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    match object["name"].as_str().unwrap_or_default() {
        "" => kind.into(),
        name => format!("{kind}/{name}").into(),
    }
}

fn source(event: &Value, _: Timestamp) -> Value {
    let source = field(event, "source");
    let either = |name: &str, other: &'static str| match source[name].as_str().unwrap_or_default() {
        "" => text(event, other).to_owned(),
        text => text.to_owned(),
    };
    match (either("component", "reportingComponent"), either("host", "reportingInstance")) {
        (component, instance) if instance.is_empty() => component.into(),
        (component, instance) => format!("{component}, {instance}").into(),
    }
}

fn count(event: &Value, _: Timestamp) -> Value {
    let count = if event["series"].is_object() { &event["series"]["count"] } else { field(event, "count") };
    match count.as_i64().unwrap_or_default() {
        0 if !event["series"].is_object() => json!(1), // Events that happened once need not say so.
        count => json!(count),
    }
}

fn text<'a>(event: &'a Value, name: &str) -> &'a str {
    field(event, name).as_str().unwrap_or_default()
}

/// A field by its name in the core group, in either shape.
fn field<'a>(event: &'a Value, name: &str) -> &'a Value {
    let renamed = || RENAMED.iter().find(|(core, _)| *core == name).and_then(|(_, named)| event.get(named));
    event.get(name).or_else(renamed).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells of an Event, in the order of the columns.
    fn check(event: Value, cells: &str) {
        let now = "2026-03-01T12:10:00Z".parse().unwrap();
        let found: Vec<String> = columns()
            .iter()
            .filter_map(|column| column.cell)
            .map(|cell| match cell(&event, now) {
                Value::String(text) => text,
                other => other.to_string(),
            })
            .collect();
        assert_eq!(found.join(" | "), cells);
    }

    #[test]
    fn both_shapes_show_the_same() {
        let cells = "5m | Normal | Nested | bird/robin | spec.nest | bird, n1 | found a nest | 10m | 3 | robin.1";
        check(
            json!({
                "metadata": {"name": "robin.1"}, "type": "Normal", "reason": "Nested", "message": "found a nest\n",
                "involvedObject": {"kind": "Bird", "name": "robin", "fieldPath": "spec.nest"},
                "source": {"component": "bird", "host": "n1"}, "count": 3,
                "firstTimestamp": "2026-03-01T12:00:00Z", "lastTimestamp": "2026-03-01T12:05:00Z",
            }),
            cells,
        );
        check(
            json!({
                "metadata": {"name": "robin.1"}, "type": "Normal", "reason": "Nested", "note": "found a nest\n",
                "regarding": {"kind": "Bird", "name": "robin", "fieldPath": "spec.nest"},
                "deprecatedSource": {"component": "bird", "host": "n1"}, "deprecatedCount": 3,
                "deprecatedFirstTimestamp": "2026-03-01T12:00:00Z", "deprecatedLastTimestamp": "2026-03-01T12:05:00Z",
            }),
            cells,
        );
    }

    #[test]
    fn new_events_have_a_time_and_a_series() {
        let mut event = json!({
            "metadata": {"name": "robin.2"}, "type": "Warning", "reason": "Lost", "eventTime": "2026-03-01T12:00:00.000000Z",
            "regarding": {"kind": "Bird"}, "reportingController": "demo.example.com/bird", "deprecatedFirstTimestamp": null,
        });
        check(event.clone(), "10m | Warning | Lost | bird |  | demo.example.com/bird |  | 10m | 1 | robin.2");
        event["series"] = json!({"count": 7, "lastObservedTime": "2026-03-01T12:09:00.000000Z"});
        event["reportingInstance"] = "p1".into();
        check(event, "60s | Warning | Lost | bird |  | demo.example.com/bird, p1 |  | 10m | 7 | robin.2");
        check(json!({}), "<unknown> |  |  |  |  |  |  | <unknown> | 1 | ");
    }
}
