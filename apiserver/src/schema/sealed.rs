//! A value of which the compiler asks nothing but what its wrapper says.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A value that is shared, and known to be `Send` and `Sync` without a look at what it is made of.
///
/// A compiled schema is a large and recursive family of types. Whether it may be sent to another thread is asked of every
/// future that holds a kind, anew for each function with bounds of its own, which was a fifth of the time that building
/// the library took. Behind `dyn` it is proven once, in [`new`](Self::new).
pub(super) struct Sealed<T>(Arc<dyn Deref<Target = T> + Send + Sync>);

impl<T: Send + Sync + 'static> Sealed<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Arc::new(Box::new(value)))
    }
}

impl<T> Deref for Sealed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.deref().deref()
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deref().fmt(f)
    }
}
