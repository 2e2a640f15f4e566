//! An object as it is kept in memory: the bytes that clients read, and the little that selectors ask for.
//!
//! Stored bytes hold no resourceVersion, since it is not known before the write. They start with `apiVersion`, `kind`
//! and `metadata`, in this order, so that it can be spliced in without parsing. They are kept as they are, so that a
//! store in this process and the cache have them once, and spliced each time that they are written out.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;

use super::metadata;
use super::summary::{SelectableFields, Summary};
use super::written::Written;
use crate::kind::Kind;
use crate::storage::cache::Cached;
use crate::storage::cache::index::By;
use crate::storage::{Entry, Revision};
use crate::versions::Conversion;

/// An object of the storage version.
#[derive(Debug)]
pub struct Object {
    /// The write that stored it.
    pub revision: Revision,
    /// What selectors ask for.
    pub summary: Arc<Summary>,
    /// JSON without its resourceVersion.
    stored: Bytes,
    /// Where the resourceVersion belongs; 0 where there is none.
    splice: usize,
    /// Why the stored bytes cannot be used.
    corrupt: Option<Box<str>>,
    /// The `apiVersion` of the stored bytes.
    stored_as: Arc<str>,
    /// The values of selectable fields in other versions than the stored one, by version, once somebody has asked.
    fields: OnceLock<Box<[FieldsShown]>>,
}

/// The values of the selectable fields of one version; `None` where the object cannot be shown in it.
type FieldsShown = OnceLock<Option<Box<[Box<str>]>>>;

/// What decoding takes.
pub struct Codec {
    kind: Arc<Kind>,
    conversion: Arc<dyn Conversion>,
    /// How the stored bytes of this kind start.
    head: Vec<u8>,
    /// The `apiVersion` of the storage version.
    api_version: Arc<str>,
    selectable: SelectableFields,
    written: Written,
}

/// An object in the form in which it is stored, with what would else be read out of it again.
pub struct Encoded {
    /// JSON without its resourceVersion.
    pub bytes: Bytes,
    summary: Option<Arc<Summary>>,
}

impl Codec {
    /// A codec for the objects of a kind.
    pub fn new(kind: Arc<Kind>, conversion: Arc<dyn Conversion>) -> Self {
        let api_version: Arc<str> = kind.storage_version().api_version().into();
        let head = head(&api_version, &kind.kind);
        let selectable = SelectableFields::of(&kind.storage_version().selectable_fields);
        Self { kind, conversion, head, api_version, selectable, written: Written::default() }
    }

    /// Encodes an object of the storage version for the store.
    pub fn encode(&self, object: &Value) -> Encoded {
        Encoded { bytes: self.bytes(object), summary: Summary::of(object, &self.selectable).map(Arc::new) }
    }

    /// Says what is being written at a key, before it is, to whoever will see it come back.
    pub fn writes(&self, key: &str, encoded: &Encoded) {
        if let Some(summary) = &encoded.summary {
            self.written.keep(key, encoded.bytes.clone(), summary.clone());
        }
    }

    /// Says that nothing was written at a key.
    pub fn wrote_nothing(&self, key: &str) {
        self.written.forget(key);
    }

    /// Envelope first, no resourceVersion.
    fn bytes(&self, object: &Value) -> Bytes {
        let mut out = Vec::with_capacity(ENCODED_BYTES);
        out.extend_from_slice(&self.head);
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
        // These bytes stay for as long as the object does, so they take no more memory than they need.
        Bytes::copy_from_slice(&out)
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
            return (self.api_version.clone(), Ok(self.bytes(&object)));
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
        Ok(self.bytes(&object))
    }
}

impl Object {
    /// The object as JSON, without its resourceVersion.
    pub fn stored(&self) -> &Bytes {
        &self.stored
    }

    /// The bytes of its JSON.
    pub fn json_bytes(&self) -> usize {
        let digits = self.revision.0.checked_ilog10().map_or(1, |log| log as usize + 1);
        match self.splice {
            0 => self.stored.len(),
            at => self.stored.len() + RESOURCE_VERSION.len() + digits + 1 + usize::from(self.has_more(at)),
        }
    }

