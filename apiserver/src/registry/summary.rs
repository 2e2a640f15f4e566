//! The little of an object that selectors and collectors ask for, kept small: there is one for each object in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::kind::SelectableField;

/// The part of an object's metadata that is asked for most.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct Summary {
    /// The name.
    pub name: Box<str>,
    /// Empty for cluster-scoped kinds.
    pub namespace: Box<str>,
    /// The labels.
    pub labels: Labels,
    /// Whether it names owners.
    #[serde(rename = "ownerReferences", deserialize_with = "is_there")]
    pub owned: bool,
    /// Whether it is being deleted.
    #[serde(rename = "deletionTimestamp", deserialize_with = "is_there")]
    pub terminating: bool,
    /// The values of the kind's selectable fields, in their order in the storage version; absent ones are empty.
    #[serde(skip)]
    pub fields: Box<[Box<str>]>,
}

/// Labels, in the order of their keys. A slice and no map: most objects have few, and a map takes half a KiB for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Box<[(Box<str>, Box<str>)]>);

impl Labels {
    fn of(map: &Map<String, Value>) -> Option<Self> {
        let pairs = map.iter().map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into())));
        Some(Self::sorted(pairs.collect::<Option<_>>()?))
    }

    fn sorted(mut pairs: Vec<(Box<str>, Box<str>)>) -> Self {
        // Stored objects have each key once; of bytes that others wrote, the first counts.
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        pairs.dedup_by(|(one, _), (other, _)| one == other);
        Self(pairs.into())
    }

    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(own, _)| (**own).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// All of them as a map.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// All of them, as key and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

/// What is read of the stored bytes to know the selectable fields of a version.
pub(super) struct SelectableFields {
    fields: Vec<SelectableField>,
    wanted: Wanted,
}

/// The parts of a document that are worth reading: all below, or what is under these keys.
#[derive(Default)]
struct Wanted {
    whole: bool,
    keys: Vec<(String, Wanted)>,
}

impl Summary {
    /// Reads stored bytes once, and once more where there are fields to select by; neither builds what is not asked for.
    pub(super) fn read(json: &[u8], selectable: &SelectableFields) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Peek {
            #[serde(default)]
            metadata: Summary,
        }
        let mut summary = serde_json::from_slice::<Peek>(json)?.metadata;
        if !selectable.fields.is_empty() {
            let mut reader = serde_json::Deserializer::from_slice(json);
            let object = selectable.wanted.deserialize(&mut reader)?;
            summary.fields = field_texts(&selectable.fields, &object);
        }
        Ok(summary)
    }

    /// The same of an object that is about to be stored. `None` where something is not what it must be, which is found
    /// out by reading it.
    pub(super) fn of(object: &Value, selectable: &SelectableFields) -> Option<Self> {
        let metadata = object.get("metadata")?.as_object()?;
        let text = |key: &str| match metadata.get(key) {
            None => Some(Box::default()),
            Some(value) => Some(Box::from(value.as_str()?)),
        };
        let labels = match metadata.get("labels") {
            None => Labels::default(),
            Some(labels) => Labels::of(labels.as_object()?)?,
        };
        Some(Self {
            name: text("name")?,
            namespace: text("namespace")?,
            labels,
            owned: metadata.contains_key("ownerReferences"),
            terminating: metadata.contains_key("deletionTimestamp"),
            fields: field_texts(&selectable.fields, object),
        })
    }
}

impl SelectableFields {
    pub(super) fn of(fields: &[SelectableField]) -> Self {
        let mut wanted = Wanted::default();
        for field in fields {
            let mut at = &mut wanted;
            // A path with more than keys in it may lead anywhere.
            for key in field.path.keys().unwrap_or_default() {
                let index = at.keys.iter().position(|(own, _)| own == key).unwrap_or_else(|| {
                    at.keys.push((key.to_owned(), Wanted::default()));
                    at.keys.len() - 1
                });
                at = &mut at.keys[index].1;
            }
            at.whole = true;
        }
        Self { fields: fields.to_vec(), wanted }
    }
}

/// How field selectors see the values of fields, in their order.
pub(super) fn field_texts(fields: &[SelectableField], object: &Value) -> Box<[Box<str>]> {
    fields.iter().map(|field| field_text(field.path.first(object)).into()).collect()
}

