//! What the tests of local runs share: a project made by the real commands, and a `run local` under way in it.
#![allow(dead_code, reason = "each test target uses a part of it")]

#[path = "../common/mod.rs"]
pub mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

/// Longer than anything takes that works, builds apart.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// A first build of all dependencies on a small machine.
const BUILD_PATIENCE: Duration = Duration::from_secs(1200);

/// A scaffolded project at a place that stays the same from run to run, so that cargo builds only what changed. The
/// place has a space and letters beyond ASCII in it, which no command may mind.
pub struct Project {
    pub root: PathBuf,
    /// Its target folder, shared by all scaffolded projects.
    target: PathBuf,
}

impl Project {
    /// Makes the golden project `name` with its own commands.
    pub fn scaffold(name: &str) -> Project {
        let (_temporary, fresh) = common::scaffold(name);
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("eigene vögel").join(name);
        update(&fresh, &root);
        let project = Project { root, target: scaffold_target() };
        project.clean();
        project
    }

    /// An empty folder of that name, for a project that is still to be made.
    pub fn empty(name: &str) -> Project {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("eigene vögel").join(name);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).expect("a folder");
        Project { root, target: scaffold_target() }
    }

    /// A copy of the project `name` in `examples`, so that whoever works there keeps their data and their kubeconfig.
    pub fn example(name: &str) -> Project {
        let source = common::repository("examples").join(name);
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("eigene vögel").join(format!("example {name}"));
        for part in ["src", "sample"] {
            update(&source.join(part), &root.join(part));
        }
        for file in ["PROJECT", "Cargo.lock"] {
            fs::copy(source.join(file), root.join(file)).expect("a copy");
        }
        let manifest = fs::read_to_string(source.join("Cargo.toml")).expect("a manifest");
        let library = format!("{:?}", common::repository("apiserver"));
        fs::write(root.join("Cargo.toml"), manifest.replace("\"../../apiserver\"", &library)).expect("a manifest");
        let project = Project { root, target: scaffold_target() };
        project.clean();
        project
    }

    /// Builds the project; a failure shows all of cargo's words.
    pub fn build(self) -> Project {
        let output = self.cargo(&["build"]);
        assert!(output.status.success(), "{}", text(&output));
        self
    }

    /// Runs cargo in the project.
    pub fn cargo(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(&self.root);
        self.set_environment(&mut command);
        command.output().expect("cargo runs")
    }

    /// The environment of a command that may call cargo.
    pub fn set_environment(&self, command: &mut Command) {
        command.env("CARGO_TARGET_DIR", &self.target);
        // What describes this package must not be taken for the project's: build scripts look at it.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "OUT_DIR" {
                command.env_remove(name);
            }
        }
    }

    /// Runs `apiserver-boot run local` with these flags in the project, to its end.
    pub fn run_local(&self, flags: &[&str]) -> Output {
        self.command(flags).output().expect("apiserver-boot runs")
    }

    /// Starts `apiserver-boot run local` with these flags in the project.
    pub fn start(&self, flags: &[&str]) -> RunLocal {
        RunLocal::start(self.command(flags), self.root.clone())
    }

    /// The command of `apiserver-boot run local` in the project.
    pub fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(common::PROGRAM);
        command.args(["run", "local"]).args(flags).current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// Removes what local runs left.
    pub fn clean(&self) {
        let _ = fs::remove_dir_all(self.root.join(".apiserver-boot"));
        let _ = fs::remove_file(self.root.join("kubeconfig"));
    }
}

/// A `run local` under way. Dropping it kills it, and the kernel its parts.
pub struct RunLocal {
    child: Child,
    root: PathBuf,
    lines: Receiver<String>,
    seen: Arc<Mutex<String>>,
}

