use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use redb::backends::FileBackend;
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageBackend, TableDefinition};
use tempfile::TempDir;

use super::disk::{self, Disk, Missing, Opener};
use super::{EmbeddedStore, OpenError};
use crate::storage::{Event, ListRequest, ReadError, Revision, Store, WatchItem, WriteError};

crate::storage::contract_tests!(contract, {
    let folder = tempfile::tempdir().unwrap();
    (EmbeddedStore::open(folder.path()).unwrap(), folder)
});

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let a = put(&store, "a", "1", None).await;
    let b = put(&store, "b", "1", None).await;
    let a2 = put(&store, "a", "2", Some(a)).await;
    let gone = store.delete("b", b).await.unwrap();
    assert_eq!(shown(&store, None).await, "a=2@4");
    drop(store);

    let store = EmbeddedStore::open(folder.path()).unwrap();
    assert_eq!(store.revision().await.unwrap(), gone);
    assert_eq!(shown(&store, None).await, "a=2@4");
    assert_eq!(shown(&store, Some(b)).await, "a=1@2 b=1@3");
    assert_eq!(store.get("a").await.unwrap().unwrap().revision, a2);
    assert_eq!(history(&store, a).await, "b=1@3 a=2@4 b gone@5");
    assert_eq!(put(&store, "b", "2", None).await, Revision(gone.0 + 1));
}

#[tokio::test]
async fn a_compaction_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let mut revision = put(&store, "a", "0", None).await;
    put(&store, "b", "0", None).await;
    for n in 1..=5 {
        revision = put(&store, "a", &n.to_string(), Some(revision)).await;
    }
    let gone = store.delete("a", revision).await.unwrap();
    store.compact(revision).await.unwrap();
    drop(store);
    assert_eq!(rows(folder.path()), [3, 8, 9]); // b, the last of a, its delete

    let store = EmbeddedStore::open(folder.path()).unwrap();
    assert_eq!(shown(&store, Some(revision)).await, "a=5@8 b=0@3");
    let refused = store.list(ListRequest { at: Some(Revision(7)), ..Default::default() }).await;
    assert!(matches!(refused, Err(ReadError::Compacted { oldest: Revision(8), .. })), "{refused:?}");
    assert_eq!(history(&store, Revision(7)).await, "a=5@8 a gone@9");
    assert!(store.watch("", Revision(6)).await.is_err());

    // Nothing is left of what is deleted, but the place where it was.
    store.delete("b", Revision(3)).await.unwrap();
    store.compact(Revision(10)).await.unwrap();
    drop(store);
    assert_eq!(rows(folder.path()), [10]);
    let store = EmbeddedStore::open(folder.path()).unwrap();
    assert_eq!(shown(&store, None).await, "");
    assert_eq!(store.revision().await.unwrap(), Revision(10));
    assert_eq!(put(&store, "a", "again", None).await, Revision(11));
    assert!(gone < Revision(11));
}

#[tokio::test]
async fn a_compaction_of_many_records_is_done_in_pieces_and_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(folder.path()).unwrap());
    join_all((0..100).map(|n| {
        let store = store.clone();
        async move {
            let key = n.to_string();
            let mut revision = put(&store, &key, "0", None).await;
            for _ in 0..40 {
                revision = put(&store, &key, "1", Some(revision)).await;
            }
        }
    }))
    .await;
    let newest = store.revision().await.unwrap();
    // Not waited for: the store is closed when it has hardly begun.
    assert!(store.compact(newest).now_or_never().is_none());
    drop(Arc::into_inner(store));
    assert!(rows(folder.path()).len() > 1000);

    let store = EmbeddedStore::open(folder.path()).unwrap();
    store.compact(newest).await.unwrap();
    drop(store);
    assert_eq!(rows(folder.path()).len(), 100);
}

