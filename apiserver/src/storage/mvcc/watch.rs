//! Watches of the state in memory. A watch first reads the log, in pieces, until it has reached its end; from then on
//! writers put what concerns it into its queue.

use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::Stream;

use super::{Mvcc, Record};
use crate::storage::{Event, Revision, WatchError, WatchItem};

/// A watch with more than this waiting is cut off. The records are mostly still in the log, and cost it a pointer each.
const QUEUE_RECORDS_MAX: usize = 8192;

/// How much of the log is read at once, while writers wait.
const HISTORY_RECORDS: usize = 1024;

/// A running watch.
pub(super) struct Watch {
    mvcc: Arc<Mvcc>,
    watcher: Arc<Watcher>,
    /// The log is to be read after this; `None` once writers fill the queue.
    behind: Option<Revision>,
    /// Swapped with the queue, so that neither is allocated again and the lock is held for a moment only.
    taken: VecDeque<Arc<Record>>,
    ended: bool,
}

impl Watch {
    pub(super) fn start(mvcc: Arc<Mvcc>, prefix: &str, after: Revision) -> Result<Watch, WatchError> {
        let watcher = Arc::new(Watcher {
            prefix: prefix.to_owned(),
            after,
            queue: Mutex::new(Queue {
                records: VecDeque::new(),
                told: after,
                progress: Revision(0),
                end: None,
                waker: None,
            }),
        });
        let mut watch = Watch { mvcc, watcher, behind: Some(after), taken: VecDeque::new(), ended: false };
        // At once, not when the stream is first read: a compaction in between should not matter.
        watch.read_history(after)?;
        Ok(watch)
    }

    /// Reads a piece of the log into the queue. At its end, lets the writers take over.
    fn read_history(&mut self, after: Revision) -> Result<(), WatchError> {
        let state = self.mvcc.read();
        if after.next() < state.floor {
            return Err(WatchError::Compacted { after, oldest: state.floor });
        }
        let first = state.log.partition_point(|record| record.revision <= after);
        let end = state.log.len().min(first + HISTORY_RECORDS);
        let piece = state.log.range(first..end);
        let mut queue = self.watcher.queue();
        queue.records.extend(piece.filter(|record| record.key.starts_with(&self.watcher.prefix)).cloned());
        if end < state.log.len() {
            // An item for the reader even if nothing in the piece concerns it, so that a long search is not done in
            // one go.
            queue.progress = state.log[end - 1].revision;
            self.behind = Some(queue.progress);
        } else {
            queue.progress = state.current;
            if state.closed {
                queue.end = Some(End::Closed);
            }
            drop(queue);
            self.behind = None;
            self.mvcc.watchers.lock().push(self.watcher.clone());
        }
        Ok(())
    }
}

impl Stream for Watch {
    type Item = Result<WatchItem, WatchError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let watch = self.get_mut();
        if watch.ended {
            return Poll::Ready(None);
        }
        loop {
            let mut queue = watch.watcher.queue();
            if let Some(last) = queue.records.back() {
                queue.told = last.revision;
                mem::swap(&mut queue.records, &mut watch.taken);
                drop(queue);
                let events = watch.taken.drain(..).map(|record| event(&record)).collect();
                return Poll::Ready(Some(Ok(WatchItem::Events(events))));
            }
            if queue.progress > queue.told {
                queue.told = queue.progress;
                return Poll::Ready(Some(Ok(WatchItem::Progress(queue.progress))));
            }
            if let Some(end) = queue.end.take() {
                watch.ended = true;
                return Poll::Ready(match end {
                    End::Lagged => Some(Err(WatchError::Lagged)),
                    End::Closed => None,
                });
            }
            let Some(after) = watch.behind else {
                match &mut queue.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                return Poll::Pending;
            };
            drop(queue);
            if let Err(error) = watch.read_history(after) {
                watch.ended = true;
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.behind.is_none() {
            let mut watchers = self.mvcc.watchers.lock();
            if let Some(index) = watchers.iter().position(|watcher| Arc::ptr_eq(watcher, &self.watcher)) {
                watchers.swap_remove(index);
            }
        }
    }
}

fn event(record: &Record) -> Event {
    Event { key: record.key.clone(), value: record.value.clone(), revision: record.revision }
}

/// The watches that writers fill.
#[derive(Default)]
pub(super) struct Watchers {
    all: Mutex<Vec<Arc<Watcher>>>,
    /// The last revision that all watches have been told of.
    announced: AtomicU64,
}

impl Watchers {
    /// Hands records to those whom they concern, and cuts off who does not keep up. The state must be locked, so that
    /// no watch joins or reads history at the same time.
    pub(super) fn publish(&self, records: &[Arc<Record>]) -> Woken {
        let mut woken = Woken(Vec::new());
        self.lock().retain(|watcher| watcher.offer(records, &mut woken));
        woken
    }

