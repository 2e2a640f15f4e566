//! Whether the controllers do their work, for `/livez` and `/readyz`.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};

/// How the controllers of a manager are. Clones see the same controllers.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, Record>>>);

/// How a controller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControllerState {
    /// It has not begun yet.
    Starting,
    /// It has begun and waits for the first full list of the objects it watches.
    Syncing,
    /// It knows all objects that it watches, and reconciles.
    Running,
    /// It is over.
    Ended,
}

#[derive(Debug, Default)]
struct Record {
    begun: bool,
    /// Watches that have not seen all objects yet, by what they watch.
    syncing: Vec<String>,
    ended: bool,
}

impl Health {
    /// How each controller is, by name.
    pub fn controllers(&self) -> Vec<(String, ControllerState)> {
        self.lock().iter().map(|(name, record)| (name.clone(), record.state())).collect()
    }

    /// Whether no controller has ended.
    ///
    /// # Errors
    /// Says which ones have.
    pub fn live(&self) -> Result<(), String> {
        self.check(|state| state != ControllerState::Ended)
    }

    /// Whether every controller has begun and has seen all objects that it watches.
    ///
    /// # Errors
    /// Says which ones have not.
    pub fn ready(&self) -> Result<(), String> {
        self.check(|state| state == ControllerState::Running)
    }

    fn check(&self, good: impl Fn(ControllerState) -> bool) -> Result<(), String> {
        let records = self.lock();
        let bad = records.iter().filter(|(_, record)| !good(record.state()));
        let bad: Vec<String> = bad.map(|(name, record)| format!("controller {name} {record}")).collect();
        if bad.is_empty() { Ok(()) } else { Err(bad.join(", ")) }
    }

    pub(super) fn add(&self, name: &str) {
        self.lock().insert(name.to_owned(), Record::default());
    }

    pub(super) fn ended(&self, name: &str) {
        self.change(name, |record| record.ended = true);
    }

    /// Notes that `run` has begun when it has been polled once: by then it has told of its watches, and a controller
    /// without any counts as running.
    pub(super) async fn watch_start(self, name: String, run: impl Future<Output = ()> + Send) {
        let mut run = pin!(run);
        let mut begun = false;
        std::future::poll_fn(|cx| {
            let poll = run.as_mut().poll(cx);
            if !begun {
                begun = true;
                self.change(&name, |record| record.begun = true);
            }
            poll
        })
        .await;
    }

    /// A watch begins. It has synced when the guard is dropped.
    pub(super) fn syncing(&self, name: &str, what: impl Into<String>) -> Syncing {
        let what = what.into();
        self.change(name, |record| record.syncing.push(what.clone()));
        Syncing { health: self.clone(), name: name.to_owned(), what }
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.lock().get_mut(name) {
            change(record);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Record>> {
        self.0.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

/// A watch that has not seen all objects yet.
pub(crate) struct Syncing {
    health: Health,
    name: String,
    what: String,
}

impl Drop for Syncing {
    fn drop(&mut self) {
        self.health.change(&self.name, |record| {
            if let Some(place) = record.syncing.iter().position(|what| *what == self.what) {
                record.syncing.swap_remove(place);
            }
        });
    }
}

impl Record {
    fn state(&self) -> ControllerState {
        match self {
            Self { ended: true, .. } => ControllerState::Ended,
            Self { begun: false, .. } => ControllerState::Starting,
            Self { syncing, .. } if syncing.is_empty() => ControllerState::Running,
            _ => ControllerState::Syncing,
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state() {
            ControllerState::Syncing => write!(f, "has not seen all {} yet", self.syncing.join(", ")),
            state => state.fmt(f),
        }
    }
}

impl fmt::Display for ControllerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "has not begun",
            Self::Syncing => "has not seen all objects yet",
            Self::Running => "is running",
            Self::Ended => "has ended",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_controller_is_ready_once_its_watches_have_synced() {
        let health = Health::default();
        assert_eq!(health.ready(), Ok(()));
        health.add("bird");
        assert_eq!(health.ready(), Err("controller bird has not begun".into()));
        let (told, mut syncing) = (health.clone(), None);
        health.clone().watch_start("bird".into(), async { syncing = Some(told.syncing("bird", "nests")) }).await;
        assert_eq!(health.ready(), Err("controller bird has not seen all nests yet".into()));
        assert_eq!(health.live(), Ok(()));
        drop(syncing);
        assert_eq!(health.ready(), Ok(()));
        health.ended("bird");
        assert_eq!(health.live(), Err("controller bird has ended".into()));
        assert_eq!(health.controllers(), [("bird".to_owned(), ControllerState::Ended)]);
    }
}
