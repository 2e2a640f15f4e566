//! One `run local` from the build to the last part's end. Parts start in the order storage, API server, webhooks,
//! controller manager, each when the one before is ready, and stop in the opposite order. When one ends by itself, all end.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::build::{self, Build, Meaning};
use super::etcd::Etcd;
use super::kubeconfig;
use super::pki::Pki;
use super::probe::{Identity, Probe};
use super::process::{Process, ProcessEvent, ProcessId};
use super::{files, ports, signals, watch};
use crate::error::{WithHint, failure, report};
use crate::ui::{Progress, Style, Ui};

/// How long a part may take to become ready. Generous: a loaded machine is no reason to give up.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a part may take to stop when asked to, before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(15);
/// A signal this soon after the first is part of the same wish: a terminal tells the whole job, and a script tells us too.
const SAME_WISH: Duration = Duration::from_millis(500);
/// How often a part is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// How often a build without a terminal says how far it is.
const BUILD_NEWS_EVERY: Duration = Duration::from_secs(15);

/// A part of a local run, in the order of their start.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    Etcd,
    ApiServer,
    Webhook,
    ControllerManager,
}

impl Part {
    /// The name in logs and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "apiserver",
            Self::Webhook => "webhook",
            Self::ControllerManager => "controller-manager",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Etcd => Style::Yellow,
            Self::ApiServer => Style::Cyan,
            Self::Webhook => Style::Green,
            Self::ControllerManager => Style::Magenta,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where objects are kept.
#[derive(Debug)]
pub enum Storage {
    /// In the API server's memory, gone with it.
    Memory,
    /// In a file below the data dir.
    Embedded,
    /// In an etcd that is ours to start.
    OwnEtcd(Etcd),
    /// In an etcd that runs, at these addresses.
    Etcd(Vec<String>),
}

/// What to run: everything decided and checked, nothing started.
#[derive(Debug)]
pub struct Plan {
    /// The project's folder.
    pub root: PathBuf,
    /// What to build, or what was built before.
    pub build: Build,
    /// Whether to build now.
    pub build_first: bool,
    /// Whether to build and start again when a source changes.
    pub watch: bool,
    /// The storage of the API server.
    pub storage: Storage,
    /// Whether Roles and their bindings say who may do what.
    pub rbac: bool,
    /// Where data is kept.
    pub data_dir: PathBuf,
    /// Whether to run the API server; without it, the controller manager uses the kubeconfig as it is.
    pub api_server: bool,
    /// Whether to run the webhooks, and to tell the API server of them.
    pub webhook: bool,
    /// Whether to run the controller manager.
    pub controller_manager: bool,
    /// The clusters that it acts in besides: a name, `=` and the path of a kubeconfig.
    pub clusters: Vec<OsString>,
    /// The API server's port; 0 picks one.
    pub secure_port: u16,
    /// Where the kubeconfig is.
    pub kubeconfig: PathBuf,
    /// Where our own small files are.
    pub state_dir: PathBuf,
}

/// Runs the plan until Ctrl-C, which is a good end, or until a part ends, which is not. `ready` is called when
/// everything runs.
pub fn run(plan: Plan, ui: &Ui, ready: impl FnOnce()) -> Result<()> {
    let (sink, events) = mpsc::channel();
    let signalled = sink.clone();
    signals::spawn(move |name| {
        let _ = signalled.send(Event::Signal(name));
    })
    .context("cannot listen for Ctrl-C")?;
    let port = plan.secure_port;
    let mut session = Session {
        plan,
        ui: *ui,
        sink,
        events,
        parts: Vec::new(),
        port,
        webhook_port: None,
        sources_changed: None,
        binary: PathBuf::new(),
    };
    let end = session.live(ready);
    session.stop(Part::Etcd);
    match end {
        End::Asked => Ok(()),
        End::Failed(error) => Err(error),
    }
}

/// Why a session ends.
enum End {
    /// Ctrl-C, or a signal to the same effect.
    Asked,
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for End {
    fn from(error: E) -> Self {
        End::Failed(error.into())
    }
}

/// Everything that can happen.
enum Event {
    Process(ProcessEvent),
    /// The name of a signal that asks us to stop.
    Signal(&'static str),
    Ready(ProcessId),
    NotReady(ProcessId, anyhow::Error),
    /// The build is made of so many packages.
    Packages(usize),
    SourceChanged(PathBuf),
}

impl From<ProcessEvent> for Event {
    fn from(event: ProcessEvent) -> Self {
        Event::Process(event)
    }
}

struct Running {
    part: Part,
    process: Process,
}

struct Session {
    plan: Plan,
    ui: Ui,
    sink: Sender<Event>,
    events: Receiver<Event>,
    /// In the order of their start.
    parts: Vec<Running>,
    /// The API server's port, once it is known.
    port: u16,
    /// The webhooks' port, once it is known: the API server asks them there after a restart too.
    webhook_port: Option<u16>,
    /// A source that changed since the last build began.
    sources_changed: Option<PathBuf>,
    binary: PathBuf,
}

impl Session {
    /// Goes through the whole life of the session and tells why it ended.
    fn live(&mut self, ready: impl FnOnce()) -> End {
        if let Err(end) = self.start_all() {
            return end;
        }
        ready();
        loop {
            let end = match self.serve() {
                Ok(changed) => match self.rebuild(&changed) {
                    Ok(()) => continue,
                    Err(end) => end,
                },
                Err(end) => end,
            };
            match end {
                End::Failed(error) if self.plan.watch && self.storage_runs() => {
                    // The next edit may well repair what the last one broke: wait for it instead of giving up.
                    self.ui.log(report(&error).trim_end());
                    self.stop(Part::ApiServer);
                    self.say("stopped; waiting for a change in the sources");
                }
                end => return end,
            }
        }
    }

