//! Files that may change while the server runs, such as certificates that are renewed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;

/// How often files are looked at.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// Looks at files until dropped.
pub struct Watching(JoinHandle<()>);

/// Calls `reload` whenever one of the files has changed. Until it succeeds it is called again with every look: of two
/// files that belong together, one may be there before the other. What was loaded before stays in use.
pub fn watch<E>(
    paths: Vec<PathBuf>,
    interval: Duration,
    mut reload: impl FnMut() -> Result<(), E> + Send + 'static,
) -> Watching
where
    E: std::error::Error + 'static,
{
    let mut seen = states(&paths);
    Watching(tokio::spawn(async move {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failed = None;
        loop {
            ticks.tick().await;
            let now = states(&paths);
            if now == seen {
                continue;
            }
            match reload() {
                Ok(()) => {
                    tracing::info!(files = ?paths, "read again, because a file has changed");
                    (seen, failed) = (now, None);
                }
                // Said once for each state of the files, not with every look.
                Err(error) if failed.as_ref() != Some(&now) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(files = ?paths, error, "a changed file cannot be used; the old one stays in use");
                    failed = Some(now);
                }
                Err(_) => {}
            }
        }
    }))
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What changes when a file is written or replaced; `None` while it is not there.
type State = Option<(SystemTime, u64, u64)>;

fn states(paths: &[PathBuf]) -> Vec<State> {
    paths.iter().map(|path| state(path)).collect()
}

fn state(path: &Path) -> State {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Some((metadata.modified().ok()?, metadata.len(), inode))
}
