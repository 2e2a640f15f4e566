//! Kinds of Kubernetes itself that a server offers when it stands alone, where no cluster offers them beside it.
//!
//! Events, which controllers write, and `kubectl describe` and `kubectl events` read; and the configurations of webhooks,
//! by which this server asks webhooks before it writes.

mod described;
mod event_columns;
mod event_shapes;
mod events;
mod native;
mod schemas;
mod stored_webhooks;
mod webhook_checks;
mod webhook_client_checks;
mod webhook_kinds;

pub use self::described::Builtin;
pub use self::event_shapes::EventShapes;
pub use self::events::events;
pub use self::native::{Native, native};
pub use self::stored_webhooks::StoredWebhooks;
pub use self::webhook_checks::check as check_webhooks;
pub use self::webhook_kinds::{mutating_webhooks, validating_webhooks};

/// The kinds that say which webhooks are asked: those that may change objects, and those that may refuse them.
pub const WEBHOOKS: [&str; 2] = [
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
];

/// The group of what says who is asked before a write.
pub const ADMISSION_REGISTRATION: &str = "admissionregistration.k8s.io";