    /// Writes the object as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let (head, rest) = self.stored.split_at(self.splice);
        out.extend_from_slice(head);
        if self.splice > 0 {
            out.extend_from_slice(RESOURCE_VERSION.as_bytes());
            // Writing into memory has no way to fail.
            let _ = write!(out, "{}\"", self.revision);
            if self.has_more(self.splice) {
                out.push(b',');
            }
        }
        out.extend_from_slice(rest);
    }

    /// The object as JSON with a newline at its end, as a response carries it.
    pub fn line(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.json_bytes() + 1);
        self.write_json(&mut out);
        out.push(b'\n');
        out.into()
    }

    /// The object as a value.
    pub fn value(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.line())
    }

    /// Why it cannot be used, if it cannot.
    pub fn corrupt(&self) -> Option<&str> {
        self.corrupt.as_deref()
    }

    /// An object that has just been written.
    pub fn written(codec: &Codec, encoded: &Encoded, revision: Revision) -> Self {
        match &encoded.summary {
            Some(summary) => Self::known(codec, encoded.bytes.clone(), revision, summary.clone()),
            None => Self::new(codec, &encoded.bytes, revision),
        }
    }

    /// Reads an object of the store.
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
        match Summary::read(bytes, &codec.selectable) {
            Ok(summary) => Self { stored_as, ..Self::known(codec, bytes.clone(), revision, summary.into()) },
            Err(error) => Self::broken(revision, stored_as, error.to_string()),
        }
    }

    /// The values of the selectable fields of another version than the stored one, in their order, as `read` finds them
    /// the first time; `None` where the object cannot be shown in it. `versions` is how many the kind has.
    pub fn fields_in(
        &self,
        version: usize,
        versions: usize,
        read: impl FnOnce() -> Option<Box<[Box<str>]>>,
    ) -> Option<&[Box<str>]> {
        let slots = self.fields.get_or_init(|| (0..versions).map(|_| OnceLock::new()).collect());
        slots.get(version)?.get_or_init(read).as_deref()
    }

    /// Whether it is stored in the storage version: after that has changed, older objects are not.
    pub fn is_stored_as(&self, codec: &Codec) -> bool {
        self.stored_as == codec.api_version
    }

    /// An object that was not stored and has no resourceVersion: the answer to a dry run.
    pub fn unstored(codec: &Codec, encoded: &Encoded) -> Self {
        let summary = encoded.summary.clone().unwrap_or_default();
        Self { splice: 0, ..Self::known(codec, encoded.bytes.clone(), Revision(0), summary) }
    }

    /// An object that somebody else keeps, with the resourceVersion that it has there, if it has one.
    pub fn foreign(codec: &Codec, value: &Value) -> Self {
        let encoded = codec.encode(value);
        match metadata::text(value, "resourceVersion").parse() {
            Ok(revision) => Self::written(codec, &encoded, Revision(revision)),
            Err(_) => Self::unstored(codec, &encoded),
        }
    }

    /// Whether its metadata has more than a resourceVersion.
    fn has_more(&self, splice: usize) -> bool {
        self.stored.get(splice) != Some(&b'}')
    }

    /// An object whose bytes are as this codec makes them, and whose summary is known.
    fn known(codec: &Codec, stored: Bytes, revision: Revision, summary: Arc<Summary>) -> Self {
        let (splice, stored_as) = (codec.head.len(), codec.api_version.clone());
        Self { revision, summary, stored, splice, corrupt: None, stored_as, fields: OnceLock::new() }
    }

    fn broken(revision: Revision, stored_as: Arc<str>, error: String) -> Self {
        let (summary, stored, corrupt) = (Arc::default(), Bytes::from_static(b"{}"), Some(error.into()));
        Self { revision, summary, stored, splice: 0, corrupt, stored_as, fields: OnceLock::new() }
    }
}

impl Cached for Object {
    type Codec = Codec;

    fn decode(codec: &Codec, entry: &Entry) -> Self {
        if let Some(summary) = codec.written.take(&entry.key, &entry.value) {
            return Self::known(codec, entry.value.clone(), entry.revision, summary);
        }
        let mut object = Self::new(codec, &entry.value, entry.revision);
        if let Some(error) = object.corrupt() {
            tracing::error!(key = &*entry.key, error, "a stored object cannot be read");
            // Its bytes do not tell what it is called, but its key does.
            let mut segments = entry.key.rsplit('/');
            let name = segments.next().unwrap_or_default().into();
            let namespace = segments.next().filter(|_| codec.kind.namespaced).unwrap_or_default().into();
            object.summary = Summary { name, namespace, ..Summary::default() }.into();
        }
        object
    }

    fn left_at(&self, revision: Revision) -> Self {
        Self {
            revision,
            summary: self.summary.clone(),
            stored: self.stored.clone(),
            splice: self.splice,
            corrupt: self.corrupt.clone(),
            stored_as: self.stored_as.clone(),
            fields: OnceLock::new(),
        }
    }

    fn revision(&self) -> Revision {
        self.revision
    }

    fn value_of(&self, by: &By) -> Option<&str> {
        match by {
            By::Label(key) => self.summary.labels.get(key),
            By::Field(index) => self.summary.fields.get(*index).map(|value| &**value),
        }
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
        size_of::<Self>() + self.stored.len()
    }
}

/// What most objects fit in when they are encoded.
const ENCODED_BYTES: usize = 4 << 10;

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
