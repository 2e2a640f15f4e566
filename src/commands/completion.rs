//! `completion`: a script that completes commands in a shell.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::ui::Ui;

#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  apiserver-boot completion bash > ~/.local/share/bash-completion/completions/apiserver-boot"
)]
pub struct CompletionArgs {
    /// The shell to write the script for
    shell: Shell,
}

pub fn completion(args: CompletionArgs, ui: &Ui) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "apiserver-boot", &mut script);
    // clap_complete's script for bash sets one name and looks for the other where a program's name has a hyphen.
    let script = String::from_utf8_lossy(&script).replace("apiserver__subcmd__boot", "apiserver__boot");
    ui.result(script.trim_end());
    Ok(ExitCode::SUCCESS)
}
