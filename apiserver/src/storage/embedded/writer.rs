//! The one thread that writes. Everything that waits is decided upon in turn, against the state as the writes before it
//! will leave it, and committed at once.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::disk::{Commit, Disk, Row};
use crate::storage::mvcc::{Change, Mvcc, check};
use crate::storage::{BoxError, Entry, ReadError, Revision, WriteError};

/// Limits of one commit, so that the first of its writers does not wait for too many others.
const BATCH_REQUESTS_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 8 << 20;

/// How much of a compaction is done between two commits, and in one commit.
const SWEEP_RECORDS: usize = 1024;

pub(super) type Answer<T, E> = oneshot::Sender<Result<T, E>>;

/// What the thread is asked to do.
pub(super) enum Request {
    Write { change: Change, answer: Answer<Revision, WriteError> },
    Compact { before: Revision, answer: Answer<(), ReadError> },
}

impl Request {
    fn bytes(&self) -> usize {
        match self {
            Request::Write { change, .. } => change.key.len() + change.value.as_ref().map_or(0, Bytes::len),
            Request::Compact { .. } => 0,
        }
    }
}

pub(super) struct Writer {
    mvcc: Arc<Mvcc>,
    disk: Disk,
    /// Where to compact because history takes too much memory.
    overfull: Option<Revision>,
    /// The state in memory may hold more that is compacted.
    sweeping: bool,
    /// Rows of the log that are of no use any more.
    unused: VecDeque<Revision>,
    /// Who waits for `unused` to be removed.
    compactions: Vec<Answer<(), ReadError>>,
    /// How many writers shared the last commit, and what part of the time it took is worth waiting for as many.
    writers: usize,
    patience: Duration,
    /// The last commit failed, so that work which nobody waits for is left until the next request.
    failing: bool,
}

/// The commit did not succeed, with the same cause for all that were part of it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("nothing was written")]
struct CommitFailed(#[source] Arc<redb::Error>);

impl Writer {
    pub(super) fn new(mvcc: Arc<Mvcc>, disk: Disk, unused: Vec<Revision>) -> Self {
        let unused = unused.into();
        Writer {
            mvcc,
            disk,
            overfull: None,
            sweeping: false,
            unused,
            compactions: Vec::new(),
            writers: 0,
            patience: Duration::ZERO,
            failing: false,
        }
    }

    /// Works until nobody can ask any more and all that was asked is done.
    pub(super) fn run(mut self, queue: &mpsc::Receiver<Request>) {
        loop {
            let work = !self.failing && (self.overfull.is_some() || self.sweeping || !self.unused.is_empty());
            let first = if work {
                match queue.try_recv() {
                    Ok(request) => Some(request),
                    Err(mpsc::TryRecvError::Empty) => None,
                    // What is left of a compaction is done after the next start.
                    Err(mpsc::TryRecvError::Disconnected) => return,
                }
            } else {
                match queue.recv() {
                    Ok(request) => Some(request),
                    Err(mpsc::RecvError) => return,
                }
            };
            let requests = first.map(|first| self.gather(first, queue)).unwrap_or_default();
            self.serve(requests);
        }
    }

    /// What waits already, and for a moment what is likely to come: writers that were answered together come back
    /// together. Without the moment the first of them would have a commit of its own, and the others would wait for two.
    fn gather(&self, first: Request, queue: &mpsc::Receiver<Request>) -> Vec<Request> {
        let mut bytes = first.bytes();
        let mut requests = vec![first];
        let mut until = None;
        while requests.len() < BATCH_REQUESTS_MAX && bytes < BATCH_BYTES_MAX {
            let request = match queue.try_recv() {
                Ok(request) => request,
                Err(_) if requests.len() >= self.writers => break,
                Err(_) => {
                    let until = *until.get_or_insert_with(|| Instant::now() + self.patience);
                    match queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                        Ok(request) => request,
                        Err(_) => break,
                    }
                }
            };
            bytes += request.bytes();
            requests.push(request);
        }
        requests
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let mut batch = Batch::new(&self.mvcc);
        for request in requests {
            match request {
                Request::Write { change, answer } => batch.decide(change, answer),
                Request::Compact { before, answer } => batch.compact(before, answer),
            }
        }
        batch.floor = batch.floor.max(self.overfull.take());
        if self.sweeping {
            let (forgotten, done) = self.mvcc.sweep(SWEEP_RECORDS);
            self.unused.extend(forgotten.iter().map(|record| record.revision));
            self.sweeping = !done;
        }
        let commit = Commit {
            rows: batch.writes.iter().map(Write::row).collect(),
            floor: batch.floor,
            removed: self.unused.iter().take(SWEEP_RECORDS).copied().collect(),
        };
        let empty = commit.rows.is_empty() && commit.floor.is_none() && commit.removed.is_empty();
        let removed = commit.removed.len();
        let start = Instant::now();
        let result = if empty { Ok(()) } else { self.disk.commit(batch.committed, &commit) };
        drop(commit);
        self.patience = start.elapsed() / 4;
        self.writers = batch.writes.len() + batch.refusals.len();
        self.failing = result.is_err();
        match result {
            Ok(()) => {
                self.unused.drain(..removed);
                if let Some(floor) = batch.floor {
                    self.mvcc.compact(floor).expect("checked before it was committed");
                    self.sweeping = true;
                }
                self.compactions.append(&mut batch.compactions);
                batch.succeed();
                if !self.sweeping {
                    self.overfull = self.mvcc.overfull();
                }
                if !self.sweeping && self.unused.is_empty() {
                    for answer in self.compactions.drain(..) {
                        let _ = answer.send(Ok(()));
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, writes = batch.writes.len(), "could not write to the store");
                let error = CommitFailed(Arc::new(error));
                self.compactions.append(&mut batch.compactions);
                for answer in self.compactions.drain(..) {
                    let _ = answer.send(Err(ReadError::Unavailable(error.clone().into())));
                }
                batch.fail(&error);
            }
        }
    }
}

/// Requests that are decided upon and not yet committed.
struct Batch<'a> {
    mvcc: &'a Mvcc,
    floor_before: Revision,
    committed: Revision,
    writes: Vec<Write>,
    /// Which of `writes` is the last to a key.
    last: HashMap<Arc<str>, usize>,
    /// Refusals on account of writes in this batch: if these are not written, the refusal would be wrong.
    refusals: Vec<(WriteError, Answer<Revision, WriteError>)>,
    floor: Option<Revision>,
    compactions: Vec<Answer<(), ReadError>>,
}

