//! Tables: what kubectl prints. Column definitions once per list, then one row per object.
//!
//! Everything that rows share is decided in [`Rows::new`]; a row then only looks up its cells and writes them. Nothing
//! here can fail: a cell whose value is missing or of another type is null, as in Kubernetes.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::kind::{Column, KindVersion};

/// What each row carries beside its cells, as the query parameter `includeObject` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing: `object` is null.
    None,
    /// The metadata, as PartialObjectMetadata.
    #[default]
    Metadata,
    /// The whole object.
    Object,
}

impl IncludeObject {
    /// Reads the query parameter; empty means the default.
    ///
    /// # Errors
    /// The message of the 400 that any other text is answered with.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "None" => Ok(Self::None),
            "Metadata" | "" => Ok(Self::Metadata),
            "Object" => Ok(Self::Object),
            _ => Err(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {text:?}: \
                 must be 'Metadata', 'Object', 'None', or empty"
            )),
        }
    }
}

/// Writes rows of one kind in one version. `now` is what ages are counted to.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    columns: Vec<(CellKind, &'a Column)>,
    name_first: bool,
    include: IncludeObject,
    meta_version: &'static str,
    now: Timestamp,
}

/// The type of a column, decided once per list.
#[derive(Clone, Copy, Debug)]
enum CellKind {
    String,
    Integer,
    Number,
    Boolean,
    Date,
    Computed(crate::kind::Cell),
    Unknown,
}

impl<'a> Rows<'a> {
    /// Prepares the rows of a Table in `meta.k8s.io/{meta_version}`: `v1` or `v1beta1`, as the client asked.
    pub fn new(version: &'a KindVersion, meta_version: &'static str, include: IncludeObject, now: Timestamp) -> Self {
        let kind = |column: &Column| match (column.cell, column.type_.as_str()) {
            (Some(cell), _) => CellKind::Computed(cell),
            (None, "string") => CellKind::String,
            (None, "integer") => CellKind::Integer,
            (None, "number") => CellKind::Number,
            (None, "boolean") => CellKind::Boolean,
            (None, "date") => CellKind::Date,
            (None, _) => CellKind::Unknown,
        };
        let columns = version.columns.iter().map(|column| (kind(column), column)).collect();
        Self { columns, name_first: has_name_column(version), include, meta_version, now }
    }

