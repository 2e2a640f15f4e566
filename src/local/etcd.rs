//! An etcd of our own, for `--storage etcd` without `--etcd-servers`: one member, on loopback, its data in the data dir.
//! It answers only holders of a certificate of the project's CA: others on this machine must not get around the API server.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::pki::Pki;
use super::ports;
use crate::error::failure;

/// How to start an etcd.
#[derive(Debug)]
pub struct Etcd {
    binary: PathBuf,
    data_dir: PathBuf,
    /// The port for clients.
    pub client_port: u16,
    peer_port: u16,
}

impl Etcd {
    /// Finds etcd on the path and ports for it.
    pub fn find(data_dir: &Path) -> Result<Etcd> {
        let binary = on_path("etcd").ok_or_else(|| {
            failure("`--storage etcd` starts an etcd, and there is none on the PATH").hint(
                "install it (Debian, Ubuntu: `sudo apt-get install etcd-server`; macOS: `brew install etcd`), \
                 name one that runs with `--etcd-servers http://127.0.0.1:2379`, or use `--storage embedded`",
            )
        })?;
        let port = || ports::free().context("cannot find a free port for etcd");
        Ok(Etcd { binary, data_dir: data_dir.join("etcd"), client_port: port()?, peer_port: port()? })
    }

    /// Its address for clients.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.client_port)
    }

    /// The command that runs it.
    pub fn command(&self, pki: &Pki) -> Command {
        let client = self.url();
        let peer = format!("https://127.0.0.1:{}", self.peer_port);
        let mut command = Command::new(&self.binary);
        command.arg("--name=local").arg("--data-dir").arg(&self.data_dir);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("local={peer}")]);
        for side in ["", "peer-"] {
            command.arg(format!("--{side}client-cert-auth"));
            command.arg(format!("--{side}trusted-ca-file")).arg(pki.ca_cert());
            command.arg(format!("--{side}cert-file")).arg(pki.etcd_cert());
            command.arg(format!("--{side}key-file")).arg(pki.etcd_key());
        }
        command.args(["--logger=zap", "--log-outputs=stderr", "--log-level=error"]);
        // Flags of somebody's other etcd must not leak in.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ETCD_")) {
            if name != "ETCD_UNSUPPORTED_ARCH" {
                command.env_remove(name);
            }
        }
        command
    }
}

/// The first executable file of this name on the PATH.
fn on_path(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(on_path("sh").is_some());
        assert_eq!(on_path("no-such-program"), None);
    }

    #[test]
    fn etcd_is_kept_on_loopback() {
        let etcd = Etcd { binary: "etcd".into(), data_dir: "/data/etcd".into(), client_port: 1, peer_port: 2 };
        let dir = tempfile::tempdir().unwrap();
        let command = etcd.command(&Pki::ensure(dir.path()).unwrap());
        let arguments: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
        assert!(arguments.iter().filter(|arg| arg.contains("://")).all(|arg| arg.contains("https://127.0.0.1:")));
        assert!(arguments.contains(&"/data/etcd".into()), "{arguments:?}");
    }
}
