//! What a controller has to look at.
//!
//! Unbounded, but never longer than there are objects: an object is in it once, however often it changed. So whoever adds
//! need not wait, and nothing is dropped.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use futures::Stream;
use kube::runtime::controller::{ReconcileReason, ReconcileRequest};
use kube::runtime::reflector::ObjectRef;

use super::owners::normal;
use crate::manager::Object;
use crate::manager::metrics::WorkQueue;

/// References in the order in which they were added.
pub(super) struct Queue<K: Object> {
    inner: Mutex<Inner<K>>,
    metrics: Arc<WorkQueue>,
}

struct Inner<K: Object> {
    waiting: Vec<ReconcileRequest<K>>,
    known: HashSet<ObjectRef<K>>,
    waker: Option<Waker>,
}

impl<K: Object> Queue<K> {
    pub(super) fn new(metrics: Arc<WorkQueue>) -> Self {
        let inner = Inner { waiting: Vec::new(), known: HashSet::new(), waker: None };
        Self { inner: Mutex::new(inner), metrics }
    }

    pub(super) fn add(&self, object: ObjectRef<K>, reason: ReconcileReason) {
        let obj_ref = normal(object);
        self.metrics.added(obj_ref.namespace.as_deref(), &obj_ref.name);
        let mut inner = self.inner.lock().unwrap_or_else(|broken| broken.into_inner());
        if inner.known.insert(obj_ref.clone()) {
            inner.waiting.push(ReconcileRequest { obj_ref, reason });
            if let Some(waker) = inner.waker.take() {
                waker.wake();
            }
        }
    }

    /// What is added, from now on and for ever. An object that was handed out may be added again at once: whoever reads
    /// this knows what is under way.
    pub(super) fn stream(self: Arc<Self>) -> impl Stream<Item = ReconcileRequest<K>> + Send {
        let mut ready = Vec::new().into_iter();
        futures::stream::poll_fn(move |cx| {
            if ready.len() == 0 {
                let mut inner = self.inner.lock().unwrap_or_else(|broken| broken.into_inner());
                inner.known.clear();
                ready = std::mem::take(&mut inner.waiting).into_iter();
                inner.waker = Some(cx.waker().clone());
            }
            ready.next().map_or(Poll::Pending, |request| Poll::Ready(Some(request)))
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};
    use k8s_openapi::api::core::v1::{ConfigMap, Node};

    use super::*;
    use crate::manager::Metrics;

    fn queue<K: Object>() -> Arc<Queue<K>> {
        Arc::new(Queue::new(Metrics::default().add("moss")))
    }

    fn add<K: Object>(queue: &Queue<K>, name: &str) {
        queue.add(ObjectRef::new(name).within("wood"), ReconcileReason::ObjectUpdated);
    }

    #[tokio::test]
    async fn an_object_waits_once_and_in_its_turn() {
        let queue = queue::<ConfigMap>();
        for name in ["fern", "moss", "fern", "oak"] {
            add(&queue, name);
        }
        let mut stream = Box::pin(queue.clone().stream());
        let mut next = || stream.next().now_or_never().flatten().map(|request| request.obj_ref.name);
        assert_eq!(next().as_deref(), Some("fern"));
        // It may have been read already: what happened since must not be lost.
        add(&queue, "fern");
        let rest: Vec<_> = std::iter::from_fn(next).collect();
        assert_eq!(rest, ["moss", "oak", "fern"]);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let queue = queue::<ConfigMap>();
        let mut stream = Box::pin(queue.clone().stream());
        let waiting = tokio::spawn(async move { stream.next().await.map(|request| request.obj_ref.name) });
        tokio::task::yield_now().await;
        add(&queue, "fern");
        assert_eq!(waiting.await.unwrap().as_deref(), Some("fern"));
    }

    #[tokio::test]
    async fn a_kind_without_namespaces_has_one_reference() {
        let queue = queue::<Node>();
        add(&queue, "oak");
        queue.add(ObjectRef::new("oak"), ReconcileReason::ObjectUpdated);
        let found: Vec<_> = queue.stream().take_until(tokio::task::yield_now()).collect().await;
        assert_eq!(found.len(), 1);
    }
}
