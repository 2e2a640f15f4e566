//! What building and running a fresh project takes: commands, a cold build, an edit, a start, the size of the program.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::client::Protocol;
use crate::peer::{Launcher, Program, Storage};
use crate::phase::Sample;
use crate::pki::Pki;
use crate::plan::{Goal, Measure, Unit};
use crate::process;
use crate::report::{Figure, Line};

/// What the project's figures are filed under.
pub const OURS: &str = "ours";

pub struct Build {
    /// The binary of apiserver-boot.
    pub cli: PathBuf,
    /// Where projects are made; they are built below.
    pub folder: PathBuf,
    /// Also builds in release, which takes as long again, to see how large the program is.
    pub release: bool,
}

impl Build {
    pub async fn run(&self, mut progress: impl FnMut(&str)) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        progress("the commands");
        let (init, create) = self.commands()?;
        lines.push(line("init-repo", "`init repo`", Unit::Time, Some(Goal::AtMost(100.0)), &init));
        lines.push(line(
            "create-kind",
            "`create group version resource`",
            Unit::Time,
            Some(Goal::AtMost(100.0)),
            &create,
        ));

        let (project, target) = (self.folder.join("aviary"), self.folder.join("target"));
        self.scaffold(&project)?;
        progress("a cold build");
        let (wall, cpu) = self.build(&project, &target, &[])?;
        let cold = "dev build of a fresh project, nothing built before";
        lines.push(line("cold-build", cold, Unit::Seconds, Some(Goal::AtMost(90.0)), &[wall]));
        lines.push(line("cold-build-cpu", "CPU of that", Unit::Seconds, None, &[cpu]));

        progress("edits");
        let edits = self.edits(&project, &target)?;
        lines.push(line(
            "edit",
            "a field of a type, until the server runs again",
            Unit::Seconds,
            Some(Goal::AtMost(5.0)),
            &edits,
        ));

        progress("starts");
        let starts = self.starts(&target.join("debug/aviary")).await?;
        lines.push(line("start-dev", "its server, dev build, from an empty store to ready", Unit::Time, None, &starts));
        if self.release {
            progress("a build in release");
            let (wall, cpu) = self.build(&project, &target, &["--release"])?;
            lines.push(line("release-build", "release build, nothing built before", Unit::Seconds, None, &[wall]));
            lines.push(line("release-build-cpu", "CPU of that", Unit::Seconds, None, &[cpu]));
            let program = target.join("release/aviary");
            let size = self.stripped_size(&program)?;
            lines.push(line(
                "binary",
                "the program in release, stripped",
                Unit::Memory,
                Some(Goal::AtMost(20.0)),
                &[size],
            ));
            let starts = self.starts(&program).await?;
            let about = "its server, release, from an empty store to ready";
            lines.push(line("start-release", about, Unit::Time, Some(Goal::AtMost(100.0)), &starts));
        }
        Ok(lines)
    }

    /// Microseconds of `init repo` and of the first `create`, in a folder of their own each time.
    fn commands(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let (mut init, mut create) = (Vec::new(), Vec::new());
        for number in 0..5 {
            let project = self.folder.join(format!("commands-{number}")).join("aviary");
            let (first, second) = self.scaffold(&project)?;
            init.push(first);
            create.push(second);
        }
        Ok((init, create))
    }

    /// A project of one kind, and the microseconds of both commands.
    fn scaffold(&self, project: &Path) -> Result<(f64, f64)> {
        if project.exists() {
            fs::remove_dir_all(project).with_context(|| project.display().to_string())?;
        }
        fs::create_dir_all(project).with_context(|| project.display().to_string())?;
        let run = |arguments: &str| -> Result<f64> {
            let begin = Instant::now();
            let mut command = Command::new(&self.cli);
            command.args(arguments.split(' ')).current_dir(project).stdin(Stdio::null());
            let output = command.output().with_context(|| self.cli.display().to_string())?;
            let took = begin.elapsed();
            ensure!(output.status.success(), "`{arguments}`: {}", String::from_utf8_lossy(&output.stderr));
            Ok(took.as_secs_f64() * 1e6)
        };
        let init = run("init repo --domain example.com")?;
        let create = run("create group version resource --group demo --version v1 --kind Bird")?;
        Ok((init, create))
    }

    /// Microseconds of a build on the wall clock, and of CPU.
    fn build(&self, project: &Path, target: &Path, arguments: &[&str]) -> Result<(f64, f64)> {
        let profile = target.join(if arguments.is_empty() { "debug" } else { "release" });
        if profile.exists() {
            fs::remove_dir_all(&profile).with_context(|| profile.display().to_string())?;
        }
        // Downloads are the network's time, not the build's.
        cargo(project, target, &["fetch"])?;
        let (begin, before) = (Instant::now(), process::cpu_of_children()?);
        let arguments: Vec<&str> = ["build"].iter().chain(arguments).copied().collect();
        cargo(project, target, &arguments)?;
        let (wall, cpu) = (begin.elapsed(), process::cpu_of_children()? - before);
        Ok((wall.as_secs_f64() * 1e6, cpu.as_secs_f64() * 1e6))
    }

    /// Microseconds from saving a file, to which a field was added, until `run local` says that the server runs again.
    fn edits(&self, project: &Path, target: &Path) -> Result<Vec<f64>> {
        let file = project.join("src/apis/demo/v1/bird.rs");
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let mut local = RunLocal::start(&self.cli, project, target)?;
        local.wait_for("Ready.")?;
        let mut edits = Vec::new();
        for number in 0..3 {
            let edited =
                add_field(&text, &format!("edit_{number}")).context("the type has no spec to add a field to")?;
            let begin = Instant::now();
            fs::write(&file, edited)?;
            local.wait_for("restarted")?;
            edits.push(begin.elapsed().as_secs_f64() * 1e6);
        }
        fs::write(&file, text)?;
        Ok(edits)
    }

    /// Microseconds from exec to ready, with an empty store each time.
    async fn starts(&self, program: &Path) -> Result<Vec<f64>> {
        let folder = self.folder.join("start");
        fs::create_dir_all(&folder)?;
        let launcher = Launcher {
            name: OURS.to_owned(),
            program: Program::Ours { path: program.to_owned(), arguments: Vec::new(), storage: Storage::Embedded },
            pki: Pki::make(&folder.join("pki"))?,
            protocol: Protocol::Http2,
            folder,
            credentials: None,
        };
        let mut starts = Vec::new();
        for _ in 0..5 {
            starts.push(launcher.start().await?.ready_after.as_secs_f64() * 1e6);
        }
        Ok(starts)
    }

    /// Bytes.
    fn stripped_size(&self, program: &Path) -> Result<f64> {
        let copy = self.folder.join("stripped");
        let status = Command::new("strip").arg("-o").arg(&copy).arg(program).status();
        let status = status.context("`strip` cannot be run: it comes with the linker (Debian, Ubuntu: binutils)")?;
        ensure!(status.success(), "`strip {}` failed", program.display());
        Ok(fs::metadata(copy)?.len() as f64)
    }
}

