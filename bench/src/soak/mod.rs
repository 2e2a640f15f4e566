//! All at once and for long: writers, readers, watchers and lists on one server, whose memory must stop growing and whose
//! every answer must be right.

mod ledger;
mod memory;
mod readers;
mod watchers;
mod writers;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::client::{Call, Client};
use crate::objects::Kind;
use crate::peer::{Launcher, Peer};
use ledger::Ledger;

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    pub time: Duration,
    pub writers: usize,
    /// Of each writer, which writes no others.
    pub objects: usize,
    pub readers: usize,
    pub listers: usize,
    /// Half of them stay, the others break off and resume.
    pub watchers: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    pub writes: u64,
    pub reads: u64,
    pub lists: u64,
    pub events: u64,
    /// The first wrong answers.
    pub wrong: Vec<String>,
    /// Resident bytes, one sample per second.
    pub memory: Vec<u64>,
}

impl Outcome {
    /// What must not be: wrong answers, or memory that still grows.
    pub fn problems(&self) -> Vec<String> {
        self.wrong.iter().cloned().chain(memory::growth(&self.memory)).collect()
    }
}

/// What all of those who take part share.
struct Stage {
    client: Client,
    kind: Kind,
    ledger: Ledger,
    end: AtomicBool,
    /// All who write have stopped, and all that they wrote was answered and counted.
    settled: AtomicBool,
    reads: AtomicU64,
    lists: AtomicU64,
    events: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

/// More than these would tell nothing new.
const WRONG_MAX: usize = 20;

impl Stage {
    fn wrong(&self, message: String) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() < WRONG_MAX {
            wrong.push(message);
        }
    }

    fn is_over(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }
}

impl Soak {
    pub async fn run(self, launcher: &Launcher, kind: Kind, mut progress: impl FnMut(&str)) -> Result<Outcome> {
        let peer = launcher.start().await?;
        let stage = Arc::new(Stage {
            client: peer.client.clone(),
            kind,
            ledger: Ledger::new(self.writers * self.objects),
            end: AtomicBool::new(false),
            settled: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            lists: AtomicU64::new(0),
            events: AtomicU64::new(0),
            wrong: Mutex::default(),
        });
        let from = watchers::revision(&stage).await?;
        let mut busy = JoinSet::new();
        for writer in 0..self.writers {
            let mine = writer * self.objects..(writer + 1) * self.objects;
            busy.spawn(writers::run(stage.clone(), mine));
        }
        for reader in 0..self.readers {
            busy.spawn(readers::get(stage.clone(), reader));
        }
        for _ in 0..self.listers {
            busy.spawn(readers::list(stage.clone()));
        }
        let mut watching = JoinSet::new();
        for watcher in 0..self.watchers {
            let stays = watcher % 2 == 0;
            watching.spawn(watchers::run(stage.clone(), from, stays));
        }
        let memory = self.wait(&peer, &stage, &mut progress).await?;
        stage.end.store(true, Ordering::Relaxed);
        while let Some(done) = busy.join_next().await {
            if let Err(error) = done.map_err(anyhow::Error::from).flatten() {
                stage.wrong(format!("{error:#}"));
            }
        }
        stage.settled.store(true, Ordering::Release);
        // What was written last is what is stored, and what everybody has seen.
        self.last_word(&stage).await?;
        while let Some(done) = watching.join_next().await {
            if let Err(error) = done.map_err(anyhow::Error::from).flatten() {
                stage.wrong(format!("{error:#}"));
            }
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let wrong = std::mem::take(&mut *stage.wrong.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Outcome {
            writes: stage.ledger.writes(),
            reads: count(&stage.reads),
            lists: count(&stage.lists),
            events: count(&stage.events),
            wrong,
            memory,
        })
    }

    /// Samples the memory until the time is up, or nothing can be saved any more.
    async fn wait(&self, peer: &Peer, stage: &Stage, progress: &mut impl FnMut(&str)) -> Result<Vec<u64>> {
        let begin = Instant::now();
        let mut memory = Vec::new();
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        seconds.tick().await;
        while begin.elapsed() < self.time {
            seconds.tick().await;
            // Also fails if the server is gone.
            peer.cpu()?;
            memory.push(peer.memory()?.now);
            if memory.len() % 10 == 0 {
                let mib = memory.last().copied().unwrap_or_default() >> 20;
                let events = stage.events.load(Ordering::Relaxed);
                progress(&format!(
                    "{:>4} s  {mib} MiB  {} writes  {events} events",
                    memory.len(),
                    stage.ledger.writes()
                ));
            }
        }
        Ok(memory)
    }

    async fn last_word(&self, stage: &Stage) -> Result<()> {
        let (status, body) = stage.client.once(Call::get(stage.kind.path.as_str())).await?;
        anyhow::ensure!(status == 200, "the last list is answered {status}");
        let list = readers::List::read(&body)?;
        for problem in stage.ledger.differences(&list.objects) {
            stage.wrong(format!("at the end {problem}"));
        }
        Ok(())
    }
}
