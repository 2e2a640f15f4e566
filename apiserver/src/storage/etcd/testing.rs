//! A real etcd for tests: on loopback, alone, and gone with the process that started it, however that ends.
//!
//! Takes the `etcd` on `PATH`. Without one, tests fail; who wants to do without sets `APISERVER_TEST_WITHOUT_ETCD=1`.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use super::{EtcdClientCertificate, EtcdConfig, EtcdStore, EtcdTls};

/// A cluster of one member. Dropping it kills the member and removes its data.
pub struct EtcdServer {
    folder: PathBuf,
    ports: Ports,
    tls: Option<EtcdTls>,
    // Kills etcd as soon as its standard input ends. `None` while etcd is stopped.
    keeper: Option<Child>,
}

impl EtcdServer {
    /// Starts one and waits until it answers; `None` when etcd was opted out of.
    ///
    /// # Panics
    /// When there is no `etcd` on `PATH`, or it does not start.
    pub fn start() -> Option<Self> {
        Self::start_with(|_| None)
    }

    /// Starts one that is encrypted and lets in only who has a certificate.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with_tls() -> Option<Self> {
        Self::start_with(|folder| Some(write_certificates(folder)))
    }

    /// The one that all tests of this process share. Take a [`store`](Self::store) of your own.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<EtcdServer>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Where clients reach it, as `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.ports.client)
    }

    /// How to reach it, with a prefix that nobody else was given.
    pub fn config(&self) -> EtcdConfig {
        let prefix = format!("/{}", uuid::Uuid::new_v4().simple());
        EtcdConfig { endpoints: vec![self.endpoint()], tls: self.tls.clone(), prefix }
    }

    /// A store that shares no key with any other store that this gave out; they do share revisions.
    ///
    /// # Panics
    /// When etcd does not answer.
    pub async fn store(&self) -> EtcdStore {
        EtcdStore::connect(self.config()).await.expect("the etcd of the test answers")
    }

    /// The value of one of its metrics, such as `etcd_debugging_mvcc_watcher_total`; 0 when it has no such metric.
    pub fn metric(&self, name: &str) -> f64 {
        let metrics = get(self.ports.metrics, "/metrics").unwrap_or_default();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
    }

    /// Kills it as a power failure would; the data stays.
    pub fn kill(&mut self) {
        let Some(mut keeper) = self.keeper.take() else { return };
        keeper.stdin.take().expect("piped").write_all(b"keep\n").expect("the keeper listens");
        keeper.wait().expect("the keeper ends");
    }

    /// Starts it again after [`kill`](Self::kill), with its data and address, and waits until it answers.
    ///
    /// # Panics
    /// When it does not start, for example because another process took its port.
    pub fn restart(&mut self) {
        self.keeper = Some(self.spawn());
        assert!(self.comes_up(), "etcd does not start again:\n{}", self.log());
    }

    fn start_with(tls: impl Fn(&Path) -> Option<EtcdTls>) -> Option<Self> {
        if !is_wanted() {
            return None;
        }
        // Between finding a port and using it, another process may take it.
        for _ in 0..5 {
            let folder = std::env::temp_dir().join(format!("etcd-{}", uuid::Uuid::new_v4().simple()));
            fs::create_dir(&folder).expect("a folder for etcd's data");
            let tls = tls(&folder);
            let mut server = Self { folder, ports: Ports::free(), tls, keeper: None };
            server.keeper = Some(server.spawn());
            if server.comes_up() {
                return Some(server);
            }
        }
        panic!("etcd found no free port on 127.0.0.1");
    }

    fn spawn(&self) -> Child {
        // The shell waits for its input to end, which it does when this process ends, even if it is killed. Nobody else
        // would stop the shared etcd, as statics are never dropped.
        const KEEPER: &str = r#"
            folder=$1; shift
            etcd --data-dir "$folder/data" "$@" >>"$folder/log" 2>&1 </dev/null &
            read -r keep
            kill -9 $!
            wait
            [ "$keep" = keep ] || rm -rf "$folder"
        "#;
        let client = self.endpoint();
        let peer = format!("http://{}", self.ports.peer);
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(&self.folder).args(["--name", "test"]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("test={peer}")]);
        command.args(["--listen-metrics-urls", &format!("http://{}", self.ports.metrics)]);
        if self.tls.is_some() {
            for (flag, file) in [("--trusted-ca-file", "ca"), ("--cert-file", "cert"), ("--key-file", "key")] {
                command.arg(flag).arg(self.folder.join(file));
            }
            command.arg("--client-cert-auth");
        }
        // etcd takes its options from variables too, and a developer may have set some for another etcd.
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("ETCD") {
                command.env_remove(variable);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("sh starts")
    }

    /// Waits until it answers; `false` when its port was taken.
    fn comes_up(&self) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            if is_healthy(self.ports.metrics) {
                return true;
            }
            if self.log().contains("address already in use") {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("etcd does not start:\n{}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for EtcdServer {
    fn drop(&mut self) {
        match self.keeper.take() {
            Some(mut keeper) => {
                drop(keeper.stdin.take());
                let _ = keeper.wait();
            }
            None => drop(fs::remove_dir_all(&self.folder)),
        }
    }
}

struct Ports {
    client: SocketAddr,
    peer: SocketAddr,
    metrics: SocketAddr,
}

impl Ports {
    fn free() -> Self {
        // All are held before the first is let go, so that they differ.
        let held = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
        let [client, peer, metrics] = held.map(|listener| listener.local_addr().expect("its address"));
        Self { client, peer, metrics }
    }
}

/// Makes a CA that signs one certificate, which the member and its clients both use.
fn write_certificates(folder: &Path) -> EtcdTls {
    let names = vec!["127.0.0.1".to_owned()];
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("no names");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).expect("a certificate").pem();
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(names).expect("an address");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let cert_pem = params.signed_by(&key, &Issuer::new(ca, ca_key)).expect("a certificate").pem();
    for (file, pem) in [("ca", &ca_pem), ("cert", &cert_pem), ("key", &key.serialize_pem())] {
        fs::write(folder.join(file), pem).expect("the folder can be written");
    }
    let client = EtcdClientCertificate { cert_pem: cert_pem.into(), key_pem: key.serialize_pem().into() };
    EtcdTls { ca_pem: ca_pem.into(), client: Some(client) }
}

/// Whether tests shall run against etcd.
fn is_wanted() -> bool {
    if std::env::var_os("APISERVER_TEST_WITHOUT_ETCD").is_some_and(|value| value == "1") {
        eprintln!("not tested with etcd, because APISERVER_TEST_WITHOUT_ETCD=1");
        return false;
    }
    match Command::new("etcd").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => panic!(
            "this test needs etcd, and there is none on PATH; install it with `apt-get install etcd-server`, \
             or set APISERVER_TEST_WITHOUT_ETCD=1 to leave out all tests that need it"
        ),
        Err(error) => panic!("etcd cannot be run: {error}"),
    }
}

fn is_healthy(address: SocketAddr) -> bool {
    get(address, "/health").is_ok_and(|answer| answer.contains(r#""health":"true""#))
}

/// What `GET path` over plain HTTP/1.0 answers, head included.
fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
