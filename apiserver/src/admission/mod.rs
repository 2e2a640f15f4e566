//! Those who may change or refuse an object before it is stored, whatever its kind.
//!
//! A write passes them twice: first each may change the object, then each sees it as it will be stored, and may refuse it.
//! Both are done again when the store asks for another try.
//!
//! - [`Admission`] a plugin · [`Guard`] one that looks at where requests go, and at nothing else · [`Chain`] all of them,
//!   in their order · [`Denied`] a refusal
//! - [`Attributes`] the request, as plugins see it · [`Target`] what it is about, for those who want to know early
//! - [`Objects`] the other objects of this server · [`Reinvocation`] the second round
//! - [`webhook`] plugins elsewhere · [`review`] a request and its answer as they travel to them

mod attributes;
mod chain;
mod denied;
mod guard;
mod objects;
mod reinvocation;
pub mod review;
mod target;
pub mod webhook;

use async_trait::async_trait;

pub use attributes::Attributes;
pub use chain::{Asking, Chain};
pub use denied::{Answer, Denied};
pub use guard::Guard;
pub use kube::core::GroupVersionKind;
pub use objects::{Objects, ReadError, Reader, Wanted, unknown};
pub use reinvocation::Reinvocation;
pub use review::{GroupVersionResource, Operation};
pub use target::{ObjectKind, Target};

/// A plugin of the admission chain.
///
/// ```
/// use apiserver::admission::{Admission, Attributes, Denied, Operation, Target};
/// # use k8s_openapi::api::core::v1::ConfigMap as Fischer;
/// # use k8s_openapi::api::core::v1::Secret as Flunder;
///
/// /// Keeps flunders from having a name that any Fischer disallows.
/// struct BanFlunder;
///
/// #[async_trait::async_trait]
/// impl Admission for BanFlunder {
///     fn handles(&self, target: &Target<'_>) -> bool {
///         target.operation == Operation::Create && target.is::<Flunder>()
///     }
///
///     async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
///         let fischers = request.objects().list::<Fischer>("").await?;
///         if fischers.iter().flat_map(|fischer| &fischer.data).any(|names| names.contains_key(&request.name)) {
///             return Err("this name may not be used".into());
///         }
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be asked before a write",
    note = "implement `apiserver::Admission`; every method has a default that lets everything pass"
)]
pub trait Admission: Send + Sync + 'static {
    /// Whether it wants to see such requests. Asked before every write and before anything is prepared for it, so it
    /// must be quick. A request that no plugin handles costs nothing more.
    fn handles(&self, target: &Target<'_>) -> bool {
        let _ = target;
        true
    }

    /// May change the object or refuse the request. Called again when the write is retried, and when webhooks have
    /// changed the object since; so what it does to an object twice must be what it does once.
    ///
    /// # Errors
    /// The refusal.
    async fn mutate(&self, request: &mut Attributes<'_>) -> Result<(), Denied> {
        let _ = request;
        Ok(())
    }

    /// May refuse the request, seeing the object exactly as it will be stored.
    ///
    /// # Errors
    /// The refusal.
    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let _ = request;
        Ok(())
    }
}
