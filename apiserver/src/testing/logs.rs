//! The output of a test.

use std::io::IsTerminal;

/// Lets the output of a failed test tell what controllers and server warned of; `RUST_LOG` asks for more.
pub(super) fn show() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    // Fails when the project has its own subscriber, which is then the one to use.
    let ansi = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_test_writer().try_init();
}