    fn start_all(&mut self) -> Result<(), End> {
        if self.plan.watch {
            let sink = self.sink.clone();
            watch::spawn(self.plan.root.clone(), move |path| sink.send(Event::SourceChanged(path)).is_ok());
        }
        self.binary = match self.plan.build_first {
            true => self.build()??.binary,
            false => self.plan.build.existing()?,
        };
        if let Storage::OwnEtcd(etcd) = &self.plan.storage {
            let pki = self.pki()?;
            let identity = Identity { cert: pki.etcd_cert(), key: pki.etcd_key() };
            let probe = Probe::https(etcd.client_port, "/health", &pki.ca_pem, Some(&identity))?;
            let command = etcd.command(&pki);
            files::private_dir(&self.plan.data_dir)?;
            self.start(Part::Etcd, command, move || Ok(Some(probe.clone())))?;
        }
        self.start_project()
    }

    /// Waits for a change in the sources.
    fn serve(&mut self) -> Result<PathBuf, End> {
        loop {
            if let Some(path) = self.sources_changed.take() {
                return Ok(path);
            }
            self.next(None, None)?;
        }
    }

    fn rebuild(&mut self, changed: &Path) -> Result<(), End> {
        self.say(&format!("{} changed: building", changed.display()));
        let running = self.parts.iter().any(|running| running.part != Part::Etcd);
        let built = match self.build()? {
            Ok(built) => built,
            Err(error) => {
                self.ui.log(report(&error).trim_end());
                let state = if running { "what was built before runs on" } else { "nothing runs" };
                self.say(&format!("{state}; waiting for the next change"));
                return Ok(());
            }
        };
        if built.fresh && running {
            self.say("nothing to build: what runs is up to date");
            return Ok(());
        }
        self.binary = built.binary;
        self.stop(Part::ApiServer);
        self.start_project()?;
        self.say("restarted");
        Ok(())
    }

    /// Whether our own etcd still runs, if the plan has one.
    fn storage_runs(&self) -> bool {
        let planned = matches!(self.plan.storage, Storage::OwnEtcd(_));
        !planned || self.parts.iter().any(|running| running.part == Part::Etcd)
    }

