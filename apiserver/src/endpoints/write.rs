//! POST, PUT and PATCH.

use http::header::USER_AGENT;
use http::{Response, StatusCode};
use serde_json::Value;

use super::apply::Apply;
use super::call::{Call, read_body};
use super::options::{self, FieldValidation, Write, WriteOptions};
use super::patch::Patch;
use super::status::Status;
use super::{input, output};
use crate::body::{Body, RequestBody};
use crate::registry::Outcome;
use crate::registry::error::Error;
use crate::registry::metadata;
use crate::registry::update::Change;
use crate::request::context::GivenOptions;
use crate::request::media::{self, PatchType};

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
    let mut object = Some(object);
    let mut outcome = updated(call, &body, &mut object).await;
    if would_create(call, &outcome).await? {
        outcome = updated(call, &body, &mut object).await;
    }
    answer(call, outcome, wanted)
}

/// PATCH of an object or its status.
///
/// # Errors
/// 400, 404, 406, 409, 413, 415, 422, 500.
pub async fn patch(call: &mut Call, body: RequestBody) -> Result<Response<Body>, Status> {
    let native = call.kind().native;
    let patch_type = media::patch_type(call.content_type(), native)
        .ok_or_else(|| Status::unsupported_media_type(media::patches(native)))?;
    let wanted = call.wanted()?;
    let write = if patch_type == PatchType::Apply { Write::Apply } else { Write::Patch };
    let options = write_options(call, write)?;
    let body = read_body(body).await?;
    let outcome = match patch_type {
        PatchType::Apply => {
            let apply = Apply::read(&body)?;
            let mut outcome = applied(call, &apply, &options).await;
            if would_create(call, &outcome).await? {
                outcome = applied(call, &apply, &options).await;
            }
            outcome
        }
        PatchType::Document(patch_type) => {
            let patch = Patch::read(patch_type, &body)?;
            let call = &*call;
            let change = Change::Edit(&mut |current| match current {
                Some(current) => patch.apply(call, current, options.field_validation),
                None => Err(Error::NotFound { name: call.info.name.clone() }),
            });
            call.registry.update(&call.context, call.version(), change).await
        }
    };
    answer(call, outcome, wanted)
}

/// Makes what is there into `object`. Where it is wanted again, for other writers were first, it is read from the body
/// anew: better than to copy it each time for what seldom happens.
async fn updated(call: &Call, body: &[u8], object: &mut Option<Value>) -> Result<Outcome, Error> {
    let read = || {
        // What is wrong with its fields has been told.
        let again = input::object(call, body, FieldValidation::Ignore);
        again.map_err(|status| Error::BadRequest(status.message))
    };
    let mut edit = |_: Option<&Value>| object.take().map_or_else(read, Ok);
    call.registry.update(&call.context, call.version(), Change::Edit(&mut edit)).await
}

async fn applied(call: &Call, apply: &Apply, options: &WriteOptions) -> Result<Outcome, Error> {
    let check = |merged: &Value| apply.check(call, merged, options.field_validation);
    let change = Change::Apply { applied: &apply.applied, force: options.force, check: &check };
    call.registry.update(&call.context, call.version(), change).await
}

/// Whether a write found nothing and may now create it. To create is a verb of its own, so that whoever may only update
/// does not.
async fn would_create(call: &mut Call, outcome: &Result<Outcome, Error>) -> Result<bool, Status> {
    if !matches!(outcome, Err(Error::WouldCreate { .. })) {
        return Ok(false);
    }
    call.may_create().await?;
    call.context.may_create = true;
    Ok(true)
}

fn answer(call: &Call, outcome: Result<Outcome, Error>, wanted: media::Wanted) -> Result<Response<Body>, Status> {
    let outcome = outcome.map_err(|error| call.failed(&error))?;
    let code = if outcome.created { StatusCode::CREATED } else { StatusCode::OK };
    output::object(call, &outcome.object, wanted, code)
}

/// What a client calls itself in its User-Agent, which stands in for a field manager that it does not name. Source:
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/create.go> (`prefixFromUserAgent`)
fn program(user_agent: &str) -> String {
    const BYTES_MAX: usize = 128;
    let mut name = String::new();
    for character in user_agent.split('/').next().unwrap_or_default().chars() {
        if name.len() + character.len_utf8() > BYTES_MAX {
            break;
        }
        if !character.is_control() {
            name.push(character);
        }
    }
    if name.is_empty() { "unknown".into() } else { name }
}

/// Reads the options of a write, and notes for the hooks whether it is a dry run, and whose fields it sets.
///
/// # Errors
/// 422.
pub fn write_options(call: &mut Call, write: Write) -> Result<WriteOptions, Status> {
    let options =
        options::write(&call.query, write).map_err(|error| Status::of_options(&error, &call.kind().plural))?;
    call.context.dry_run = options.dry_run;
    call.context.options = GivenOptions {
        field_manager: options.field_manager.clone(),
        field_validation: call.query.text("fieldValidation").to_owned(),
    };
    call.context.field_manager = match options.field_manager.as_str() {
        "" => program(call.header(USER_AGENT)),
        manager => manager.to_owned(),
    };
    Ok(options)
}
