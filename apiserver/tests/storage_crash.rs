//! What the embedded store acknowledged is there after its process was killed, at whatever moment.
//!
//! The test starts itself again as a process whose sixteen writers print every acknowledged write, kills it after some of
//! them, opens what it left, and does so again and again over the same data.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use apiserver::storage::embedded::EmbeddedStore;
use apiserver::storage::{ListRequest, Revision, Store, WatchError, WatchItem};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use rand::Rng;

const ROUNDS: usize = 20;
const WRITERS: usize = 16;
const FOLDER: &str = "STORAGE_CRASH_FOLDER";

#[test]
fn every_acknowledged_write_outlives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut newest = Revision(1);
    let mut state = State::new();
    let mut total = 0;
    for round in 0..ROUNDS {
        let kill_after = rand::rng().random_range(1..400);
        let acknowledged = run_and_kill(folder.path(), kill_after);
        assert!(acknowledged.len() >= kill_after, "round {round}: the process ended before it was killed");
        total += acknowledged.len();

        let mut by_revision = BTreeMap::new();
        for told in acknowledged {
            assert!(told.revision > newest, "round {round}: revision {} after {newest}", told.revision);
            if state.get(&told.key).is_none_or(|known| known.revision < told.revision) {
                state.insert(told.key.clone(), told.clone());
            }
            let twice = by_revision.insert(told.revision, told);
            assert!(twice.is_none(), "round {round}: given twice: {twice:?}");
        }
        (newest, state) = check(folder.path(), newest, &by_revision, &state);
    }
    println!("{total} acknowledged writes, {newest} revisions");
}

/// By key, the last write to it.
type State = BTreeMap<String, Told>;

/// What a writer was told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    key: String,
    revision: Revision,
    /// Of the value; `None` for a delete.
    hash: Option<u64>,
}

/// The acknowledged writes of a process that is killed after some of them.
fn run_and_kill(folder: &Path, kill_after: usize) -> Vec<Told> {
    let mut process = Command::new(env::current_exe().unwrap())
        .args(["--exact", "writes_until_it_is_killed", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        // The last line may be cut off in the middle.
        if output.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            break;
        }
        if let Some(write) = line.strip_prefix("acknowledged ") {
            acknowledged.push(parse(write));
            if acknowledged.len() == kill_after {
                process.kill().unwrap();
            }
        }
    }
    process.wait().unwrap();
    acknowledged
}

fn parse(write: &str) -> Told {
    let fields: Vec<&str> = write.split_whitespace().collect();
    let [key, revision, hash] = fields[..] else { panic!("{write:?}") };
    Told { key: key.to_owned(), revision: Revision(revision.parse().unwrap()), hash: hash.parse().ok() }
}

/// Opens the store, and compares it with what was acknowledged since `newest`, and with the last known write to each
/// key. Gives the newest revision, and what is stored.
#[tokio::main(flavor = "current_thread")]
async fn check(
    folder: &Path,
    newest: Revision,
    acknowledged: &BTreeMap<Revision, Told>,
    last: &State,
) -> (Revision, State) {
    let store = EmbeddedStore::open(folder).unwrap();
    let revision = store.revision().await.unwrap();
    assert!(revision > newest);
    let state = list(&store, None).await;

    // The log leads from the oldest state that is kept to the newest, by way of every acknowledged write.
    let oldest = match store.watch("", Revision(0)).await {
        Err(WatchError::Compacted { oldest, .. }) => oldest,
        Err(error) => panic!("{error}"),
        Ok(_) => Revision(1),
    };
    let mut replayed = list(&store, Some(oldest)).await;
    let mut deleted = State::new();
    let (mut seen, mut found) = (oldest, 0);
    let mut watch = store.watch("", oldest).await.unwrap();
    while let Some(Some(item)) = watch.next().now_or_never() {
        let WatchItem::Events(events) = item.unwrap() else { continue };
        for event in events {
            assert!(event.revision > seen, "{} after {seen}", event.revision);
            seen = event.revision;
            let told =
                Told { key: event.key.to_string(), revision: event.revision, hash: event.value.as_ref().map(hash) };
            if let Some(acknowledged) = acknowledged.get(&told.revision) {
                assert_eq!(&told, acknowledged);
                found += 1;
            }
            match told.hash {
                Some(_) => replayed.insert(told.key.clone(), told),
                None => {
                    replayed.remove(&told.key);
                    deleted.insert(told.key.clone(), told)
                }
            };
        }
    }
    assert_eq!(found, acknowledged.range(Revision(oldest.0 + 1)..).count());
    assert_eq!(replayed, state);
    assert_eq!(seen, revision);

    let mut silent = BTreeSet::new();
    for told in last.values() {
        // What is newer was written by a writer that was killed before it could tell.
        let Some(stored) = state.get(&told.key).or(deleted.get(&told.key)) else {
            // Such a deletion may even have been forgotten by a compaction since. But each writer does one thing at a time.
            let writer = told.key.rsplit_once('/').map(|(writer, _)| writer);
            assert!(told.hash.is_none() || told.revision < oldest && silent.insert(writer), "{told:?} is gone");
            continue;
        };
        assert!(stored.revision >= told.revision, "{told:?} was lost, {stored:?} is back");
        assert!(stored.revision > told.revision || stored == told, "{stored:?} instead of {told:?}");
    }
    (revision, state)
}

async fn list(store: &EmbeddedStore, at: Option<Revision>) -> State {
    let page = store.list(ListRequest { at, ..ListRequest::default() }).await.unwrap();
    let mut state = State::new();
    for entry in page.entries {
        let told = Told { key: entry.key.to_string(), revision: entry.revision, hash: Some(hash(&entry.value)) };
        assert!(state.insert(entry.key.to_string(), told).is_none());
    }
    state
}

/// The process that is killed. As a test among others it does nothing.
#[test]
fn writes_until_it_is_killed() {
    let Ok(folder) = env::var(FOLDER) else { return };
    write_forever(Path::new(&folder));
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn write_forever(folder: &Path) {
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(folder).unwrap());
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.push(tokio::spawn(async move {
            loop {
                write(&*store, writer).await;
            }
        }));
    }
    // Ends only if one of them dies.
    futures::future::select_all(writers).await.0.unwrap();
}

/// Writes to one of the writer's own keys, and tells of it.
async fn write(store: &dyn Store, writer: usize) {
    let (key, value, choice) = {
        let mut random = rand::rng();
        let mut value = vec![0; random.random_range(0..3000)];
        random.fill(&mut value[..]);
        let key = format!("/registry/writers/{writer:02}/{:02}", random.random_range(0..20));
        (key, Bytes::from(value), random.random_range(0..100))
    };
    let hash = hash(&value);
    let (revision, hash) = match store.get(&key).await.unwrap() {
        None => (store.create(&key, value).await.unwrap(), Some(hash)),
        Some(entry) if choice < 20 => (store.delete(&key, entry.revision).await.unwrap(), None),
        Some(entry) => (store.update(&key, value, entry.revision).await.unwrap(), Some(hash)),
    };
    let hash = hash.map_or("gone".to_owned(), |hash| hash.to_string());
    // One call, so that lines are whole.
    let line = format!("acknowledged {key} {revision} {hash}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    // A kill may also hit a compaction.
    if choice == 99 {
        store.compact(Revision(revision.0.saturating_sub(300))).await.unwrap();
    }
}

fn hash(value: &Bytes) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
