//! The hooks of a strategy, called as its API server would call them, around an API server that stores the objects itself.
//!
//! That server prunes, checks against the CRD's schema and keeps the metadata. What is left are the hooks: those that
//! change an object run when it may still be changed, those that refuse or warn when it is as it will be stored.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::Reviewer;
use super::request::Request;
use crate::admission::Operation;
use crate::apply::carry_over::carry_over;
use crate::endpoints::status::Status;
use crate::field;
use crate::kind::{Kind, KindVersion};
use crate::registry::error::Error;
use crate::registry::hooks::{Draft, Hooks, Mismatch};
use crate::registry::{Registry, create, draft, metadata, mismatch};
use crate::request::context::{GivenOptions, RequestContext};
use crate::versions::Conversion;

/// A kind of the project.
pub(super) struct Own {
    pub kind: Arc<Kind>,
    pub hooks: Arc<dyn Hooks>,
    pub conversion: Arc<dyn Conversion>,
}

#[async_trait]
impl Reviewer for Own {
    async fn mutate(&self, request: &Request, object: &Value, old: Option<&Value>) -> Result<Value, Status> {
        let version = self.version(request)?;
        let cx = context(request);
        let changed = self.changed(&cx, version, object, old).map_err(|error| self.refusal(&error, version))?;
        pass_on(&cx, request);
        Ok(changed)
    }

    async fn validate(&self, request: &Request, object: Option<&Value>, old: Option<&Value>) -> Result<(), Status> {
        let version = self.version(request)?;
        let cx = context(request);
        let checked = self.check(&cx, version, object, old).map_err(|error| self.refusal(&error, version));
        pass_on(&cx, request);
        checked
    }
}

impl Own {
    fn version(&self, request: &Request) -> Result<&KindVersion, Status> {
        let mut versions = self.kind.versions.iter();
        let found = versions.find(|one| one.group == request.group && one.version == request.version);
        found.filter(|_| request.kind == self.kind.kind).ok_or_else(|| {
            let group = if request.group.is_empty() { "" } else { &format!("{}/", request.group) };
            Status::bad_request(format!(
                "this webhook is for {}, and not for {group}{} {}",
                self.kind.qualified_kind(),
                request.version,
                request.kind
            ))
        })
    }

    fn refusal(&self, error: &Error, version: &KindVersion) -> Status {
        Status::of(error, &self.kind, &version.group)
    }

    fn stored(&self, object: &Value, version: &KindVersion) -> Result<Value, Error> {
        Ok(self.conversion.convert(version, self.kind.storage_version(), object.clone())?)
    }

