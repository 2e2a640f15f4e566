//! Three managers in processes of their own, of which the leader is killed or frozen again and again. Each writes all the
//! time, and the order of what was written tells whether two ever acted at once.

mod manager;
mod server;

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::Rng;
use tokio::time::{Instant, sleep};

use self::server::Server;

/// How often the leader is lost in each test.
const ROUNDS: usize = 20;

/// How long whatever should happen soon may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a manager is told by this: where the server is, and who it is.
const MANAGER: &str = "LEADER_ELECTION_MANAGER";

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_is_followed_by_one_other() {
    let mut group = Group::start().await;
    for _ in 0..ROUNDS {
        let leader = group.leader(None).await;
        group.signal(&leader, "KILL");
        group.leader(Some(&leader)).await;
    }
    group.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_frozen_never_acts_again() {
    let mut group = Group::start().await;
    for _ in 0..ROUNDS {
        let leader = group.leader(None).await;
        // Wherever it is in what it does.
        let moment = rand::rng().random_range(0..300_000);
        sleep(Duration::from_micros(moment)).await;
        group.signal(&leader, "STOP");
        group.leader(Some(&leader)).await;
        group.signal(&leader, "CONT");
        group.ended(&leader).await;
    }
    group.check();
}

/// A leader that is told to stop lets the next one in without a wait: the lease lasts longer than this test.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_stopped_hands_over() {
    let mut group = Group::start_with("600s").await;
    for _ in 0..3 {
        let leader = group.leader(None).await;
        group.signal(&leader, "TERM");
        group.leader(Some(&leader)).await;
    }
    group.check();
}

/// What the tests start, by environment: see [`Group::spawn`].
#[test]
fn manager_process() {
    if let Ok(what) = std::env::var(MANAGER) {
        manager::run(&what);
    }
}

/// Three managers and their server.
struct Group {
    server: Server,
    lease_duration: &'static str,
    managers: HashMap<String, Child>,
    started: usize,
}

impl Group {
    async fn start() -> Self {
        Self::start_with("2s").await
    }

    async fn start_with(lease_duration: &'static str) -> Self {
        let server = Server::start().await;
        let mut group = Self { server, lease_duration, managers: HashMap::new(), started: 0 };
        group.spawn();
        group
    }

    /// Sees to it that three are there. One that ended is started again under a new name, as its Pod would be.
    fn spawn(&mut self) {
        self.managers.retain(|_, manager| manager.try_wait().expect("a child").is_none());
        while self.managers.len() < 3 {
            self.started += 1;
            let name = format!("manager-{}", self.started);
            let manager = Command::new(std::env::current_exe().expect("this test"))
                .args(["manager_process", "--exact", "--nocapture"])
                .env(MANAGER, format!("{} {name} {}", self.server.url(), self.lease_duration))
                // It ends when this does.
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .expect("a manager");
            self.managers.insert(name, manager);
        }
    }

    /// Waits until somebody acts who is not `former`, and lives. Gives who.
    async fn leader(&mut self, former: Option<&str>) -> String {
        let (begin, known) = (Instant::now(), self.server.acts().len());
        loop {
            self.spawn();
            let acts = self.server.acts();
            if let Some(leader) = acts[known..].last().filter(|leader| Some(leader.as_str()) != former)
                && self.managers.contains_key(leader)
            {
                return leader.clone();
            }
            assert!(begin.elapsed() < PATIENCE, "nobody leads after {former:?}; the last was {:?}", acts.last());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until a manager is gone.
    async fn ended(&mut self, name: &str) {
        let begin = Instant::now();
        while self.managers.contains_key(name) {
            self.spawn();
            assert!(begin.elapsed() < PATIENCE, "{name} does not end");
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn signal(&self, name: &str, signal: &str) {
        let pid = self.managers[name].id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status().expect("kill");
        assert!(sent.success(), "{signal} for {name}");
    }

    /// Nobody acted before another had finished.
    fn check(&self) {
        let mut acts = self.server.acts();
        let all = acts.len();
        acts.dedup();
        let mut leaders = acts.clone();
        leaders.sort();
        leaders.dedup();
        assert_eq!(leaders.len(), acts.len(), "somebody acted again after another did: {acts:?}");
        eprintln!("{all} writes by {} leaders, one after the other", acts.len());
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for manager in self.managers.values_mut() {
            // It may have ended by itself.
            let _ = manager.kill();
            let _ = manager.wait();
        }
    }
}
