//! Opens the storage that the flags name.

use std::path::Path;
use std::sync::Arc;

use super::command_line::{ApiServer, Storage};
use super::error::AppError;
use crate::storage::Store;
use crate::storage::embedded::EmbeddedStore;
use crate::storage::memory::MemoryStore;

/// The storage, and what its health check is called.
pub async fn open(flags: &ApiServer) -> Result<(Arc<dyn Store>, &'static str), AppError> {
    match kind(flags)? {
        Storage::Memory => Ok((Arc::new(MemoryStore::default()), "store")),
        Storage::Embedded => {
            let store = EmbeddedStore::open(&flags.data_dir).map_err(AppError::Embedded)?;
            tracing::info!(folder = %flags.data_dir.display(), "opened the embedded storage");
            Ok((Arc::new(store), "store"))
        }
        #[cfg(feature = "etcd")]
        Storage::Etcd => {
            use crate::storage::etcd::EtcdStore;
            let store = EtcdStore::connect(etcd_config(flags)?).await.map_err(AppError::Etcd)?;
            tracing::info!(servers = flags.etcd.servers.join(","), version = store.version(), "reached etcd");
            Ok((Arc::new(store), "etcd"))
        }
    }
}

/// The folder of the storage; none where it is elsewhere, or nowhere.
pub fn folder(flags: &ApiServer) -> Result<Option<&Path>, AppError> {
    Ok(matches!(kind(flags)?, Storage::Embedded).then_some(flags.data_dir.as_path()))
}

#[cfg(not(feature = "etcd"))]
fn kind(flags: &ApiServer) -> Result<Storage, AppError> {
    Ok(flags.storage.unwrap_or(Storage::Embedded))
}

#[cfg(feature = "etcd")]
fn kind(flags: &ApiServer) -> Result<Storage, AppError> {
    let usage = |message: &str, hint: &str| Err(AppError::Usage { message: message.into(), hint: hint.into() });
    match (flags.storage, flags.etcd.servers.is_empty()) {
        (Some(Storage::Etcd), true) => {
            usage("--storage etcd needs --etcd-servers", "for example --etcd-servers http://127.0.0.1:2379")
        }
        (Some(Storage::Etcd) | None, false) => Ok(Storage::Etcd),
        (Some(_), false) => usage("--etcd-servers is for --storage etcd only", "leave out one of the two"),
        (Some(kind), true) => Ok(kind),
        (None, true) => Ok(Storage::Embedded),
    }
}

#[cfg(feature = "etcd")]
fn etcd_config(flags: &ApiServer) -> Result<crate::storage::etcd::EtcdConfig, AppError> {
    use crate::storage::etcd::{EtcdClientCertificate, EtcdConfig, EtcdTls};

    let read = |path: &Path, flag| {
        std::fs::read(path).map_err(|source| AppError::Read { path: path.to_owned(), flag, source })
    };
    let client = match (&flags.etcd.certfile, &flags.etcd.keyfile) {
        (Some(certificate), Some(key)) => Some(EtcdClientCertificate {
            cert_pem: read(certificate, "--etcd-certfile")?,
            key_pem: read(key, "--etcd-keyfile")?,
        }),
        _ => None,
    };
    let tls = match (&flags.etcd.cafile, client) {
        (Some(ca), client) => Some(EtcdTls { ca_pem: read(ca, "--etcd-cafile")?, client }),
        (None, None) => None,
        (None, Some(_)) => {
            return Err(AppError::Usage {
                message: "--etcd-certfile needs --etcd-cafile".into(),
                hint: "name the authority that signs etcd's certificates with --etcd-cafile".into(),
            });
        }
    };
    Ok(EtcdConfig { endpoints: flags.etcd.servers.clone(), tls, prefix: String::new() })
}
