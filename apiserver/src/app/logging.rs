//! What is logged, and how. Logs go to stderr; stdout is for what was asked for.

use std::io;

use tracing_subscriber::EnvFilter;

use super::command_line::{LogFormat, Logging};

/// Libraries that say more than anyone wants unless everything is wanted.
const QUIET: &str = "h2=info,hyper=info,hyper_util=info,rustls=info,tower=info,tonic=info";

/// Starts logging. A program that has its own keeps it.
pub fn init(logging: &Logging, terminal: bool) {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.is_empty() => EnvFilter::new(filter),
        _ => EnvFilter::new(filter(logging.verbosity)),
    };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colour);
    let begun = match logging.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if let Err(error) = begun {
        tracing::debug!(error, "logging was set up before");
    }
}

/// The filter of a verbosity as Kubernetes counts it.
fn filter(verbosity: u8) -> String {
    match verbosity {
        0..=3 => "info".to_owned(),
        4..=5 => format!("debug,{QUIET}"),
        6..=7 => format!("trace,{QUIET}"),
        _ => "trace".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verbosity_is_a_filter() {
        for verbosity in 0..=10 {
            assert!(filter(verbosity).parse::<EnvFilter>().is_ok(), "{verbosity}");
        }
    }
}
