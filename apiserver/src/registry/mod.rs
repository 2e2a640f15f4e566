//! The life of an object: default, admit, validate, store. Nothing here knows HTTP: objects go in, objects or a typed
//! error come out.
//!
//! - [`strategy`] how a kind behaves · [`hooks`] the strategy without its type
//! - [`rest`] what can be done with objects, whoever keeps them · [`backend`] those that a project keeps itself
//! - [`subresource`] subresources of a project's own · [`typed`] objects as a project's types
//! - [`reader`] objects for those who decide by them
//! - [`create`], [`update`], [`delete`] what writes mean · [`read`], [`list`], [`watch`] what reads mean
//! - `base` what a write starts from · `admit` what admission is asked · `managers` who owns what after a write · [`object`] an object in memory, [`summary`] what selectors ask of it · [`metadata`] what all kinds share

mod admit;
pub mod backend;
mod base;
pub mod create;
pub mod delete;
pub mod error;
pub mod hooks;
pub mod list;
mod managers;
pub mod metadata;
pub mod names;
pub mod object;
mod put;
pub mod read;
pub mod reader;
pub mod rest;
pub mod selector;
pub mod strategy;
pub mod subresource;
pub mod summary;
pub mod typed;
pub mod update;
pub mod watch;
mod written;

use std::sync::Arc;

use serde_json::Value;

use crate::admission::Chain;
use crate::apply::FieldManager;
use crate::field;
use crate::kind::{Kind, KindVersion};
use crate::registry::error::Error;
use crate::registry::hooks::{Draft, Hooks, Mismatch, Spoken};
use crate::registry::metadata::owners;
use crate::registry::object::{Codec, Object};
use crate::request::context::RequestContext;
use crate::storage::cache::feed::Feed;
use crate::storage::cache::{Cached, WatchCache};
use crate::storage::{Entry, Revision, Store};
use crate::versions::{Conversion, ConversionError};

/// Everything that can be done with the objects of one kind.
pub struct Registry {
    kind: Arc<Kind>,
    hooks: Arc<dyn Hooks>,
    conversion: Arc<dyn Conversion>,
    admission: Arc<Chain>,
    fields: FieldManager,
    store: Arc<dyn Store>,
    cache: Arc<WatchCache<Object>>,
    feed: Arc<Feed>,
    settles: bool,
}

/// What a registry is put together from.
pub struct Parts {
    /// The kind.
    pub kind: Arc<Kind>,
    /// How it behaves.
    pub hooks: Arc<dyn Hooks>,
    /// How its versions become each other.
    pub conversion: Arc<dyn Conversion>,
    /// Who is asked before a write.
    pub admission: Arc<Chain>,
    /// Where its objects are kept.
    pub store: Arc<dyn Store>,
    /// Its objects in memory, fed by `feed`.
    pub cache: Arc<WatchCache<Object>>,
    /// What fills the cache.
    pub feed: Arc<Feed>,
    /// Whether a write is answered only when the cache has it: for kinds that this server itself acts on, so that the
    /// next request meets what this one has changed.
    pub settles: bool,
}

/// What a write came to.
pub struct Outcome {
    /// The object as it is stored, or would be in a dry run.
    pub object: Arc<Object>,
    /// Whether it is new.
    pub created: bool,
}

