//! `kubeconfig`: mints a user for the API server of a local run.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::run::STATE_DIR;
use crate::error::{failure, usage};
use crate::local::kubeconfig::{self, User};
use crate::local::pki::Pki;
use crate::project::Project;
use crate::ui::Ui;

/// The flags of `kubeconfig`.
#[derive(Args, Debug)]
pub struct KubeconfigArgs {
    /// Who the user is
    #[arg(long, value_name = "NAME")]
    user: String,

    /// A group that the user is in; may be given several times
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,

    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The kubeconfig that `run local` wrote: where the server is
    #[arg(long, value_name = "FILE", default_value = "kubeconfig")]
    config: PathBuf,
}

/// Writes a kubeconfig with a certificate of its own.
pub fn kubeconfig(args: KubeconfigArgs, ui: &Ui) -> Result<ExitCode> {
    let (root, _) = Project::here()?;
    let bad = |name: &String| name.is_empty() || name.chars().any(char::is_control);
    if bad(&args.user) || args.group.iter().any(bad) {
        return Err(usage("the name of a user or a group cannot be empty, or have control characters in it").into());
    }
    let here = std::env::current_dir().context("could not find out the current folder")?;
    let hint = "start the API server once with `apiserver-boot run local`, or name its kubeconfig with `--config FILE`";
    let Some(server) = kubeconfig::server(&here.join(&args.config))? else {
        let problem = format!("{} does not say where the API server of a local run is", args.config.display());
        return Err(failure(problem).hint(hint).into());
    };
    let Some(pki) = Pki::existing(&root.join(STATE_DIR).join("pki"))? else {
        return Err(failure("this project has no certificates yet").hint(hint).into());
    };
    let (certificate, key) = pki.mint(&args.user, &args.group)?;
    let user = User { name: &args.user, certificate: &certificate, key: &key };
    match &args.output {
        Some(path) => {
            kubeconfig::write_for(&here.join(path), &server, &pki, &user)?;
            ui.say(format!("Wrote {} for user {}.", path.display(), args.user));
        }
        None => ui.result(kubeconfig::text_for(&server, &pki, &user)?.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}
