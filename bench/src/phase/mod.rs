//! What is done to a server, and what is read from it.

mod fairness;
mod overload;
mod requests;
mod watch;

pub use watch::Lines;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::load::{Load, Tally, Work, connect, drive};
use crate::objects::Kind;
use crate::peer::{Cpu, Launcher, Peer};
use crate::process::Memory;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Phase {
    Get,
    List(Query),
    Create,
    /// PUT with the resourceVersion of the last answer.
    Update,
    MergePatch,
    ApplyCreate,
    ApplyChange,
    /// Applies what has been applied before.
    ApplySame,
    Delete,
    /// `stalled` watchers never read; `pace` is the time between two writes, which follow each other at once without it.
    Watch {
        stalled: usize,
        pace: Option<Duration>,
    },
    /// So many writes that watchers who never read cannot be kept up with.
    CutOff,
    /// Gets while others list.
    Fairness,
    /// More at a time than a server takes.
    Overload,
    /// Resident memory.
    Memory,
    /// How much memory grows while all objects are listed.
    MemoryOfList,
    /// From starting the process to being ready.
    Start,
}

/// What of a collection is listed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Query {
    All,
    /// `limit=500`, the first page.
    Page,
    /// `resourceVersion=0`.
    Cached,
    /// A hundredth of the objects.
    Label,
    /// A hundredth of the objects.
    Field,
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// How many objects the store holds.
    pub objects: usize,
    pub connections: usize,
    pub watchers: usize,
    /// The longest that requests are sent.
    pub time: Duration,
    /// The most objects that are written.
    pub writes: usize,
    /// How often watchers are told, all together.
    pub deliveries: usize,
}

/// A server, and the way to start it again.
pub struct Seat {
    pub launcher: Launcher,
    /// Absent only while it is started again.
    pub peer: Option<Peer>,
    pub kind: Kind,
}

/// What one round of a phase came to.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub tally: Tally,
    /// Absent where the processes of the server are not known.
    pub cpu: Option<Cpu>,
    pub memory: Option<Memory>,
    /// What phases read that are not about requests: bytes, or microseconds.
    pub reading: Option<f64>,
    /// What else is worth knowing, by name.
    pub extra: BTreeMap<&'static str, f64>,
}

impl Seat {
    pub fn peer(&self) -> Result<&Peer> {
        self.peer.as_ref().context("the server was not started again")
    }

    /// Does it once. `answer_bytes` is how long the answers of an API server are, which the bare server then sends too;
    /// absent if there is nothing that the bare server could do.
    pub async fn sample(&mut self, phase: Phase, extent: Extent, answer_bytes: Option<u64>) -> Result<Option<Sample>> {
        if self.launcher.is_bare() && !phase.has_bare() {
            return Ok(None);
        }
        if phase == Phase::Start {
            return self.start_again(extent).await;
        }
        let scene = Scene { peer: self.peer()?, kind: &self.kind, extent, answer_bytes };
        scene.peer.settle().await?;
        let sample = match phase {
            Phase::Watch { stalled, pace } => watch::run(&scene, stalled, pace).await?,
            Phase::CutOff => watch::cut_off(&scene).await?,
            Phase::Fairness => fairness::run(&scene).await?,
            Phase::Overload => overload::run(&scene).await?,
            Phase::Memory => scene.memory()?,
            Phase::MemoryOfList => scene.memory_of_list().await?,
            _ => requests::run(phase, &scene).await?,
        };
        Ok(Some(sample))
    }

    async fn start_again(&mut self, extent: Extent) -> Result<Option<Sample>> {
        if !self.launcher.can_restart() {
            return Ok(None);
        }
        let old = self.peer.take().context("the server was not started")?;
        let new = if extent.objects == 0 {
            drop(old);
            self.launcher.start().await?
        } else {
            self.launcher.restart(old).await?
        };
        let reading = Some(new.ready_after.as_secs_f64() * 1e6);
        let sample = Sample { reading, memory: new.memory().ok(), ..Sample::default() };
        self.peer = Some(new);
        Ok(Some(sample))
    }

