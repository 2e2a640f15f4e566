//! An object as it is kept in memory: the bytes that clients read, and the little that selectors ask for.
//!
//! Stored bytes hold no resourceVersion, since it is not known before the write. They start with `apiVersion`, `kind`
//! and `metadata`, in this order, so that it can be spliced in without parsing.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::metadata;
use crate::kind::Kind;
use crate::storage::cache::Cached;
use crate::storage::{Entry, Revision};
use crate::versions::Conversion;

/// An object of the storage version.
#[derive(Debug)]
pub struct Object {
    /// The write that stored it.
    pub revision: Revision,
    /// What selectors ask for.
    pub summary: Summary,
    /// JSON with its resourceVersion, ending in a newline.
    line: Bytes,
    /// Why the stored bytes cannot be used.
    corrupt: Option<String>,
    /// The `apiVersion` of the stored bytes.
    stored_as: Arc<str>,
    /// The values of selectable fields in other versions than the stored one, by version, once somebody has asked.
    fields: OnceLock<Box<[FieldsShown]>>,
}

/// The values of the selectable fields of one version; `None` where the object cannot be shown in it.
type FieldsShown = OnceLock<Option<Vec<String>>>;

/// The part of an object's metadata that is asked for most.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Summary {
    /// The name.
    pub name: String,
    /// Empty for cluster-scoped kinds.
    pub namespace: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it names owners.
    #[serde(rename = "ownerReferences", deserialize_with = "is_there")]
    pub owned: bool,
    /// Whether it is being deleted.
    #[serde(rename = "deletionTimestamp", deserialize_with = "is_there")]
    pub terminating: bool,
    /// The values of the kind's selectable fields, in their order in the storage version; absent ones are empty.
    #[serde(skip)]
    pub fields: Vec<String>,
}

/// What decoding takes.
pub struct Codec {
    kind: Arc<Kind>,
    conversion: Arc<dyn Conversion>,
    /// How the stored bytes of this kind start.
    head: Vec<u8>,
    /// The `apiVersion` of the storage version.
    api_version: Arc<str>,
}

#[derive(Deserialize)]
struct Peek {
    #[serde(default)]
    metadata: Summary,
}

impl Codec {
    /// A codec for the objects of a kind.
    pub fn new(kind: Arc<Kind>, conversion: Arc<dyn Conversion>) -> Self {
        let api_version: Arc<str> = kind.storage_version().api_version().into();
        let head = head(&api_version, &kind.kind);
        Self { kind, conversion, head, api_version }
    }

    /// Encodes an object of the storage version for the store: envelope first, no resourceVersion.
    pub fn encode(&self, object: &Value) -> Bytes {
        let mut out = self.head.clone();
        let empty = serde_json::Map::new();
        let fields = object.as_object().unwrap_or(&empty);
        let metadata = fields.get("metadata").and_then(Value::as_object).unwrap_or(&empty);
        let mut first = true;
        for (key, value) in metadata.iter().filter(|(key, _)| *key != "resourceVersion") {
            member(&mut out, &mut first, key, value);
        }
        out.push(b'}');
        let mut first = false;
        for (key, value) in fields.iter().filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata"))
        {
            member(&mut out, &mut first, key, value);
        }
        out.push(b'}');
        out.into()
    }

    /// Brings bytes that were not written by [`encode`](Self::encode), or of another version, into its form. Tells the
    /// version of the bytes as well.
    fn normalise(&self, bytes: &[u8]) -> (Arc<str>, Result<Bytes, String>) {
        let object: Value = match serde_json::from_slice(bytes) {
            Ok(object) => object,
            Err(error) => return (Arc::default(), Err(error.to_string())),
        };
        let stored = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        if *stored == *self.api_version {
            return (self.api_version.clone(), Ok(self.encode(&object)));
        }
        (stored.as_str().into(), self.converted(&stored, object))
    }

    fn converted(&self, stored: &str, mut object: Value) -> Result<Bytes, String> {
        let target = self.kind.storage_version();
        let from = self
            .kind
            .versions
            .iter()
            .find(|version| version.api_version() == stored)
            .ok_or_else(|| format!("stored in version {stored:?}, which {} does not have", self.kind.kind))?;
        from.schema.default(&mut object);
        let mut object = self.conversion.convert(from, target, object).map_err(|error| error.to_string())?;
        target.schema.default(&mut object);
        Ok(self.encode(&object))
    }
}

