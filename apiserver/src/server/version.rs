//! Which server this is. kubectl compares `major` and `minor` with its own.

use serde_json::json;

/// The Kubernetes version whose behaviour is served.
const KUBERNETES: (&str, &str) = ("1", "36");

/// The document at `/version`.
pub fn document() -> String {
    let (major, minor) = KUBERNETES;
    let document = json!({
        "major": major,
        "minor": minor,
        "gitVersion": git_version(),
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", os(), arch()),
    });
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

/// For example `v1.36.0+apiserver.0.1.0`.
pub fn git_version() -> String {
    let (major, minor) = KUBERNETES;
    format!("v{major}.{minor}.0+apiserver.{}", env!("CARGO_PKG_VERSION"))
}

/// The operating system as Go names it.
fn os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    }
}

/// The processor as Go names it.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        arch => arch,
    }
}
