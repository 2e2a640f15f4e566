//! `build config`: manifests that follow from the project's code as well as from `PROJECT`.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use clap::{ArgAction, Args, Subcommand, ValueEnum};

use super::changes::{self, Workspace, WriteArgs};
use crate::error::{WithHint, failure};
use crate::local::build::{Build, INSTALL};
use crate::project::Project;
use crate::scaffold::crds::is_crd;
use crate::scaffold::plan::{Plan, Rules};
use crate::scaffold::{File, Owner, marker, render, webhooks};
use crate::ui::Ui;

/// The file of the CRDs.
const CRDS: &str = "config/crd/crds.yaml";

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  apiserver-boot build config --mode crd")]
pub enum BuildCommand {
    /// Write the manifests with which the project runs in a cluster
    #[command(
        after_help = "Examples:\n  apiserver-boot build config --mode crd\n  apiserver-boot build config --mode crd --dry-run --diff"
    )]
    Config(ConfigArgs),
}

#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// How the kinds are served in the cluster
    #[arg(long, value_enum)]
    mode: Mode,

    /// Whether to build the program first, which knows the CRDs
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_value = "true", default_missing_value = "true")]
    build: bool,

    /// Build with optimizations
    #[arg(long)]
    release: bool,

    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// By the cluster's own API server, as CustomResourceDefinitions with webhooks: into config/crd
    Crd,
}

pub fn build(command: BuildCommand, ui: &Ui) -> Result<ExitCode> {
    match command {
        BuildCommand::Config(args) => match args.mode {
            Mode::Crd => crd(&args, ui),
        },
    }
}

fn crd(args: &ConfigArgs, ui: &Ui) -> Result<ExitCode> {
    let workspace = Workspace::open()?;
    let project = &workspace.project;
    if !project.kinds().any(|(_, kind)| is_crd(kind)) {
        return Err(failure("the project has no kind that can be a CRD")
            .hint("add one with `apiserver-boot create group version resource`")
            .into());
    }
    for (group, kind) in project.kinds().filter(|(_, kind)| !is_crd(kind)) {
        ui.warn(format_args!(
            "{} in {} is left out: its objects are kept by code of yours, which no CRD can call",
            kind.kind, group.name
        ));
    }
    for (group, kind) in project.kinds().filter(|(_, kind)| kind.versions.len() > 1 && !kind.webhooks.conversion) {
        ui.warn(format_args!(
            "nobody converts the versions of {}; `apiserver-boot create webhook --group {} --version {} --kind {} \
             --conversion` lets the project do it",
            kind.kind,
            group.name,
            kind.stored(),
            kind.kind
        ));
    }
    let build = Build { root: workspace.root.clone(), binary: project.binary().to_owned(), release: args.release };
    if args.build {
        compile(&build)?;
    }
    let mut files = render::cluster(project)?;
    // What is the user's is written once.
    files.retain(|file| file.owner != Owner::Yours || !workspace.root.join(&file.path).exists());
    let text = format!("# {}\n{}", marker::blank(), print_crds(&build.existing()?, project)?);
    files.push(File { path: CRDS.into(), content: marker::seal(&text).into_bytes().into(), owner: Owner::Ours });
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let plan = Plan::new(&workspace.root, files, Rules { force: args.write.force, keep_yours: false })?;
    if changes::carry_out(&workspace.root, &plan, args.write, ui)? && !args.write.dry_run {
        let namespace = render::dns_name(project);
        ui.say(format_args!(
            "\nNext: put your image into config/crd/kustomization.yaml, then\n  kubectl create namespace {namespace}\n  \
             kubectl apply --server-side --kustomize config/crd"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the program; cargo tells of its own progress.
fn compile(build: &Build) -> Result<()> {
    let mut command = build.cargo();
    command.args(["build", "--bin", &build.binary]);
    if build.release {
        command.arg("--release");
    }
    let status = command.stdout(Stdio::null()).status().context("cannot run cargo").with_hint(|| INSTALL)?;
    if !status.success() {
        return Err(failure("the project does not build").hint("mend what cargo says above").into());
    }
    Ok(())
}

/// The CRDs as the program prints them.
fn print_crds(binary: &Path, project: &Project) -> Result<String> {
    let mut command = Command::new(binary);
    command.arg("crds");
    let view = webhooks::webhooks(project);
    if !view.converted.is_empty() {
        let webhook = format!("{}/webhook", render::dns_name(project));
        command.args(["--conversion-webhook-service", &webhook]);
        if view.cert_manager {
            command.args(["--cert-manager", &webhook]);
        }
    }
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", binary.display()))
        .with_hint(|| "leave `--build=false` away, so that it is built anew")?;
    if !output.status.success() {
        return Err(failure(format!("{} crds failed: {}", binary.display(), output.status))
            .hint("see what it says above")
            .into());
    }
    String::from_utf8(output.stdout).context("the CRDs are not text")
}
