//! Columns of built-in kinds. Their cells are computed and all of them texts, numbers of things apart, as those of
//! Kubernetes' printers are.

use jiff::Timestamp;
use serde_json::Value;

use crate::endpoints::table;
use crate::kind::{Cell, Column};
use crate::schema::json_path::JsonPath;

/// Columns that are always shown.
pub(super) const ALWAYS: i32 = 0;
/// Columns that are shown with `-o wide`.
pub(super) const WIDE: i32 = 1;

/// A column with a computed cell.
pub(super) fn column(name: &str, priority: i32, description: &str, cell: Cell) -> Column {
    Column {
        name: name.into(),
        type_: "string".into(),
        format: String::new(),
        description: description.into(),
        priority,
        path: JsonPath::default(),
        cell: Some(cell),
    }
}

/// How long ago the object was made.
pub(super) fn age() -> Column {
    let cell = |object: &Value, now: Timestamp| -> Value { table::age(created(object), now).into() };
    Column { cell: Some(cell), type_: "string".into(), path: JsonPath::default(), ..Column::age() }
}

/// When the object was made.
pub(super) fn created_at() -> Column {
    let cell = |object: &Value, _: Timestamp| -> Value { created(object).into() };
    Column { format: "date-time".into(), ..column("Created At", ALWAYS, &Column::age().description, cell) }
}

/// How many entries a list or a map has.
pub(super) fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(entries) => entries.len(),
        _ => 0,
    }
}

/// A text; empty where there is none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn created(object: &Value) -> &str {
    object["metadata"]["creationTimestamp"].as_str().unwrap_or_default()
}