    /// The object as the hooks make it, in its own version.
    fn changed(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<Value, Error> {
        let mut given = object.clone();
        if let Some(old) = old {
            if cx.subresource == "status" {
                metadata::keep_old(&mut given, old, true);
            } else {
                metadata::begin_update(&mut given, old, &cx.namespace);
            }
            Registry::restrict(version, cx, &mut given, old);
        }
        let storage = self.kind.storage_version();
        let mut before = self.stored(&given, version)?;
        let mut draft = draft(&self.kind, &*self.hooks, &*self.conversion, given, version)?;
        if old.is_none() {
            create::drop_status(&self.kind, version, &mut draft);
        }
        let mut old = old.map(|old| self.stored(old, version)).transpose()?.map(Draft::new);
        if let Err(error) = self.prepare(cx, &mut draft, old.as_mut()) {
            // What is wrong with it is told in better words by the schema, or else when it is validated.
            tracing::debug!(%error, "an object could not be read and is left as it is");
            return Ok(object.clone());
        }
        let mut after = draft.into_value();
        self.keep_to_the_endpoint(cx, &mut before);
        self.keep_to_the_endpoint(cx, &mut after);
        if !std::ptr::eq(version, storage) {
            before = self.conversion.convert(storage, version, before)?;
            after = self.conversion.convert(storage, version, after)?;
        }
        let mut changed = object.clone();
        carry_over(&mut changed, &before, &after);
        Ok(changed)
    }

    fn prepare(&self, cx: &RequestContext, new: &mut Draft, old: Option<&mut Draft>) -> Result<(), Mismatch> {
        match old {
            None => self.hooks.prepare_for_create(cx, new)?,
            Some(old) => self.hooks.prepare_for_update(cx, new, old)?,
        }
        self.hooks.canonicalize(new)
    }

    /// What the endpoint does not store is no change: the status at the main one, everything else at `/status`.
    fn keep_to_the_endpoint(&self, cx: &RequestContext, object: &mut Value) {
        if !self.kind.storage_version().status {
            return;
        }
        let Some(fields) = object.as_object_mut() else { return };
        if cx.subresource == "status" {
            fields.retain(|name, _| matches!(name.as_str(), "apiVersion" | "kind" | "status"));
        } else {
            fields.remove("status");
        }
    }

    fn check(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        object: Option<&Value>,
        old: Option<&Value>,
    ) -> Result<(), Error> {
        let typed = |error: Mismatch| mismatch(object.or(old).unwrap_or(&Value::Null), &error);
        let old = old.map(|old| self.stored(old, version)).transpose()?;
        let mut new = object.map(|object| self.stored(object, version)).transpose()?;
        // A cluster has done so before it asks; whoever asks in a test may not have.
        if let (Some(new), Some(old)) = (&mut new, &old) {
            Registry::restrict(version, cx, new, old);
        }
        let (mut new, mut old) = (new.map(Draft::new), old.map(Draft::new));
        let mut errors = field::Errors::default();
        match (&mut new, &mut old) {
            (Some(new), None) => self.hooks.validate(cx, new, &mut errors).map_err(typed)?,
            (Some(new), Some(old)) => self.hooks.validate_update(cx, new, old, &mut errors).map_err(typed)?,
            (None, Some(old)) => self.hooks.validate_delete(cx, old, &mut errors).map_err(typed)?,
            (None, None) => {}
        }
        if !errors.is_empty() {
            let name = new.as_ref().map(|new| metadata::text(new.value(), "name").to_owned());
            return Err(Error::Invalid { name: name.unwrap_or_default(), errors }.or_named(&cx.name));
        }
        let warnings = match (&mut new, &mut old) {
            (Some(new), None) => self.hooks.warnings_on_create(cx, new).map_err(typed)?,
            (Some(new), Some(old)) => self.hooks.warnings_on_update(cx, new, old).map_err(typed)?,
            _ => Vec::new(),
        };
        warnings.into_iter().for_each(|warning| cx.warn(warning));
        Ok(())
    }
}

/// What hooks told beside their verdict. The API server puts a domain of its own in front of the keys of an audit.
fn pass_on(cx: &RequestContext, request: &Request) {
    cx.take_warnings().into_iter().for_each(|warning| request.warn(warning));
    for (key, value) in cx.annotations() {
        request.audit(key.rsplit('/').next().unwrap_or_default(), value);
    }
}

/// The request as hooks know it. A review does not tell everything: a patch is an update there, and a deletion of many
/// is many deletions.
fn context(request: &Request) -> RequestContext {
    let option = |name: &str| request.options.get(name).and_then(Value::as_str).unwrap_or_default();
    let verb = match request.operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::Connect => "connect",
    };
    let mut cx = RequestContext::default();
    cx.user = Arc::new(request.user.clone());
    cx.verb = verb.into();
    cx.group = request.group.clone();
    cx.resource = request.resource.clone();
    cx.namespace = request.namespace.clone();
    cx.name = request.name.clone();
    cx.subresource = request.subresource.clone();
    cx.version = request.request_version.clone();
    cx.field_manager = option("fieldManager").into();
    cx.options = GivenOptions {
        field_manager: option("fieldManager").into(),
        field_validation: option("fieldValidation").into(),
    };
    cx.dry_run = request.dry_run;
    cx
}