#[tokio::test]
async fn history_takes_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let value = Bytes::from(vec![7; 4 << 20]);
    let mut revision = store.create("a", value.clone()).await.unwrap();
    for _ in 0..12 {
        revision = store.update("a", value.clone(), revision).await.unwrap();
    }
    // Answered when all that is forgotten is removed, this and what was too much.
    store.compact(Revision(2)).await.unwrap();
    drop(store);
    let rows = rows(folder.path());
    assert!((3..12).contains(&rows.len()), "{rows:?}");
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let refused = store.list(ListRequest { at: Some(Revision(2)), ..Default::default() }).await;
    assert!(matches!(refused, Err(ReadError::Compacted { .. })), "{refused:?}");
    assert_eq!(store.get("a").await.unwrap().unwrap().revision, revision);
}

#[tokio::test]
async fn dropping_the_store_finishes_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    for n in 0..100 {
        // Sent, and not waited for.
        let _ = store.create(&n.to_string(), Bytes::new()).now_or_never();
    }
    let mut watch = store.watch("", Revision(1)).await.unwrap();
    drop(store);
    let mut events = 0;
    while let Some(item) = watch.next().await {
        match item.unwrap() {
            WatchItem::Events(some) => events += some.len(),
            WatchItem::Progress(_) => {}
        }
    }
    assert_eq!(events, 100);
    assert_eq!(rows(folder.path()).len(), 100);
}

#[tokio::test]
async fn concurrent_writers_share_a_commit() {
    let (store, fault, _folder) = faulty_store();
    let before = fault.syncs.load(Ordering::SeqCst);
    let keys: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    for result in join_all(keys.iter().map(|key| store.create(key, Bytes::from_static(b"1")))).await {
        result.unwrap();
    }
    let syncs = fault.syncs.load(Ordering::SeqCst) - before;
    assert!(syncs < 50, "{syncs} syncs for 200 writes");
}

#[tokio::test]
async fn a_second_server_is_told_that_the_data_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let error = refused(folder.path());
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    check_message(&error, folder.path(), "is in use");
    drop(store);
    EmbeddedStore::open(folder.path()).unwrap();
}

#[test]
fn a_file_that_is_no_store_is_told() {
    check_damaged(|file| fs::write(file, "hello").unwrap());
    check_damaged(|file| fs::write(file, vec![0; 100_000]).unwrap());
    check_damaged(|file| fs::write(file, b"a text, or whatever else. ".repeat(10_000)).unwrap());
    // Cut off.
    check_damaged(|file| {
        let whole = fs::read(file).unwrap();
        fs::write(file, &whole[..whole.len() / 2]).unwrap();
    });
    check_damaged(|file| {
        let whole = fs::read(file).unwrap();
        fs::write(file, &whole[..100]).unwrap();
    });
    // Somebody else's database.
    check_damaged(|file| {
        fs::remove_file(file).unwrap();
        let database = redb::Database::create(file).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(TableDefinition::<u64, u64>::new("log")).unwrap().insert(1, 1).unwrap();
        transaction.commit().unwrap();
    });
    // A row that was not written by us.
    check_damaged(|file| {
        let database = redb::Database::open(file).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(LOG).unwrap().insert(1000, &b"\x07"[..]).unwrap();
        transaction.commit().unwrap();
    });
}

#[test]
fn damage_that_the_database_panics_at_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let opener: Opener = Box::new(|_, _| panic!("a test of panics"));
    let opened = EmbeddedStore::start(folder.path(), || Disk::open_with(folder.path(), opener));
    let error = opened.map(drop).expect_err("refused");
    check_message(&error, folder.path(), "is damaged");
}

#[track_caller]
fn check_damaged(damage: impl FnOnce(&Path)) {
    let folder = filled();
    let file = folder.path().join("store.redb");
    damage(&file);
    let damaged = fs::read(&file).unwrap();
    let is_database = damaged.starts_with(b"redb");
    let error = refused(folder.path());
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    check_message(&error, folder.path(), "is damaged");
    assert!(is_database || fs::read(&file).unwrap() == damaged, "the file was changed");
}

