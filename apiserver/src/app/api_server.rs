//! `apiserver`: storage, kinds, listener, in this order; and the end of all of them in the other.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::command_line::ApiServer;
use super::compactor::Compactor;
use super::error::AppError;
use super::store;
use super::store_metrics::StoreMetrics;
use super::surroundings::{Background, Surroundings};
use crate::apis::Apis;
use crate::authentication::{Anonymous, Authentication, ClientCertificates};
use crate::server::health::Check;
use crate::server::reload::{self, Watching};
use crate::server::signals::StopSignals;
use crate::server::tls::Certificate;
use crate::server::{Core, ServeConfig, Serving, listen};
use crate::storage::Store;

/// How long whoever still has the store may take to let go of it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

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
    store: Arc<dyn Store>,
    compactor: Option<Compactor>,
    background: Background,
    _watching: Option<Watching>,
}

async fn start(flags: &ApiServer, apis: Apis) -> Result<Running, AppError> {
    // Whatever a flag can be wrong about comes first: a server that will not start leaves no data folder behind.
    let (authentication, watching) = authentication(flags)?;
    let surroundings = Surroundings::find(flags, authentication).await?;
    let address = SocketAddr::new(flags.bind_address, flags.secure_port);
    let config = ServeConfig { grace: flags.shutdown_delay_duration, ..ServeConfig::new(address, certificate(flags)) };
    let listening = listen(config).await?;
    let (store, store_check) = store::open(flags).await?;
    let store_metrics = StoreMetrics::new();
    let store = store_metrics.time(store);
    let webhook_metrics = apis.webhook_metrics();
    let served = surroundings.serve(flags, apis, store.clone()).await?;
    let checked = store.clone();
    let store_answers = move || {
        let store = checked.clone();
        async move { store.revision().await.map(drop).map_err(|error| error.to_string()) }
    };
    let core = Core::builder(served.endpoints)
        .authenticator(served.authentication)
        .authorizer(served.authorization)
        .max_in_flight(flags.max_requests_inflight, flags.max_mutating_requests_inflight)
        .request_timeout(flags.request_timeout)
        .check(Check::new(store_check, store_answers))
        .metrics(|registry| {
            store_metrics.register(registry);
            webhook_metrics.register(registry);
        });
    let core = served.checks.into_iter().fold(core, |core, check| core.check(check));
    let serving = listening.serve(core.build());
    let compactor = Compactor::start(store.clone(), flags.compaction_interval);
    if let Some(path) = &flags.port_file {
        write_port(path, serving.address().port())?;
    }
    tracing::info!(address = format!("https://{}", serving.address()), "serving");
    Ok(Running { serving, store, compactor, background: served.background, _watching: watching })
}

impl Running {
    /// Lets requests finish, ends watches, stops what works behind them.
    async fn stop(self) {
        self.serving.stop();
        self.serving.stopped().await;
        self.background.stop().await;
        drop(self.compactor);
        close(self.store).await;
        tracing::info!("stopped");
    }
}

