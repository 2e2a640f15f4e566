//! The thread on which connections to etcd are served.
//!
//! A request passes several tasks on its way to etcd and back. Beside the server's other tasks each of these would queue
//! behind whatever is busy there: with a hundred long lists under way, the check that every read waits for took a quarter
//! of a second. A thread of their own is scheduled by the system, which lets who sleeps most go first.

use std::future::Future;
use std::io;

use hyper::rt::Executor;
use tokio::runtime::{Builder, Handle, Runtime};

/// The thread; it ends when this is dropped, and with it all connections.
pub(super) struct Transport(Option<Runtime>);

impl Transport {
    /// # Errors
    /// When the system gives no further thread.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("etcd").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// What runs a connection's tasks there.
    pub(super) fn executor(&self) -> Tasks {
        Tasks(self.handle().clone())
    }

    /// Runs a task there.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle().spawn(task);
    }

    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("there until it is dropped").handle()
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        // Whoever drops this may be a task, which must not wait for a thread.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs tasks on the thread.
pub(super) struct Tasks(Handle);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