#[test]
fn a_file_of_a_newer_version_is_told_and_left_alone() {
    let folder = filled();
    let database = redb::Database::open(folder.path().join("store.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert("format", 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = refused(folder.path());
    assert!(matches!(error, OpenError::NewerFormat { found: 2, supported: 1, .. }), "{error:?}");
    check_message(&error, folder.path(), "has format 2");
    assert_eq!(rows(folder.path()).len(), 10);
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(&file.join("data"));
    assert!(matches!(error, OpenError::Folder { .. }), "{error:?}");
    check_message(&error, &file, "cannot be created");
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    // The superuser may write everywhere.
    if fs::write(folder.path().join("probe"), "").is_ok() {
        return;
    }
    let error = refused(folder.path());
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
    check_message(&error, folder.path(), "cannot be written");
}

#[cfg(unix)]
#[test]
fn only_the_servers_user_can_read_the_data() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("deep/data");
    drop(EmbeddedStore::open(&folder).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("store.redb")), 0o600);
}

#[tokio::test]
async fn a_commit_that_fails_changes_nothing_and_later_ones_succeed() {
    for operation in [Operation::Write, Operation::Sync, Operation::Grow] {
        let (store, fault, folder) = faulty_store();
        let store = Arc::new(store);
        let a = put(&store, "a", "1", None).await;
        let before = store.revision().await.unwrap();
        let mut watch = store.watch("", before).await.unwrap();

        fault.fail(Some(operation));
        for _ in 0..3 {
            let value = Bytes::from(vec![7; 1 << 20]); // large, so that the file has to grow
            let keys: Vec<String> = (0..16).map(|n| format!("refused{n}")).collect();
            for result in join_all(keys.iter().map(|key| store.create(key, value.clone()))).await {
                assert!(matches!(result, Err(WriteError::Unavailable(_))), "{operation:?}: {result:?}");
            }
            assert!(matches!(store.update("a", value, a).await, Err(WriteError::Unavailable(_))));
            // What needs no commit is answered as ever.
            assert!(matches!(store.create("a", Bytes::new()).await, Err(WriteError::Exists(_))));
            assert_eq!(shown(&store, None).await, "a=1@2");
            assert_eq!(store.revision().await.unwrap(), before);
            assert!(watch.next().now_or_never().is_none());
        }
        assert!(matches!(store.compact(a).await, Err(ReadError::Unavailable(_))));
        assert_eq!(shown(&store, Some(before)).await, "a=1@2");

        fault.fail(None);
        put(&store, "b", "1", None).await;
        put(&store, "a", "2", Some(a)).await;
        store.compact(a).await.unwrap();
        assert_eq!(shown(&store, None).await, "a=2@4 b=1@3");
        drop(watch);
        drop(Arc::into_inner(store));
        let store = EmbeddedStore::open(folder.path()).unwrap();
        assert_eq!(shown(&store, None).await, "a=2@4 b=1@3", "after {operation:?} failed");
        assert_eq!(history(&store, before).await, "b=1@3 a=2@4");
    }
}

#[tokio::test]
async fn a_file_that_vanished_with_a_failure_is_not_replaced_by_an_empty_one() {
    let (store, fault, folder) = faulty_store();
    put(&store, "a", "1", None).await;
    fault.fail(Some(Operation::Sync));
    store.create("b", Bytes::new()).await.unwrap_err();
    fault.fail(None);
    let file = folder.path().join("store.redb");
    let aside = folder.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    assert!(matches!(store.create("b", Bytes::new()).await, Err(WriteError::Unavailable(_))));
    assert_eq!(shown(&store, None).await, "a=1@2");
    // Nor by one that is empty already.
    drop(redb::Database::create(&file).unwrap());
    assert!(matches!(store.create("b", Bytes::new()).await, Err(WriteError::Unavailable(_))));
    fs::rename(&aside, &file).unwrap();
    put(&store, "b", "1", None).await;
}

