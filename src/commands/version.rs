//! `version`: the versions of the tool and of the library that it carries.

use std::process::ExitCode;

use crate::scaffold::vendor;
use crate::ui::Ui;

pub fn version(ui: &Ui) -> anyhow::Result<ExitCode> {
    ui.result(format_args!("apiserver-boot {}, library apiserver {}", env!("CARGO_PKG_VERSION"), vendor::VERSION));
    Ok(ExitCode::SUCCESS)
}
