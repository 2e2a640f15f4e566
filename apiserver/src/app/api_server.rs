//! `apiserver`: storage, kinds, listener, in this order; and the end of all of them in the other.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::command_line::ApiServer;
use super::compactor::Compactor;
use super::error::AppError;
use super::store;
use crate::apis::Apis;
use crate::authentication::{Anonymous, Authentication, ClientCertificates};
use crate::authorization::{AllowAuthenticated, AllowGroups, AllowPaths, Authorization, Authorizer};
use crate::server::health::Check;
use crate::server::reload::{self, Watching};
use crate::server::signals::StopSignals;
use crate::server::tls::Certificate;
use crate::server::{Core, ServeConfig, Serving, serve};

/// Serves until a signal says stop.
pub async fn run(flags: Box<ApiServer>, apis: Apis) -> Result<(), AppError> {
    let mut signals = StopSignals::new().map_err(AppError::Runtime)?;
    let running = tokio::select! {
        running = start(&flags, apis) => running?,
        () = signals.next() => return Ok(()),
    };
    signals.next().await;
    tracing::info!("stopping; a second signal stops at once");
    tokio::select! {
        () = running.stop() => Ok(()),
        () = signals.next() => Err(AppError::Interrupted),
    }
}

/// A server that runs.
struct Running {
    serving: Serving,
    compactor: Option<Compactor>,
    _watching: Option<Watching>,
}

async fn start(flags: &ApiServer, apis: Apis) -> Result<Running, AppError> {
    let (store, store_check) = store::open(flags).await?;
    let endpoints = apis.build(store.clone(), flags.standalone).map_err(AppError::Build)?;
    let (authentication, watching) = authentication(flags)?;
    let checked = store.clone();
    let store_answers = move || {
        let store = checked.clone();
        async move { store.revision().await.map(drop).map_err(|error| error.to_string()) }
    };
    let core = Core::builder(endpoints)
        .authenticator(authentication)
        .authorizer(authorization(flags))
        .max_in_flight(flags.max_requests_inflight, flags.max_mutating_requests_inflight)
        .request_timeout(flags.request_timeout)
        .check(Check::new(store_check, store_answers))
        .build();
    let address = SocketAddr::new(flags.bind_address, flags.secure_port);
    let config = ServeConfig { grace: flags.shutdown_delay_duration, ..ServeConfig::new(address, certificate(flags)) };
    let serving = serve(config, core).await?;
    let compactor = Compactor::start(store, flags.compaction_interval);
    if let Some(path) = &flags.port_file {
        write_port(path, serving.address().port())?;
    }
    tracing::info!(address = format!("https://{}", serving.address()), "serving");
    Ok(Running { serving, compactor, _watching: watching })
}

impl Running {
    /// Lets requests finish, ends watches, stops what works behind them.
    async fn stop(self) {
        self.serving.stop();
        self.serving.stopped().await;
        drop(self.compactor);
        tracing::info!("stopped");
    }
}

fn certificate(flags: &ApiServer) -> Certificate {
    match (&flags.tls_cert_file, &flags.tls_private_key_file) {
        (Some(certificate), Some(key)) => Certificate::Files { certificate: certificate.clone(), key: key.clone() },
        _ => {
            tracing::warn!("no --tls-cert-file: serving with a certificate made just now, which no client can check");
            Certificate::SelfSigned
        }
    }
}

fn authentication(flags: &ApiServer) -> Result<(Authentication, Option<Watching>), AppError> {
    let mut authentication = Authentication::default();
    let mut watching = None;
    if let Some(path) = &flags.client_ca_file {
        let certificates = Arc::new(load_authorities(path)?);
        authentication = authentication.client_certificates(certificates.clone());
        let file = path.clone();
        watching = Some(reload::watch(vec![path.clone()], reload::INTERVAL, move || {
            let failed = |source| AppError::Authorities { path: file.clone(), source };
            certificates.replace(&read_authorities(&file)?).map_err(failed)
        }));
    }
    if flags.anonymous_auth {
        authentication = authentication.anonymous(Anonymous::everywhere());
    }
    Ok((authentication, watching))
}

fn load_authorities(path: &Path) -> Result<ClientCertificates, AppError> {
    let failed = |source| AppError::Authorities { path: path.to_owned(), source };
    ClientCertificates::from_pem(&read_authorities(path)?).map_err(failed)
}

fn read_authorities(path: &Path) -> Result<Vec<u8>, AppError> {
    let failed = |source| AppError::Read { path: path.to_owned(), flag: "--client-ca-file", source };
    std::fs::read(path).map_err(failed)
}

fn authorization(flags: &ApiServer) -> Authorization {
    let mut all: Vec<Arc<dyn Authorizer>> =
        vec![Arc::new(AllowGroups::masters()), Arc::new(AllowPaths::health_and_version())];
    if flags.standalone {
        all.push(Arc::new(AllowAuthenticated));
    } else {
        tracing::warn!("without --standalone only members of system:masters are let in");
    }
    Authorization::new(all)
}

/// Writes the port in one step: whoever waits for the file must not find it half written.
fn write_port(path: &Path, port: u16) -> Result<(), AppError> {
    let failed = |source| AppError::Write { path: path.to_owned(), source };
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    std::fs::write(&unfinished, format!("{port}\n")).map_err(failed)?;
    std::fs::rename(&unfinished, path).map_err(failed)
}