/// Scalars as text, everything else as nothing.
fn field_text(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Cow::Owned(value.to_string()),
        _ => Cow::Borrowed(""),
    }
}

/// Whether a field is set, whatever it holds: the bytes are passed over in any case.
fn is_there<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(from).map(|_| true)
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut pairs: Vec<(Box<str>, Box<str>)> = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Labels::sorted(pairs))
            }
        }
        from.deserialize_map(Pairs)
    }
}

impl<'de> DeserializeSeed<'de> for &Wanted {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        if self.whole { Value::deserialize(from) } else { from.deserialize_any(self) }
    }
}

/// Something else than an object has nothing under the keys that are wanted.
impl<'de> Visitor<'de> for &Wanted {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match self.keys.iter().find(|(own, _)| *own == *key) {
                Some((_, wanted)) => drop(object.insert(key.into_owned(), map.next_value_seed(wanted)?)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, _: &str) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::json_path::JsonPath;

    #[track_caller]
    fn check(paths: &[&str], json: &str, expect: &[&str]) {
        let field =
            |path: &&str| SelectableField { name: (*path).to_owned(), path: JsonPath::parse(path).expect("a path") };
        let fields: Vec<_> = paths.iter().map(field).collect();
        let summary = Summary::read(json.as_bytes(), &SelectableFields::of(&fields)).expect(json);
        let found: Vec<&str> = summary.fields.iter().map(|text| &**text).collect();
        assert_eq!(found, expect, "{json}");
        // What is left out while reading is nothing that a path leads to.
        let object: Value = serde_json::from_str(json).expect(json);
        assert_eq!(summary.fields, field_texts(&fields, &object), "{json}");
    }

    #[test]
    fn fields_are_found_without_reading_the_rest() {
        let bird = r#"{"a":[1,{"x":2}],"spec":{"n":null,"size":{"cm":12},"color":"r\u00e9d","b":true},"type":"T"}"#;
        check(&[".spec.color", ".spec.size.cm", ".spec.b", ".type"], bird, &["réd", "12", "true", "T"]);
        check(&[".spec.size", ".spec.size.cm"], bird, &["", "12"]);
        check(&[".spec.color.red", ".none", ".a.x", ".spec.n"], bird, &["", "", "", ""]);
        check(&[".a[1].x", ".type"], bird, &["2", "T"]);
        check(&[".spec.color"], r#"{"spec":-1.5}"#, &[""]);
        check(&[".spec.color"], r#"{"spec":["color"]}"#, &[""]);
        check(&[], "{}", &[]);
    }

    #[test]
    fn what_is_about_to_be_stored_has_the_summary_that_is_read_of_it() {
        let check = |json: &str| {
            let paths = [".spec.color", ".spec.size"].map(|path| JsonPath::parse(path).expect("a path"));
            let fields = paths.map(|path| SelectableField { name: String::new(), path });
            let fields = SelectableFields::of(&fields);
            let read = Summary::read(json.as_bytes(), &fields).ok();
            assert_eq!(Summary::of(&serde_json::from_str(json).expect(json), &fields), read, "{json}");
        };
        check(
            r#"{"metadata":{"name":"a","namespace":"b","labels":{"y":"2","x":"1"}},"spec":{"color":"red","size":1}}"#,
        );
        check(r#"{"metadata":{"ownerReferences":null,"deletionTimestamp":""},"spec":null}"#);
        check(r#"{"metadata":{"labels":{}}}"#);
        check(r#"{"metadata":{"name":1}}"#);
        check(r#"{"metadata":{"namespace":null}}"#);
        check(r#"{"metadata":{"labels":{"a":1}}}"#);
        check(r#"{"metadata":{"labels":null}}"#);
    }

    #[test]
    fn a_summary_has_what_is_asked_for_most() {
        let json = r#"{"metadata":{"name":"a","namespace":"b","labels":{"y":"2","x":"1"},"ownerReferences":[{}]}}"#;
        let summary = Summary::read(json.as_bytes(), &SelectableFields::of(&[])).expect(json);
        assert_eq!((&*summary.name, &*summary.namespace), ("a", "b"));
        assert_eq!(summary.labels.iter().collect::<Vec<_>>(), [("x", "1"), ("y", "2")]);
        assert_eq!((summary.labels.get("y"), summary.labels.get("z")), (Some("2"), None));
        assert_eq!((summary.owned, summary.terminating), (true, false));
    }
}