    /// Builds the project. The outer error is the session's end, the inner one the build's.
    fn build(&mut self) -> Result<Result<Built>, End> {
        let color = self.ui.paint_err(Style::Bold, "x") != "x";
        let command = self.plan.build.command(color);
        let cargo =
            Process::spawn(command, self.sink.clone()).context("cannot run cargo").with_hint(|| build::INSTALL)?;
        let (count, sink) = (self.plan.build.clone(), self.sink.clone());
        thread::spawn(move || {
            if let Some(packages) = count.count_packages() {
                let _ = sink.send(Event::Packages(packages));
            }
        });
        let progress = self.ui.spinner(format!("building {}", self.plan.build.binary));
        let started = Instant::now();
        let mut told = started;
        let mut output = build::Output::default();
        let mut packages = None;
        let mut doing = String::new();
        let status = loop {
            match self.next(Some(&progress), Some(&cargo))? {
                Event::Process(ProcessEvent::Line(_, stream, line)) => match output.line(stream, &line) {
                    Meaning::Show(line) => progress.log(line),
                    Meaning::Progress(news) => doing = news,
                    Meaning::Nothing => {}
                },
                Event::Process(ProcessEvent::Ended(_, status)) => break status,
                Event::Packages(count) => packages = Some(count),
                _ => continue,
            }
            let done = output.packages();
            let total = packages.map_or(String::new(), |total| format!("/{}", total.max(done)));
            progress.message(format!("building {}: {done}{total} packages, {doing}", self.plan.build.binary));
            if !self.ui.terminal() && !self.ui.quiet() && told.elapsed() >= BUILD_NEWS_EVERY {
                told = Instant::now();
                self.ui.log(format_args!("building: {done}{total} packages, {} s", started.elapsed().as_secs()));
            }
        };
        drop(progress);
        if !status.success() {
            return Ok(Err(failure("the build failed").hint("mend what the compiler names above").into()));
        }
        let Some(binary) = output.binary else {
            return Ok(Err(anyhow!("cargo did not say where it put the binary")));
        };
        if !output.fresh {
            self.say(&format!("built in {:.1} s", started.elapsed().as_secs_f32()));
        }
        Ok(Ok(Built { binary, fresh: output.fresh }))
    }

    /// Starts what the plan wants of the project's own parts.
    fn start_project(&mut self) -> Result<(), End> {
        if self.plan.api_server {
            self.start_api_server()?;
        }
        if self.plan.webhook {
            self.start_webhook()?;
        }
        if self.plan.controller_manager {
            let mut command = self.project_command("controller-manager");
            // There is one, and it is to act at once when it is started again.
            command.arg("--kubeconfig").arg(&self.plan.kubeconfig).arg("--leader-elect=false");
            for cluster in &self.plan.clusters {
                command.arg("--cluster").arg(cluster);
            }
            self.start(Part::ControllerManager, command, || Ok(None))?;
        }
        Ok(())
    }

    fn start_api_server(&mut self) -> Result<(), End> {
        let pki = self.pki()?;
        let port_file = self.plan.state_dir.join("port");
        let mut command = self.project_command("apiserver");
        command.args(["--bind-address", "127.0.0.1", "--secure-port", &self.port.to_string()]);
        command.arg("--tls-cert-file").arg(pki.server_cert()).arg("--tls-private-key-file").arg(pki.server_key());
        command.arg("--client-ca-file").arg(pki.ca_cert()).arg("--standalone");
        if self.plan.rbac {
            command.args(["--authorization-mode", "RBAC"]);
        }
        match &self.plan.storage {
            Storage::Memory => command.args(["--storage", "memory"]),
            Storage::Embedded => {
                files::private_dir(&self.plan.data_dir)?;
                command.args(["--storage", "embedded", "--data-dir"]).arg(&self.plan.data_dir)
            }
            Storage::OwnEtcd(etcd) => {
                command.arg("--etcd-cafile").arg(pki.ca_cert()).arg("--etcd-certfile").arg(pki.etcd_cert());
                command.arg("--etcd-keyfile").arg(pki.etcd_key());
                command.args(["--storage", "etcd", "--etcd-servers", &etcd.url()])
            }
            Storage::Etcd(urls) => command.args(["--storage", "etcd", "--etcd-servers", &urls.join(",")]),
        };
        if self.port == 0 {
            // A port picked by us could be taken before the server gets to it: let the server pick, and say which.
            let _ = std::fs::remove_file(&port_file);
            command.arg("--port-file").arg(&port_file);
        }
        let (known_port, file, ca_pem) = (self.port, port_file.clone(), pki.ca_pem.clone());
        self.start(Part::ApiServer, command, move || {
            let port = if known_port == 0 { read_port(&file)? } else { known_port };
            Probe::https(port, "/readyz", &ca_pem, None).map(Some)
        })?;
        if self.port == 0 {
            self.port = read_port(&port_file)?;
        }
        kubeconfig::write(&self.plan.kubeconfig, self.port, &pki)?;
        Ok(())
    }

