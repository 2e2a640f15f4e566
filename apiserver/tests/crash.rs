//! A server that is killed loses nothing that it has acknowledged.
//!
//! The test runs itself as a child: a whole server on an embedded store, with sixteen writers that print what was
//! acknowledged. The parent kills the child with SIGKILL and compares what it printed with what is there.

mod common;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use apiserver::storage::embedded::EmbeddedStore;
use common::Server;
use rand::Rng;
use serde_json::Value;

const FOLDER: &str = "APISERVER_CRASH_FOLDER";
const ROUND: &str = "APISERVER_CRASH_ROUND";
const ROUNDS: usize = 20;
const WRITERS: usize = 16;

/// What the server has told a writer of one object.
#[derive(Clone, Debug, PartialEq)]
struct Acknowledged {
    uid: String,
    version: u64,
}

#[test]
fn what_was_acknowledged_survives_sigkill() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return write_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged: HashMap<String, Acknowledged> = HashMap::new();
    let mut newest = 0;
    for round in 0..ROUNDS {
        let before = acknowledged.len();
        let child = start_child(folder.path(), round);
        collect_and_kill(child, &mut acknowledged);
        assert!(acknowledged.len() > before, "round {round}: nothing was acknowledged");
        newest = check(folder.path(), &acknowledged, newest, round);
    }
}

fn start_child(folder: &Path, round: usize) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "what_was_acknowledged_survives_sigkill", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test starts itself")
}

/// Reads what is acknowledged, kills at some moment, and reads what was still under way.
fn collect_and_kill(mut child: Child, acknowledged: &mut HashMap<String, Acknowledged>) {
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let last = rand::rng().random_range(20..200);
    let mut lines = 0;
    for line in output.lines() {
        // A line that the kill cut in two is no acknowledgement.
        let Ok(line) = line else { break };
        let words: Vec<&str> = line.split(' ').collect();
        let ["acknowledged", name, uid, version, "."] = words.as_slice() else { continue };
        let version = version.parse().expect("a version");
        let known = acknowledged.entry((*name).to_owned()).or_insert(Acknowledged { uid: (*uid).to_owned(), version });
        assert_eq!(known.uid, *uid, "{name} was created twice");
        known.version = known.version.max(version);
        lines += 1;
        if lines == last {
            // SIGKILL, on Unix.
            child.kill().expect("kills");
        }
    }
    child.wait().expect("ends");
}

/// Gives the newest version there is.
fn check(folder: &Path, acknowledged: &HashMap<String, Acknowledged>, newest: u64, round: usize) -> u64 {
    in_runtime(async {
        let server = open(folder).await;
        let list = server.ask("GET ", "").await.json();
        let version_of = |object: &Value| -> u64 {
            object["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse().ok()).expect("a version")
        };
        let items = list["items"].as_array().expect("items");
        let mut found: HashMap<&str, &Value> = HashMap::new();
        for item in items {
            let name = item["metadata"]["name"].as_str().expect("a name");
            assert!(found.insert(name, item).is_none(), "round {round}: {name} is there twice");
        }
        for (name, told) in acknowledged {
            let object = found.get(name.as_str()).unwrap_or_else(|| panic!("round {round}: {name} is lost: {told:?}"));
            assert_eq!(object["metadata"]["uid"], told.uid, "round {round}: {name} is another");
            assert!(version_of(object) >= told.version, "round {round}: {name} went back: {object} {told:?}");
        }
        let now = version_of(&list);
        let highest = acknowledged.values().map(|told| told.version).max().unwrap_or_default();
        assert!(
            now >= highest && now >= newest,
            "round {round}: versions went back to {now} from {highest} or {newest}"
        );
        now
    })
}

fn write_until_killed(folder: &Path) {
    let round = std::env::var(ROUND).unwrap_or_default();
    in_runtime(async {
        let server = open(folder).await;
        let writers = (0..WRITERS).map(|writer| {
            let (server, round) = (server.clone(), round.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    let name = format!("r{round}-w{writer}-{number}");
                    tell(&name, &server.bird(&name, r#"{"species":"robin","songs":["a"]}"#).await);
                    let changed = server.ask(&format!("PATCH {name}"), r#"{"spec":{"color":"red"}}"#).await;
                    assert_eq!(changed.code, 200, "{}", changed.text());
                    tell(&name, &changed.json());
                }
            })
        });
        futures::future::join_all(writers).await;
    });
}

/// One write for the whole line, so that lines of different writers do not mix.
fn tell(name: &str, object: &Value) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let line = format!("acknowledged {name} {} {} .\n", text("uid"), text("resourceVersion"));
    let mut out = std::io::stdout().lock();
    // The parent may have stopped reading: then it has killed us already.
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

async fn open(folder: &Path) -> Server {
    Server::on(Arc::new(EmbeddedStore::open(folder).expect("the store opens"))).await
}

fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}
