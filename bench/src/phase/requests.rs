//! One kind of request, over and over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Phase, Query, Sample, Scene, batch, finish, object_name};
use crate::client::Call;
use crate::load::{Load, Work};
use crate::objects::{self, Kind, SHARDS};

pub async fn run(phase: Phase, scene: &Scene<'_>) -> Result<Sample> {
    let passing = batch("passing");
    let mut load = scene.load();
    let objects = scene.extent.objects.max(1);
    let kind = scene.kind.clone();
    let writes = scene.extent.writes;
    let name = {
        let passing = passing.clone();
        move |i: usize| format!("{passing}-{i:07}")
    };
    let mut work = match phase {
        Phase::Get => Work::new(move |i| Call::get(kind.item(&object_name(scattered(i, objects))))),
        Phase::List(query) => Work::new(move |i| Call::get(list(&kind, query, i))),
        Phase::MergePatch => patches(scene),
        Phase::Update => updates(scene).await?,
        Phase::Create => {
            load.requests = writes;
            Work::new(move |i| kind.create(&name(i), i, "brown"))
        }
        Phase::ApplyCreate => {
            load.requests = writes;
            Work::new(move |i| kind.apply(&name(i), i, "brown"))
        }
        Phase::ApplyChange | Phase::ApplySame => {
            let pool = APPLIED.min(writes);
            if !scene.peer.is_bare {
                let (kind, name) = (kind.clone(), name.clone());
                let apply = Work::new(move |i| kind.apply(&name(i), i, "brown"));
                finish(scene.peer, all(pool), apply, "applying the objects").await?;
            }
            let same = phase == Phase::ApplySame;
            Work::new(move |i| {
                let value = if same { "brown".to_owned() } else { format!("a-{i}") };
                kind.apply(&name(i % pool), i % pool, &value)
            })
        }
        Phase::Delete => {
            load.requests = writes;
            if !scene.peer.is_bare {
                let (kind, name) = (kind.clone(), name.clone());
                let create = Work::new(move |i| kind.create(&name(i), i, "brown"));
                finish(scene.peer, all(writes), create, "creating what will be deleted").await?;
            }
            Work::new(move |i| Call::delete(kind.item(&name(i))))
        }
        Phase::Watch { .. }
        | Phase::CutOff
        | Phase::Fairness
        | Phase::Overload
        | Phase::Memory
        | Phase::MemoryOfList
        | Phase::Start => {
            anyhow::bail!("{phase:?} is not one kind of request")
        }
    };
    if scene.peer.is_bare {
        let path = format!("/bytes?bytes={}", scene.answer_bytes.unwrap_or_default());
        let call = work.call;
        work = Work::new(move |i| Call { path: path.clone(), ..call(i) });
    }
    let sample = scene.measure(load, Arc::new(work)).await?;
    if !scene.peer.is_bare {
        let left = match phase {
            Phase::Create | Phase::ApplyCreate => sample.tally.requests as usize,
            Phase::ApplyChange | Phase::ApplySame => APPLIED.min(writes),
            // Deletes that time did not reach.
            Phase::Delete => {
                let done = sample.tally.requests as usize;
                delete(scene, &passing, done, writes).await?;
                0
            }
            _ => 0,
        };
        delete(scene, &passing, 0, left).await?;
    }
    Ok(sample)
}

/// How many objects are applied by turns.
const APPLIED: usize = 500;

/// Deletes passing objects.
pub(super) async fn delete(scene: &Scene<'_>, batch: &str, from: usize, to: usize) -> Result<()> {
    if from >= to {
        return Ok(());
    }
    let (kind, batch) = (scene.kind.clone(), batch.to_owned());
    let work = Work::new(move |i| Call::delete(kind.item(&format!("{batch}-{:07}", from + i))));
    finish(scene.peer, all(to - from), work, "deleting what was created").await
}

fn all(requests: usize) -> Load {
    Load { connections: 16, streams: 1, time: Duration::from_secs(600), requests }
}

/// Numbers below `objects` in an order that no cache foresees, all of them before one comes again.
fn scattered(i: usize, objects: usize) -> usize {
    // A prime, which divides none of the sizes that are measured.
    i.wrapping_mul(7919) % objects
}

pub(super) fn list(kind: &Kind, query: Query, i: usize) -> String {
    let path = &kind.path;
    let shard = i % SHARDS;
    match query {
        Query::All => path.clone(),
        Query::Page => format!("{path}?limit=500"),
        Query::Cached => format!("{path}?resourceVersion=0"),
        Query::Label => format!("{path}?labelSelector=app%3Dbench%2Cshard%3D{shard}"),
        Query::Field => {
            let selector = kind.field_selector.replace("{shard}", &shard.to_string()).replace('=', "%3D");
            format!("{path}?fieldSelector={selector}")
        }
    }
}

/// One field of each object.
pub(super) fn patches(scene: &Scene<'_>) -> Work {
    let (kind, value, objects) = (scene.kind.clone(), batch("p"), scene.extent.objects.max(1));
    Work::new(move |i| kind.merge_patch(&object_name(scattered(i, objects)), &format!("{value}-{i}")))
}

/// Each object in turn, with the resourceVersion of its last answer: there are no conflicts while there are more objects
/// than connections.
async fn updates(scene: &Scene<'_>) -> Result<Work> {
    let kind = scene.kind.clone();
    let value = batch("u");
    if scene.peer.is_bare {
        let objects = scene.extent.objects.max(1);
        return Ok(Work::new(move |i| kind.update(&object_name(i % objects), i, &format!("{value}-{i}"), "1000000")));
    }
    let path = format!("{}?limit={}", kind.path, UPDATED);
    let (status, body) = scene.peer.client.once(Call::get(path)).await?;
    ensure!(status == 200, "a list is answered {status}: {}", String::from_utf8_lossy(&body));
    let versions = versions(&body)?;
    ensure!(versions.len() >= scene.extent.connections, "there are too few objects to update");
    let names: Arc<[String]> = versions.iter().map(|(name, _)| name.clone()).collect();
    let versions: Arc<[Mutex<String>]> = versions.into_iter().map(|(_, rv)| Mutex::new(rv)).collect();
    let latest = versions.clone();
    let mut work = Work::new(move |i| {
        let at = i % names.len();
        let rv = versions[at].lock().unwrap_or_else(PoisonError::into_inner).clone();
        kind.update(&names[at], at, &format!("{value}-{i}"), &rv)
    });
    work.answered = Some(Box::new(move |i, answer| {
        if let Some(rv) = objects::resource_version(answer) {
            let mut version = latest[i % latest.len()].lock().unwrap_or_else(PoisonError::into_inner);
            version.clear();
            version.push_str(rv);
        }
    }));
    Ok(work)
}

/// The most objects that are updated by turns.
const UPDATED: usize = 2000;

/// Names and resourceVersions of a list's objects, in its order, which is that of their numbers.
fn versions(list: &[u8]) -> Result<Vec<(String, String)>> {
    let list: serde_json::Value = serde_json::from_slice(list)?;
    let items = list["items"].as_array().context("a list without items")?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned).context("an object without a version");
    items
        .iter()
        .map(|item| Ok((text(&item["metadata"]["name"])?, text(&item["metadata"]["resourceVersion"])?)))
        .collect()
}
