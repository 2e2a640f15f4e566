//! One writer, many watchers: what each event costs for each of them, and how long it is on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use tokio::task::JoinSet;

use super::{Sample, Scene, batch, requests};
use crate::client::{Call, Connection};
use crate::load::{Load, Tally};
use crate::objects;

/// The requests of the sample are deliveries: one event at one watcher.
pub async fn run(scene: &Scene<'_>, stalled: usize, pace: Option<Duration>) -> Result<Sample> {
    let watchers = scene.extent.watchers;
    let mut events = (scene.extent.deliveries / watchers.max(1)).clamp(50, scene.extent.writes.max(50));
    if let Some(pace) = pace {
        let in_time = scene.extent.time.as_secs_f64() * 3.0 / pace.as_secs_f64();
        events = events.min(in_time as usize).max(50);
    }
    let batch = batch("event");
    let client = &scene.peer.client;
    let mut writer = client.connect().await?;
    let path = watch_path(scene, &mut writer).await?;

    let clock = Arc::new(Clock { begin: Instant::now(), sent: (0..events).map(|_| AtomicU64::new(0)).collect() });
    let mut readers = JoinSet::new();
    let streams = open(scene, &path, watchers, false).await?;
    for (connection, body) in streams {
        let marker = format!("\"name\":\"{batch}-").into_bytes();
        readers.spawn(read(connection, body, marker, clock.clone()));
    }
    let silent = open(scene, &path, stalled, true).await?;
    scene.peer.settle().await?;

    let mut sample = scene
        .costs(async {
            let mut tally = Tally::default();
            let begin = Instant::now();
            if let Err(error) = write(scene, &mut writer, &batch, &clock, pace).await {
                tally.fail(format!("{error:#}"));
            }
            let rest = async {
                while let Some(seen) = readers.join_next().await {
                    match seen {
                        Ok(seen) => tally.add(seen),
                        Err(error) => tally.fail(error.to_string()),
                    }
                }
            };
            let in_time = tokio::time::timeout(PATIENCE, rest).await.is_ok();
            if !in_time {
                tally.fail(format!(
                    "{} watchers did not see all events within {} s",
                    readers.len(),
                    PATIENCE.as_secs()
                ));
            }
            tally.seconds = begin.elapsed().as_secs_f64();
            tally
        })
        .await?;
    if stalled > 0 {
        outcome(silent, &mut sample).await;
    }
    if !scene.peer.is_bare {
        requests::delete(scene, &batch, 0, events).await?;
    }
    Ok(sample)
}

/// Watchers who never read, and more writes than a server keeps for them: what they cost in memory, and how many are cut
/// off. The requests of the sample are the writes.
pub async fn cut_off(scene: &Scene<'_>) -> Result<Sample> {
    let mut connection = scene.peer.client.connect().await?;
    let path = watch_path(scene, &mut connection).await?;
    let silent = open(scene, &path, scene.extent.watchers, true).await?;
    let before = scene.memory()?.memory;
    let load = Load { requests: CUT_OFF_WRITES, time: PATIENCE, ..scene.load() };
    let mut sample = scene.measure(load, Arc::new(requests::patches(scene))).await?;
    let growth = sample.memory.zip(before).map(|(after, before)| after.now.saturating_sub(before.now) as f64);
    sample.reading = growth;
    outcome(silent, &mut sample).await;
    Ok(sample)
}

/// As patches of 1 KiB, more than Kubernetes' watch cache holds for those who resume.
const CUT_OFF_WRITES: usize = 110_000;

/// The longest that the last event is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// When each event was sent, in nanoseconds since the beginning.
struct Clock {
    begin: Instant,
    sent: Box<[AtomicU64]>,
}

type Stream = (Connection, Incoming);

/// Where to watch from now on.
async fn watch_path(scene: &Scene<'_>, connection: &mut Connection) -> Result<String> {
    if scene.peer.is_bare {
        return Ok("/watch".to_owned());
    }
    let path = &scene.kind.path;
    let (status, list) = scene.peer.client.fetch(connection, Call::get(format!("{path}?limit=1"))).await?;
    ensure!(status == 200, "a list is answered {status}: {}", String::from_utf8_lossy(&list));
    let rv = objects::resource_version(&list).context("a list without a resourceVersion")?;
    Ok(format!("{path}?watch=1&resourceVersion={rv}&timeoutSeconds=600"))
}

/// Watches that have been answered, each on a connection of its own.
async fn open(scene: &Scene<'_>, path: &str, count: usize, narrow: bool) -> Result<Vec<Stream>> {
    let mut opening = JoinSet::new();
    let mut streams = Vec::with_capacity(count);
    for number in 0..count {
        let (client, path) = (scene.peer.client.clone(), path.to_owned());
        opening.spawn(async move {
            let mut connection = if narrow { client.connect_narrow().await? } else { client.connect().await? };
            let response = connection.send(client.request(Call::get(path))).await?;
            if response.status() != 200 {
                bail!("a watch is answered {}", response.status());
            }
            Ok((connection, response.into_body()))
        });
        if number % 64 == 63 || number + 1 == count {
            while let Some(stream) = opening.join_next().await {
                streams.push(stream??);
            }
        }
    }
    Ok(streams)
}