impl Object {
    /// The object as JSON, without a newline at its end.
    pub fn json(&self) -> Bytes {
        self.line.slice(..self.line.len().saturating_sub(1))
    }

    /// The object as JSON with a newline at its end, as a response carries it.
    pub fn line(&self) -> Bytes {
        self.line.clone()
    }

    /// The object as a value.
    pub fn value(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.line)
    }

    /// Why it cannot be used, if it cannot.
    pub fn corrupt(&self) -> Option<&str> {
        self.corrupt.as_deref()
    }

    /// Reads an object that has just been written, or read from the store.
    pub fn new(codec: &Codec, value: &Bytes, revision: Revision) -> Self {
        let (normal, stored_as);
        let bytes = if value.starts_with(&codec.head) {
            stored_as = codec.api_version.clone();
            value
        } else {
            match codec.normalise(value) {
                (of, Ok(bytes)) => (normal, stored_as) = (bytes, of),
                (of, Err(error)) => return Self::broken(revision, of, error),
            }
            &normal
        };
        let line = splice(bytes, codec.head.len(), revision);
        match summary(codec, &line) {
            Ok(summary) => Self { revision, summary, line, corrupt: None, stored_as, fields: OnceLock::new() },
            Err(error) => Self::broken(revision, stored_as, error.to_string()),
        }
    }

    /// The values of the selectable fields of another version than the stored one, in their order, as `read` finds them
    /// the first time; `None` where the object cannot be shown in it. `versions` is how many the kind has.
    pub fn fields_in(
        &self,
        version: usize,
        versions: usize,
        read: impl FnOnce() -> Option<Vec<String>>,
    ) -> Option<&[String]> {
        let slots = self.fields.get_or_init(|| (0..versions).map(|_| OnceLock::new()).collect());
        slots.get(version)?.get_or_init(read).as_deref()
    }

    /// Whether it is stored in the storage version: after that has changed, older objects are not.
    pub fn is_stored_as(&self, codec: &Codec) -> bool {
        self.stored_as == codec.api_version
    }

    /// An object that was not stored and has no resourceVersion: the answer to a dry run.
    pub fn unstored(codec: &Codec, value: &Bytes) -> Self {
        let line = Bytes::from([value, b"\n".as_slice()].concat());
        let summary = summary(codec, &line).unwrap_or_default();
        let stored_as = codec.api_version.clone();
        Self { revision: Revision(0), summary, line, corrupt: None, stored_as, fields: OnceLock::new() }
    }

    /// An object that somebody else keeps, with the resourceVersion that it has there, if it has one.
    pub fn foreign(codec: &Codec, value: &Value) -> Self {
        let bytes = codec.encode(value);
        match metadata::text(value, "resourceVersion").parse() {
            Ok(revision) => Self::new(codec, &bytes, Revision(revision)),
            Err(_) => Self::unstored(codec, &bytes),
        }
    }

    /// The same object under another revision.
    fn at(&self, codec: &Codec, revision: Revision) -> Self {
        let start = codec.head.len() + RESOURCE_VERSION.len();
        let line = match self.line.get(start..).and_then(|rest| rest.iter().position(|byte| *byte == b'"')) {
            None => self.line.clone(),
            Some(digits) => {
                let mut line = BytesMut::with_capacity(self.line.len() + 8);
                line.put_slice(&self.line[..start]);
                line.put_slice(revision.to_string().as_bytes());
                line.put_slice(&self.line[start + digits..]);
                line.freeze()
            }
        };
        let summary = Summary {
            name: self.summary.name.clone(),
            namespace: self.summary.namespace.clone(),
            labels: self.summary.labels.clone(),
            owned: self.summary.owned,
            terminating: self.summary.terminating,
            fields: self.summary.fields.clone(),
        };
        let (corrupt, stored_as) = (self.corrupt.clone(), self.stored_as.clone());
        Self { revision, summary, line, corrupt, stored_as, fields: OnceLock::new() }
    }

    fn broken(revision: Revision, stored_as: Arc<str>, error: String) -> Self {
        let (summary, line) = (Summary::default(), Bytes::from_static(b"{}\n"));
        Self { revision, summary, line, corrupt: Some(error), stored_as, fields: OnceLock::new() }
    }
}

