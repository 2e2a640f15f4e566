//! A scheduler at work: one task that hears of changes, decides, and has bindings and reports written beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::config::{Config, Ready};
use super::engine::Engine;
use super::metrics::Metrics;
use super::watch;
use crate::manager::Context;

/// Changes that may wait to be heard of; the watches wait where there are more.
const NEWS_MAX: usize = 1024;

/// How often pods are looked for that nothing has happened to for long.
const FLUSH: Duration = Duration::from_secs(30);

/// A scheduler. A [`Manager`](crate::Manager) runs it like a controller, which gives it health, shutdown and leader
/// election.
pub struct Scheduler {
    profiles: BTreeMap<String, Ready>,
    backoff: (Duration, Duration),
    bindings: usize,
    metrics: Metrics,
}

impl Scheduler {
    pub(super) fn new(profiles: BTreeMap<String, Ready>, config: &Config) -> Self {
        let metrics = Metrics::default();
        profiles.keys().for_each(|name| metrics.add(name));
        Self { profiles, backoff: config.backoff(), bindings: config.concurrent_bindings, metrics }
    }

    /// The `spec.schedulerName`s of its pods.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// What it counts; stays up to date while it runs.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Schedules pods until it is time to stop, then waits for the bindings that are under way.
    pub async fn run(self, cx: Context) {
        let syncing = [cx.syncing("nodes"), cx.syncing("pods")];
        let (tell, mut news) = mpsc::channel(NEWS_MAX);
        let mut watches = JoinSet::new();
        watches.spawn(watch::nodes(cx.client(), tell.clone()));
        watches.spawn(watch::pods(cx.client(), tell));

        let recorders = self.profiles.keys().map(|name| (name.clone(), cx.recorder().named(name))).collect();
        let profiles = self.profiles.into_iter().map(|(name, ready)| (name, Arc::new(ready))).collect();
        let mut engine =
            Engine::new(cx.client(), profiles, recorders, self.backoff, self.bindings, self.metrics, syncing);
        let mut shutdown = cx.shutdown();
        let mut flush_at = Instant::now() + FLUSH;
        loop {
            let now = Instant::now();
            if now >= flush_at {
                engine.flush(now);
                flush_at = now + FLUSH;
            }
            let ready = engine.is_ready(now);
            let wake_at = engine.next_at().map_or(flush_at, |at| at.min(flush_at));
            tokio::select! {
                // News first: a decision on what is known to be old would have to be made again.
                biased;
                () = &mut shutdown => break,
                Some(news) = news.recv() => engine.hear(news, now),
                Some(done) = engine.next_done() => engine.finish(done, now),
                () = std::future::ready(()), if ready => {
                    engine.decide(now);
                    // Deciding never waits: let what was decided go out, also where there is but one thread.
                    tokio::task::yield_now().await;
                }
                () = tokio::time::sleep_until(wake_at), if !ready => {}
            }
        }
        drop(watches);
        engine.drain().await;
    }
}