    /// Lets watches that have nothing to deliver tell `current` as their progress. All changes up to it must be
    /// published.
    pub(super) fn announce(&self, current: Revision) {
        if self.announced.load(Ordering::Acquire) >= current.0 {
            return;
        }
        let mut woken = Woken(Vec::new());
        {
            let all = self.lock();
            self.announced.fetch_max(current.0, Ordering::AcqRel);
            for watcher in &*all {
                let mut queue = watcher.queue();
                queue.progress = queue.progress.max(current);
                if queue.records.is_empty() && queue.progress > queue.told {
                    woken.0.extend(queue.waker.take());
                }
            }
        }
        woken.wake();
    }

    pub(super) fn close(&self) {
        let mut woken = Woken(Vec::new());
        for watcher in self.lock().drain(..) {
            let mut queue = watcher.queue();
            queue.end = Some(End::Closed);
            woken.0.extend(queue.waker.take());
        }
        woken.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Watcher>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Readers to be woken once the locks are free.
#[must_use]
pub(super) struct Woken(Vec<Waker>);

impl Woken {
    pub(super) fn wake(self) {
        for waker in self.0 {
            waker.wake();
        }
    }
}

struct Watcher {
    prefix: String,
    after: Revision,
    queue: Mutex<Queue>,
}

struct Queue {
    records: VecDeque<Arc<Record>>,
    /// The reader knows that nothing up to this is still to come.
    told: Revision,
    /// Nothing up to this is still to come but what is in `records`.
    progress: Revision,
    end: Option<End>,
    waker: Option<Waker>,
}

enum End {
    Lagged,
    Closed,
}

impl Watcher {
    /// Gives false when the watch is cut off.
    fn offer(&self, records: &[Arc<Record>], woken: &mut Woken) -> bool {
        let mut mine = records
            .iter()
            .filter(|record| record.key.starts_with(&self.prefix) && record.revision > self.after)
            .peekable();
        if mine.peek().is_none() {
            return true;
        }
        let mut queue = self.queue();
        let kept_up = queue.records.len() < QUEUE_RECORDS_MAX;
        if kept_up {
            queue.records.extend(mine.cloned());
        } else {
            // All of it goes: a reader that comes back finds it in the log, and one that does not should hold nothing.
            queue.records = VecDeque::new();
            queue.progress = Revision(0);
            queue.end = Some(End::Lagged);
        }
        woken.0.extend(queue.waker.take());
        kept_up
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::storage::WatchStream;
    use crate::storage::mvcc::Change;

    #[test]
    fn a_watch_that_does_not_keep_up_is_cut_off_and_resumes_from_history() {
        let mvcc = Arc::new(Mvcc::default());
        let before = mvcc.revision();
        let mut slow = mvcc.watch("a/", before).unwrap();
        write(&mvcc, "a/first");
        assert_eq!(ready(&mut slow), "a/first@2");
        let mut busy = mvcc.watch("a/", before).unwrap();
        assert_eq!(ready(&mut busy), "a/first@2");
        for n in 0..QUEUE_RECORDS_MAX {
            write(&mvcc, &format!("a/{n}"));
            write(&mvcc, &format!("b/{n}"));
            assert!(ready(&mut busy).starts_with(&format!("a/{n}@")));
        }
        write(&mvcc, "a/last");
        assert_eq!(ready(&mut slow), "lagged");
        assert_eq!(ready(&mut slow), "end");
        assert_eq!(mvcc.watchers.lock().len(), 1);
        assert!(ready(&mut busy).starts_with("a/last@"));

        let mut resumed = mvcc.watch("a/", Revision(2)).unwrap();
        let mut events = 0;
        while events < QUEUE_RECORDS_MAX + 1 {
            events += match resumed.next().now_or_never().flatten() {
                Some(Ok(WatchItem::Events(events))) => events.len(),
                Some(Ok(WatchItem::Progress(_))) => 0,
                other => panic!("{other:?} after {events} events"),
            };
        }
        assert_eq!(ready(&mut resumed), "pending");
        assert_eq!(mvcc.watchers.lock().len(), 2);
    }

    #[test]
    fn a_full_queue_is_not_yet_too_much() {
        let mvcc = Arc::new(Mvcc::default());
        let mut watch = mvcc.watch("", mvcc.revision()).unwrap();
        for n in 0..QUEUE_RECORDS_MAX {
            write(&mvcc, &n.to_string());
        }
        match watch.next().now_or_never().flatten() {
            Some(Ok(WatchItem::Events(events))) => assert_eq!(events.len(), QUEUE_RECORDS_MAX),
            other => panic!("{other:?}"),
        }
        write(&mvcc, "last");
        assert!(ready(&mut watch).starts_with("last@"));
    }

    #[test]
    fn a_long_search_through_history_tells_its_progress() {
        let mvcc = Arc::new(Mvcc::default());
        for n in 0..3 * HISTORY_RECORDS {
            write(&mvcc, &n.to_string());
        }
        write(&mvcc, "a/robin");
        let mut watch = mvcc.watch("a/", Revision(1)).unwrap();
        let revision = |pieces: usize| 1 + pieces * HISTORY_RECORDS;
        assert_eq!(ready(&mut watch), format!("progress {}", revision(1)));
        assert_eq!(ready(&mut watch), format!("progress {}", revision(2)));
        assert_eq!(ready(&mut watch), format!("progress {}", revision(3)));
        assert_eq!(ready(&mut watch), format!("a/robin@{}", revision(3) + 1));
        assert_eq!(ready(&mut watch), "pending");
    }

    #[test]
    fn a_compaction_ends_a_watch_that_still_reads_what_is_forgotten() {
        let mvcc = Arc::new(Mvcc::default());
        for n in 0..HISTORY_RECORDS + 2 {
            write(&mvcc, &n.to_string());
        }
        let newest = mvcc.revision();
        let mut behind = mvcc.watch("", Revision(1)).unwrap();
        let mut at_the_end = mvcc.watch("", Revision(newest.0 - 1)).unwrap();
        mvcc.compact(newest).unwrap();
        mvcc.sweep(usize::MAX);
        let first_piece = behind.next().now_or_never().flatten();
        assert!(matches!(first_piece, Some(Ok(WatchItem::Events(events))) if events.len() == HISTORY_RECORDS));
        assert!(ready(&mut behind).contains("compacted"));
        assert_eq!(ready(&mut behind), "end");
        assert_eq!(ready(&mut at_the_end), format!("{}@{newest}", HISTORY_RECORDS + 1));
        assert_eq!(ready(&mut at_the_end), "pending");
        assert!(matches!(mvcc.watch("", Revision(newest.0 - 2)), Err(WatchError::Compacted { .. })));
        assert!(mvcc.watch("", Revision(newest.0 - 1)).is_ok());
    }

    #[test]
    fn progress_is_told_when_somebody_asks_for_the_revision() {
        let mvcc = Arc::new(Mvcc::default());
        let mut watch = mvcc.watch("a/", mvcc.revision()).unwrap();
        assert_eq!(ready(&mut watch), "pending");
        write(&mvcc, "b/1");
        assert_eq!(ready(&mut watch), "pending");
        assert_eq!(mvcc.revision(), Revision(2));
        assert_eq!(ready(&mut watch), "progress 2");
        assert_eq!(mvcc.revision(), Revision(2));
        assert_eq!(ready(&mut watch), "pending");
        write(&mvcc, "a/1");
        mvcc.revision();
        assert_eq!(ready(&mut watch), "a/1@3"); // says as much as progress
        assert_eq!(ready(&mut watch), "pending");
        write(&mvcc, "a/2");
        write(&mvcc, "b/2");
        mvcc.revision();
        assert_eq!(ready(&mut watch), "a/2@4");
        assert_eq!(ready(&mut watch), "progress 5");
    }

    #[test]
    fn a_watch_from_before_all_writes_has_all_of_them() {
        let mvcc = Arc::new(Mvcc::default());
        let mut watch = mvcc.watch("", Revision(0)).unwrap();
        assert_eq!(ready(&mut watch), "progress 1");
        assert_eq!(ready(&mut watch), "pending");
        write(&mvcc, "a");
        assert_eq!(ready(&mut watch), "a@2");
        assert_eq!(ready(&mut mvcc.watch("", Revision(0)).unwrap()), "a@2");
    }

    #[test]
    fn a_watch_of_the_future_tells_nothing_before() {
        let mvcc = Arc::new(Mvcc::default());
        let mut watch = mvcc.watch("", Revision(3)).unwrap();
        write(&mvcc, "2");
        mvcc.revision();
        assert_eq!(ready(&mut watch), "pending");
        write(&mvcc, "3");
        write(&mvcc, "4");
        assert_eq!(ready(&mut watch), "4@4");
    }

    #[test]
    fn dropped_watches_are_forgotten() {
        let mvcc = Arc::new(Mvcc::default());
        let watches: Vec<_> = (0..10).map(|_| mvcc.watch("", Revision(1)).unwrap()).collect();
        assert_eq!(mvcc.watchers.lock().len(), 10);
        drop(watches);
        assert_eq!(mvcc.watchers.lock().len(), 0);
    }

    #[test]
    fn watches_end_with_the_store() {
        let mvcc = Arc::new(Mvcc::default());
        let mut watch = mvcc.watch("", Revision(1)).unwrap();
        write(&mvcc, "a");
        mvcc.close();
        assert_eq!(ready(&mut watch), "a@2");
        assert_eq!(ready(&mut watch), "end");
        let mut late = mvcc.watch("", Revision(2)).unwrap();
        assert_eq!(ready(&mut late), "end");
    }

    fn write(mvcc: &Mvcc, key: &str) {
        mvcc.write(Change { key: key.to_owned(), value: Some(Bytes::new()), expected: None }).unwrap();
    }

    fn ready(watch: &mut WatchStream) -> String {
        match watch.next().now_or_never() {
            None => "pending".to_owned(),
            Some(None) => "end".to_owned(),
            Some(Some(Ok(WatchItem::Progress(revision)))) => format!("progress {revision}"),
            Some(Some(Ok(WatchItem::Events(events)))) => {
                let events: Vec<_> = events.iter().map(|event| format!("{}@{}", event.key, event.revision)).collect();
                events.join(" ")
            }
            Some(Some(Err(WatchError::Lagged))) => "lagged".to_owned(),
            Some(Some(Err(error))) => error.to_string(),
        }
    }
}
