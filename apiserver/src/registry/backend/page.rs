//! Pages of a list that its source gives whole.

use std::sync::Arc;

use crate::registry::error::Error;
use crate::registry::list::{ListQuery, Listing, Token};
use crate::registry::object::Object;
use crate::registry::read::Freshness;
use crate::storage::Revision;

/// Whether a state may answer a read; a source without versions answers any.
///
/// # Errors
/// A state that is not there yet, or no longer.
pub(super) fn check(freshness: Freshness, version: u64) -> Result<(), Error> {
    let (wanted, exact) = match freshness {
        _ if version == 0 => return Ok(()),
        Freshness::Consistent | Freshness::Any => return Ok(()),
        Freshness::NotOlderThan(wanted) => (wanted, false),
        Freshness::Exact(wanted) => (wanted, true),
    };
    let current = Revision(version);
    if wanted > current {
        return Err(Error::TooLargeResourceVersion { requested: wanted, current });
    }
    if exact && wanted < current {
        return Err(Error::expired("The resourceVersion for the provided list is too old."));
    }
    Ok(())
}

/// The page that a query asks for. `objects` are those that it means, all of them, at `version`; `key` gives their place
/// in the order of the list.
///
/// # Errors
/// A token that is none, or that belongs to a state which is gone.
pub(super) fn page(
    mut objects: Vec<Arc<Object>>,
    version: u64,
    query: &ListQuery,
    key: impl Fn(&Object) -> String,
) -> Result<Listing, Error> {
    objects.sort_by_cached_key(|object| key(object));
    let mut listing = Listing { revision: Revision(version), ..Listing::default() };
    if query.continue_token.is_empty() {
        check(query.freshness, version)?;
    } else {
        let token = Token::read(&query.continue_token, "")?;
        if token.at.is_some_and(|at| at.0 != version) {
            return Err(Token::too_old(&token.start, ""));
        }
        objects.retain(|object| key(object) >= token.start);
    }
    // Who takes any state wants all of it in one piece.
    let limit = if query.freshness == Freshness::Any { 0 } else { query.limit };
    if limit > 0 && objects.len() > limit {
        let rest = objects.split_off(limit);
        let at = (version > 0).then_some(listing.revision);
        listing.continue_token = rest.first().map(|next| Token::write(&key(next), "", at)).unwrap_or_default();
        listing.remaining = query.selector.is_everything().then_some(rest.len() as u64);
    }
    listing.objects = objects;
    Ok(listing)
}