    /// The Table up to its rows: `{"kind":"Table",…,"rows":[`. Rows follow, separated by commas, then `]}`.
    /// `metadata` is that of the list, or `{"resourceVersion": …}` of a single object. In a watch only the first event
    /// has `definitions`.
    pub fn write_head(&self, metadata: &Value, definitions: Option<&Value>, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"kind":"Table","apiVersion":"meta.k8s.io/"#);
        out.extend_from_slice(self.meta_version.as_bytes());
        out.extend_from_slice(br#"","metadata":"#);
        write_json(metadata, out);
        out.extend_from_slice(br#","columnDefinitions":"#);
        write_json(&definitions, out);
        out.extend_from_slice(br#","rows":["#);
    }

    /// One row: `{"cells":[…],"object":…}`.
    pub fn write(&self, object: &Value, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"cells":["#);
        if self.name_first {
            write_json(&object["metadata"]["name"].as_str().unwrap_or_default(), out);
        }
        for (index, (kind, column)) in self.columns.iter().enumerate() {
            if index > 0 || self.name_first {
                out.push(b',');
            }
            match kind {
                CellKind::Computed(cell) => write_json(&cell(object, self.now), out),
                kind => write_cell(*kind, column.path.first(object), self.now, out),
            }
        }
        out.extend_from_slice(br#"],"object":"#);
        match self.include {
            IncludeObject::None => out.extend_from_slice(b"null"),
            IncludeObject::Metadata => write_partial_object_metadata(object, self.meta_version, out),
            IncludeObject::Object => write_json(object, out),
        }
        out.push(b'}');
    }
}

/// The `columnDefinitions` of a kind: the name, then its own columns.
pub fn column_definitions(version: &KindVersion) -> Value {
    let name = has_name_column(version).then(|| {
        json!({
            "name": "Name", "type": "string", "format": "name", "priority": 0,
            "description": "The name of the object, unique among its kind within a namespace.",
        })
    });
    let own = version.columns.iter().map(|column| {
        json!({
            "name": column.name, "type": column.type_, "format": column.format,
            "description": column.description, "priority": column.priority,
        })
    });
    name.into_iter().chain(own).collect()
}

/// Writes the metadata of an object as PartialObjectMetadata of `meta.k8s.io/{meta_version}`.
pub fn write_partial_object_metadata(object: &Value, meta_version: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/"#);
    out.extend_from_slice(meta_version.as_bytes());
    out.extend_from_slice(br#"","metadata":"#);
    match object.get("metadata") {
        Some(metadata) => write_json(metadata, out),
        None => out.extend_from_slice(b"{}"),
    }
    out.push(b'}');
}

/// How long ago a timestamp was, as kubectl tells it: `5m`, `3d2h`; `<unknown>` for none, `<invalid>` for what is not a
/// time or lies in the future.
pub fn age(timestamp: &str, now: Timestamp) -> String {
    // A zero time is how Go writes that there is none.
    if matches!(timestamp, "" | "null" | "0001-01-01T00:00:00Z") {
        return "<unknown>".into();
    }
    match timestamp.parse::<Timestamp>() {
        Ok(then) => human_duration(now.duration_since(then).as_secs()),
        Err(_) => "<invalid>".into(),
    }
}

/// Two or three significant figures: seconds below two minutes, seconds beside minutes below ten of them, and so on.
/// Source: <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/duration/duration.go>
fn human_duration(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let (unit, name, rest_unit, rest_name) = match seconds {
        // Clocks differ a little; almost now is now.
        ..-1 => return "<invalid>".into(),
        -1 => return "0s".into(),
        _ if seconds < 2 * MINUTE => (1, "s", 0, ""),
        _ if seconds < 10 * MINUTE => (MINUTE, "m", 1, "s"),
        _ if seconds < 3 * HOUR => (MINUTE, "m", 0, ""),
        _ if seconds < 8 * HOUR => (HOUR, "h", MINUTE, "m"),
        _ if seconds < 2 * DAY => (HOUR, "h", 0, ""),
        _ if seconds < 8 * DAY => (DAY, "d", HOUR, "h"),
        _ if seconds < 2 * YEAR => (DAY, "d", 0, ""),
        _ if seconds < 8 * YEAR => (YEAR, "y", DAY, "d"),
        _ => (YEAR, "y", 0, ""),
    };
    let mut text = format!("{}{name}", seconds / unit);
    if rest_unit > 0 && seconds % unit / rest_unit > 0 {
        let _ = write!(text, "{}{rest_name}", seconds % unit / rest_unit);
    }
    text
}

/// Whether the Table starts with a name column of ours: always, save for built-in kinds that place their own.
fn has_name_column(version: &KindVersion) -> bool {
    !version.columns.iter().any(|column| column.cell.is_some() && column.format == "name")
}

fn write_cell(kind: CellKind, value: Option<&Value>, now: Timestamp, out: &mut Vec<u8>) {
    match (kind, value) {
        (CellKind::String, Some(Value::String(text))) => write_json(text, out),
        (CellKind::String, Some(value)) => write_json(&printed(value), out),
        (CellKind::Integer, Some(Value::Number(number))) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => write_json(&integer, out),
            (None, Some(float)) => write_json(&(float as i64), out),
            (None, None) => out.extend_from_slice(b"null"),
        },
        (CellKind::Number, Some(number @ Value::Number(_))) => write_json(number, out),
        (CellKind::Boolean, Some(boolean @ Value::Bool(_))) => write_json(boolean, out),
        (CellKind::Date, Some(Value::String(timestamp))) => write_json(&age(timestamp, now), out),
        _ => out.extend_from_slice(b"null"),
    }
}

/// What a string column shows of a value that is no string: scalars as Go prints them, the rest as JSON.
/// Source: <https://github.com/kubernetes/client-go/blob/master/util/jsonpath/jsonpath.go> (`PrintResults`)
fn printed(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (None, Some(float)) => printed_float(float),
            _ => number.to_string(),
        },
        _ => value.to_string(),
    }
}

/// Go's `%v`: the shortest digits that give the same number, with an exponent from a million on and below 0.0001.
fn printed_float(float: f64) -> String {
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent @ ..-4) => format!("{digits}e-{:02}", -exponent),
        Ok(exponent @ 6..) => format!("{digits}e+{exponent:02}"),
        _ => float.to_string(),
    }
}

fn write_json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    // Values, strings and numbers always encode, and a Vec takes whatever is written to it.
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use crate::schema::json_path::JsonPath;