const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The revisions that the log has.
fn rows(folder: &Path) -> Vec<u64> {
    let database = redb::Database::open(folder.join("store.redb")).unwrap();
    let log = database.begin_read().unwrap().open_table(LOG).unwrap();
    assert_eq!(log.len().unwrap(), log.iter().unwrap().count() as u64);
    log.iter().unwrap().map(|row| row.unwrap().0.value()).collect()
}

/// A folder with a store of ten keys.
fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    for n in 0..10 {
        let _ = store.create(&n.to_string(), Bytes::from(vec![b'x'; 1000])).now_or_never();
    }
    drop(store);
    folder
}

fn refused(folder: &Path) -> OpenError {
    EmbeddedStore::open(folder).map(drop).expect_err("refused")
}

fn check_message(error: &OpenError, path: &Path, what: &str) {
    let message = error.to_string();
    assert!(message.contains(&path.display().to_string()) && message.contains(what), "{message}");
}

async fn put(store: &EmbeddedStore, key: &str, value: &str, expected: Option<Revision>) -> Revision {
    let value = Bytes::copy_from_slice(value.as_bytes());
    let written = match expected {
        None => store.create(key, value).await,
        Some(expected) => store.update(key, value, expected).await,
    };
    written.unwrap_or_else(|error| panic!("{key}: {error:?}"))
}

async fn shown(store: &EmbeddedStore, at: Option<Revision>) -> String {
    let page = store.list(ListRequest { at, ..ListRequest::default() }).await.unwrap();
    let entries = page.entries.into_iter().map(|entry| (entry.key, entry.value, entry.revision));
    let shown = entries.map(|(key, value, revision)| format!("{key}={}@{revision}", String::from_utf8_lossy(&value)));
    shown.collect::<Vec<_>>().join(" ")
}

/// All events after a revision that have happened already.
async fn history(store: &EmbeddedStore, after: Revision) -> String {
    let mut watch = store.watch("", after).await.unwrap();
    let mut shown = Vec::new();
    while let Some(Some(item)) = watch.next().now_or_never() {
        if let WatchItem::Events(events) = item.unwrap() {
            shown.extend(events.into_iter().map(|Event { key, value, revision }| match value {
                Some(value) => format!("{key}={}@{revision}", String::from_utf8_lossy(&value)),
                None => format!("{key} gone@{revision}"),
            }));
        }
    }
    shown.join(" ")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Write = 1,
    Sync = 2,
    Grow = 3,
}

/// Makes operations on the file fail, as a full disk would.
#[derive(Clone, Debug, Default)]
struct Fault {
    failing: Arc<AtomicUsize>,
    syncs: Arc<AtomicUsize>,
    opened: Arc<AtomicBool>,
}

impl Fault {
    fn fail(&self, operation: Option<Operation>) {
        self.failing.store(operation.map_or(0, |operation| operation as usize), Ordering::SeqCst);
    }

    fn check(&self, operation: Operation) -> io::Result<()> {
        match self.failing.load(Ordering::SeqCst) {
            failing if failing == operation as usize => Err(io::Error::from(io::ErrorKind::StorageFull)),
            _ => Ok(()),
        }
    }
}

fn faulty_store() -> (EmbeddedStore, Fault, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let fault = Fault::default();
    let backend_fault = fault.clone();
    let opener: Opener = Box::new(move |path, missing| {
        let create = missing == Missing::Create;
        assert_eq!(create, !backend_fault.opened.swap(true, Ordering::SeqCst), "only the first opening makes a file");
        let file = fs::OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)?;
        disk::builder().create_with_backend(FaultyFile { file: FileBackend::new(file)?, fault: backend_fault.clone() })
    });
    let store = EmbeddedStore::start(folder.path(), || Disk::open_with(folder.path(), opener)).unwrap();
    (store, fault, folder)
}

#[derive(Debug)]
struct FaultyFile {
    file: FileBackend,
    fault: Fault,
}

impl StorageBackend for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.fault.check(Operation::Grow)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.fault.check(Operation::Sync)?;
        self.fault.syncs.fetch_add(1, Ordering::SeqCst);
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.fault.check(Operation::Write)?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}
