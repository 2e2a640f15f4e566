//! Webhooks for kinds that others serve.

use async_trait::async_trait;
use serde_json::Value;

use super::Reviewer;
use super::request::Request;
use crate::apply::carry_over::carry_over;
use crate::endpoints::status::Status;
use crate::field;
use crate::kind::Typed;
use crate::registry::metadata;

/// What a project says about objects of a kind that it does not serve itself.
///
/// Every method has a default that lets everything pass. Of what [`default`](Self::default) does to an object, only that
/// is sent back: fields that the type does not know stay as they are.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no webhook",
    note = "run `apiserver-boot create webhook`, or implement `apiserver::Webhook` by hand"
)]
pub trait Webhook: Send + Sync + 'static {
    /// The type of the objects, for example `k8s_openapi::api::apps::v1::Deployment`.
    type Object: Typed;

    /// Fills in what is missing. Called when an object is created or changed; may be called more than once for one
    /// request.
    async fn default(&self, request: &Request, object: &mut Self::Object) {
        let _ = (request, object);
    }

    /// Reports every invalid field of a new object.
    async fn validate_create(&self, request: &Request, object: &Self::Object, errors: &mut field::Errors) {
        let _ = (request, object, errors);
    }

    /// Reports every invalid field of a changed object.
    async fn validate_update(
        &self,
        request: &Request,
        new: &Self::Object,
        old: &Self::Object,
        errors: &mut field::Errors,
    ) {
        let _ = (request, new, old, errors);
    }

    /// Refuses a deletion by reporting an error.
    async fn validate_delete(&self, request: &Request, old: &Self::Object, errors: &mut field::Errors) {
        let _ = (request, old, errors);
    }
}

/// A webhook with its type erased.
pub(super) struct Erased<W>(pub W);

#[async_trait]
impl<W: Webhook> Reviewer for Erased<W> {
    async fn mutate(&self, request: &Request, object: &Value, _: Option<&Value>) -> Result<Value, Status> {
        let mut typed: W::Object = read(object)?;
        let before = write(&typed)?;
        self.0.default(request, &mut typed).await;
        let mut changed = object.clone();
        carry_over(&mut changed, &before, &write(&typed)?);
        Ok(changed)
    }

    async fn validate(&self, request: &Request, object: Option<&Value>, old: Option<&Value>) -> Result<(), Status> {
        let mut errors = field::Errors::default();
        match (object, old) {
            (Some(object), None) => self.0.validate_create(request, &read(object)?, &mut errors).await,
            (Some(new), Some(old)) => self.0.validate_update(request, &read(new)?, &read(old)?, &mut errors).await,
            (None, Some(old)) => self.0.validate_delete(request, &read(old)?, &mut errors).await,
            (None, None) => {}
        }
        if errors.is_empty() {
            return Ok(());
        }
        let name = match object.or(old).map(|object| metadata::text(object, "name")) {
            None | Some("") => &request.name,
            Some(name) => name,
        };
        Err(Status::invalid(&request.group, &request.kind, name, &errors))
    }
}

/// Answered 400, as controller-runtime does for what it cannot decode.
fn read<K: Typed>(object: &Value) -> Result<K, Status> {
    K::deserialize(object).map_err(|error| Status::bad_request(format!("the object is no {}: {error}", K::kind(&()))))
}

fn write<K: Typed>(object: &K) -> Result<Value, Status> {
    serde_json::to_value(object).map_err(Status::internal)
}