/// Closes the store, once nobody has it any more: tasks that were told to end do so a little later.
async fn close(store: Arc<dyn Store>) {
    let patience = Instant::now() + CLOSE_TIMEOUT;
    while Arc::strong_count(&store) > 1 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // A store may wait for its last writes.
    if let Err(error) = tokio::task::spawn_blocking(move || drop(store)).await {
        tracing::error!(%error, "the store was not closed in order");
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

/// Writes the port in one step: whoever waits for the file must not find it half written.
pub(super) fn write_port(path: &Path, port: u16) -> Result<(), AppError> {
    let failed = |source| AppError::Write { path: path.to_owned(), source };
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    std::fs::write(&unfinished, format!("{port}\n")).map_err(failed)?;
    std::fs::rename(&unfinished, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::authentication::v1::{SelfSubjectReview, TokenRequest};
    use k8s_openapi::api::core::v1::{Event, ObjectReference, ServiceAccount};
    use kube::api::{ListParams, ObjectMeta, PostParams};
    use kube::{Api, Client, Config};
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;
    use crate::app::command_line::{self, Command};
    use crate::app::error;
    use crate::server::pki::{Authority, LOOPBACK_NAMES, Pem, Subject};

    #[tokio::test]
    async fn a_server_alone_keeps_what_a_client_stores() {
        let home = Home::new();
        for expected in [1, 2] {
            let running = home.start(&["--standalone", "--data-dir", &home.path("data")]).await.expect("running");
            let events: Api<Event> = Api::default_namespaced(home.client(&home.alice));
            events.create(&PostParams::default(), &event(expected)).await.expect("created");
            let found = events.list(&ListParams::default()).await.expect("a list");
            assert_eq!(found.items.len(), expected, "the store outlives the server");
            let metrics = http::Request::get("/metrics").body(Vec::new()).expect("a request");
            let metrics = home.client(&home.alice).request_text(metrics).await.expect("metrics");
            let written = r#"etcd_request_duration_seconds_count{operation="create",group="",resource="events"} 1"#;
            assert!(metrics.lines().any(|line| line == written), "{metrics}");
            running.stop().await;
        }
    }

    #[tokio::test]
    async fn events_go_after_a_while() {
        let home = Home::new();
        let running = home.start(&["--standalone", "--storage", "memory", "--event-ttl", "1s"]).await.expect("running");
        let events: Api<Event> = Api::default_namespaced(home.client(&home.alice));
        events.create(&PostParams::default(), &event(1)).await.expect("created");
        let patience = Instant::now() + Duration::from_secs(10);
        while !events.list(&ListParams::default()).await.expect("a list").items.is_empty() {
            assert!(Instant::now() < patience, "the event is still there");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        running.stop().await;
    }

    #[tokio::test]
    async fn without_standalone_only_masters_are_let_in() {
        let home = Home::new();
        let running = home.start(&["--storage", "memory"]).await.expect("running");
        let refused = home.client(&home.alice).list_api_groups().await.expect_err("refused");
        assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
        home.client(&home.root).list_api_groups().await.expect("let in");
        running.stop().await;
    }

    #[tokio::test]
    async fn tokens_outlive_the_server() {
        let home = Home::new();
        let (data, file) = (home.path("data"), home.path("tokens.csv"));
        std::fs::write(&file, "t1,bob,7,crew\n").expect("written");
        let flags = ["--standalone", "--authorization-mode", "RBAC", "--token-auth-file", &file, "--data-dir", &data];
        let running = home.start(&flags).await.expect("running");
        assert_eq!(home.whose("t1").await, "bob");
        assert_eq!(home.whose("t2").await, "401");
        let accounts: Api<ServiceAccount> = Api::default_namespaced(home.client(&home.root));
        let made = accounts.create_token_request("default", &PostParams::default(), &TokenRequest::default()).await;
        let token = made.expect("a token").status.and_then(|status| status.token).expect("a token");
        running.stop().await;
        let running = home.start(&flags).await.expect("running");
        assert_eq!(home.whose(&token).await, "system:serviceaccount:default:default");
        running.stop().await;
        let key = std::fs::metadata(home.path("data/service-account.key")).expect("a key");
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_flags_is_said_before_anything_is_opened() {
        let home = Home::new();
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = taken.local_addr().expect("an address").port().to_string();
        let data = home.path("data");
        for (flags, expected) in [
            (vec!["--secure-port", &port], format!("port {port} on 127.0.0.1 is in use")),
            (vec!["--client-ca-file", "missing.crt"], "cannot read missing.crt".into()),
            (vec!["--client-ca-file", "/dev/null"], "no certificate in it".into()),
            (vec!["--standalone", "--token-auth-file", "missing.csv"], "cannot read missing.csv".into()),
            (
                vec!["--standalone", "--service-account-signing-key-file", "/dev/null"],
                "tokens cannot be signed or checked with /dev/null".into(),
            ),
            (
                vec!["--tls-cert-file", "missing.crt", "--tls-private-key-file", "missing.key"],
                "cannot read missing.crt".into(),
            ),
        ] {
            let flags: Vec<&str> = flags.into_iter().chain(["--data-dir", &data]).collect();
            let error = start(&parse(&flags), Apis::default()).await.err().expect("an error");
            let text = error::report(&error);
            assert!(text.contains(&expected) && text.contains("hint: "), "{text}");
            assert!(!std::path::Path::new(&data).exists(), "{flags:?}");
        }
    }

    #[tokio::test]
    async fn the_aggregator_of_a_cluster_tells_who_asks() {
        let home = Home::new();
        let proxies = Authority::new("proxies").expect("an authority");
        let aggregator = proxies.issue(&Subject::client("front-proxy-client", None)).expect("a certificate");
        let other = proxies.issue(&Subject::client("another", None)).expect("a certificate");
        std::fs::write(home.path("proxies.crt"), proxies.certificate()).expect("written");
        let trusted = home.path("proxies.crt");
        let flags = ["--requestheader-client-ca-file", &trusted, "--requestheader-allowed-names", "front-proxy-client"];
        let running = home.start(&[&["--storage", "memory"][..], &flags].concat()).await.expect("running");
        let discover = async |pem: &Pem, user: &str, group: &str| {
            let request = http::Request::get("/apis").header("x-remote-user", user).header("x-remote-group", group);
            let request = request.body(Vec::new()).expect("a request");
            match home.client(pem).request_text(request).await {
                Ok(_) => 200,
                Err(kube::Error::Api(status)) => status.code,
                Err(error) => panic!("{error}"),
            }
        };
        let masters = "system:masters";
        assert_eq!(discover(&aggregator, "system:kube-aggregator", masters).await, 200, "how availability is found");
        assert_eq!(discover(&aggregator, "alice", "crew").await, 403, "she is known, and may do nothing here");
        assert_eq!(discover(&other, "system:kube-aggregator", masters).await, 401, "a proxy of another name");
        assert_eq!(discover(&home.alice, "system:kube-aggregator", masters).await, 403, "no proxy: she stays alice");
        running.stop().await;
    }

    /// A folder with certificates.
    struct Home {
        folder: tempfile::TempDir,
        ca: Authority,
        alice: Pem,
        root: Pem,
    }

    impl Home {
        fn new() -> Self {
            let ca = Authority::new("ours").expect("an authority");
            let issue = |subject: &Subject| ca.issue(subject).expect("a certificate");
            let (alice, root) =
                (issue(&Subject::client("alice", None)), issue(&Subject::client("root", Some("system:masters"))));
            let server = issue(&Subject::server(&LOOPBACK_NAMES));
            let home = Self { folder: tempfile::tempdir().expect("a folder"), alice, root, ca };
            for (name, text) in
                [("ca.crt", home.ca.certificate()), ("server.crt", &server.certificate), ("server.key", &server.key)]
            {
                std::fs::write(home.path(name), text).expect("written");
            }
            home
        }

        fn path(&self, name: &str) -> String {
            self.folder.path().join(name).display().to_string()
        }

        async fn start(&self, flags: &[&str]) -> Result<Running, AppError> {
            let (certificate, key, ca, port) =
                (self.path("server.crt"), self.path("server.key"), self.path("ca.crt"), self.path("port"));
            let common = [
                ["--tls-cert-file", &certificate],
                ["--tls-private-key-file", &key],
                ["--client-ca-file", &ca],
                ["--port-file", &port],
                ["--secure-port", "0"],
            ];
            let flags: Vec<&str> = common.as_flattened().iter().chain(flags).copied().collect();
            start(&parse(&flags), Apis::default()).await
        }

        fn client(&self, pem: &Pem) -> Client {
            let mut config = self.config();
            let encode = |text: &str| {
                use base64::Engine;
                base64::engine::general_purpose::STANDARD.encode(text)
            };
            config.auth_info.client_certificate_data = Some(encode(&pem.certificate));
            config.auth_info.client_key_data = Some(encode(&pem.key).into());
            Client::try_from(config).expect("a client")
        }

        /// Whom the server takes a token for, once it is ready.
        async fn whose(&self, token: &str) -> String {
            let mut config = self.config();
            config.auth_info.token = Some(token.to_owned().into());
            let reviews: Api<SelfSubjectReview> = Api::all(Client::try_from(config).expect("a client"));
            let patience = Instant::now() + Duration::from_secs(10);
            loop {
                match reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await {
                    Ok(review) => {
                        let user = review.status.and_then(|status| status.user_info);
                        return user.and_then(|user| user.username).unwrap_or_default();
                    }
                    // Until the roles of the start are there.
                    Err(kube::Error::Api(status)) if matches!(status.code, 403 | 503) && Instant::now() < patience => {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    Err(kube::Error::Api(status)) => return status.code.to_string(),
                    Err(error) => panic!("{error}"),
                }
            }
        }

        fn config(&self) -> Config {
            let port = std::fs::read_to_string(self.path("port")).expect("a port");
            let mut config = Config::new(format!("https://localhost:{}", port.trim()).parse().expect("a URL"));
            let ca = CertificateDer::from_pem_slice(self.ca.certificate().as_bytes()).expect("a certificate");
            config.root_cert = Some(vec![ca.to_vec()]);
            config
        }
    }

    fn event(number: usize) -> Event {
        Event {
            metadata: ObjectMeta { name: Some(format!("event-{number}")), ..ObjectMeta::default() },
            involved_object: ObjectReference { namespace: Some("default".into()), ..ObjectReference::default() },
            ..Event::default()
        }
    }

    fn parse(flags: &[&str]) -> ApiServer {
        let arguments = ["test", "apiserver"].iter().chain(flags).map(std::ffi::OsString::from);
        match command_line::parse("test", "1.0.0", arguments).expect("flags").command {
            Command::Apiserver(flags) => *flags,
            other => panic!("{other:?}"),
        }
    }
}