struct Write {
    revision: Revision,
    key: Arc<str>,
    value: Option<Bytes>,
    answer: Answer<Revision, WriteError>,
}

impl Write {
    fn row(&self) -> Row<'_> {
        Row { revision: self.revision, key: &self.key, value: self.value.as_ref() }
    }

    fn entry(&self) -> Option<Entry> {
        let value = self.value.clone()?;
        Some(Entry { key: self.key.clone(), value, revision: self.revision })
    }
}

impl<'a> Batch<'a> {
    fn new(mvcc: &'a Mvcc) -> Self {
        let (floor_before, committed) = mvcc.bounds();
        Batch {
            mvcc,
            floor_before,
            committed,
            writes: Vec::new(),
            last: HashMap::new(),
            refusals: Vec::new(),
            floor: None,
            compactions: Vec::new(),
        }
    }

    fn decide(&mut self, change: Change, answer: Answer<Revision, WriteError>) {
        let Change { key, value, expected } = change;
        let here = self.last.get(key.as_str()).map(|&index| &self.writes[index]);
        let decision = match here {
            Some(write) => check(expected, write.entry()),
            None => check(expected, self.mvcc.get(&key)),
        };
        match decision {
            Ok(()) => {
                let key: Arc<str> = key.into();
                let revision = Revision(self.committed.0 + 1 + self.writes.len() as u64);
                self.last.insert(key.clone(), self.writes.len());
                self.writes.push(Write { revision, key, value, answer });
            }
            Err(refusal) if here.is_some() => self.refusals.push((refusal, answer)),
            Err(refusal) => {
                let _ = answer.send(Err(refusal));
            }
        }
    }

    fn compact(&mut self, before: Revision, answer: Answer<(), ReadError>) {
        if before > self.committed {
            let refusal = ReadError::Future { requested: before, current: self.committed };
            let _ = answer.send(Err(refusal));
            return;
        }
        if before > self.floor_before {
            self.floor = self.floor.max(Some(before));
        }
        self.compactions.push(answer);
    }

    // Whoever has left no longer wants to know; the write stands.
    fn succeed(self) {
        let mut answers = Vec::with_capacity(self.writes.len());
        let changes = self.writes.into_iter().map(|write| {
            answers.push((write.revision, write.answer));
            (write.revision, write.key, write.value)
        });
        self.mvcc.apply(changes);
        for (revision, answer) in answers {
            let _ = answer.send(Ok(revision));
        }
        for (refusal, answer) in self.refusals {
            let _ = answer.send(Err(refusal));
        }
    }

    fn fail(mut self, error: &CommitFailed) {
        let writers = mem::take(&mut self.writes).into_iter().map(|write| write.answer);
        for answer in writers.chain(self.refusals.into_iter().map(|(_, answer)| answer)) {
            let _ = answer.send(Err(WriteError::Unavailable(BoxError::from(error.clone()))));
        }
    }
}
