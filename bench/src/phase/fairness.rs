//! Small reads beside large ones: whoever gets one object must not wait for those who list all.

use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::{Phase, Query, Sample, Scene, object_name, requests};
use crate::client::Call;
use crate::load::{Load, Tally, Work, connect, drive};

/// How many connections get, one object at a time each.
const GETTERS: usize = 4;

/// The sample's requests and latencies are those of the gets; its CPU is everything.
pub async fn run(scene: &Scene<'_>) -> Result<Sample> {
    debug_assert!(Phase::Fairness.has_bare());
    let lists = {
        let (kind, bare) = (scene.kind.clone(), scene.peer.is_bare);
        // The bare server is asked for as many bytes as a list has.
        let bytes = scene.answer_bytes.unwrap_or_default() as usize * scene.extent.objects;
        Work::new(move |i| {
            Call::get(if bare { format!("/bytes?bytes={bytes}") } else { requests::list(&kind, Query::All, i) })
        })
    };
    let gets = {
        let (kind, bare) = (scene.kind.clone(), scene.peer.is_bare);
        let bytes = scene.answer_bytes.unwrap_or_default();
        let objects = scene.extent.objects.max(1);
        Work::new(move |i| {
            Call::get(if bare { format!("/bytes?bytes={bytes}") } else { kind.item(&object_name(i % objects)) })
        })
    };
    let load = scene.load();
    let connections = connect(&scene.peer.client, load).await?;
    scene.peer.settle().await?;
    let client = scene.peer.client.clone();
    let getters = Load { connections: GETTERS, ..load };
    let mut listed = Tally::default();
    let mut sample = scene
        .costs(async {
            let gets = tokio::task::spawn_blocking(move || on_own_thread(move || getting(client, getters, gets)));
            listed = drive(&scene.peer.client, connections, load, Arc::new(lists)).await;
            match gets.await.context("the getters").and_then(|gets| gets) {
                Ok(tally) => tally,
                Err(error) => {
                    let mut tally = Tally::default();
                    tally.fail(format!("{error:#}"));
                    tally
                }
            }
        })
        .await?;
    sample.extra.insert("lists_per_second", listed.requests as f64 / listed.seconds.max(1e-9));
    if let Some(error) = listed.first_error {
        sample.tally.fail(format!("list: {error}"));
    }
    Ok(sample)
}

/// A thread for whom the kernel cares: the time that this program's own tasks wait for each other is not the server's.
fn on_own_thread(work: impl FnOnce() -> Result<Tally> + Send + 'static) -> Result<Tally> {
    let work = move || {
        // SAFETY: changes the priority of the calling thread only; where it may not be raised it stays as it is.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -10) };
        work()
    };
    thread::spawn(work).join().map_err(|_| anyhow!("the getters panicked"))?
}

fn getting(client: crate::client::Client, load: Load, work: Work) -> Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let connections = connect(&client, load).await?;
        Ok(drive(&client, connections, load, Arc::new(work)).await)
    })
}