    fn column(name: &str, type_: &str, path: &str) -> Column {
        Column {
            name: name.into(),
            type_: type_.into(),
            format: String::new(),
            description: format!("About {name}."),
            priority: 0,
            path: JsonPath::parse(path).unwrap(),
            cell: None,
        }
    }

    fn version(columns: Vec<Column>) -> KindVersion {
        let openapi = json!({"type": "object"});
        KindVersion {
            group: "demo.example.com".into(),
            version: "v1".into(),
            served: true,
            deprecation_warning: None,
            schema: Schema::compile(&openapi).unwrap().into(),
            openapi,
            columns,
            selectable_fields: Vec::new(),
            status: false,
            scale: None,
            subresources: Vec::new(),
        }
    }

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn row(version: &KindVersion, include: IncludeObject, object: &Value) -> Value {
        let mut out = Vec::new();
        Rows::new(version, "v1", include, now()).write(object, &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    /// One cell of a column of this type, which shows `value`.
    fn check_cell(type_: &str, value: Value, cell: Value) {
        let version = version(vec![column("X", type_, ".x")]);
        let object = json!({"metadata": {"name": "a"}, "x": value});
        assert_eq!(row(&version, IncludeObject::None, &object)["cells"], json!(["a", cell]), "{type_} of {value}");
    }

    #[test]
    fn cells_are_of_the_type_of_their_column() {
        check_cell("integer", json!(22), json!(22));
        check_cell("integer", json!(2.9), json!(2));
        check_cell("integer", json!("22"), json!(null));
        check_cell("number", json!(22), json!(22));
        check_cell("number", json!(1.5), json!(1.5));
        check_cell("number", json!(true), json!(null));
        check_cell("boolean", json!(false), json!(false));
        check_cell("boolean", json!("false"), json!(null));
        check_cell("date", json!("2026-03-01T11:55:00Z"), json!("5m"));
        check_cell("date", json!("yesterday"), json!("<invalid>"));
        check_cell("date", json!(""), json!("<unknown>"));
        check_cell("date", json!(7), json!(null));
        check_cell("colour", json!("red"), json!(null));
    }

    #[test]
    fn a_string_column_prints_whatever_it_finds() {
        check_cell("string", json!("Nesting \"here\""), json!("Nesting \"here\""));
        check_cell("string", json!(22), json!("22"));
        check_cell("string", json!(0.5), json!("0.5"));
        check_cell("string", json!(1000000.0), json!("1e+06"));
        check_cell("string", json!(0.000012), json!("1.2e-05"));
        check_cell("string", json!(123456.75), json!("123456.75"));
        check_cell("string", json!(true), json!("true"));
        check_cell("string", json!(["a", 1]), json!(r#"["a",1]"#));
        check_cell("string", json!({"a": {"b": null}}), json!(r#"{"a":{"b":null}}"#));
        check_cell("string", json!(null), json!("<no value>"));
    }

    #[test]
    fn what_is_missing_is_null() {
        let version = version(vec![
            column("Phase", "string", ".status.phase"),
            column("Ready", "string", r#".status.conditions[?(@.type=="Ready")].status"#),
            column("Age", "date", ".metadata.creationTimestamp"),
        ]);
        let object = json!({"metadata": {"name": "a"}});
        assert_eq!(
            row(&version, IncludeObject::None, &object),
            json!({"cells": ["a", null, null, null], "object": null})
        );
    }

    #[test]
    fn a_row_carries_what_was_asked_for() {
        let version = version(vec![column("Species", "string", ".spec.species")]);
        let object = json!({
            "apiVersion": "demo.example.com/v1", "kind": "Bird",
            "metadata": {"name": "a", "labels": {"x": "1"}, "managedFields": [{"manager": "m"}]},
            "spec": {"species": "robin"},
        });
        let partial = json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
        });
        let cells = json!(["a", "robin"]);
        assert_eq!(row(&version, IncludeObject::None, &object), json!({"cells": cells, "object": null}));
        assert_eq!(row(&version, IncludeObject::Metadata, &object), json!({"cells": cells, "object": partial}));
        assert_eq!(row(&version, IncludeObject::Object, &object), json!({"cells": cells, "object": object}));
    }

    #[test]
    fn include_object_is_one_of_three_words() {
        assert_eq!(IncludeObject::parse(""), Ok(IncludeObject::Metadata));
        assert_eq!(IncludeObject::parse("None"), Ok(IncludeObject::None));
        assert_eq!(IncludeObject::parse("Object"), Ok(IncludeObject::Object));
        assert_eq!(
            IncludeObject::parse("Nothing").unwrap_err(),
            "Unable to convert to Table as requested: includeObject: Invalid value: \"Nothing\": \
             must be 'Metadata', 'Object', 'None', or empty"
        );
    }

    #[test]
    fn definitions_start_with_the_name() {
        let mut wingspan = column("Wingspan", "integer", ".spec.wingspanCm");
        wingspan.priority = 1;
        let definitions = column_definitions(&version(vec![wingspan, Column::age()]));
        assert_eq!(definitions[0]["name"], "Name");
        assert_eq!(definitions[0]["type"], "string");
        assert_eq!(definitions[0]["format"], "name");
        assert_eq!(
            definitions[1],
            json!({"name": "Wingspan", "type": "integer", "format": "", "description": "About Wingspan.", "priority": 1})
        );
        assert_eq!(definitions[2]["name"], "Age");
        assert_eq!(definitions.as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_table_is_a_head_and_its_rows() {
        let version = version(vec![column("Species", "string", ".spec.species")]);
        let rows = Rows::new(&version, "v1", IncludeObject::None, now());
        let mut out = Vec::new();
        rows.write_head(&json!({"resourceVersion": "7"}), None, &mut out);
        rows.write(&json!({"metadata": {"name": "a"}}), &mut out);
        out.extend_from_slice(b"]}");
        assert_eq!(
            serde_json::from_slice::<Value>(&out).unwrap(),
            json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "7"},
                "columnDefinitions": null, "rows": [{"cells": ["a", null], "object": null}],
            })
        );
    }

    #[test]
    fn ages_are_short() {
        let check = |seconds: i64, text: &str| assert_eq!(human_duration(seconds), text, "{seconds} s");
        check(-2, "<invalid>");
        check(-1, "0s");
        check(0, "0s");
        check(119, "119s");
        check(120, "2m");
        check(125, "2m5s");
        check(599, "9m59s");
        check(605, "10m");
        check(3 * 3600 - 1, "179m");
        check(3 * 3600, "3h");
        check(3 * 3600 + 90, "3h1m");
        check(8 * 3600 + 90, "8h");
        check(47 * 3600, "47h");
        check(48 * 3600, "2d");
        check(74 * 3600, "3d2h");
        check(8 * 86400 + 7200, "8d");
        check(729 * 86400, "729d");
        check(730 * 86400, "2y");
        check(735 * 86400, "2y5d");
        check(8 * 365 * 86400 + 86400, "8y");
    }
}
