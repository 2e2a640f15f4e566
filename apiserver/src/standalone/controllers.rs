//! The controllers inside the server, which a cluster has in kube-controller-manager.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::garbage::Collector;
use super::namespaces::ContentDeletion;
use crate::endpoints::Endpoints;

/// How long they may take to finish what they have begun: some of it may wait for a webhook that does not answer.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Controllers under way, until dropped.
pub struct Controllers {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Controllers {
    /// Starts those that work on what is served here. They wait until the caches are filled.
    pub fn start(endpoints: &Endpoints) -> Self {
        let stop = watch::Sender::new(false);
        let mut tasks = vec![tokio::spawn(Collector::new(endpoints.resources()).run(stopped(&stop)))];
        if let Some(deletion) = ContentDeletion::new(endpoints.resources()) {
            tasks.push(tokio::spawn(deletion.run(stopped(&stop))));
        }
        Self { stop, tasks }
    }

    /// Lets them finish what they have begun, and nothing else.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = futures::future::join_all(self.tasks.iter_mut());
        if tokio::time::timeout(STOP_MAX, ended).await.is_err() {
            tracing::warn!("controllers inside the server were cut short; they go on at the next start");
        }
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn stopped(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + use<> {
    let mut stop = stop.subscribe();
    async move {
        // Who can no longer say stop has stopped as well.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}
