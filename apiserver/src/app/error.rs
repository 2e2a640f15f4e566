//! What can go wrong, and what the user can do about it.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use super::migrate_storage::{Failure, how_to_go_on};
use crate::apis::BuildError;
use crate::authentication::client_certificate::AuthoritiesError;
use crate::authentication::jwt::KeyError;
use crate::authentication::token_file::TokenFileError;
use crate::manager::ManagerError;
use crate::server::ServeError;
use crate::storage::embedded::OpenError;

/// Why the program failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("the kinds of this project cannot be served")]
    Build(#[source] BuildError),
    #[error("the storage cannot be opened")]
    Embedded(#[source] OpenError),
    #[cfg(feature = "etcd")]
    #[error("the storage cannot be opened")]
    Etcd(#[source] crate::storage::etcd::ConnectError),
    #[error("the webhooks of this project cannot be served")]
    Webhooks(#[source] crate::webhook::WebhookError),
    #[error("no certificate can be made")]
    Certificate(#[source] rcgen::Error),
    /// Flags that contradict each other in a way that the parser cannot know.
    #[error("{message}")]
    Usage { message: String, hint: String },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, flag: &'static str, source: io::Error },
    #[error("cannot use {} as client authorities", path.display())]
    Authorities { path: PathBuf, source: AuthoritiesError },
    #[error("{} is no list of tokens", path.display())]
    Tokens { path: PathBuf, source: TokenFileError },
    #[error("tokens cannot be signed or checked with {}", path.display())]
    Key { path: PathBuf, source: KeyError },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("the kubeconfig {} cannot be used", path.display())]
    Kubeconfig { path: PathBuf, source: kube::config::KubeconfigError },
    #[error("it is not known where the API server is")]
    NoServer(#[source] kube::config::InferConfigError),
    #[error("the client of the API server cannot be set up")]
    Client(#[source] kube::Error),
    #[error("it is not known whose certificates the cluster trusts")]
    Trust(#[source] crate::delegation::TrustError),
    #[error(transparent)]
    Scheduler(crate::scheduler::ConfigError),
    #[error("the controllers stopped")]
    Manager(#[source] ManagerError),
    #[error("{resource} cannot be migrated")]
    Migration {
        resource: String,
        #[source]
        failure: Failure,
    },
    #[error("{failed} objects could not be written anew")]
    NotMigrated { failed: u64 },
    #[error("stopped before everything was migrated")]
    MigrationStopped { state_file: Option<PathBuf> },
    #[error("the server does not tell in which versions objects are stored")]
    NoStoredVersions,
    #[error("cannot print")]
    Print(#[source] io::Error),
    #[error("cannot write YAML")]
    Yaml(#[source] Box<dyn Error + Send + Sync>),
    #[error("stopped by a second signal, without waiting for requests that were still under way")]
    Interrupted,
    #[error("the program cannot be started")]
    Runtime(#[source] io::Error),
}

impl AppError {
    /// 1 for what failed, 2 for a command line that makes no sense.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Usage { .. }) { 2 } else { 1 }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Read { flag, .. } => Some(format!("check the path given with {flag}")),
            Self::Authorities { .. } => Some("--client-ca-file takes certificates of authorities in PEM form".into()),
            Self::Tokens { .. } => {
                Some("each line of --token-auth-file is TOKEN,USER,UID and, if any, \"GROUP,GROUP\"".into())
            }
            Self::Key { .. } => Some("`openssl ecparam -name prime256v1 -genkey -noout` makes such a key".into()),
            Self::Serve(error) => error.hint(),
            Self::Embedded(OpenError::InUse { .. }) => {
                Some("stop the other server, or choose another folder with --data-dir".into())
            }
            #[cfg(feature = "etcd")]
            Self::Etcd(_) => Some("check --etcd-servers, --etcd-cafile, --etcd-certfile and --etcd-keyfile".into()),
            Self::Webhooks(crate::webhook::WebhookError::NotInstalled { .. }) => Some(
                "`apiserver-boot create webhook` without --external-api-version is for kinds of the project".into(),
            ),
            Self::Scheduler(crate::scheduler::ConfigError::None) => {
                Some("make one with `apiserver-boot create scheduler --name NAME`".into())
            }
            Self::Scheduler(crate::scheduler::ConfigError::Duplicate(_)) => {
                Some("give one of them another name in src/schedulers".into())
            }
            Self::Scheduler(_) => Some("check the file given with --config".into()),
            Self::Certificate(_) => Some("--host takes a DNS name or an address".into()),
            Self::Kubeconfig { .. } => Some("check the path given with --kubeconfig".into()),
            Self::Trust(_) => Some(
                "--authentication-tolerate-lookup-failure starts all the same; --authentication-skip-lookup does not look"
                    .into(),
            ),
            Self::NotMigrated { .. } => Some("make them valid, or delete them, and run it again".into()),
            Self::MigrationStopped { state_file } => Some(how_to_go_on(state_file.as_ref())),
            Self::NoStoredVersions => {
                Some("its /metrics do, but only to those who reach it directly, not through a cluster".into())
            }
            Self::NoServer(_) => Some("name a kubeconfig with --kubeconfig".into()),
            _ => None,
        }
    }
}

/// An error as it is printed: itself behind `error:`, each cause behind `cause:`, then what to do about it.
pub fn report(error: &AppError) -> String {
    let mut text = format!("error: {error}\n");
    let mut cause = error.source();
    while let Some(link) = cause {
        let line = link.to_string();
        // Some errors repeat their cause in their own words; each thing is said once.
        if !text.contains(&line) {
            let _ = writeln!(text, "  cause: {line}"); // writing to a String cannot fail
        }
        cause = link.source();
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_printed_once_with_its_causes_and_a_way_out() {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        check(
            &AppError::Read { path: "ca.crt".into(), flag: "--client-ca-file", source: missing() },
            1,
            "error: cannot read ca.crt\n  cause: entity not found\nhint: check the path given with --client-ca-file\n",
        );
        check(
            &AppError::Serve(ServeError::InUse { address: ([127, 0, 0, 1], 6443).into() }),
            1,
            "error: port 6443 on 127.0.0.1 is in use\n\
             hint: stop what listens on port 6443, or choose another port with --secure-port (0 takes one that is free)\n",
        );
        check(
            &AppError::Usage { message: "a contradicts b".into(), hint: "leave out b".into() },
            2,
            "error: a contradicts b\nhint: leave out b\n",
        );
    }

    fn check(error: &AppError, code: u8, expected: &str) {
        assert_eq!(report(error), expected);
        assert_eq!(error.exit_code(), code);
    }
}
