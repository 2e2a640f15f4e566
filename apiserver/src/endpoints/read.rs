//! GET: one object, or a list.

use http::{Response, StatusCode};

use super::call::Call;
use super::options::OptionsError;
use super::output;
use super::read_options::{self, ListOptions};
use super::status::Status;
use crate::body::Body;
use crate::registry::list::{self, ListQuery};

/// GET of an object or of its status.
///
/// # Errors
/// 400, 404, 406, 500, 504.
pub async fn get(call: &Call) -> Result<Response<Body>, Status> {
    let wanted = call.negotiated()?;
    let freshness = read_options::get(&call.query).map_err(|error| Status::of_options(&error, &call.kind().plural))?;
    let object = call.registry.get(&call.context, freshness).await;
    let object = object.map_err(|error| call.failed(&error))?;
    output::object(call, &object, call.of_object(wanted)?, StatusCode::OK)
}

/// GET of a collection.
///
/// # Errors
/// 400, 406, 410, 422, 500, 504.
pub async fn list(call: &Call) -> Result<Response<Body>, Status> {
    let wanted = call.negotiated()?;
    let (query, options) = list_query(call)?;
    let listing = call.registry.list(&call.context, &query);
    let listing = match options.timeout {
        None => listing.await,
        Some(timeout) => tokio::time::timeout(timeout, listing).await.map_err(|_| Status::timed_out())?,
    };
    output::list(call, listing.map_err(|error| call.failed(&error))?, call.of_list(wanted)?)
}

/// What a list, or the deletion of a collection, asks for.
///
/// # Errors
/// 400, 422.
pub fn list_query(call: &Call) -> Result<(ListQuery, ListOptions), Status> {
    let refused = |error: OptionsError| Status::of_options(&error, &call.kind().plural);
    let options = read_options::list(&call.query).map_err(refused)?;
    let selector = call.registry.selector(call.version(), &options.label_selector, &options.field_selector);
    let selector = selector.map_err(|error| call.failed(&error))?;
    if !options.continue_token.is_empty() {
        list::check_token(&options.continue_token).map_err(|error| call.failed(&error))?;
    }
    let query = ListQuery {
        namespace: call.context.namespace.clone(),
        selector,
        limit: options.limit,
        continue_token: options.continue_token.clone(),
        freshness: options.freshness().map_err(refused)?,
    };
    Ok((query, options))
}
