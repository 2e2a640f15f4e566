//! What a create means. Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/registry/rest/create.go>

use std::sync::Arc;

use serde_json::Value;

use super::error::Error;
use super::hooks::Draft;
use super::metadata::{self, validation};
use super::object::Object;
use super::{Outcome, Registry, mismatch, names};
use crate::admission::Operation;
use crate::field;
use crate::kind::{Kind, KindVersion};
use crate::request::context::RequestContext;
use crate::storage::WriteError;

/// How many names are tried when the server makes them up.
const NAMES_MAX: usize = 8;

impl Registry {
    /// Stores a new object, given in `version`, already of the right type, in `cx.namespace`.
    ///
    /// # Errors
    /// Invalid objects, taken names, refusals of admission, a store that fails.
    pub async fn create(&self, cx: &RequestContext, version: &KindVersion, object: Value) -> Result<Outcome, Error> {
        if !matches!(metadata::text(&object, "resourceVersion"), "" | "0") && !cx.dry_run && is_version(&object) {
            return Err(Error::ResourceVersionOnCreate);
        }
        self.create_new(cx, version, object, false).await
    }

    /// Stores a new object; `applied` when its managed fields are known already.
    pub(super) async fn create_new(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        object: Value,
        applied: bool,
    ) -> Result<Outcome, Error> {
        self.guard(cx, Operation::Create, version, Some(&object)).await?;
        let generated =
            metadata::text(&object, "name").is_empty() && !metadata::text(&object, "generateName").is_empty();
        if generated {
            for _ in 1..NAMES_MAX {
                match self.try_create(cx, version, object.clone(), generated, applied).await {
                    Err(Error::AlreadyExists { .. }) => {}
                    result => return result,
                }
            }
        }
        self.try_create(cx, version, object, generated, applied).await
    }

    async fn try_create(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        mut object: Value,
        generated: bool,
        applied: bool,
    ) -> Result<Outcome, Error> {
        let drops_status = version.status && !self.has_stored_shape(version);
        if drops_status && let Some(fields) = object.as_object_mut() {
            // What its conversion would make of a status is not stored either.
            fields.remove("status");
        }
        let namespace = if self.kind.namespaced { cx.namespace.as_str() } else { "" };
        metadata::wipe(&mut object, namespace);
        let asking = self.asking(cx, Operation::Create, version, None);
        if asking.is_none() {
            self.begin(&mut object, generated);
        }
        let mut draft = self.draft(object, version)?;
        self.deduplicate_owners(cx, &mut draft, false);
        if !applied {
            self.track(cx, version, &mut draft, None)?;
        }
        if let Some(asking) = &asking {
            draft = self.admit(asking, cx, version, draft, None).await?;
            metadata::check_namespace(draft.value_mut(), namespace)?;
            self.begin(draft.value_mut(), generated);
            self.deduplicate_owners(cx, &mut draft, true);
        }
        drop_status(&self.kind, version, &mut draft);
        self.run_create_hooks(cx, &mut draft)?;
        let object = draft.into_value();
        self.validate(asking, version, &object, None).await?;

        let name = metadata::text(&object, "name").to_owned();
        let key = self.key(metadata::text(&object, "namespace"), &name);
        let mut encoded = self.codec().encode(&object);
        if cx.dry_run {
            if let Some(existing) = self.stored(&key).await? {
                return Err(taken(&name, &existing, generated));
            }
            return Ok(Outcome { object: Arc::new(Object::unstored(self.codec(), &encoded)), created: true });
        }
        let written = match self.store_new(&key, &encoded).await {
            Err(WriteError::TooLarge { .. }) if !applied => {
                encoded = self.without_managers(object);
                self.store_new(&key, &encoded).await
            }
            written => written,
        };
        match written {
            Ok(revision) => {
                self.settle(revision).await;
                Ok(Outcome { object: Arc::new(Object::written(self.codec(), &encoded, revision)), created: true })
            }
            Err(WriteError::Exists(entry)) => Err(taken(&name, &self.decode(&entry), generated)),
            Err(error) => Err(Error::from_write(error)),
        }
    }

    /// What the server itself says of a new object, once admission has had its say.
    fn begin(&self, object: &mut Value, generated: bool) {
        metadata::begin_create(object);
        let generate_name = metadata::text(object, "generateName").to_owned();
        let fields = metadata::of_mut(object);
        if generated && fields.get("name").and_then(Value::as_str).unwrap_or_default().is_empty() {
            fields.insert("name".into(), names::generate(&generate_name).into());
        }
        if self.kind.generation {
            fields.insert("generation".into(), 1.into());
        } else {
            fields.remove("generation");
        }
    }

    /// The strategy's part. Its own errors are reported alone; metadata is looked at only when there are none.
    fn run_create_hooks(&self, cx: &RequestContext, draft: &mut Draft) -> Result<(), Error> {
        let prepared = self.hooks.prepare_for_create(cx, draft);
        let mut errors = field::Errors::default();
        self.invalid(cx, draft, None, &mut errors)?;
        if errors.is_empty() {
            prepared.map_err(|error| mismatch(draft.value(), &error))?;
            validation::create(draft.value(), |name| self.hooks.name_problems(name), &mut errors);
        }
        if !errors.is_empty() {
            return Err(Error::Invalid { name: metadata::text(draft.value(), "name").to_owned(), errors });
        }
        warn_of_finalizers(cx, draft.value());
        let warnings = self.hooks.warnings_on_create(cx, draft).map_err(|error| mismatch(draft.value(), &error))?;
        warnings.into_iter().for_each(|warning| cx.warn(warning));
        self.hooks.canonicalize(draft).map_err(|error| mismatch(draft.value(), &error))
    }
}

/// Where the status is a subresource, a new object has none, and then perhaps that of its defaults.
pub(crate) fn drop_status(kind: &Kind, version: &KindVersion, draft: &mut Draft) {
    let storage = kind.storage_version();
    if !version.status || draft.value().get("status").is_none() {
        return;
    }
    if let Some(fields) = draft.value_mut().as_object_mut() {
        fields.remove("status");
    }
    storage.schema.default(draft.value_mut());
}

/// Something that is no number is no version of ours, and is ignored as a real server does.
fn is_version(object: &Value) -> bool {
    metadata::text(object, "resourceVersion").parse::<u64>().is_ok()
}

fn taken(name: &str, existing: &Object, generated: bool) -> Error {
    let terminating = existing.value().is_ok_and(|object| metadata::is_terminating(&object));
    Error::AlreadyExists { name: name.to_owned(), terminating, generated }
}

fn warn_of_finalizers(cx: &RequestContext, object: &Value) {
    for finalizer in metadata::finalizers(object) {
        let known = matches!(finalizer, "orphan" | "foregroundDeletion" | "kubernetes");
        if !finalizer.contains('/') && !known {
            cx.warn(format!(
                "metadata.finalizers: {finalizer:?}: prefer a domain-qualified finalizer name to avoid accidental \
                 conflicts with other finalizer writers"
            ));
        }
    }
}
