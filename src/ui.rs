//! What the user sees: results on stdout; progress, warnings and errors on stderr. Colour only on a terminal and only
//! without `NO_COLOR`; `--quiet` leaves results, warnings and errors.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How to talk to this user.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    quiet: bool,
    stdout: Stream,
    stderr: Stream,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    terminal: bool,
    color: bool,
}

/// How a word is set off from the others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Magenta,
    Cyan,
}

impl Ui {
    /// Looks at the environment and the two streams.
    pub fn new(quiet: bool) -> Self {
        // See https://no-color.org: any value but the empty one counts.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let stream = |terminal: bool| Stream { terminal, color: terminal && !no_color && !dumb };
        Self { quiet, stdout: stream(std::io::stdout().is_terminal()), stderr: stream(std::io::stderr().is_terminal()) }
    }

    /// Whether `--quiet` was given.
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether stderr, where progress and logs go, is a terminal.
    pub fn terminal(&self) -> bool {
        self.stderr.terminal
    }

    /// A line of news on stdout: what was done, what to type next. Silent with `--quiet`.
    pub fn say(&self, line: impl Display) {
        if !self.quiet {
            self.result(line);
        }
    }

    /// A line of what the user asked for on stdout. Printed with `--quiet` too.
    pub fn result(&self, line: impl Display) {
        // A reader that has gone away (`| head`) is no failure.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }

    /// A line on stderr that the user should see even with `--quiet`.
    pub fn warn(&self, line: impl Display) {
        let _ = writeln!(std::io::stderr().lock(), "{} {line}", self.paint_err(Style::Yellow, "warning:"));
    }

    /// A line on stderr as it is, such as a log line.
    pub fn log(&self, line: impl Display) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// A text for stdout, coloured if stdout takes colour.
    pub fn paint<'a>(&self, style: Style, text: &'a str) -> Cow<'a, str> {
        paint(self.stdout.color, style, text)
    }

    /// A text for stderr, coloured if stderr takes colour.
    pub fn paint_err<'a>(&self, style: Style, text: &'a str) -> Cow<'a, str> {
        paint(self.stderr.color, style, text)
    }

    /// Shows that something takes time: a spinner on a terminal, one plain line elsewhere, nothing with `--quiet`.
    pub fn spinner(&self, message: impl Into<Cow<'static, str>>) -> Progress {
        let message = message.into();
        if !self.quiet && !self.stderr.terminal {
            self.log(format_args!("{message}"));
        }
        let bar = self.bar(ProgressBar::new_spinner(), "{spinner} {msg} {elapsed:.dim}");
        bar.set_message(message);
        bar.enable_steady_tick(Duration::from_millis(100));
        Progress { bar }
    }

    /// Shows how many of `total` steps are done: a bar on a terminal, nothing elsewhere.
    pub fn steps(&self, total: usize, message: impl Into<Cow<'static, str>>) -> Progress {
        let bar = self.bar(ProgressBar::new(total as u64), "{msg} [{bar:30}] {pos}/{len}");
        bar.set_message(message);
        Progress { bar }
    }

    fn bar(&self, bar: ProgressBar, template: &str) -> ProgressBar {
        if self.quiet || !self.stderr.terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar
    }
}

/// Work under way. Dropping it clears it from the terminal.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Says what is being done now.
    pub fn message(&self, message: impl Into<Cow<'static, str>>) {
        self.bar.set_message(message);
    }

    /// One step is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Prints a line above the progress, so that the two do not overwrite each other.
    pub fn log(&self, line: impl Display) {
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn paint(color: bool, style: Style, text: &str) -> Cow<'_, str> {
    if !color {
        return Cow::Borrowed(text);
    }
    let code = match style {
        Style::Bold => "1",
        Style::Dim => "2",
        Style::Red => "31",
        Style::Green => "32",
        Style::Yellow => "33",
        Style::Magenta => "35",
        Style::Cyan => "36",
    };
    Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals() {
        assert_eq!(paint(false, Style::Red, "no"), "no");
        assert_eq!(paint(true, Style::Red, "no"), "\x1b[31mno\x1b[0m");
    }
}
