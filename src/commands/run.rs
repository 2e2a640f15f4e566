//! `run local`: checks everything that can be checked before the first second of building, then hands over to
//! [`session`](crate::local::session).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{ArgAction, Args, ValueEnum};

use super::webhook;
use crate::error::{failure, usage};
use crate::local::build::Build;
use crate::local::etcd::Etcd;
use crate::local::lock::{self, Attempt, Lock};
use crate::local::session::{self, Part, Plan, Storage};
use crate::local::{files, kubeconfig, ports};
use crate::project::Project;
use crate::scaffold::views::sample_path;
use crate::ui::{Style, Ui};

/// The folder of a local run's own files, below the project.
pub const STATE_DIR: &str = ".apiserver-boot";

/// The flags of `run local`.
#[derive(Args, Debug)]
pub struct RunLocalArgs {
    /// Where objects are kept: on disk, in memory, or in an etcd [default: embedded, or etcd with --etcd-servers]
    #[arg(long, value_enum)]
    storage: Option<StorageKind>,

    /// Addresses of an etcd that runs; with `--storage etcd` alone, one is started from the PATH
    #[arg(long, value_name = "URL", value_delimiter = ',', num_args = 1..)]
    etcd_servers: Vec<String>,

    /// What to run
    #[arg(
        long,
        value_name = "PART",
        value_enum,
        value_delimiter = ',',
        default_value = "apiserver,webhook,controller-manager"
    )]
    run: Vec<RunPart>,

    /// Whether to build first
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_value = "true", default_missing_value = "true")]
    build: bool,

    /// Build and run with optimizations
    #[arg(long)]
    release: bool,

    /// The API server's port; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 9443)]
    secure_port: u16,

    /// The kubeconfig to write, for kubectl and the controllers
    #[arg(long, value_name = "FILE", default_value = "kubeconfig")]
    config: PathBuf,

    /// Another cluster for the controllers that act in it, by its name in `create controller --cluster`; may be given more
    /// than once
    #[arg(long = "cluster", value_name = "NAME=KUBECONFIG", value_parser = named_cluster)]
    clusters: Vec<(String, PathBuf)>,

    /// Where data is kept from run to run [default: .apiserver-boot/data in the project]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Who may do what, beside the user of the kubeconfig, who may do everything: everyone whom the server knows may do
    /// everything, or what Roles and their bindings say
    #[arg(long, value_enum, value_name = "MODE", default_value = "AlwaysAllow")]
    authorization_mode: AuthorizationMode,

    /// Build and start again when a source file changes, keeping the data
    #[arg(long)]
    watch: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum StorageKind {
    Embedded,
    Memory,
    Etcd,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum AuthorizationMode {
    #[value(name = "AlwaysAllow")]
    AlwaysAllow,
    #[value(name = "RBAC")]
    Rbac,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum RunPart {
    Apiserver,
    /// If the project has webhooks
    Webhook,
    ControllerManager,
}

/// Builds the project and runs its parts until Ctrl-C.
pub fn run_local(args: RunLocalArgs, ui: &Ui) -> Result<ExitCode> {
    let (root, project) = Project::here()?;
    let here = std::env::current_dir().context("could not find out the current folder")?;
    let plan = args.plan(root, &project, &here)?;
    let _locks = lock_parts(&plan)?;
    check(&plan, &project)?;
    let next = next_commands(&project, &plan, &here, ui);
    session::run(plan, ui, || ui.say(next))?;
    Ok(ExitCode::SUCCESS)
}

impl RunLocalArgs {
    /// What the flags ask for. Relative paths are those of the folder in which the user is.
    fn plan(self, root: PathBuf, project: &Project, here: &Path) -> Result<Plan> {
        let runs = |part| self.run.contains(&part);
        let (api_server, controller_manager) = (runs(RunPart::Apiserver), runs(RunPart::ControllerManager));
        let webhook = runs(RunPart::Webhook) && project.has_webhooks();
        if !api_server && !controller_manager && !webhook {
            return Err(usage("there is nothing to run: this project has no webhooks")
                .hint("make one with `apiserver-boot create webhook`, or leave `--run` away")
                .into());
        }
        let state_dir = root.join(STATE_DIR);
        let data_dir = self.data_dir.map_or_else(|| state_dir.join("data"), |dir| here.join(dir));
        let kind = match (self.storage, self.etcd_servers.is_empty()) {
            (Some(kind), true) => kind,
            (Some(StorageKind::Etcd) | None, false) => StorageKind::Etcd,
            (None, true) => StorageKind::Embedded,
            (Some(_), false) => {
                let hint = "leave one of the two away; `--etcd-servers` alone means `--storage etcd`";
                return Err(usage("`--etcd-servers` is for `--storage etcd` only").hint(hint).into());
            }
        };
        let storage = match kind {
            StorageKind::Memory => Storage::Memory,
            StorageKind::Embedded => Storage::Embedded,
            StorageKind::Etcd if !self.etcd_servers.is_empty() => Storage::Etcd(self.etcd_servers),
            // Without an API server there is nobody to store anything.
            StorageKind::Etcd if !api_server => Storage::Memory,
            StorageKind::Etcd => Storage::OwnEtcd(Etcd::find(&data_dir)?),
        };
        Ok(Plan {
            build: Build { root: root.clone(), binary: project.binary().to_owned(), release: self.release },
            build_first: self.build,
            watch: self.watch,
            storage,
            rbac: self.authorization_mode == AuthorizationMode::Rbac,
            data_dir,
            api_server,
            webhook,
            controller_manager,
            clusters: self.clusters.iter().map(|(name, file)| cluster(name, &here.join(file))).collect(),
            secure_port: self.secure_port,
            kubeconfig: here.join(self.config),
            state_dir,
            root,
        })
    }
}

/// Makes sure that nobody else runs the same parts of this project.
fn lock_parts(plan: &Plan) -> Result<Vec<Lock>> {
    files::private_dir(&plan.state_dir)?;
    let parts = [
        (Part::ApiServer, plan.api_server),
        (Part::Webhook, plan.webhook),
        (Part::ControllerManager, plan.controller_manager),
    ];
    let mut locks = Vec::new();
    for (part, _) in parts.into_iter().filter(|(_, planned)| *planned) {
        match lock::acquire(&plan.state_dir.join(format!("{part}.lock")))? {
            Attempt::Held(lock) => locks.push(lock),
            Attempt::Taken(pid) => {
                let who = pid.map_or(String::new(), |pid| format!(", as process {pid}"));
                let stop = pid.map_or(String::new(), |pid| format!(", or with `kill {pid}`"));
                return Err(failure(format!("another `run local` runs this project's {part} already{who}"))
                    .hint(format!("stop it with Ctrl-C in its terminal{stop}"))
                    .into());
            }
        }
    }
    Ok(locks)
}

/// Finds what would fail after the build, before it.
fn check(plan: &Plan, project: &Project) -> Result<()> {
    if let Some(missing) = webhook::missing_line(&plan.root, project).filter(|_| plan.webhook) {
        return Err(failure("the webhooks cannot be run").hint(missing).into());
    }
    if plan.controller_manager {
        check_clusters(plan, project)?;
    }
    if plan.api_server {
        kubeconfig::check(&plan.kubeconfig)?;
        match ports::check(plan.secure_port) {
            Ok(()) => {}
            Err(error @ ports::PortError::InUse(_)) => {
                return Err(failure(error.to_string()).hint("`--secure-port 0` picks a free one").into());
            }
            Err(error) => return Err(error.into()),
        }
    } else if !plan.kubeconfig.is_file() {
        return Err(failure(format!("there is no kubeconfig {} to reach an API server with", plan.kubeconfig.display()))
            .hint("start the API server first, with `apiserver-boot run local --run apiserver` in another terminal, or name a kubeconfig with `--config FILE`")
            .into());
    }
    Ok(())
}

/// Makes sure that the controllers find every cluster that they act in.
fn check_clusters(plan: &Plan, project: &Project) -> Result<()> {
    let given: Vec<(String, String)> = plan
        .clusters
        .iter()
        .filter_map(|cluster| cluster.to_string_lossy().split_once('=').map(|(name, file)| (name.into(), file.into())))
        .collect();
    let missing = |cluster: &&str| !given.iter().any(|(name, _)| name == cluster);
    if let Some(missing) = project.clusters().into_iter().find(missing) {
        return Err(failure(format!("a controller acts in the cluster {missing:?}, and nothing tells where that is"))
            .hint(format!("add `--cluster {missing}=KUBECONFIG`, or leave the controllers out with `--run apiserver`"))
            .into());
    }
    if let Some((name, file)) = given.iter().find(|(_, file)| !Path::new(file).is_file()) {
        return Err(failure(format!("there is no kubeconfig {file} to reach the cluster {name:?} with"))
            .hint(format!("give the path of one: `--cluster {name}=KUBECONFIG`"))
            .into());
    }
    Ok(())
}

fn named_cluster(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.into(), file.into())),
        _ => Err("it is a name, `=` and the path of a kubeconfig: prod=prod.kubeconfig".into()),
    }
}

