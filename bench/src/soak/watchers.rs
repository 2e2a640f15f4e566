//! Those who watch: every write is one event, in its order, also for those who break off and resume.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http_body_util::BodyExt;
use serde::Deserialize;

use super::Stage;
use super::readers::{List, Object};
use crate::client::Call;
use crate::phase::Lines;

/// How long a watcher watches that does not stay.
const VISIT: Duration = Duration::from_secs(3);

/// How long the last events may be on their way.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where all watchers begin.
pub async fn revision(stage: &Stage) -> Result<u64> {
    let (status, body) = stage.client.once(Call::get(stage.kind.path.as_str())).await?;
    ensure!(status == 200, "a list is answered {status}: {}", String::from_utf8_lossy(&body));
    Ok(List::read(&body)?.rv)
}

/// Watches until all writes were seen after the last of them.
pub async fn run(stage: Arc<Stage>, from: u64, stays: bool) -> Result<()> {
    let mut seen = Seen { rv: from, events: 0, objects: BTreeMap::new() };
    let mut over: Option<Instant> = None;
    loop {
        watch(&stage, &mut seen, stays, &mut over).await?;
        if over.is_some() && seen.events >= stage.ledger.writes() {
            break;
        }
        if over.is_some_and(|over| over.elapsed() > PATIENCE) {
            break;
        }
    }
    let writes = stage.ledger.writes();
    if seen.events != writes {
        stage.wrong(format!("a watcher has seen {} events of {writes} writes", seen.events));
    }
    for problem in stage.ledger.differences(&seen.objects) {
        stage.wrong(format!("to a watcher {problem}"));
    }
    Ok(())
}

struct Seen {
    rv: u64,
    events: u64,
    /// resourceVersions by name.
    objects: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    object: Object,
}

/// One watch, to its end.
async fn watch(stage: &Stage, seen: &mut Seen, stays: bool, over: &mut Option<Instant>) -> Result<()> {
    let mut connection = stage.client.connect().await?;
    let path = format!("{}?watch=1&resourceVersion={}&timeoutSeconds=3600", stage.kind.path, seen.rv);
    let response = connection.send(stage.client.request(Call::get(path))).await?;
    ensure!(response.status() == 200, "a watch from {} is answered {}", seen.rv, response.status());
    let mut body = response.into_body();
    let mut lines = Lines::default();
    let begin = Instant::now();
    loop {
        // Not when writers begin to stop: an event may come before the answer to its write, and more after it.
        if stage.is_settled() {
            over.get_or_insert_with(Instant::now);
        }
        let done = over.is_some_and(|over| seen.events >= stage.ledger.writes() || over.elapsed() > PATIENCE);
        if done || (!stays && over.is_none() && begin.elapsed() > VISIT) {
            return Ok(());
        }
        let frame = match tokio::time::timeout(Duration::from_millis(100), body.frame()).await {
            Err(_) => continue,
            Ok(Some(frame)) => frame.context("a watch broke")?,
            // A server may end a watch at any time; the watcher goes on where it was.
            Ok(None) => return Ok(()),
        };
        let mut problem = None;
        lines.feed(&frame.into_data().unwrap_or_default(), |line| {
            if let Err(error) = event(stage, seen, line) {
                problem.get_or_insert(error);
            }
        });
        if let Some(problem) = problem {
            return Err(problem);
        }
    }
}

fn event(stage: &Stage, seen: &mut Seen, line: &[u8]) -> Result<()> {
    let text = || String::from_utf8_lossy(&line[..line.len().min(300)]).into_owned();
    let event: Event = serde_json::from_slice(line).with_context(|| format!("an event: {}", text()))?;
    let (name, rv) = (event.object.metadata.name.clone(), event.object.metadata.rv()?);
    if rv <= seen.rv {
        stage.wrong(format!("a watcher sees {rv} after {}", seen.rv));
    }
    seen.rv = rv;
    let known = seen.objects.contains_key(&name);
    match event.r#type.as_str() {
        "BOOKMARK" => return Ok(()),
        "ADDED" if !known => drop(seen.objects.insert(name, rv)),
        "MODIFIED" if known => drop(seen.objects.insert(name, rv)),
        "DELETED" if known => drop(seen.objects.remove(&name)),
        "ADDED" | "MODIFIED" | "DELETED" => {
            stage.wrong(format!("a watcher sees {name} {} at {rv}; it was there before: {known}", event.r#type));
        }
        _ => bail!("a watch says: {}", text()),
    }
    seen.events += 1;
    stage.events.fetch_add(1, Ordering::Relaxed);
    Ok(())
}
