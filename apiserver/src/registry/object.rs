//! An object as it is kept in memory: the bytes that clients read, and the little that selectors ask for.
//!
//! Stored bytes hold no resourceVersion, since it is not known before the write. They start with `apiVersion`, `kind`
//! and `metadata`, in this order, so that it can be spliced in without parsing.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
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
}

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
}

#[derive(Deserialize)]
struct Peek {
    #[serde(default)]
    metadata: Summary,
}

impl Codec {
    /// A codec for the objects of a kind.
    pub fn new(kind: Arc<Kind>, conversion: Arc<dyn Conversion>) -> Self {
        let head = head(&kind.storage_version().api_version(), &kind.kind);
        Self { kind, conversion, head }
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

    /// Brings bytes that were not written by [`encode`](Self::encode), or of another version, into its form.
    fn normalise(&self, bytes: &[u8]) -> Result<Bytes, String> {
        let object: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let stored = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        let target = self.kind.storage_version();
        if stored == target.api_version() {
            return Ok(self.encode(&object));
        }
        let from = self
            .kind
            .versions
            .iter()
            .find(|version| version.api_version() == stored)
            .ok_or_else(|| format!("stored in version {stored:?}, which {} does not have", self.kind.kind))?;
        let object = self.conversion.convert(from, target, object).map_err(|error| error.to_string())?;
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
        let normal;
        let bytes = if value.starts_with(&codec.head) {
            value
        } else {
            match codec.normalise(value) {
                Ok(bytes) => normal = bytes,
                Err(error) => return Self::broken(revision, error),
            }
            &normal
        };
        let line = splice(bytes, codec.head.len(), revision);
        match summary(codec, &line) {
            Ok(summary) => Self { revision, summary, line, corrupt: None },
            Err(error) => Self::broken(revision, error.to_string()),
        }
    }

    /// An object that was not stored and has no resourceVersion: the answer to a dry run.
    pub fn unstored(codec: &Codec, value: &Bytes) -> Self {
        let line = Bytes::from([value, b"\n".as_slice()].concat());
        let summary = summary(codec, &line).unwrap_or_default();
        Self { revision: Revision(0), summary, line, corrupt: None }
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
            fields: self.summary.fields.clone(),
        };
        Self { revision, summary, line, corrupt: self.corrupt.clone() }
    }

    fn broken(revision: Revision, error: String) -> Self {
        Self { revision, summary: Summary::default(), line: Bytes::from_static(b"{}\n"), corrupt: Some(error) }
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

/// How field selectors see a value: scalars as text, everything else as nothing.
pub fn field_text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    }
}