fn cluster(name: &str, file: &Path) -> OsString {
    let mut cluster = OsString::from(name);
    cluster.push("=");
    cluster.push(file);
    cluster
}

/// What to type once everything runs, for this project's own kinds.
fn next_commands(project: &Project, plan: &Plan, here: &Path, ui: &Ui) -> String {
    let config = quote(plan.kubeconfig.strip_prefix(here).unwrap_or(&plan.kubeconfig));
    let kubectl = format!("kubectl --kubeconfig {config}");
    let mut lines = vec![format!("\n{}", ui.paint(Style::Bold, "Ready. In another terminal:"))];
    let mut add = |command: String| lines.push(format!("  {command}"));
    match project.kinds().next() {
        None => {
            add(format!("{kubectl} api-resources"));
            add("apiserver-boot create group version resource --group demo --version v1alpha1 --kind Bird".to_owned());
        }
        Some((group, kind)) => {
            add(format!("{kubectl} api-resources --api-group {}", project.api_group(&group.name)));
            let sample = plan.root.join(sample_path(project, group, kind));
            if sample.is_file() {
                add(format!("{kubectl} create -f {}", quote(sample.strip_prefix(here).unwrap_or(&sample))));
            }
            add(format!("{kubectl} get {}", kind.plural));
        }
    }
    lines.push("Ctrl-C stops it.\n".to_owned());
    lines.join("\n")
}