impl Registry {
    /// A registry of these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { kind, hooks, conversion, admission, store, cache, feed, settles } = parts;
        let fields = FieldManager::new(kind.clone(), conversion.clone());
        Self { kind, hooks, conversion, admission, fields, store, cache, feed, settles }
    }

    /// The kind that it keeps.
    pub fn kind(&self) -> &Arc<Kind> {
        &self.kind
    }

    /// How many objects are stored.
    pub fn len(&self) -> usize {
        self.cache.len()
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.cache.is_empty()
    }

    /// An object as a value of the given version.
    ///
    /// # Errors
    /// An object that cannot be read, or not in this version.
    pub fn show(&self, object: &Object, version: &KindVersion) -> Result<Value, Error> {
        let value = self.read_value(object)?;
        self.as_shown(value, version)
    }

    fn read_value(&self, object: &Object) -> Result<Value, Error> {
        self.usable(object)?;
        object.value().map_err(|error| Error::Corrupt { key: self.key_of(object), message: error.to_string() })
    }

    /// Refuses an object whose stored bytes cannot be read.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn usable(&self, object: &Object) -> Result<(), Error> {
        match object.corrupt() {
            None => Ok(()),
            Some(message) => Err(Error::Corrupt { key: self.key_of(object), message: message.to_owned() }),
        }
    }

    fn as_shown(&self, object: Value, version: &KindVersion) -> Result<Value, Error> {
        Ok(self.conversion.convert(self.kind.storage_version(), version, object)?)
    }

    /// Whether objects of this version are stored as they are, but for their `apiVersion`.
    fn has_stored_shape(&self, version: &KindVersion) -> bool {
        self.conversion.is_same_shape(version, self.kind.storage_version())
    }

    /// `/registry/GROUP/PLURAL/NAMESPACE/`, or without the namespace when all are meant or there is none.
    fn prefix(&self, namespace: &str) -> String {
        let root = self.cache.prefix();
        if namespace.is_empty() { root.to_owned() } else { [root, namespace, "/"].concat() }
    }

    fn key(&self, namespace: &str, name: &str) -> String {
        let root = self.cache.prefix();
        if namespace.is_empty() { [root, name].concat() } else { [root, namespace, "/", name].concat() }
    }

    fn key_of(&self, object: &Object) -> String {
        self.key(&object.summary.namespace, &object.summary.name)
    }

    fn codec(&self) -> &Codec {
        self.cache.codec()
    }

    fn decode(&self, entry: &Entry) -> Arc<Object> {
        // The cache mostly has this very object, and then nothing has to be read.
        match self.cache.get(&entry.key) {
            Some(object) if object.revision == entry.revision => object,
            _ => Arc::new(Object::decode(self.codec(), entry)),
        }
    }

    async fn stored(&self, key: &str) -> Result<Option<Arc<Object>>, Error> {
        Ok(self.store.get(key).await?.map(|entry| self.decode(&entry)))
    }

    /// Waits for what was just written to be in the cache, where that matters.
    async fn settle(&self, revision: Revision) {
        if self.settles {
            self.feed.reached(revision, read::WAIT).await;
        }
    }

    fn not_found(name: &str) -> Error {
        Error::NotFound { name: name.to_owned() }
    }

    fn draft(&self, object: Value, version: &KindVersion) -> Result<Draft, Error> {
        draft(&self.kind, &*self.hooks, &*self.conversion, object, version)
    }

    fn is_stored(&self, version: &KindVersion) -> bool {
        std::ptr::eq(version, self.kind.storage_version())
    }

    /// Drops owner references that are there twice, with a warning.
    fn deduplicate_owners(&self, cx: &RequestContext, draft: &mut Draft, admitted: bool) {
        if !owners::has_duplicates(draft.value()) {
            return;
        }
        let uids = owners::deduplicate(draft.value_mut());
        cx.warn(owners::duplicate_warning(&uids, admitted));
    }

    /// The schema's errors and the strategy's own. A value that the strategy's type does not take is not shown to the
    /// strategy; then the schema has found why, or the type's own words must do.
    fn invalid(
        &self,
        cx: &RequestContext,
        object: &mut Draft,
        old: Option<&mut Draft>,
        errors: &mut field::Errors,
    ) -> Result<(), Error> {
        let before = errors.len();
        // Whoever writes in another version is told of its fields; those of the stored one would say little.
        if let Some(asked) = object.spoken() {
            let old = old.as_ref().and_then(|old| old.spoken());
            asked.validate(old, cx.subresource == "status", errors);
            if errors.len() > before {
                return Ok(());
            }
        }
        let schema = &self.kind.storage_version().schema;
        match &old {
            None => schema.validate(object.value(), errors),
            Some(old) if cx.subresource == "status" => {
                schema.validate_status_update(object.value(), old.value(), errors)
            }
            Some(old) => schema.validate_update(object.value(), old.value(), errors),
        }
        let result = match old {
            None => self.hooks.validate(cx, object, errors),
            Some(old) => self.hooks.validate_update(cx, object, old, errors),
        };
        match result {
            Err(_) if errors.len() > before => Ok(()),
            result => result.map_err(|error| mismatch(object.value(), &error)),
        }
    }
}

/// The object as it shall be stored, with all defaults, the strategy's too. An object that the strategy cannot read is
/// refused later, when every reason is known.
///
/// # Errors
/// An object that is not to be had in the storage version.
pub(crate) fn draft(
    kind: &Kind,
    hooks: &dyn Hooks,
    conversion: &dyn Conversion,
    mut object: Value,
    version: &KindVersion,
) -> Result<Draft, Error> {
    let storage = kind.storage_version();
    version.schema.default(&mut object);
    let mut draft = if conversion.is_same_shape(version, storage) {
        Draft::new(conversion.convert(version, storage, object)?)
    } else {
        let converted = conversion.convert(version, storage, object.clone());
        let stored = converted.map_err(|error| unconvertible(version, &object, error))?;
        Draft::of_version(stored, Spoken::new(object, &version.schema))
    };
    if !std::ptr::eq(version, storage) {
        storage.schema.default(draft.value_mut());
    }
    if hooks.defaulting(&mut draft).is_err() {
        tracing::debug!("an object could not be read for its defaults");
    }
    Ok(draft)
}

/// The answer to an object that is not of the type of its version: what the schema of that version finds, or else the
/// type's own words.
fn unconvertible(version: &KindVersion, object: &Value, error: ConversionError) -> Error {
    let mut errors = field::Errors::default();
    version.schema.validate(object, &mut errors);
    if errors.is_empty() {
        errors.invalid("<root>", &Value::Null, error.message);
    }
    Error::Invalid { name: metadata::text(object, "name").to_owned(), errors }
}

/// The answer to an object that passes the schema's rules but is not of the strategy's type.
pub(crate) fn mismatch(object: &Value, error: &Mismatch) -> Error {
    mismatch_of(metadata::text(object, "name"), error)
}

fn mismatch_of(name: &str, error: &Mismatch) -> Error {
    let mut errors = field::Errors::default();
    errors.invalid("<root>", &Value::Null, error.to_string());
    Error::Invalid { name: name.to_owned(), errors }
}
