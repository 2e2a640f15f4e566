//! The command line. Each command's flags stand beside what it does, in `commands/`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{build, completion, create, generate, init, kubeconfig, run, show, update, version};
use crate::ui::Ui;

/// Scaffolds Kubernetes-style API servers in Rust, with their controllers and their tests.
#[derive(Debug, Parser)]
#[command(
    name = "apiserver-boot",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  apiserver-boot init repo --domain example.com
  apiserver-boot create group version resource --group demo --version v1alpha1 --kind Bird
  apiserver-boot run local"
)]
pub struct Cli {
    /// Print nothing but errors, warnings and what was asked for
    #[arg(long, global = true)]
    pub quiet: bool,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a project in the current folder
    #[command(subcommand, arg_required_else_help = true)]
    Init(InitCommand),

    /// Add to a project: groups, versions, kinds, controllers, webhooks
    #[command(subcommand, arg_required_else_help = true)]
    Create(create::CreateCommand),

    /// Write what a deployment needs
    #[command(subcommand, arg_required_else_help = true)]
    Build(build::BuildCommand),

    /// Build the project and run it
    #[command(subcommand, arg_required_else_help = true)]
    Run(RunCommand),

    /// Mint a user for the API server of a local run, and print a kubeconfig for it
    #[command(
        after_help = "Examples:\n  apiserver-boot kubeconfig --user alice --group crew --output alice.kubeconfig\n  \
                      apiserver-boot kubeconfig --user bob"
    )]
    Kubeconfig(kubeconfig::KubeconfigArgs),

    /// Show the project's kinds, versions, hooks, controllers and files
    Show(show::ShowArgs),

    /// Write the tool's own files again from PROJECT
    Generate(generate::GenerateArgs),

    /// Bring a project up to this version of the tool
    #[command(subcommand, arg_required_else_help = true)]
    Update(UpdateCommand),

    /// Print a script that completes commands in a shell
    Completion(completion::CompletionArgs),

    /// Print the versions of the tool and of its library
    #[command(after_help = "Example:\n  apiserver-boot version")]
    Version,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  apiserver-boot init repo --domain example.com")]
pub enum InitCommand {
    /// Write a project into the current folder
    Repo(init::RepoArgs),
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  apiserver-boot run local")]
pub enum RunCommand {
    /// Build the project, then run storage, API server and controllers until Ctrl-C
    #[command(
        after_help = "Examples:\n  apiserver-boot run local\n  apiserver-boot run local --storage memory --secure-port 0\n  \
                      apiserver-boot run local --authorization-mode RBAC"
    )]
    Local(run::RunLocalArgs),
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  apiserver-boot update vendor")]
pub enum UpdateCommand {
    /// Write this version of the library into vendor/apiserver
    Vendor(update::VendorArgs),
}

impl Command {
    /// Does what the command line asks for.
    pub fn run(self, ui: &Ui) -> anyhow::Result<ExitCode> {
        match self {
            Self::Init(InitCommand::Repo(args)) => init::repo(args, ui),
            Self::Create(command) => create::create(command, ui),
            Self::Build(command) => build::build(command, ui),
            Self::Run(RunCommand::Local(args)) => run::run_local(args, ui),
            Self::Kubeconfig(args) => kubeconfig::kubeconfig(args, ui),
            Self::Show(args) => show::show(args, ui),
            Self::Generate(args) => generate::generate(args, ui),
            Self::Update(UpdateCommand::Vendor(args)) => update::vendor(args, ui),
            Self::Completion(args) => completion::completion(args, ui),
            Self::Version => version::version(ui),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Every command with its path, `apiserver-boot create group` and so on.
    fn all(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        found.push((path.to_owned(), command.clone()));
        for sub in command.get_subcommands() {
            all(sub, &format!("{path} {}", sub.get_name()), found);
        }
    }

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_help_ends_with_an_example_that_parses() {
        let mut found = Vec::new();
        all(&Cli::command(), "apiserver-boot", &mut found);
        assert!(found.len() > 12, "{}", found.len());
        for (path, mut command) in found {
            // A line that is too long for a terminal goes on in the next, as a shell has it.
            let help = command.render_long_help().to_string().replace("\\\n    ", "");
            let examples: Vec<&str> = help.lines().rev().take_while(|line| line.starts_with("  ")).collect();
            assert!(!examples.is_empty(), "the help of `{path}` does not end with an example:\n{help}");
            for example in examples {
                let words = example.split('#').next().unwrap_or_default().split_whitespace();
                let words: Vec<&str> = words.take_while(|word| !["|", ">"].contains(word)).collect();
                assert!(words.join(" ").starts_with("apiserver-boot"), "`{path}`: {example}");
                if let Err(error) = Cli::try_parse_from(&words) {
                    panic!("`{path}`: the example {example:?} does not parse: {error}");
                }
            }
        }
    }
}
