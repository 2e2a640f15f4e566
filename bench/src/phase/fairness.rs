//! Small reads beside large ones: whoever gets one object must not wait for those who list all.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::oneshot;

use super::{Query, Sample, Scene, object_name, requests};
use crate::client::{Call, Client};
use crate::load::{Load, Tally, Work, connect, drive};

/// How many connections get, one object at a time each.
const GETTERS: usize = 4;

/// A percentile of less time would be that of a few requests.
const TIME_MIN: Duration = Duration::from_secs(2);

/// The sample's requests and latencies are those of the gets; its CPU is everything.
pub async fn run(scene: &Scene<'_>) -> Result<Sample> {
    let kind = scene.kind.clone();
    let objects = scene.extent.objects.max(1);
    let (lists, gets) = if scene.peer.is_bare {
        let bytes = scene.answer_bytes.unwrap_or_default();
        // As many bytes as a list has.
        let (list, get) = (format!("/bytes?bytes={}", bytes * objects as u64), format!("/bytes?bytes={bytes}"));
        (Work::new(move |_| Call::get(list.as_str())), Work::new(move |_| Call::get(get.as_str())))
    } else {
        let lists = kind.clone();
        let lists = Work::new(move |i| Call::get(requests::list(&lists, Query::All, i)));
        (lists, Work::new(move |i| Call::get(kind.item(&object_name(i % objects)))))
    };
    let mut load = scene.load();
    if scene.extent.writes >= 1000 {
        load.time = load.time.max(TIME_MIN);
    }
    let client = &scene.peer.client;
    let getters = Getters::start(client.clone(), Load { connections: GETTERS, ..load }, gets).await?;
    let connections = connect(client, load).await?;
    scene.peer.settle().await?;
    let mut listed = Tally::default();
    let mut sample = scene
        .costs(async {
            let listing = drive(client, connections, load, Arc::new(lists));
            let (gets, lists) = tokio::join!(getters.run(), listing);
            listed = lists;
            gets.unwrap_or_else(|error| {
                let mut tally = Tally::default();
                tally.fail(format!("{error:#}"));
                tally
            })
        })
        .await?;
    sample.extra.insert("lists_per_second", listed.requests as f64 / listed.seconds.max(1e-9));
    if let Some(error) = listed.first_error {
        sample.tally.fail(format!("list: {error}"));
    }
    Ok(sample)
}

/// A thread of their own, before all others: the time that this program's tasks wait for each other is not the server's.
struct Getters {
    go: oneshot::Sender<()>,
    outcome: oneshot::Receiver<Tally>,
}

impl Getters {
    /// Returns when they are connected.
    async fn start(client: Client, load: Load, work: Work) -> Result<Getters> {
        let (connected, ready) = oneshot::channel();
        let (go, begin) = oneshot::channel();
        let (tell, outcome) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::spawn(move || {
            // SAFETY: changes the priority of the calling thread only; where it may not be raised it stays as it is.
            unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -10) };
            runtime.block_on(async move {
                let connections = match connect(&client, load).await {
                    Ok(connections) => connections,
                    Err(error) => return drop(connected.send(Err(error))),
                };
                let _ = connected.send(Ok(()));
                if begin.await.is_ok() {
                    let _ = tell.send(drive(&client, connections, load, Arc::new(work)).await);
                }
            });
        });
        ready.await.context("the getters ended")??;
        Ok(Getters { go, outcome })
    }

    async fn run(self) -> Result<Tally> {
        let _ = self.go.send(());
        self.outcome.await.context("the getters ended")
    }
}
