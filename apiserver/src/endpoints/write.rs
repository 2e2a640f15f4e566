//! POST, PUT and PATCH.

use http::{Response, StatusCode};

use super::call::{Call, read_body};
use super::options::{self, Write, WriteOptions};
use super::patch::Patch;
use super::status::Status;
use super::{input, output};
use crate::body::{Body, RequestBody};
use crate::registry::error::Error;
use crate::registry::metadata;
use crate::registry::{Outcome, update};
use crate::request::media;

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
    let mut may_create = false;
    let outcome = loop {
        let mut creates = false;
        let transform: update::Transform<'_> = &mut |current| {
            creates = current.is_none() && !may_create;
            if creates { Err(Error::NotFound { name: call.info.name.clone() }) } else { Ok(object.clone()) }
        };
        let outcome = call.registry.update(&call.context, call.version(), transform).await;
        if !creates {
            break outcome;
        }
        // What is not there would be created, and that is a verb of its own.
        call.may_create().await?;
        may_create = true;
    };
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

/// Reads the options of a write, and notes a dry run for the hooks.
///
/// # Errors
/// 422.
pub fn write_options(call: &mut Call, write: Write) -> Result<WriteOptions, Status> {
    let options =
        options::write(&call.query, write).map_err(|error| Status::of_options(&error, &call.kind().plural))?;
    call.context.dry_run = options.dry_run;
    Ok(options)
}
