//! What happens in the cluster, told to the one task that decides.

use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::watcher;
use kube::{Client, ResourceExt};
use tokio::sync::mpsc::Sender;

use super::pod::PodInfo;
use crate::follow::{Events, follow};

/// Something that happened to nodes or pods.
#[derive(Debug)]
pub(super) enum News {
    Node(Change<Box<Node>>),
    Pod(Change<Arc<PodInfo>>),
}

/// What happened.
#[derive(Debug)]
pub(super) enum Change<T> {
    /// A full list begins.
    Listing,
    /// There is one, in this state.
    There(T),
    /// One is gone: its name, or `namespace/name`.
    Gone(String),
    /// The list is complete: what it did not have does not exist.
    Listed,
}

/// Tells of all nodes, for as long as somebody listens.
pub(super) async fn nodes(client: Client, news: Sender<News>) {
    let nodes = follow::<Node>(&client, None, watcher::Config::default());
    tell("nodes", nodes, news, News::Node, Box::new, |node| node.name_any()).await;
}

/// Tells of all pods.
pub(super) async fn pods(client: Client, news: Sender<News>) {
    // What is asked of every pod is worked out here, beside the decisions.
    let there = |pod| Arc::new(PodInfo::new(pod));
    let gone = |pod: &Pod| format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    let pods = follow::<Pod>(&client, None, watcher::Config::default());
    tell("pods", pods, news, News::Pod, there, gone).await;
}

async fn tell<K, T>(
    what: &str,
    mut events: Events<K>,
    news: Sender<News>,
    wrap: fn(Change<T>) -> News,
    there: impl Fn(K) -> T,
    gone: impl Fn(&K) -> String,
) {
    while let Some(event) = events.next().await {
        let change = match event {
            Ok(watcher::Event::Init) => Change::Listing,
            Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => Change::There(there(object)),
            Ok(watcher::Event::Delete(object)) => Change::Gone(gone(&object)),
            Ok(watcher::Event::InitDone) => Change::Listed,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, what, "the watch failed and is begun again");
                continue;
            }
        };
        if news.send(wrap(change)).await.is_err() {
            return;
        }
    }
}
