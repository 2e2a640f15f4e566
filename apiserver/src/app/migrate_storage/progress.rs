//! How far a migration has come, for those who wait for it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// A terminal is written to so often, and a log so much less often.
const EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Lines on stderr; on a terminal one line that changes.
pub(super) struct Progress {
    out: Box<dyn Write + Send>,
    terminal: bool,
    last: Option<Instant>,
    /// Whether a line that changes is on the terminal now.
    open: bool,
}

impl Progress {
    pub(super) fn on_stderr() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { out: Box::new(std::io::stderr()), terminal, last: None, open: false }
    }

    /// Nowhere.
    #[cfg(test)]
    pub(super) fn silent() -> Self {
        Self { out: Box::new(std::io::sink()), terminal: false, last: None, open: false }
    }

    /// So many of about so many objects.
    pub(super) fn show(&mut self, resource: &str, objects: u64, total: u64) {
        let every = if self.terminal { EVERY.0 } else { EVERY.1 };
        if self.last.is_some_and(|last| last.elapsed() < every) {
            return;
        }
        self.last = Some(Instant::now());
        let line = format!("{resource}: {objects} of {total} objects");
        // Where nobody reads it the work goes on.
        let _ = match self.terminal {
            true => write!(self.out, "\r\x1b[K{line}"),
            false => writeln!(self.out, "{line}"),
        };
        self.open = self.terminal;
        let _ = self.out.flush();
    }

    /// A line of its own.
    pub(super) fn say(&mut self, line: &str) {
        self.end();
        let _ = writeln!(self.out, "{line}");
    }

    /// What comes next starts on a new line.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.open) {
            let _ = write!(self.out, "\r\x1b[K");
            let _ = self.out.flush();
        }
    }
}