fn line(name: &str, about: &'static str, unit: Unit, goal: Option<Goal>, readings: &[f64]) -> Line {
    let measure = Measure::reading(name, about, unit, goal);
    let samples: Vec<Sample> =
        readings.iter().map(|reading| Sample { reading: Some(*reading), ..Sample::default() }).collect();
    let mut line = Line::new(&measure);
    line.figures.extend(Figure::of(unit, &samples).map(|figure| (OURS.to_owned(), figure)));
    line
}

/// Cargo as users have it: what is set for this repository's own builds does not count.
fn cargo(project: &Path, target: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(project).stdin(Stdio::null());
    clean(&mut command, target);
    let output = command.output().context("cargo cannot be run")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`cargo {}` failed:\n{stderr}", arguments.join(" "));
    Ok(())
}

fn clean(command: &mut Command, target: &Path) {
    for name in ["CARGO_INCREMENTAL", "CARGO_PROFILE_DEV_DEBUG", "RUSTFLAGS", "CARGO_BUILD_JOBS"] {
        command.env_remove(name);
    }
    command.env("CARGO_TARGET_DIR", target);
}

/// The text of a type's file with one more field in its spec.
fn add_field(text: &str, field: &str) -> Option<String> {
    let spec = text.find("Spec {\n")? + "Spec {\n".len();
    let (before, after) = text.split_at(spec);
    Some(format!("{before}    /// Added.\n    #[serde(default)]\n    pub {field}: Option<String>,\n{after}"))
}

/// `run local --watch` under way; it ends when this is dropped.
struct RunLocal {
    child: Child,
    lines: Receiver<String>,
    seen: String,
}

/// Longer than any build after an edit.
const PATIENCE: Duration = Duration::from_secs(300);

impl RunLocal {
    fn start(cli: &Path, project: &Path, target: &Path) -> Result<RunLocal> {
        let mut command = Command::new(cli);
        command.args(["run", "local", "--watch", "--secure-port=0", "--run=apiserver"]);
        command.current_dir(project).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        clean(&mut command, target);
        let mut child = command.spawn().with_context(|| cli.display().to_string())?;
        let (sender, lines) = channel();
        let stdout: Box<dyn std::io::Read + Send> = Box::new(child.stdout.take().context("a pipe")?);
        let stderr: Box<dyn std::io::Read + Send> = Box::new(child.stderr.take().context("a pipe")?);
        for pipe in [stdout, stderr] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Ok(RunLocal { child, lines, seen: String::new() })
    }

    fn wait_for(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                bail!("`run local` does not say {text:?}:\n{}", self.seen);
            };
            self.seen.push_str(&line);
            self.seen.push('\n');
            if line.contains(text) {
                return Ok(());
            }
        }
    }
}

impl Drop for RunLocal {
    fn drop(&mut self) {
        // SAFETY: the process is ours and has not been waited for, so the id is still its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGINT) };
        let end = Instant::now() + Duration::from_secs(20);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_comes_first_in_the_spec() {
        let text = "pub struct BirdSpec {\n    pub a: u8,\n}\n";
        let edited = add_field(text, "b").unwrap();
        assert_eq!(
            edited,
            "pub struct BirdSpec {\n    /// Added.\n    #[serde(default)]\n    pub b: Option<String>,\n    pub a: u8,\n}\n"
        );
        assert_eq!(add_field("struct Bird;", "b"), None);
    }
}
