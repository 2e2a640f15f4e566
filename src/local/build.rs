//! Building the project with cargo. cargo runs as a [`Process`](super::process::Process) like every part; what it prints is
//! turned into progress, text for the user, and in the end the path of the binary.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::process::Stream;
use crate::error::{WithHint, failure};

/// What to build.
#[derive(Clone, Debug)]
pub struct Build {
    /// The project's folder.
    pub root: PathBuf,
    /// The name of the project's binary.
    pub binary: String,
    /// Whether to optimize.
    pub release: bool,
}

impl Build {
    /// The command that builds. Its output is for [`Output`].
    pub fn command(&self, color: bool) -> Command {
        let mut command = cargo(&self.root);
        command.args(["build", "--message-format=json-render-diagnostics", "--bin", &self.binary]);
        if self.release {
            command.arg("--release");
        }
        command.env("CARGO_TERM_COLOR", if color { "always" } else { "never" });
        command
    }

    /// cargo, at work in the project.
    pub fn cargo(&self) -> Command {
        cargo(&self.root)
    }

    /// How many packages the binary is made of. Takes a moment, so that it is asked beside the build.
    pub fn count_packages(&self) -> Option<usize> {
        let mut command = cargo(&self.root);
        command.args(["tree", "--quiet", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
        let output = command.output().ok().filter(|output| output.status.success())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let packages: BTreeSet<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        Some(packages.len())
    }

    /// Where the last build left the binary, for those who do not build now.
    pub fn existing(&self) -> Result<PathBuf> {
        let profile = if self.release { "release" } else { "debug" };
        let path = self.target_dir()?.join(profile).join(&self.binary);
        if path.is_file() {
            return Ok(path);
        }
        let flag = if self.release { " --release" } else { "" };
        Err(failure(format!("there is no {}, and `--build=false` says not to build it", path.display()))
            .hint(format!("leave `--build=false` away, or run `cargo build{flag}` first"))
            .into())
    }

    fn target_dir(&self) -> Result<PathBuf> {
        #[derive(Deserialize)]
        struct Metadata {
            target_directory: PathBuf,
        }
        let mut command = cargo(&self.root);
        command.args(["metadata", "--format-version=1", "--no-deps", "--offline"]);
        let output = command.output().context("cannot run cargo").with_hint(|| INSTALL)?;
        let metadata: Metadata = serde_json::from_slice(&output.stdout).with_context(|| {
            format!("cargo cannot read the project: {}", String::from_utf8_lossy(&output.stderr).trim())
        })?;
        Ok(metadata.target_directory)
    }
}

/// What to do when there is no cargo.
pub const INSTALL: &str = "install Rust with rustup (https://rustup.rs), then open a new terminal";

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root);
    // Under `cargo run` and `cargo test` we inherit what describes another package. Build scripts that look at it would
    // build their crates anew, each time from the other side.
    for (name, _) in std::env::vars_os().filter(|(name, _)| describes_a_package(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

/// Whether cargo sets the variable for what it runs, about the package that it belongs to.
fn describes_a_package(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["CARGO_BIN_", "CARGO_MANIFEST_", "CARGO_PKG_"];
    const NAMES: [&str; 4] = ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR", "OUT_DIR"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

/// What cargo has said so far.
#[derive(Debug, Default)]
pub struct Output {
    packages: BTreeSet<String>,
    /// The binary, once cargo has linked it or found it fresh.
    pub binary: Option<PathBuf>,
    /// Whether the binary was there already, as new as its sources.
    pub fresh: bool,
}

/// What a line of cargo's means for the user.
#[derive(Debug, Eq, PartialEq)]
pub enum Meaning {
    /// Work goes on: what is being done now.
    Progress(String),
    /// A line to show as it is: of a warning, of an error.
    Show(String),
    /// Nothing to say.
    Nothing,
}

impl Output {
    /// How many packages are done.
    pub fn packages(&self) -> usize {
        self.packages.len()
    }

    /// Takes a line that cargo wrote.
    pub fn line(&mut self, stream: Stream, line: &str) -> Meaning {
        match stream {
            Stream::Stdout => self.message(line),
            Stream::Stderr => explain(line),
        }
    }

    fn message(&mut self, line: &str) -> Meaning {
        #[derive(Deserialize)]
        struct Message {
            reason: String,
            #[serde(default)]
            package_id: String,
            executable: Option<PathBuf>,
            #[serde(default)]
            fresh: bool,
            #[serde(default)]
            target: Target,
        }
        #[derive(Default, Deserialize)]
        struct Target {
            kind: Vec<String>,
        }
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            // A build script or a proc macro that prints.
            return Meaning::Show(line.to_owned());
        };
        if message.reason == "compiler-artifact" {
            self.packages.insert(message.package_id);
            if let Some(executable) = message.executable
                && message.target.kind == ["bin"]
            {
                self.binary = Some(executable);
                self.fresh = message.fresh;
            }
        }
        Meaning::Nothing
    }
}

/// Tells cargo's news of work from its diagnostics.
fn explain(line: &str) -> Meaning {
    const WORK: [&str; 13] = [
        "Adding",
        "Blocking",
        "Checking",
        "Compiling",
        "Dirty",
        "Downloaded",
        "Downloading",
        "Finished",
        "Fresh",
        "Locking",
        "Running",
        "Updating",
        "Vendored",
    ];
    let plain = strip_colors(line);
    // cargo sets these words flush right in twelve columns; a diagnostic's own text does not start with one.
    match plain.trim_start().split_once(' ') {
        Some((verb, rest)) if WORK.contains(&verb) && plain.find(verb) == Some(12usize.saturating_sub(verb.len())) => {
            // Where a local package lies is long, and known to the user.
            let rest = rest.split(" (").next().unwrap_or_default();
            Meaning::Progress(format!("{} {}", verb.to_lowercase(), rest.trim()))
        }
        _ => Meaning::Show(line.to_owned()),
    }
}

/// The text without terminal colour codes.
fn strip_colors(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\x1b[") {
        plain.push_str(&rest[..start]);
        let after = &rest[start + 2..];
        rest = match after.find(|c: char| c.is_ascii_alphabetic()) {
            Some(end) => &after[end + 1..],
            None => "",
        };
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_news_is_told_from_what_the_compiler_says() {
        let progress = |line: &str, expected: &str| assert_eq!(explain(line), Meaning::Progress(expected.into()));
        let show = |line: &str| assert_eq!(explain(line), Meaning::Show(line.into()));
        progress("   Compiling libc v0.2.186", "compiling libc v0.2.186");
        progress("\x1b[1m\x1b[92m   Compiling\x1b[0m libc v0.2.186", "compiling libc v0.2.186");
        progress("   Compiling aviary v0.1.0 (/home/me/aviary)", "compiling aviary v0.1.0");
        progress(
            "    Blocking waiting for file lock on build directory",
            "blocking waiting for file lock on build directory",
        );
        progress(
            "    Finished `dev` profile [unoptimized] target(s) in 0.04s",
            "finished `dev` profile [unoptimized] target(s) in 0.04s",
        );
        show("error[E0425]: cannot find value `x` in this scope");
        show("  --> src/main.rs:1:13");
        show("Compiling is hard");
        show("");
        show("1 |     Running away");
        show("\x1b[1m\x1b[33mwarning\x1b[0m: unused");
    }

    #[test]
    fn what_describes_another_package_is_not_passed_on() {
        let left_out = |name: &str| assert!(describes_a_package(name), "{name}");
        let kept = |name: &str| assert!(!describes_a_package(name), "{name}");
        left_out("CARGO_MANIFEST_DIR");
        left_out("CARGO_PKG_VERSION");
        left_out("OUT_DIR");
        kept("CARGO_HOME");
        kept("CARGO_TARGET_DIR");
        kept("CARGO_NET_OFFLINE");
        kept("RUSTFLAGS");
    }

    #[test]
    fn the_binary_is_read_from_cargos_messages() {
        let mut output = Output::default();
        let artifact = |package: &str, executable: &str, fresh: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{package}","executable":{executable},"fresh":{fresh},"target":{{"kind":["bin"]}}}}"#
            )
        };
        for line in [
            artifact("a", "null", true),
            r#"{"reason":"build-script-executed","package_id":"a"}"#.into(),
            artifact("a", "null", false),
            artifact("me", r#""/t t/debug/vögel""#, false),
            r#"{"reason":"build-finished","success":true}"#.into(),
        ] {
            assert_eq!(output.line(Stream::Stdout, &line), Meaning::Nothing);
        }
        assert_eq!((output.packages(), output.fresh), (2, false));
        assert_eq!(output.binary.as_deref(), Some(Path::new("/t t/debug/vögel")));
        assert_eq!(output.line(Stream::Stdout, "hello"), Meaning::Show("hello".into()));
    }
}
