//! Who owns what after a write.

use serde_json::Value;

use super::Registry;
use super::error::Error;
use super::hooks::Draft;
use super::metadata;
use super::object::Encoded;
use crate::apply::{FieldManager, Writer};
use crate::kind::KindVersion;
use crate::request::context::RequestContext;

/// Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/fieldmanager/admission.go>
pub(super) const INVALID_AFTER_ADMISSION: &str = ".metadata.managedFields was in an invalid state after admission; this \
     could be caused by an outdated mutating admission controller; please fix your requests";

impl Registry {
    /// Notes whose the fields are that a create, an update or a patch has set. `old` is in the version of the request.
    pub(super) fn track(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        draft: &mut Draft,
        old: Option<&Value>,
    ) -> Result<(), Error> {
        let now = metadata::now();
        let writer = writer(cx, version, &now);
        let update = |object: &mut Value| {
            let frame = (old.is_none() && self.kind.native).then(|| frame(object));
            self.fields.update(&writer, old.or(frame.as_ref()), object);
        };
        if self.is_stored(version) {
            draft.change_managed_fields(update);
        } else {
            let mut object = self.as_shown(draft.whole(), version)?;
            update(&mut object);
            draft.set_managed_fields(metadata::take_managed_fields(&mut object));
        }
        Ok(())
    }

    /// The stored form of an object that is too large with its managed fields: better that nobody owns them than that
    /// nobody can change them. Not for an apply, which has no meaning without them.
    pub(super) fn without_managers(&self, mut object: Value) -> Encoded {
        metadata::take_managed_fields(&mut object);
        self.codec().encode(&object)
    }
}

/// What an apply makes of an object, or of nothing, in the version of the request.
pub(super) fn merge(
    fields: &FieldManager,
    cx: &RequestContext,
    version: &KindVersion,
    old: Option<&Value>,
    applied: &Value,
    force: bool,
) -> Result<Value, Error> {
    let now = metadata::now();
    let merged = fields.apply(&writer(cx, version, &now), old, applied, force)?;
    let uid = metadata::text(&merged, "uid");
    if old.is_none() && !uid.is_empty() {
        let cause = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        return Err(Error::Conflict { name: cx.name.clone(), cause, on_delete: false });
    }
    Ok(merged)
}

/// What a native object has before anything is said of it: its structs, which are there and empty. Nobody owns them. Source:
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/create.go> (`scope.Creater.New`)
fn frame(object: &Value) -> Value {
    let fields = object.as_object().into_iter().flatten();
    let structs = fields.filter(|(key, value)| *key != "metadata" && value.is_object());
    Value::Object(structs.map(|(key, value)| (key.clone(), frame(value))).collect())
}

pub(super) fn writer<'a>(cx: &'a RequestContext, version: &'a KindVersion, now: &'a str) -> Writer<'a> {
    let manager = if cx.field_manager.is_empty() { "unknown" } else { &cx.field_manager };
    Writer { manager, subresource: &cx.subresource, version, now }
}
