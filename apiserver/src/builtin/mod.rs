//! Kinds of Kubernetes itself that a server offers when it stands alone, where no cluster offers them beside it.
//!
//! Namespaces, and what controllers and clients keep in them: Secrets, ConfigMaps, ServiceAccounts, Leases; Events, which
//! controllers write, and `kubectl describe` and `kubectl events` read; who may do what, as Roles and bindings say it; and
//! the configurations of webhooks, by which this server asks webhooks before it writes. They are descriptions: whoever works
//! behind them is elsewhere.

mod account_kinds;
mod behaviour;
mod binding;
mod columns;
mod config_kinds;
mod described;
mod event_columns;
mod event_shapes;
mod events;
mod namespace_kind;
mod native;
mod plain;
mod rbac_checks;
mod rbac_kinds;
mod schemas;
mod stored_webhooks;
mod webhook_checks;
mod webhook_client_checks;
mod webhook_kinds;

pub use self::account_kinds::{leases, service_accounts};
pub use self::behaviour::Behaviour;
pub use self::binding::PodBinding;
pub use self::config_kinds::{config_maps, secrets};
pub use self::described::Builtin;
pub use self::event_shapes::EventShapes;
pub use self::events::events;
pub use self::namespace_kind::{FINALIZE, is_terminating, namespaces};
pub use self::native::{Native, native};
pub use self::rbac_kinds::{cluster_role_bindings, cluster_roles, role_bindings, roles};
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