impl Cached for Object {
    type Codec = Codec;

    fn decode(codec: &Codec, entry: &Entry) -> Self {
        let mut object = Self::new(codec, &entry.value, entry.revision);
        if let Some(error) = object.corrupt() {
            tracing::error!(key = entry.key, error, "a stored object cannot be read");
            // Its bytes do not tell what it is called, but its key does.
            let mut segments = entry.key.rsplit('/');
            object.summary.name = segments.next().unwrap_or_default().to_owned();
            if codec.kind.namespaced {
                object.summary.namespace = segments.next().unwrap_or_default().to_owned();
            }
        }
        object
    }

    fn left_at(&self, codec: &Codec, revision: Revision) -> Self {
        self.at(codec, revision)
    }

    fn revision(&self) -> Revision {
        self.revision
    }

    fn stored_as(&self) -> &str {
        &self.stored_as
    }

    fn filled(codec: &Codec, stored_as: &BTreeMap<String, u64>) {
        let resource = codec.kind.qualified_resource();
        for (api_version, objects) in stored_as.iter().filter(|(api_version, _)| ***api_version != *codec.api_version) {
            let version = api_version.rsplit('/').next().unwrap_or_default();
            if version.is_empty() {
                // What is no object at all is told of one by one.
                continue;
            }
            if codec.kind.versions.iter().any(|version| version.api_version() == *api_version) {
                tracing::info!(
                    resource,
                    objects,
                    version,
                    storage_version = codec.kind.storage_version().version,
                    "objects are stored in an older version; `migrate-storage` writes them anew",
                );
            } else {
                tracing::error!(
                    resource,
                    objects,
                    version,
                    "objects are stored in a version that the kind does not have, and cannot be read; declare it again \
                     (it need not be served), run `migrate-storage`, and only then remove it",
                );
            }
        }
    }

    fn bytes(&self) -> usize {
        self.line.len()
    }
}

const RESOURCE_VERSION: &str = "\"resourceVersion\":\"";

fn head(api_version: &str, kind: &str) -> Vec<u8> {
    format!(r#"{{"apiVersion":"{api_version}","kind":"{kind}","metadata":{{"#).into_bytes()
}

fn member(out: &mut Vec<u8>, first: &mut bool, key: &str, value: &Value) {
    if !std::mem::take(first) {
        out.push(b',');
    }
    // Writing JSON into memory has no way to fail.
    let _ = serde_json::to_writer(&mut *out, key);
    out.push(b':');
    let _ = serde_json::to_writer(&mut *out, value);
}

fn splice(bytes: &[u8], at: usize, revision: Revision) -> Bytes {
    let mut line = BytesMut::with_capacity(bytes.len() + RESOURCE_VERSION.len() + 24);
    line.put_slice(&bytes[..at]);
    line.put_slice(RESOURCE_VERSION.as_bytes());
    line.put_slice(revision.to_string().as_bytes());
    line.put_u8(b'"');
    if bytes.get(at) != Some(&b'}') {
        line.put_u8(b',');
    }
    line.put_slice(&bytes[at..]);
    line.put_u8(b'\n');
    line.freeze()
}

fn summary(codec: &Codec, line: &[u8]) -> Result<Summary, serde_json::Error> {
    let selectable = &codec.kind.storage_version().selectable_fields;
    if selectable.is_empty() {
        return Ok(serde_json::from_slice::<Peek>(line)?.metadata);
    }
    let object: Value = serde_json::from_slice(line)?;
    let mut summary = Peek::deserialize(&object)?.metadata;
    summary.fields = selectable.iter().map(|field| field_text(field.path.first(&object))).collect();
    Ok(summary)
}

/// Whether a field is set, whatever it holds: the bytes are passed over in any case.
fn is_there<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(from).map(|_| true)
}

/// How field selectors see a value: scalars as text, everything else as nothing.
pub fn field_text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    }
}
