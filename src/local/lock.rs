//! One `run local` of a part per project. The system frees the lock when its holder ends, however it ends, so a stale
//! file stops nobody.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Held while this process runs a part.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its lock")] File);

/// What came of asking for a lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours until the value is dropped.
    Held(Lock),
    /// The process with this id has it, if it said so.
    Taken(Option<u32>),
}

/// Asks for the lock at `path`, and writes our process id there.
pub fn acquire(path: &Path) -> Result<Attempt> {
    let attempt = || -> std::io::Result<Attempt> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.rewind()?;
                writeln!(file, "{}", std::process::id())?;
                Ok(Attempt::Held(Lock(file)))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                Ok(Attempt::Taken(text.trim().parse().ok()))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    };
    attempt().with_context(|| format!("cannot lock {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("apiserver.lock");
        std::fs::write(&path, "99999999 left by one that was killed").unwrap();
        let first = acquire(&path).unwrap();
        assert!(matches!(first, Attempt::Held(_)), "{first:?}");
        let second = acquire(&path).unwrap();
        assert!(matches!(second, Attempt::Taken(Some(pid)) if pid == std::process::id()), "{second:?}");
        drop(first);
        assert!(matches!(acquire(&path).unwrap(), Attempt::Held(_)));
    }
}
