//! Patches: documents that change documents, applied to whatever is there.

use bytes::Bytes;
use serde_json::Value;

use super::call::Call;
use super::input::{self, Target};
use super::options::FieldValidation;
use super::status::Status;
use crate::registry::error::Error;
use crate::registry::metadata::shape;
use crate::request::decode;
use crate::request::media::DocumentPatch;
use crate::request::patch::json_patch::{self, JsonPatchError};
use crate::request::patch::merge_patch;
use crate::request::patch::strategic::{self, StrategicError};

/// A patch that can be applied as often as other writers are first.
pub struct Patch {
    patch_type: DocumentPatch,
    document: Value,
    duplicates: Vec<String>,
}

impl Patch {
    /// Reads a patch.
    ///
    /// # Errors
    /// 400 for what is no patch.
    pub fn read(patch_type: DocumentPatch, body: &Bytes) -> Result<Self, Status> {
        let decoded = decode::decode_patch(body).map_err(|error| Status::bad_request(error.to_string()))?;
        let mut duplicates = decoded.duplicates;
        match patch_type {
            DocumentPatch::Merge | DocumentPatch::Strategic if !decoded.value.is_object() => {
                return Err(Status::bad_request("a merge patch must be a JSON object"));
            }
            DocumentPatch::Merge | DocumentPatch::Strategic => {}
            DocumentPatch::Json => duplicates = json_patch::problems(&decoded.value, &duplicates),
        }
        Ok(Self { patch_type, document: decoded.value, duplicates })
    }

    /// Gives the object that the patch makes of the present one, checked as an update's body would be.
    ///
    /// # Errors
    /// A patch that does not apply, a result that is no object of the kind.
    pub fn apply(&self, call: &Call, current: &Value, validation: FieldValidation) -> Result<Value, Error> {
        self.apply_as(call, Target { kind: call.kind(), version: call.version() }, current, validation)
    }

    /// The same for an object of a kind that need not be that of the resource.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_as(
        &self,
        call: &Call,
        target: Target<'_>,
        current: &Value,
        validation: FieldValidation,
    ) -> Result<Value, Error> {
        let mut patched = self.apply_to(current, &target.version.openapi)?;
        let text = |field: &str| patched.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, api_version) = (text("kind"), text("apiVersion"));
        if kind != target.kind.kind || api_version != target.version.api_version() {
            return Err(Error::BadRequest(format!(
                "a patch cannot change the type of an object: {api_version} {kind} is not {} {}",
                target.version.api_version(),
                target.kind.kind
            )));
        }
        self.check_fields(call, target, current, &mut patched, validation)?;
        let refuse = |status: Status| Error::BadRequest(status.message);
        input::check_name(call, &patched).map_err(refuse)?;
        input::check_namespace(call, &patched).map_err(refuse)?;
        Ok(patched)
    }

    /// Gives what the patch makes of a document, whatever that is; `openapi` is the schema of it.
    ///
    /// # Errors
    /// A patch that does not apply.
    pub fn apply_to(&self, current: &Value, openapi: &Value) -> Result<Value, Error> {
        let mut patched = match self.patch_type {
            DocumentPatch::Json => json_patch::apply(current, &self.document).map_err(|error| match error {
                JsonPatchError::NotAPatch(why) => Error::BadRequest(why),
                JsonPatchError::TooManyOperations { .. } => Error::TooLarge(error.to_string()),
                error => Error::PatchDoesNotApply(error.to_string()),
            })?,
            DocumentPatch::Merge => {
                let mut patched = current.clone();
                merge_patch::apply(&mut patched, &self.document);
                patched
            }
            DocumentPatch::Strategic => {
                let mut patched = current.clone();
                strategic::apply(&mut patched, &self.document, openapi).map_err(|error| match error {
                    StrategicError::Malformed(message) => Error::BadRequest(message),
                    StrategicError::Contradiction(message) => Error::PatchDoesNotApply(message.to_owned()),
                })?;
                patched
            }
        };
        decode::make_whole(&mut patched);
        Ok(patched)
    }

    fn check_fields(
        &self,
        call: &Call,
        target: Target<'_>,
        current: &Value,
        patched: &mut Value,
        validation: FieldValidation,
    ) -> Result<(), Error> {
        // Made once more, since it is rarely asked for and has been changed by then.
        let unreadable = |message: String| match self.apply_to(current, &target.version.openapi) {
            Ok(patched) => Error::PatchResult { patched: patched.to_string(), message },
            Err(error) => error,
        };
        let mut unknown = Vec::new();
        shape::conform(patched, &mut unknown).map_err(unreadable)?;
        target.version.schema.prune(patched, &mut unknown);
        let problems = input::problems(self.duplicates.clone(), unknown);
        match validation {
            FieldValidation::Ignore => Ok(()),
            FieldValidation::Warn => {
                problems.into_iter().for_each(|problem| call.context.warn(problem));
                Ok(())
            }
            FieldValidation::Strict if problems.is_empty() => Ok(()),
            FieldValidation::Strict => Err(unreadable(format!("strict decoding error: {}", problems.join(", ")))),
        }
    }
}