/// Writes the events, one after the other.
async fn write(
    scene: &Scene<'_>,
    connection: &mut Connection,
    batch: &str,
    clock: &Clock,
    pace: Option<Duration>,
) -> Result<()> {
    let mut ticks = pace.map(tokio::time::interval);
    for (number, sent) in clock.sent.iter().enumerate() {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let name = format!("{batch}-{number:07}");
        let call =
            if scene.peer.is_bare { bare_event(scene, &name) } else { scene.kind.create(&name, number, "brown") };
        sent.store(clock.begin.elapsed().as_nanos() as u64, Ordering::Release);
        let (status, answer) = scene.peer.client.fetch(connection, call).await?;
        ensure!(status < 300, "a write is answered {status}: {}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

/// As long as the events of an API server.
fn bare_event(scene: &Scene<'_>, name: &str) -> Call {
    let length = scene.answer_bytes.unwrap_or(1024) as usize;
    let mut event = format!("{{\"name\":\"{name}\",\"padding\":\"");
    event.extend(std::iter::repeat_n('x', length.saturating_sub(event.len() + 3)));
    event.push_str("\"}");
    Call::with_body(Method::POST, format!("/send?bytes={length}"), "application/json", event.into())
}

/// Reads one watch until it has seen all events, which come in the order they were written in.
async fn read(connection: Connection, mut body: Incoming, marker: Vec<u8>, clock: Arc<Clock>) -> Tally {
    let mut tally = Tally::default();
    let finder = memchr::memmem::Finder::new(&marker);
    let mut lines = Lines::default();
    let mut next = 0;
    while next < clock.sent.len() {
        let data: Bytes = match body.frame().await {
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(error)) => {
                tally.fail(format!("a watch broke: {error}"));
                break;
            }
            None => {
                tally.fail(format!("a watch ended after {next} of {} events", clock.sent.len()));
                break;
            }
        };
        let now = clock.begin.elapsed().as_nanos() as u64;
        tally.bytes += data.len() as u64;
        lines.feed(&data, |line| {
            let Some(at) = finder.find(line) else { return };
            let digits = &line[at + marker.len()..];
            let digits = &digits[..digits.iter().take_while(|byte| byte.is_ascii_digit()).count()];
            let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<usize>().ok());
            if number != Some(next) {
                tally.fail(format!("a watcher sees event {number:?} where {next} is the next"));
            } else {
                tally.requests += 1;
                let sent = clock.sent[next].load(Ordering::Acquire);
                tally.latency.saturating_record(now.saturating_sub(sent) / 1000);
            }
            next += 1;
        });
    }
    drop(connection);
    tally
}

/// Puts lines together that come in pieces; those that come whole are not copied.
#[derive(Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    pub fn feed(&mut self, mut data: &[u8], mut line: impl FnMut(&[u8])) {
        while let Some(end) = memchr::memchr(b'\n', data) {
            if self.rest.is_empty() {
                line(&data[..end]);
            } else {
                self.rest.extend_from_slice(&data[..end]);
                line(&self.rest);
                self.rest.clear();
            }
            data = &data[end + 1..];
        }
        self.rest.extend_from_slice(data);
    }
}

/// What became of those who never read: how many were cut off, what they had been sent, and whether the last line of it
/// tells them where to go on.
async fn outcome(silent: Vec<Stream>, sample: &mut Sample) {
    let count = silent.len();
    let ends: Vec<End> = silent.into_iter().map(end).collect::<JoinSet<_>>().join_all().await;
    let share = |meant: fn(&End) -> bool| ends.iter().filter(|end| meant(end)).count() as f64;
    let events: u64 = ends.iter().map(|end| end.events).sum();
    sample.extra.insert("stalled", count as f64);
    sample.extra.insert("stalled_ended", share(|end| end.cut_off));
    sample.extra.insert("stalled_told_where_to_resume", share(|end| end.told));
    sample.extra.insert("stalled_events_each", events as f64 / count.max(1) as f64);
}

struct End {
    cut_off: bool,
    told: bool,
    events: u64,
}

/// Reads what a watch had been sent.
async fn end((connection, mut body): Stream) -> End {
    let (mut lines, mut last, mut events) = (Lines::default(), Vec::new(), 0);
    let cut_off = loop {
        match tokio::time::timeout(SILENCE, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap_or_default();
                lines.feed(&data, |line| {
                    events += 1;
                    last.clear();
                    last.extend_from_slice(line);
                });
            }
            Ok(Some(Err(_)) | None) => break true,
            Err(_) => break false,
        }
    };
    drop(connection);
    let starts = |kind: &str| memchr::memmem::find(&last[..last.len().min(64)], kind.as_bytes()).is_some();
    End { cut_off, told: starts("\"ERROR\"") || starts("\"BOOKMARK\""), events }
}

/// When nothing has come for so long and the watch is open, it was not cut off.
const SILENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_come() {
        let check = |pieces: &[&str], expected: &[&str]| {
            let (mut lines, mut seen) = (Lines::default(), Vec::new());
            for piece in pieces {
                lines.feed(piece.as_bytes(), |line| seen.push(String::from_utf8_lossy(line).into_owned()));
            }
            assert_eq!(seen, expected, "{pieces:?}");
        };
        check(&["a\nb\n"], &["a", "b"]);
        check(&["a", "b\nc", "\n"], &["ab", "c"]);
        check(&["\n\n"], &["", ""]);
        check(&["open"], &[]);
    }
}