    /// Fills the store with objects, which are called `bird-NUMBER`.
    pub async fn seed(&self, from: usize, to: usize) -> Result<()> {
        let peer = self.peer()?;
        if peer.is_bare || from >= to {
            return Ok(());
        }
        let kind = self.kind.clone();
        let work = Work::new(move |i| kind.create(&object_name(from + i), from + i, "brown"));
        let load = Load { connections: 64, streams: 1, time: Duration::from_secs(3600), requests: to - from };
        finish(peer, load, work, "creating the objects").await
    }
}

impl Phase {
    /// Whether the bare server can do something of the kind.
    pub fn has_bare(self) -> bool {
        match self {
            Phase::Overload | Phase::Memory | Phase::MemoryOfList | Phase::CutOff => false,
            Phase::Watch { stalled, .. } => stalled == 0,
            _ => true,
        }
    }
}

/// One server under one phase.
pub(crate) struct Scene<'a> {
    pub peer: &'a Peer,
    pub kind: &'a Kind,
    pub extent: Extent,
    pub answer_bytes: Option<u64>,
}

impl Scene<'_> {
    fn load(&self) -> Load {
        Load { connections: self.extent.connections, streams: 1, time: self.extent.time, requests: usize::MAX }
    }

    /// Sends the work, and reads what it costs the server.
    async fn measure(&self, load: Load, work: Arc<Work>) -> Result<Sample> {
        let connections = connect(&self.peer.client, load).await?;
        self.peer.settle().await?;
        self.costs(drive(&self.peer.client, connections, load, work)).await
    }

    /// What happens to the server meanwhile.
    async fn costs(&self, work: impl Future<Output = Tally>) -> Result<Sample> {
        if !self.peer.is_local() {
            return Ok(Sample { tally: work.await, ..Sample::default() });
        }
        self.peer.forget_peak()?;
        let before = self.peer.cpu()?;
        let tally = work.await;
        let after = self.peer.cpu()?;
        let cpu = Cpu { server: after.server - before.server, storage: after.storage - before.storage };
        Ok(Sample { tally, cpu: Some(cpu), memory: Some(self.peer.memory()?), ..Sample::default() })
    }

    fn memory(&self) -> Result<Sample> {
        if !self.peer.is_local() {
            return Ok(Sample::default());
        }
        let memory = self.peer.memory()?;
        Ok(Sample { memory: Some(memory), reading: Some(memory.now as f64), ..Sample::default() })
    }

    async fn memory_of_list(&self) -> Result<Sample> {
        if !self.peer.is_local() {
            return Ok(Sample::default());
        }
        let before = self.peer.memory()?;
        let path = self.kind.path.clone();
        let work = Work::new(move |_| crate::client::Call::get(path.as_str()));
        let load = Load { connections: 1, streams: 1, time: Duration::from_secs(60), requests: 3 };
        let mut sample = self.measure(load, Arc::new(work)).await?;
        let peak = sample.memory.context("a local server has memory")?.peak;
        sample.reading = Some(peak.saturating_sub(before.now) as f64);
        Ok(sample)
    }
}

/// Sends all of the work, which must succeed: it only sets the scene.
pub(crate) async fn finish(peer: &Peer, load: Load, work: Work, what: &str) -> Result<()> {
    let connections = connect(&peer.client, load).await?;
    let tally = drive(&peer.client, connections, load, Arc::new(work)).await;
    match tally.first_error {
        Some(error) => anyhow::bail!("{what} on the server `{}`: {error}", peer.name),
        None => Ok(()),
    }
}

/// Names of this width are in the order of their numbers.
pub(crate) fn object_name(number: usize) -> String {
    format!("bird-{number:07}")
}

/// What the names of passing objects begin with; no two are alike, also on a server that lives longer than this program.
pub(crate) fn batch(what: &str) -> String {
    static BATCHES: AtomicU64 = AtomicU64::new(0);
    let number = BATCHES.fetch_add(1, Ordering::Relaxed);
    format!("{what}-{}-{number}", std::process::id())
}
