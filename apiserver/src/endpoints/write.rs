//! POST, PUT and PATCH.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::body::{Body, RequestBody};
use super::call::{Call, read_body};
use super::status::Status;
use super::{input, output};
use crate::registry::error::Error;
use crate::registry::metadata::{self, shape};
use crate::registry::patch::json_patch::{self, JsonPatchError};
use crate::registry::patch::merge_patch;
use crate::registry::{Outcome, update};
use crate::request::decode;
use crate::request::media::{self, PatchType};
use super::options::{self, FieldValidation, Write, WriteOptions};


/// POST to a collection.
///
/// # Errors
/// 400, 406, 409, 413, 415, 422, 500.
pub async fn create(call: &mut Call, body: RequestBody) -> Result<Response<Body>, Status> {
    let wanted = call.wanted()?;
    input::format(call)?;
    let body = read_body(body).await?;
    let options = write_options(call, Write::Create)?;
    let object = input::object(call, &body, options.field_validation)?;
    call.context.name = metadata::text(&object, "name").to_owned();
    let outcome = call.registry.create(&call.context, call.version(), object).await;
    answer(call, outcome, wanted)
}

/// PUT of an object or its status.
///
/// # Errors
/// 400, 404, 406, 409, 413, 415, 422, 500.
pub async fn update(call: &mut Call, body: RequestBody) -> Result<Response<Body>, Status> {
    let wanted = call.wanted()?;
    input::format(call)?;
    let body = read_body(body).await?;
    let options = write_options(call, Write::Update)?;
    let object = input::object(call, &body, options.field_validation)?;
    input::check_name(call, &object)?;
    let outcome = call.registry.update(&call.context, call.version(), &mut |_| Ok(object.clone())).await;
    answer(call, outcome, wanted)
}

/// PATCH of an object or its status.
///
/// # Errors
/// 400, 404, 406, 409, 413, 415, 422, 500.
pub async fn patch(call: &mut Call, body: RequestBody) -> Result<Response<Body>, Status> {
    let patch_type =
        media::patch_type(call.content_type()).ok_or_else(|| Status::unsupported_media_type(media::PATCHES))?;
    let wanted = call.wanted()?;
    let options = write_options(call, Write::Patch)?;
    let body = read_body(body).await?;
    let patch = Patch::read(patch_type, &body)?;
    let call = &*call;
    let transform: update::Transform<'_> = &mut |current| match current {
        Some(current) => patch.apply(call, current, options.field_validation),
        None => Err(Error::NotFound { name: call.info.name.clone() }),
    };
    let outcome = call.registry.update(&call.context, call.version(), transform).await;
    answer(call, outcome, wanted)
}

fn answer(call: &Call, outcome: Result<Outcome, Error>, wanted: media::Wanted) -> Result<Response<Body>, Status> {
    let outcome = outcome.map_err(|error| call.failed(&error))?;
    let code = if outcome.created { StatusCode::CREATED } else { StatusCode::OK };
    output::object(call, &outcome.object, wanted, code)
}

fn write_options(call: &mut Call, write: Write) -> Result<WriteOptions, Status> {
    let options =
        options::write(&call.query, write).map_err(|error| Status::of_options(&error, &call.kind().plural))?;
    call.context.dry_run = options.dry_run;
    Ok(options)
}

/// A patch that can be applied as often as other writers are first.
struct Patch {
    patch_type: PatchType,
    document: Value,
    duplicates: Vec<String>,
}

impl Patch {
    fn read(patch_type: PatchType, body: &Bytes) -> Result<Self, Status> {
        let decoded = decode::decode_patch(body).map_err(|error| Status::bad_request(error.to_string()))?;
        let mut duplicates = decoded.duplicates;
        match patch_type {
            PatchType::Merge if !decoded.value.is_object() => {
                return Err(Status::bad_request("a merge patch must be a JSON object"));
            }
            PatchType::Merge => {}
            PatchType::Json => duplicates = json_patch::problems(&decoded.value, &duplicates),
        }
        Ok(Self { patch_type, document: decoded.value, duplicates })
    }

    fn apply(&self, call: &Call, current: &Value, validation: FieldValidation) -> Result<Value, Error> {
        let mut patched = match self.patch_type {
            PatchType::Json => json_patch::apply(current, &self.document).map_err(|error| match error {
                JsonPatchError::NotAPatch(why) => Error::BadRequest(why),
                JsonPatchError::TooManyOperations { .. } => Error::TooLarge(error.to_string()),
                error => Error::PatchDoesNotApply(error.to_string()),
            })?,
            PatchType::Merge => {
                let mut patched = current.clone();
                merge_patch::apply(&mut patched, &self.document);
                patched
            }
        };
        decode::make_whole(&mut patched);
        let text = |field: &str| patched.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, api_version) = (text("kind"), text("apiVersion"));
        if kind != call.kind().kind || api_version != call.version().api_version() {
            return Err(Error::BadRequest(format!(
                "a patch cannot change the type of an object: {api_version} {kind} is not {} {}",
                call.version().api_version(),
                call.kind().kind
            )));
        }
        self.check_fields(call, &mut patched, validation)?;
        let refuse = |status: Status| Error::BadRequest(status.message);
        input::check_name(call, &patched).map_err(refuse)?;
        input::check_namespace(call, &patched).map_err(refuse)?;
        Ok(patched)
    }

    fn check_fields(&self, call: &Call, patched: &mut Value, validation: FieldValidation) -> Result<(), Error> {
        let before = patched.to_string();
        let unreadable = |message: String| Error::PatchResult { patched: before.clone(), message };
        let mut unknown = Vec::new();
        shape::conform(patched, &mut unknown).map_err(unreadable)?;
        call.version().schema.prune(patched, &mut unknown);
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
