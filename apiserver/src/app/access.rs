//! A server alone: whose users it knows, and what they may do. Flags carry kube-apiserver's names. Source:
//! <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/>

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::error::AppError;
use crate::authentication::jwt::{PublicKey, SigningKey};
use crate::authentication::{TokenFile, TokenReviewer};
use crate::standalone::access::{Access, AuthorizationMode, ISSUER};

/// The part of the command line that is about the users of a server alone.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Users of a server alone")]
pub struct AccessFlags {
    /// Who may do what, beside the members of system:masters, who may do everything: everyone who says who they are may do
    /// everything (AlwaysAllow), or what Roles and their bindings say (RBAC)
    #[arg(long, requires = "standalone", value_enum, value_name = "MODE")]
    pub authorization_mode: Option<Mode>,
    /// Bearer tokens and whose they are: lines of TOKEN,USER,UID and, if any, "GROUP,GROUP"
    #[arg(long, requires = "standalone", value_name = "PATH")]
    pub token_auth_file: Option<PathBuf>,
    /// The key that signs the tokens of service accounts: RSA, or on the curve P-256, in PEM. Without this, one is made and
    /// kept in --data-dir; where nothing is kept there, it ends with the server
    #[arg(long, requires = "standalone", value_name = "PATH")]
    pub service_account_signing_key_file: Option<PathBuf>,
    /// Further keys, public or private, whose tokens of service accounts are believed; may be given several times
    #[arg(long, requires = "standalone", value_name = "PATH")]
    pub service_account_key_file: Vec<PathBuf>,
    /// What the server calls itself in the tokens of service accounts
    #[arg(long, default_value = ISSUER, value_name = "URL")]
    pub service_account_issuer: String,
    /// Whom tokens are meant for that are good here, with commas between; without this, the issuer
    #[arg(long, requires = "standalone", value_delimiter = ',', value_name = "NAME")]
    pub api_audiences: Vec<String>,
}

/// Who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Everyone who says who they are may do everything.
    #[value(name = "AlwaysAllow")]
    AlwaysAllow,
    /// What Roles and bindings say.
    #[value(name = "RBAC")]
    Rbac,
}

/// The file of a key that was made here.
const KEY_FILE: &str = "service-account.key";

impl AccessFlags {
    /// What the flags say.
    ///
    /// # Errors
    /// Files that cannot be read, or that are not what they should be.
    pub fn load(&self) -> Result<Access, AppError> {
        let read =
            |path: &PathBuf, flag| fs::read(path).map_err(|source| AppError::Read { path: path.clone(), flag, source });
        let authorization = match self.authorization_mode {
            Some(Mode::Rbac) => AuthorizationMode::Rbac,
            Some(Mode::AlwaysAllow) | None => AuthorizationMode::AlwaysAllow,
        };
        let issuer = self.service_account_issuer.clone();
        let audiences = if self.api_audiences.is_empty() { vec![issuer.clone()] } else { self.api_audiences.clone() };
        let mut access = Access { authorization, issuer, audiences, ..Access::default() };
        if let Some(path) = &self.token_auth_file {
            let text = String::from_utf8_lossy(&read(path, "--token-auth-file")?).into_owned();
            let file = TokenFile::parse(&text, access.audiences.clone());
            let file = file.map_err(|source| AppError::Tokens { path: path.clone(), source })?;
            access.tokens.push(Arc::new(file) as Arc<dyn TokenReviewer>);
        }
        if let Some(path) = &self.service_account_signing_key_file {
            let pem = read(path, "--service-account-signing-key-file")?;
            access.signing_key = Some(signing_key(&pem, path)?);
        }
        for path in &self.service_account_key_file {
            let keys = PublicKey::all_from_pem(&read(path, "--service-account-key-file")?);
            access.further_keys.extend(keys.map_err(|source| AppError::Key { path: path.clone(), source })?);
        }
        Ok(access)
    }

    /// The same with the key that is kept in `folder`, which is made where it is missing; only where no flag names one.
    ///
    /// # Errors
    /// The key can neither be read nor made.
    pub fn with_key(&self, mut access: Access, folder: Option<&Path>) -> Result<Access, AppError> {
        match folder {
            _ if access.signing_key.is_some() => {}
            Some(folder) => access.signing_key = Some(kept_key(&folder.join(KEY_FILE))?),
            None => tracing::info!("the tokens of service accounts end with this server: nothing keeps their key"),
        }
        Ok(access)
    }
}

fn kept_key(path: &Path) -> Result<SigningKey, AppError> {
    match fs::read(path) {
        Ok(pem) => return signing_key(&pem, path),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(AppError::Read { path: path.to_owned(), flag: "--data-dir", source }),
    }
    let pem = SigningKey::generate().map_err(|source| AppError::Key { path: path.to_owned(), source })?;
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| AppError::Write { path: path.to_owned(), source })?;
    signing_key(pem.as_bytes(), path)
}

fn signing_key(pem: &[u8], path: &Path) -> Result<SigningKey, AppError> {
    SigningKey::from_pem(pem).map_err(|source| AppError::Key { path: path.to_owned(), source })
}
