//! GET: one object, or a list.

use http::{Response, StatusCode};

use super::call::Call;
use super::options;
use super::output;
use super::status::Status;
use crate::body::Body;
use crate::registry::list::ListQuery;

/// GET of an object or of its status.
///
/// # Errors
/// 400, 404, 406, 500, 504.
pub async fn get(call: &Call) -> Result<Response<Body>, Status> {
    let wanted = call.wanted()?;
    let freshness = options::get(&call.query).map_err(|error| Status::of_options(&error, &call.kind().plural))?;
    let object = call.registry.get(&call.context, freshness).await;
    let object = object.map_err(|error| call.failed(&error))?;
    output::object(call, &object, wanted, StatusCode::OK)
}

/// GET of a collection.
///
/// # Errors
/// 400, 406, 410, 422, 500, 504.
pub async fn list(call: &Call) -> Result<Response<Body>, Status> {
    let wanted = call.wanted_list()?;
    let query = list_query(call)?;
    let listing = call.registry.list(&call.context, &query).await.map_err(|error| call.failed(&error))?;
    output::list(call, listing, wanted)
}

/// What a list, or the deletion of a collection, asks for.
///
/// # Errors
/// 400, 422.
pub fn list_query(call: &Call) -> Result<ListQuery, Status> {
    let options = options::list(&call.query).map_err(|error| Status::of_options(&error, &call.kind().plural))?;
    let selector = call.registry.selector(call.version(), &options.label_selector, &options.field_selector);
    Ok(ListQuery {
        namespace: call.info.namespace.clone(),
        selector: selector.map_err(|error| call.failed(&error))?,
        limit: options.limit,
        continue_token: options.continue_token,
        freshness: options.freshness,
    })
}