    /// The program tells the API server itself where the webhooks are, and takes it back when it stops.
    fn start_webhook(&mut self) -> Result<(), End> {
        let pki = self.pki()?;
        let port = match self.webhook_port {
            Some(port) => port,
            None => ports::free().context("cannot find a port for the webhooks")?,
        };
        self.webhook_port = Some(port);
        let mut command = self.project_command("webhook");
        command.args(["--bind-address", "127.0.0.1", "--secure-port", &port.to_string()]);
        command.arg("--tls-cert-file").arg(pki.server_chain()).arg("--tls-private-key-file").arg(pki.server_key());
        command.arg("--register").arg(format!("https://127.0.0.1:{port}"));
        command.arg("--kubeconfig").arg(&self.plan.kubeconfig);
        let ca_pem = pki.ca_pem;
        self.start(Part::Webhook, command, move || Probe::https(port, "/readyz", &ca_pem, None).map(Some))
    }

    fn pki(&self) -> Result<Pki> {
        Pki::ensure(&self.plan.state_dir.join("pki"))
    }

    fn project_command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(subcommand).current_dir(&self.plan.root);
        command
    }

    /// Starts a part and waits until the probe that `probe` makes says it is ready; without a probe, a part is ready
    /// when it runs.
    fn start(
        &mut self,
        part: Part,
        command: Command,
        probe: impl Fn() -> Result<Option<Probe>> + Send + 'static,
    ) -> Result<(), End> {
        let program = command.get_program().to_string_lossy().into_owned();
        let process =
            Process::spawn(command, self.sink.clone()).with_context(|| format!("cannot start {part} ({program})"))?;
        let id = process.id;
        self.parts.push(Running { part, process });
        let sink = self.sink.clone();
        thread::spawn(move || {
            let event = match ask_until_ready(&probe) {
                Ok(()) => Event::Ready(id),
                Err(error) => Event::NotReady(id, error),
            };
            let _ = sink.send(event);
        });
        let progress = self.ui.terminal().then(|| self.ui.spinner(format!("starting {part}")));
        loop {
            match self.next(progress.as_ref(), None)? {
                Event::Ready(ready) if ready == id => return Ok(()),
                Event::NotReady(late, error) if late == id => {
                    let seconds = READY_WITHIN.as_secs();
                    return Err(error.context(format!("{part} was not ready after {seconds} s")).into());
                }
                _ => {}
            }
        }
    }

    /// Waits for the next event that is news to the caller. Part's lines are printed, changes of sources remembered, a
    /// signal or a part's end ends the session. Of the `other` process, which is no part, all events are passed on.
    fn next(&mut self, progress: Option<&Progress>, other: Option<&Process>) -> Result<Event, End> {
        loop {
            // We hold a sender ourselves, so that the channel cannot close.
            let event = self.events.recv().map_err(|error| anyhow!(error))?;
            match event {
                Event::Signal(name) => {
                    self.say(&format!("{name}: stopping everything"));
                    return Err(End::Asked);
                }
                Event::SourceChanged(path) => {
                    self.sources_changed = Some(path.clone());
                    return Ok(Event::SourceChanged(path));
                }
                Event::Process(ProcessEvent::Line(id, ..) | ProcessEvent::Ended(id, _))
                    if other.is_some_and(|other| other.id == id) =>
                {
                    return Ok(event);
                }
                Event::Process(ProcessEvent::Line(id, _, line)) => self.print(progress, id, &line),
                Event::Process(ProcessEvent::Ended(id, status)) => {
                    if let Some(ended) = self.remove(id) {
                        return Err(End::Failed(died(&ended, status)));
                    }
                }
                event => return Ok(event),
            }
        }
    }

