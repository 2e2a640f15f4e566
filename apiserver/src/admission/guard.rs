//! Those who refuse a request by where it goes, before anything is prepared for it.

use async_trait::async_trait;
use serde_json::Value;

use super::{Denied, Target};
use crate::request::context::RequestContext;

/// Refuses requests by where they go. Unlike an [`Admission`](super::Admission) it does not see what an object becomes, and
/// so costs a write nothing but its own work: objects need not be brought into the form that plugins see.
#[async_trait]
pub trait Guard: Send + Sync + 'static {
    /// Lets a request pass. `object` is that of the request, as the client wrote it; absent on DELETE.
    ///
    /// # Errors
    /// The refusal, which says what it is about.
    async fn check(&self, cx: &RequestContext, target: &Target<'_>, object: Option<&Value>) -> Result<(), Denied>;
}
