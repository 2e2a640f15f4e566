//! How a kind behaves: the hooks that a project writes.

use crate::field;
use crate::kind::Typed;
use crate::request::context::RequestContext;
use crate::versions::Version;

/// How one kind behaves, on its storage version, in the terms of Kubernetes' generic registry.
///
/// Every hook has a default that does what the generic registry does. The server itself does what no hook may forget:
/// uid, creationTimestamp, generateName, generation, dropping status on the main endpoint and spec on `/status`,
/// immutable metadata, finalizers, schema defaults and validation.
///
/// Order on create: [`defaulting`](Self::defaulting), admission, [`prepare_for_create`](Self::prepare_for_create),
/// schema validation and [`validate`](Self::validate), [`warnings_on_create`](Self::warnings_on_create),
/// [`canonicalize`](Self::canonicalize), store. On update: `defaulting`, admission,
/// [`prepare_for_update`](Self::prepare_for_update), schema validation and [`validate_update`](Self::validate_update),
/// [`warnings_on_update`](Self::warnings_on_update), `canonicalize`, store. An update that meets another writer runs
/// again on the newer object, so hooks must not count on being called once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served: it has no strategy",
    note = "run `apiserver-boot create resource`, or implement `apiserver::Strategy` by hand"
)]
pub trait Strategy: Send + Sync + 'static {
    /// The type that derives `kube::CustomResource`.
    type Object: Typed;

    /// The versions in which the kind is served beside that of its type, which is the one that is stored. More of them may
    /// be declared where the kind is [added](crate::Apis::add).
    fn versions(&self) -> Vec<Version<Self::Object>> {
        Vec::new()
    }

    /// Fills in what the client left out and the schema cannot say. Called on create and update.
    fn defaulting(&self, object: &mut Self::Object) {
        let _ = object;
    }

    /// Sets or drops what a new object may not bring with it.
    fn prepare_for_create(&self, cx: &RequestContext, object: &mut Self::Object) {
        let _ = (cx, object);
    }

    /// Reports every invalid field of a new object; a write with errors is refused as a whole.
    fn validate(&self, cx: &RequestContext, object: &Self::Object, errors: &mut field::Errors) {
        let _ = (cx, object, errors);
    }

    /// Brings equal objects into one form, such as a sorted list. After validation; must not make an object invalid.
    fn canonicalize(&self, object: &mut Self::Object) {
        let _ = object;
    }

    /// Sets or drops what an update may not bring with it. `new` becomes what is stored.
    fn prepare_for_update(&self, cx: &RequestContext, new: &mut Self::Object, old: &Self::Object) {
        let _ = (cx, new, old);
    }

    /// Reports every invalid field of a changed object, `/status` included.
    fn validate_update(&self, cx: &RequestContext, new: &Self::Object, old: &Self::Object, errors: &mut field::Errors) {
        let _ = old;
        self.validate(cx, new, errors);
    }

    /// What to tell the author of a new object that is valid but unwise; kubectl prints each line.
    fn warnings_on_create(&self, cx: &RequestContext, object: &Self::Object) -> Vec<String> {
        let _ = (cx, object);
        Vec::new()
    }

    /// What to tell the author of a change that is valid but unwise.
    fn warnings_on_update(&self, cx: &RequestContext, new: &Self::Object, old: &Self::Object) -> Vec<String> {
        let _ = (cx, new, old);
        Vec::new()
    }

    /// Changes an object that is about to wait for its finalizers.
    fn prepare_for_delete(&self, cx: &RequestContext, object: &mut Self::Object) {
        let _ = (cx, object);
    }

    /// For how many seconds an object that is deleted stays, for those who have to clean up after it and then delete it
    /// for good, with a grace period of 0. A client may ask for another time. `None`: it goes at once, and what clients say
    /// of a grace period does not count.
    fn grace_period_seconds(&self, object: &Self::Object) -> Option<u32> {
        let _ = object;
        None
    }

    /// Refuses a deletion by reporting an error; answered 422.
    fn validate_delete(&self, cx: &RequestContext, object: &Self::Object, errors: &mut field::Errors) {
        let _ = (cx, object, errors);
    }

    /// Whether the kind answers as those do that are compiled into Kubernetes, and not as custom resources do: it takes
    /// strategic merge patches, which merge lists by the keys that the schema declares, keeps no `metadata.generation`,
    /// and shows `Created At` where no column is declared.
    fn is_native(&self) -> bool {
        false
    }

    /// Whether PUT of an object that does not exist creates it.
    fn allow_create_on_update(&self) -> bool {
        false
    }

    /// Whether PUT without a resourceVersion overwrites whatever is there.
    fn allow_unconditional_update(&self) -> bool {
        false
    }
}