    /// Stops `first` and the parts that started after it, the last one first.
    fn stop(&mut self, first: Part) {
        let started = Instant::now();
        while let Some(running) = self.parts.pop_if(|running| running.part >= first) {
            if !self.ui.quiet() {
                self.ui.log(format_args!("stopping {}", running.part));
            }
            running.process.terminate();
            let mut deadline = Instant::now() + STOP_WITHIN;
            let mut killed = false;
            loop {
                match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Ok(Event::Process(ProcessEvent::Ended(id, _))) if id == running.process.id => break,
                    Ok(Event::Process(ProcessEvent::Ended(id, _))) => drop(self.remove(id)),
                    Ok(Event::Process(ProcessEvent::Line(id, _, line))) if id == running.process.id => {
                        self.print_of(None, running.part, &line);
                    }
                    Ok(Event::Process(ProcessEvent::Line(id, _, line))) => self.print(None, id, &line),
                    Ok(Event::Signal(_)) if started.elapsed() < SAME_WISH => {}
                    Ok(Event::Signal(_)) => {
                        self.ui.log("killing what still runs");
                        running.process.kill();
                        self.parts.iter().for_each(|running| running.process.kill());
                    }
                    Ok(Event::SourceChanged(path)) => self.sources_changed = Some(path),
                    Ok(_) => {}
                    Err(_) if killed => break,
                    Err(_) => {
                        let seconds = STOP_WITHIN.as_secs();
                        self.ui.warn(format_args!("{} did not stop within {seconds} s and is killed", running.part));
                        running.process.kill();
                        (killed, deadline) = (true, Instant::now() + STOP_WITHIN);
                    }
                }
            }
        }
    }

    fn remove(&mut self, id: ProcessId) -> Option<Running> {
        let index = self.parts.iter().position(|running| running.process.id == id)?;
        Some(self.parts.remove(index))
    }

    fn print(&self, progress: Option<&Progress>, id: ProcessId, line: &str) {
        if let Some(running) = self.parts.iter().find(|running| running.process.id == id) {
            self.print_of(progress, running.part, line);
        }
    }

    fn print_of(&self, progress: Option<&Progress>, part: Part, line: &str) {
        if self.ui.quiet() {
            return;
        }
        let prefix = format!("{:<WIDTH$} |", part.name());
        let line = format!("{} {line}", self.ui.paint_err(part.style(), &prefix));
        match progress {
            Some(progress) => progress.log(line),
            None => self.ui.log(line),
        }
    }

    /// Tells what the session itself does, beside the logs.
    fn say(&self, line: &str) {
        if !self.ui.quiet() {
            self.ui.log(self.ui.paint_err(Style::Bold, line));
        }
    }
}

/// The width of the longest part's name.
const WIDTH: usize = "controller-manager".len();

/// What a build made.
struct Built {
    binary: PathBuf,
    /// Whether it was there already.
    fresh: bool,
}

fn ask_until_ready(probe: &impl Fn() -> Result<Option<Probe>>) -> Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let answer = match probe() {
            Ok(None) => Ok(()),
            Ok(Some(probe)) => probe.ask(),
            Err(error) => Err(error),
        };
        match answer {
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => thread::sleep(ASK_EVERY),
            Ok(()) => return Ok(()),
        }
    }
}

fn read_port(file: &Path) -> Result<u16> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    text.trim().parse().with_context(|| format!("{} holds no port", file.display()))
}

/// The error for a part that ended by itself.
fn died(running: &Running, status: ExitStatus) -> anyhow::Error {
    let last_lines = running.process.last_lines();
    let mut message = format!("{} ended by itself ({})", running.part, describe(status));
    match last_lines.is_empty() {
        true => message.push_str(" without a word"),
        false => message.push_str("; its last lines:"),
    }
    for line in &last_lines {
        message.push_str("\n  | ");
        message.push_str(line);
    }
    let in_use = |line: &String| line.contains("ddress already in use") || line.contains("error: port ");
    let mut error = failure(message);
    if running.part == Part::ApiServer && last_lines.iter().any(in_use) {
        error = error.hint("another program took the port; `--secure-port 0` picks a free one");
    }
    error.into()
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn parts_start_in_the_order_of_their_needs() {
        assert!(Part::Etcd < Part::ApiServer && Part::ApiServer < Part::Webhook);
        assert!(Part::Webhook < Part::ControllerManager);
        assert!(
            [Part::Etcd, Part::ApiServer, Part::Webhook, Part::ControllerManager]
                .iter()
                .all(|part| part.name().len() <= WIDTH)
        );
    }

    #[test]
    fn an_end_is_described_in_words() {
        let check = |raw: i32, expected: &str| assert_eq!(describe(ExitStatus::from_raw(raw)), expected);
        check(0, "exit code 0");
        check(101 << 8, "exit code 101");
        check(9, "signal 9");
    }
}
