//! The program that a project's `main` is: its subcommands, and what they start in which order.

mod access;
mod api_server;
mod client;
mod cluster_webhooks;
mod command_line;
mod compactor;
mod controller_manager;
mod delegation;
mod error;
mod logging;
mod migrate_storage;
mod print;
mod scheduler;
mod store;
mod store_metrics;
mod surroundings;
mod webhook;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use tokio::runtime::Runtime;

use self::command_line::Command;
use self::error::AppError;
use crate::apis::Apis;
use crate::manager::Manager;
use crate::scheduler::Schedulers;
use crate::webhook::Webhooks;

/// How long what is still running at the end may take to notice.
const RUNTIME_SHUTDOWN: std::time::Duration = std::time::Duration::from_secs(1);

/// A program that serves a project's kinds and runs its controllers.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     apiserver::App::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
///         .apis(|apis| {
///             // apis.add(BirdStrategy);
///         })
///         .controllers(|manager| {
///             // manager.add("bird", controllers::bird::run);
///         })
///         .webhooks(|webhooks| {
///             // webhooks.kind(BirdStrategy).defaulting().validation();
///         })
///         .schedulers(|schedulers| {
///             // schedulers.algorithm("packer", Algorithm::new());
///         })
///         .main()
/// }
/// ```
#[must_use = "an app does nothing until `main`"]
pub struct App {
    name: &'static str,
    version: &'static str,
    apis: Vec<Install<Apis>>,
    alone: Vec<Install<Apis>>,
    controllers: Vec<Install<Manager>>,
    webhooks: Vec<Install<Webhooks>>,
    schedulers: Vec<Install<Schedulers>>,
}

type Install<T> = Box<dyn FnOnce(&mut T)>;

impl App {
    /// A program of this name and version, as `--help` and `--version` show them.
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            apis: Vec::new(),
            alone: Vec::new(),
            controllers: Vec::new(),
            webhooks: Vec::new(),
            schedulers: Vec::new(),
        }
    }

    /// The kinds that it serves. May be called more than once.
    pub fn apis(mut self, install: impl FnOnce(&mut Apis) + 'static) -> Self {
        self.apis.push(Box::new(install));
        self
    }

    /// What it serves besides where it stands alone, with `--standalone`: kinds that a cluster would have, and that its
    /// controllers make objects of. May be called more than once.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::StatefulSet;
    /// # let app = apiserver::App::new("example", "0.1.0");
    /// app.standalone(|apis| {
    ///     // Stored and nothing more: nobody makes pods of them.
    ///     apis.native::<StatefulSet>();
    /// });
    /// ```
    pub fn standalone(mut self, install: impl FnOnce(&mut Apis) + 'static) -> Self {
        self.alone.push(Box::new(install));
        self
    }

    /// The controllers that it runs. May be called more than once.
    pub fn controllers(mut self, install: impl FnOnce(&mut Manager) + 'static) -> Self {
        self.controllers.push(Box::new(install));
        self
    }

    /// The webhooks that it answers. May be called more than once.
    pub fn webhooks(mut self, install: impl FnOnce(&mut Webhooks) + 'static) -> Self {
        self.webhooks.push(Box::new(install));
        self
    }

    /// The algorithms by which it schedules pods. May be called more than once.
    pub fn schedulers(mut self, install: impl FnOnce(&mut Schedulers) + 'static) -> Self {
        self.schedulers.push(Box::new(install));
        self
    }

    /// Does what the command line says. The exit code is 0 when all went well, 1 when something failed, and 2 when the
    /// command line makes no sense; what failed is told on stderr.
    pub fn main(self) -> ExitCode {
        self.run(std::env::args_os())
    }

    fn run(self, arguments: impl Iterator<Item = OsString>) -> ExitCode {
        let parsed = match command_line::parse(self.name, self.version, arguments) {
            Ok(parsed) => parsed,
            Err(error) => {
                // Help, version and mistakes alike; where they cannot be printed, nobody reads them.
                let _ = error.print();
                return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1));
            }
        };
        logging::init(&parsed.logging, std::io::stderr().is_terminal());
        match self.carry_out(parsed.command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprint!("{}", error::report(&error));
                ExitCode::from(error.exit_code())
            }
        }
    }

    fn carry_out(self, command: Command) -> Result<(), AppError> {
        let apis = || {
            let mut apis = Apis::default();
            self.apis.into_iter().for_each(|install| install(&mut apis));
            apis
        };
        match command {
            Command::Apiserver(flags) => {
                let mut apis = apis();
                if flags.standalone {
                    self.alone.into_iter().for_each(|install| install(&mut apis));
                }
                in_runtime(api_server::run(flags, apis))
            }
            Command::ControllerManager(flags) => {
                let mut manager = Manager::new();
                self.controllers.into_iter().for_each(|install| install(&mut manager));
                let lease = format!("{}-controller-manager", self.name);
                in_runtime(controller_manager::run(flags, &lease, manager, |_| {}))
            }
            Command::MigrateStorage(flags) => in_runtime(migrate_storage::run(flags, apis())),
            Command::Webhook(flags) => {
                let mut webhooks = Webhooks::default();
                self.webhooks.into_iter().for_each(|install| install(&mut webhooks));
                webhook::run(flags, self.name, webhooks, &apis())
            }
            Command::Scheduler(flags) => {
                let mut schedulers = Schedulers::default();
                self.schedulers.into_iter().for_each(|install| install(&mut schedulers));
                scheduler::run(*flags, self.name, schedulers)
            }
            Command::Crds(flags) => print::crds(&apis(), &flags, &mut std::io::stdout().lock()),
            Command::Openapi(flags) => print::openapi(&apis(), &flags, &mut std::io::stdout().lock()),
        }
    }
}

fn in_runtime(work: impl Future<Output = Result<(), AppError>>) -> Result<(), AppError> {
    let runtime = Runtime::new().map_err(AppError::Runtime)?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    result
}