impl RunLocal {
    /// Starts `command`, a `run local` of the project at `root`.
    pub fn start(mut command: Command, root: PathBuf) -> RunLocal {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        // SAFETY: between fork and exec only `signal` is called, which may be.
        unsafe {
            command.pre_exec(|| {
                // Under nohup, hang-ups are ignored, also by children.
                libc::signal(libc::SIGHUP, libc::SIG_DFL);
                Ok(())
            });
        }
        let mut child = command.spawn().expect("apiserver-boot runs");
        let seen = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = channel();
        let stdout: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("a pipe"));
        let stderr: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("a pipe"));
        for pipe in [stdout, stderr] {
            let (sender, seen) = (sender.clone(), seen.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    lock(&seen).push_str(&format!("{line}\n"));
                    let _ = sender.send(line);
                }
            });
        }
        RunLocal { child, root, lines, seen }
    }

    /// Waits until everything runs. What is still to be built is built first.
    pub fn ready(self) -> RunLocal {
        self.wait_for_within("Ready.", BUILD_PATIENCE);
        self
    }

    /// Waits for a line that contains `text` and was not waited for before.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_for_within(text, PATIENCE)
    }

    fn wait_for_within(&self, text: &str, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(error) => panic!("{text:?} was not printed ({error}):\n{}", self.seen()),
            }
        }
    }

    /// Everything it printed.
    pub fn seen(&self) -> String {
        lock(&self.seen).clone()
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Sends a signal to it alone.
    pub fn signal(&self, signal: i32) {
        kill(self.pid(), signal);
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.seen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ctrl-C, which must end it well.
    pub fn stop(mut self) -> String {
        let ended = self.child.try_wait().expect("a child of ours");
        assert!(ended.is_none(), "it had ended before it was asked to ({ended:?}):\n{}", self.seen());
        self.signal(libc::SIGINT);
        let status = self.end();
        assert_eq!(status.code(), Some(0), "{}", self.seen());
        self.seen()
    }

    /// The process ids of its parts, by their first argument: `apiserver`, `controller-manager`.
    pub fn part(&self, subcommand: &str) -> i32 {
        let found =
            children(self.pid()).into_iter().find(|pid| arguments(*pid).get(1).is_some_and(|arg| arg == subcommand));
        found.unwrap_or_else(|| panic!("{subcommand} does not run:\n{}", self.seen()))
    }

    /// The process ids of all its parts.
    pub fn parts(&self) -> Vec<i32> {
        children(self.pid())
    }

    /// GETs a path as nobody, over TLS with the project's CA: status code and body.
    pub fn get_anonymously(&self, path: &str) -> (u16, String) {
        let kubeconfig = fs::read_to_string(self.root.join("kubeconfig")).expect("a kubeconfig");
        let server =
            kubeconfig.split("server: https://").nth(1).and_then(|rest| rest.lines().next()).expect("a server");
        let ca = CertificateDer::from_pem_file(self.root.join(".apiserver-boot/pki/ca.crt")).expect("a CA");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca).expect("a CA");
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").expect("an address");
        let connection = rustls::ClientConnection::new(Arc::new(config), name).expect("a connection");
        let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(server).expect("a connection"));
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n").expect("a request");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {answer:?}"));
        (head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status"), body.to_owned())
    }
}

impl Drop for RunLocal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The target folder of scaffolded projects: ours, unless said otherwise, because their dependencies are ours too.
pub fn scaffold_target() -> PathBuf {
    match std::env::var_os("APISERVER_BOOT_SCAFFOLD_TARGET") {
        Some(dir) => dir.into(),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(""),
    }
}

/// Where `scripts/install-tools` puts things.
fn tools() -> PathBuf {
    std::env::var_os("APISERVER_BOOT_TOOLS").map_or_else(|| common::repository("target/tools"), PathBuf::from)
}

/// The folder of Python packages with the Kubernetes client, if `scripts/install-tools` could get it.
pub fn python_client() -> Option<PathBuf> {
    let folder = tools().join("python-client");
    folder.is_dir().then_some(folder)
}

/// The kubectls to test with, by version: those of `scripts/install-tools`, else the one on the PATH.
pub fn kubectls() -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = fs::read_dir(tools())
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.strip_prefix("kubectl-")?.to_owned(), entry.path())))
        .filter(|(version, _)| !version.ends_with(".part"))
        .collect();
    found.sort();
    if found.is_empty() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).map(|dir| dir.join("kubectl")).find(|file| file.is_file());
        found.extend(on_path.map(|file| ("of the PATH".to_owned(), file)));
    }
    assert!(!found.is_empty(), "there is no kubectl: run scripts/install-tools");
    found
}

/// What a program printed, both streams.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Waits until `condition` holds.
#[track_caller]
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process runs; one that is dead and waits for its parent does not.
pub fn runs(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Sends a signal.
pub fn kill(pid: i32, signal: i32) {
    // SAFETY: kill has no memory effects.
    unsafe { libc::kill(pid, signal) };
}

/// Makes a file system object's mode comparable.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn children(parent: i32) -> Vec<i32> {
    let all = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name, in brackets, may hold anything; the state and the parent follow it.
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        after_name.split(' ').nth(1) == Some(&parent.to_string()) && !after_name.starts_with('Z')
    })
    .collect()
}

fn arguments(pid: i32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes.split(|byte| *byte == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
}

/// Makes `to` equal to `from`, leaving files alone that are equal already, and what builds and runs left.
fn update(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    let names = |dir: &Path| -> Vec<std::ffi::OsString> {
        fs::read_dir(dir).expect("a folder").flatten().map(|entry| entry.file_name()).collect()
    };
    for name in names(to) {
        if !from.join(&name).exists() {
            let path = to.join(&name);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    for name in names(from) {
        let (source, target) = (from.join(&name), to.join(&name));
        if source.is_dir() {
            update(&source, &target);
        } else if fs::read(&target).ok() != fs::read(&source).ok() {
            fs::copy(&source, &target).unwrap_or_else(|error| panic!("{}: {error}", target.display()));
        }
    }
}
