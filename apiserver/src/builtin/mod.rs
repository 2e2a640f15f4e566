//! Kinds of Kubernetes itself that a server offers when it stands alone, where no cluster offers them beside it.
//!
//! Events are all: controllers write them, and `kubectl describe` and `kubectl events` read them.

mod event_columns;
mod event_shapes;
mod events;

pub use self::event_shapes::EventShapes;
pub use self::events::events;