/// A path as it can be pasted into a shell.
fn quote(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: RunLocalArgs,
    }

    fn project() -> Project {
        Project::parse("version: 1\nname: aviary\ndomain: example.com\nvendor: 0.1.0\n").unwrap()
    }

    fn plan(flags: &[&str]) -> Result<Plan> {
        let args = Cli::try_parse_from([&["run"], flags].concat())?.args;
        args.plan("/home/bird".into(), &project(), Path::new("/home/bird/src"))
    }

    #[track_caller]
    fn storage(flags: &[&str], expected: &str) {
        let found = match plan(flags) {
            Ok(plan) => format!("{:?}", plan.storage),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected), "{flags:?}: {found}");
    }

    #[test]
    fn storage_follows_from_the_flags() {
        storage(&[], "Embedded");
        storage(&["--storage", "memory"], "Memory");
        storage(&["--etcd-servers", "http://a:1,http://b:2"], r#"Etcd(["http://a:1", "http://b:2"])"#);
        storage(&["--storage=etcd", "--etcd-servers", "http://a:1", "http://b:2"], r#"["http://a:1", "http://b:2"]"#);
        storage(&["--storage=memory", "--etcd-servers=http://a:1"], "for `--storage etcd` only");
        storage(&["--storage=disk"], "possible values: embedded, memory, etcd");
    }

    #[test]
    fn flags_make_the_plan() {
        let default = plan(&[]).unwrap();
        assert!(default.build_first && default.api_server && default.controller_manager && !default.build.release);
        assert!(!default.webhook, "the project has none");
        assert_eq!(default.secure_port, 9443);
        assert_eq!(default.data_dir, Path::new("/home/bird/.apiserver-boot/data"));
        assert_eq!(default.kubeconfig, Path::new("/home/bird/src/kubeconfig"));
        assert_eq!(default.build.binary, "aviary");
        assert!(!default.rbac && plan(&["--authorization-mode", "RBAC"]).unwrap().rbac);
        let plan = plan(&["--build=false", "--release", "--run=apiserver", "--secure-port=0", "--data-dir=d"]).unwrap();
        assert!(!plan.build_first && plan.api_server && !plan.controller_manager && plan.build.release);
        assert_eq!((plan.secure_port, plan.data_dir.as_path()), (0, Path::new("/home/bird/src/d")));
    }

    #[test]
    fn paths_can_be_pasted_into_a_shell() {
        let check = |path: &str, expected: &str| assert_eq!(quote(Path::new(path)), expected);
        check("kubeconfig", "kubeconfig");
        check("/home/vögel/kubeconfig", "/home/vögel/kubeconfig");
        check("my project/kubeconfig", "'my project/kubeconfig'");
        check("it's", r"'it'\''s'");
        check("$HOME", "'$HOME'");
    }
}
