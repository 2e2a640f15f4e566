//! Scaffolds Kubernetes-style API servers.
//!
//! - [`cli`]: the command line, and [`commands`]: what each command does
//! - [`project`]: the file `PROJECT`; [`additions`], [`controller_additions`], [`webhook_additions`] and
//!   [`scheduler_additions`]: what may be added to it; [`external_additions`]: kinds that are not the project's;
//!   [`kind_refs`]: kinds that a controller is told of
//! - [`types_file`]: what the file of a kind's fields, which is the user's, says
//! - [`kind_versions`]: the versions of a kind, and [`conversions`]: how a further one comes to be
//! - [`from_crd`]: types from a CustomResourceDefinition
//! - [`names`] and [`webhook_names`]: which names are legal, and what follows from them; [`builtin_kinds`]: those of
//!   Kubernetes itself
//! - [`scaffold`]: from a `PROJECT` to files
//! - [`local`]: processes, certificates and kubeconfig of `run local`
//! - [`ui`] and [`error`]: what the user sees

mod additions;
mod builtin_kinds;
mod cli;
mod commands;
mod controller_additions;
mod conversions;
mod error;
mod external_additions;
mod from_crd;
mod kind_refs;
mod kind_versions;
mod local;
mod names;
mod project;
mod scaffold;
mod scheduler_additions;
mod types_file;
mod ui;
mod webhook_additions;
mod webhook_names;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.command.run(&ui::Ui::new(cli.quiet)) {
        Ok(code) => code,
        Err(error) => {
            eprint!("{}", error::report(&error));
            ExitCode::from(error::exit_code_of(&error))
        }
    }
}
