//! The file. Table `log` has one row per write that is still of use, by revision; table `meta` has the format of the
//! rows, and the revision before which all is forgotten.
//!
//! The log's last row is always that of the newest revision, as nothing from the floor on is ever removed and the floor
//! is never above it. So revisions go on where they were even if every key is deleted and compacted.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};

use super::OpenError;
use crate::storage::{BoxError, Revision, mvcc::Mvcc};

const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const FORMAT: &str = "format";
const FLOOR: &str = "floor";
const FORMAT_NEWEST: u64 = 1;

/// The name of the file in the data folder.
const FILE: &str = "store.redb";

/// What is read is kept in memory by ourselves, so the database needs room for the pages of one commit only.
const CACHE_BYTES: usize = 4 << 20;

/// The open file.
pub(super) struct Disk {
    path: PathBuf,
    opener: Opener,
    /// `None` after a failure: the database then takes nothing more until it is opened anew.
    database: Option<Database>,
}

/// Opens the file, or also makes it. Tests put a failing one here.
pub(super) type Opener = Box<dyn Fn(&Path, Missing) -> Result<Database, DatabaseError> + Send>;

/// What to do when there is no file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Refuse,
}

/// What one commit writes.
#[derive(Default)]
pub(super) struct Commit<'a> {
    pub(super) rows: Vec<Row<'a>>,
    pub(super) floor: Option<Revision>,
    pub(super) removed: Vec<Revision>,
}

/// A write, as it is logged.
pub(super) struct Row<'a> {
    pub(super) revision: Revision,
    pub(super) key: &'a str,
    pub(super) value: Option<&'a Bytes>,
}

impl Disk {
    pub(super) fn open(folder: &Path) -> Result<Disk, OpenError> {
        Disk::open_with(folder, Box::new(open_file))
    }

    pub(super) fn open_with(folder: &Path, opener: Opener) -> Result<Disk, OpenError> {
        create_folder(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
        let path = folder.join(FILE);
        let database = opener(&path, Missing::Create).map_err(|error| open_error(&path, error.into()))?;
        // A new file is safe once its name is.
        sync_folder(folder);
        Ok(Disk { path, opener, database: Some(database) })
    }

    /// Reads the whole log; also gives the revisions of rows that are of no use any more.
    pub(super) fn load(&mut self) -> Result<(Mvcc, Vec<Revision>), OpenError> {
        let database = self.database.as_ref().expect("open until a commit fails");
        let format = prepare(database).map_err(|error| open_error(&self.path, error))?;
        if format > FORMAT_NEWEST {
            return Err(OpenError::NewerFormat { path: self.path.clone(), found: format, supported: FORMAT_NEWEST });
        }
        read(database).map_err(|error| open_error(&self.path, error))
    }

    /// Writes all or nothing, durably. `committed` is the last revision that is known to be written.
    pub(super) fn commit(&mut self, committed: Revision, commit: &Commit<'_>) -> Result<(), redb::Error> {
        let database = match self.database.take() {
            Some(database) => database,
            None => self.reopen(committed)?,
        };
        // Dropped when it fails, and opened anew by the next commit.
        write(&database, commit)?;
        self.database = Some(database);
        Ok(())
    }

    /// A commit that failed may have been written nevertheless; what was refused to its writers must not come back.
    fn reopen(&self, committed: Revision) -> Result<Database, redb::Error> {
        let database = (self.opener)(&self.path, Missing::Refuse)?;
        let transaction = begin(&database)?;
        {
            let mut log = transaction.open_table(LOG)?;
            let last = log.last()?.map_or(Revision(1), |(revision, _)| Revision(revision.value()));
            if last < committed {
                return Err(redb::Error::Corrupted(format!("the log ends at {last} instead of {committed}")));
            }
            log.retain_in(committed.0 + 1.., |_, _| false)?;
        }
        transaction.commit()?;
        tracing::info!(path = %self.path.display(), "opened the store's file again after a failure");
        Ok(database)
    }
}

// Objects may hold secrets: what is made here is for the server's user only.
fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open_file(path: &Path, missing: Missing) -> Result<Database, DatabaseError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(missing == Missing::Create);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let mut builder = builder();
    let path = path.to_owned();
    builder.set_repair_callback(move |session| {
        if session.progress() == 0.0 {
            tracing::info!(path = %path.display(), "the server was not stopped in order; checking the store's file");
        }
    });
    builder.create_file(file)
}

pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

// Not every file system can do it; where it cannot, there is nothing better.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Makes the tables of a new file; gives the format of the rows.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    let reading = database.begin_read()?;
    if reading.list_tables()?.next().is_some() {
        let format = reading.open_table(META)?.get(FORMAT)?.map(|format| format.value());
        return format.ok_or_else(|| redb::Error::Corrupted("it does not tell its format".to_owned()));
    }
    drop(reading);
    let transaction = begin(database)?;
    transaction.open_table(META)?.insert(FORMAT, FORMAT_NEWEST)?;
    transaction.open_table(LOG)?;
    transaction.commit()?;
    Ok(FORMAT_NEWEST)
}

fn read(database: &Database) -> Result<(Mvcc, Vec<Revision>), redb::Error> {
    let transaction = database.begin_read()?;
    let floor = transaction.open_table(META)?.get(FLOOR)?.map_or(0, |floor| floor.value());
    let log = transaction.open_table(LOG)?;
    let records = log.iter()?.map(|row| {
        let (revision, row) = row?;
        let revision = Revision(revision.value());
        let Some((key, value)) = decode(row.value()) else {
            return Err(redb::Error::Corrupted(format!("the row of revision {revision} is cut off")));
        };
        Ok((revision, key.to_owned(), value.map(Bytes::copy_from_slice)))
    });
    Mvcc::restore(Revision(floor), records)
}

fn begin(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    Ok(transaction)
}

fn write(database: &Database, commit: &Commit<'_>) -> Result<(), redb::Error> {
    let transaction = begin(database)?;
    {
        let mut log = transaction.open_table(LOG)?;
        for row in &commit.rows {
            let bytes = PREFIX_BYTES + row.key.len() + row.value.map_or(0, Bytes::len);
            encode(row, log.insert_reserve(row.revision.0, bytes)?.as_mut());
        }
        for revision in &commit.removed {
            log.remove(revision.0)?;
        }
        if let Some(floor) = commit.floor {
            transaction.open_table(META)?.insert(FLOOR, floor.0)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

// A row: 0 for a delete or 1 for a value, the length of the key in four bytes, least first, the key, the value.
const PREFIX_BYTES: usize = 5;

fn encode(row: &Row<'_>, bytes: &mut [u8]) {
    let length = u32::try_from(row.key.len()).expect("a key is shorter than 4 GiB");
    bytes[0] = u8::from(row.value.is_some());
    bytes[1..PREFIX_BYTES].copy_from_slice(&length.to_le_bytes());
    let (key, value) = bytes[PREFIX_BYTES..].split_at_mut(row.key.len());
    key.copy_from_slice(row.key.as_bytes());
    if let Some(bytes) = row.value {
        value.copy_from_slice(bytes);
    }
}

fn decode(row: &[u8]) -> Option<(&str, Option<&[u8]>)> {
    let (prefix, rest) = row.split_first_chunk::<PREFIX_BYTES>()?;
    let [operation, length @ ..] = *prefix;
    let (key, value) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(length)).ok()?)?;
    let key = std::str::from_utf8(key).ok()?;
    match operation {
        0 if value.is_empty() => Some((key, None)),
        1 => Some((key, Some(value))),
        _ => None,
    }
}

fn open_error(path: &Path, error: redb::Error) -> OpenError {
    let path = path.to_owned();
    match error {
        redb::Error::DatabaseAlreadyOpen => OpenError::InUse { path },
        redb::Error::Io(source) => match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly { path, source },
            // What the database says of a file that it did not write, or that ends too early.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                OpenError::Corrupt { path, source: source.into() }
            }
            _ => OpenError::Failed { path, source: source.into() },
        },
        redb::Error::Corrupted(_)
        | redb::Error::RepairAborted
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableDoesNotExist(_) => OpenError::Corrupt { path, source: BoxError::from(error) },
        error => OpenError::Failed { path, source: error.into() },
    }
}

#[cfg(test)]
mod tests {
    use redb::StorageError;

    use super::*;

    #[test]
    fn rows_are_read_as_they_were_written() {
        check("", None);
        check("/registry/birds/robin", None);
        check("/registry/birds/robin", Some(b""));
        check("/registry/birds/robin", Some(b"red\0\xff"));
        check("", Some(b"1"));
        check("鳥", Some(&[7; 100_000]));
    }

    #[track_caller]
    fn check(key: &str, value: Option<&'static [u8]>) {
        let bytes = value.map(Bytes::from_static);
        let mut row = vec![0; PREFIX_BYTES + key.len() + value.map_or(0, <[u8]>::len)];
        encode(&Row { revision: Revision(1), key, value: bytes.as_ref() }, &mut row);
        assert_eq!(decode(&row), Some((key, value)));
    }

    #[test]
    fn damaged_rows_are_told() {
        for row in [
            &b""[..],
            b"\x01",
            b"\x01\0\0\0",
            b"\x01\x02\0\0\0a",
            b"\x02\0\0\0\0",
            b"\0\0\0\0\0value",
            b"\x01\x01\0\0\0\xff",
        ] {
            assert_eq!(decode(row), None, "{row:?}");
        }
    }

    #[test]
    fn what_the_system_says_becomes_something_to_act_on() {
        check_error(io::Error::from(io::ErrorKind::PermissionDenied).into(), "/data/store.redb cannot be written");
        check_error(io::Error::from(io::ErrorKind::ReadOnlyFilesystem).into(), "/data/store.redb cannot be written");
        check_error(io::Error::from(io::ErrorKind::InvalidData).into(), "/data/store.redb is damaged");
        check_error(io::Error::from(io::ErrorKind::UnexpectedEof).into(), "/data/store.redb is damaged");
        check_error(io::Error::from(io::ErrorKind::StorageFull).into(), "/data/store.redb cannot be opened");
        check_error(StorageError::Corrupted(String::new()).into(), "/data/store.redb is damaged");
        check_error(DatabaseError::DatabaseAlreadyOpen.into(), "/data/store.redb is in use");
    }

    #[track_caller]
    fn check_error(error: redb::Error, message: &str) {
        let error = open_error(Path::new("/data/store.redb"), error);
        assert!(error.to_string().starts_with(message), "{error}");
    }
}
