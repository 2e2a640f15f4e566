//! The server over real sockets and TLS, as clients meet it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::lifecycle::Phase;
use super::metrics::Known;
use super::pki::{Authority, LOOPBACK_NAMES, Pem, Subject};
use super::tls::Certificate;
use super::{Core, CoreBuilder, Handler, ServeConfig, ServeError, Serving, serve};
use crate::authentication::{Anonymous, Authentication, ClientCertificates, ConnectionInfo};
use crate::authorization::{AllowAuthenticated, AllowGroups, AllowPaths, Authorization};
use crate::body::{Body, RequestBody};
use crate::endpoints::call::{BODY_BYTES_MAX, read_body};
use crate::endpoints::status::page_not_found;
use crate::request::info::RequestInfo;
use crate::request::user::UserInfo;

const BIRDS: &str = "/apis/demo.example.com/v1/namespaces/default/birds";

#[tokio::test]
async fn both_protocols_are_spoken_on_one_port() {
    let server = Server::start().await;
    for protocol in ["h2", "http/1.1", ""] {
        let mut client = server.client(Some("alice")).alpn(protocol).connect().await;
        assert_eq!(client.protocol, protocol);
        assert_eq!(client.get(&format!("{BIRDS}/a")).await, "200 alice asks to get birds a");
    }
}

#[tokio::test]
async fn one_connection_carries_hundreds_of_watches() {
    let server = Server::start().await;
    let mut client = server.client(Some("alice")).connect().await;
    let mut watches = Vec::new();
    for _ in 0..250 {
        let mut watch = client.send("GET", &format!("{BIRDS}?watch=1"), &[]).await.into_body();
        assert_eq!(watch.frame().await.expect("a frame").expect("sound").into_data().expect("data"), "event\n");
        watches.push(watch);
    }
    assert_eq!(client.get(&format!("{BIRDS}/a")).await, "200 alice asks to get birds a");
}

#[tokio::test]
async fn who_brings_no_certificate_sees_health_and_version_only() {
    let server = Server::start().await;
    let mut client = server.client(None).connect().await;
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(client.get(path).await, "200 ok");
    }
    assert!(client.get("/version").await.starts_with("200 {"));
    let forbidden = client.get(&format!("{BIRDS}/a")).await;
    assert!(forbidden.starts_with("403"), "{forbidden}");
    assert!(forbidden.contains(r#"User \"system:anonymous\" cannot get resource \"birds\""#), "{forbidden}");
    for path in ["/", "/metrics", "/readyz/ping", "/apis", "/nothing"] {
        assert!(client.get(path).await.starts_with("403"), "{path}");
    }
}

#[tokio::test]
async fn anonymous_requests_can_be_refused_but_for_health() {
    let open = ["/readyz".to_owned()];
    let server = Server::start_with(|ca| authentication(ca).anonymous(Anonymous::only_on(open)), |core| core).await;
    let mut client = server.client(None).connect().await;
    assert_eq!(client.get("/readyz").await, "200 ok");
    let refused = client.get(BIRDS).await;
    assert!(refused.starts_with("401") && refused.contains(r#""message":"Unauthorized""#), "{refused}");
}

#[tokio::test]
async fn certificates_are_judged_by_the_answer_not_by_the_handshake() {
    let server = Server::start().await;
    let theirs = Authority::new("theirs").expect("an authority");
    let stranger = theirs.issue(&Subject::client("alice", Some("system:masters"))).expect("a certificate");
    let expired = server.ca.issue(&Subject::client("alice", None).expired()).expect("a certificate");
    for (pem, expected) in [(stranger, "401"), (expired, "401")] {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let mut client = server.client(None).certificate(&pem).version(version).connect().await;
            assert!(client.get(BIRDS).await.starts_with(expected));
            assert!(client.get("/readyz").await.starts_with(expected), "bad credentials are worth less than none");
        }
    }
}

#[tokio::test]
async fn a_panic_is_one_failed_request() {
    let server = Server::start().await;
    let mut client = server.client(Some("alice")).connect().await;
    let failed = client.send("GET", &format!("{BIRDS}/panic"), &[]).await;
    assert_eq!(failed.headers()["content-type"], "text/plain; charset=utf-8");
    assert!(failed.headers().contains_key("audit-id"));
    assert_eq!(text(failed).await, "500 This request caused apiserver to panic. Look in the logs for details.\n");
    assert_eq!(client.get(&format!("{BIRDS}/a")).await, "200 alice asks to get birds a");
    let metrics = server.client(Some("alice")).connect().await.get("/metrics").await;
    assert!(metrics.contains(r#"verb="GET",dry_run="",group="demo.example.com",version="v1",resource="birds",subresource="",scope="resource",component="apiserver",code="500"} 1"#), "{metrics}");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_on_either_protocol() {
    let server = Server::start().await;
    let long = Bytes::from(vec![b' '; BODY_BYTES_MAX + 1]);
    let path = format!("{BIRDS}/long");
    for (protocol, announced) in [("h2", true), ("h2", false), ("http/1.1", true), ("http/1.1", false)] {
        let body = if announced {
            BodyExt::boxed(Full::new(long.clone()))
        } else {
            let pieces: Vec<_> =
                long.chunks(100_000).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
            BodyExt::boxed(StreamBody::new(futures::stream::iter(pieces)))
        };
        let uri = if protocol == "h2" { format!("https://localhost{path}") } else { path.clone() };
        let request = Request::post(uri).header("host", "localhost").body(body).expect("a request");
        let stream = server.client(Some("alice")).alpn(protocol).stream().await;
        let answer = if protocol == "h2" {
            let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
            let (mut sender, connection) = handshake.expect("a handshake");
            tokio::spawn(connection);
            sender.send_request(request).await.expect("an answer")
        } else {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
            tokio::spawn(connection);
            sender.send_request(request).await.expect("an answer")
        };
        let answer = text(answer).await;
        assert!(answer.starts_with("413") && answer.contains("limit is 3145728"), "{protocol} {announced}: {answer}");
    }
}

#[tokio::test]
async fn when_too_much_is_in_flight_watches_and_masters_go_on() {
    let server = Server::start_with(anonymous_too, |core| core.max_in_flight(1, 1)).await;
    let mut client = server.client(Some("alice")).connect().await;
    let slow = client.begin(&format!("{BIRDS}/slow"));
    server.handler.slow_ones(1).await;
    let refused = client.send("GET", &format!("{BIRDS}/a"), &[]).await;
    assert_eq!(refused.headers()["retry-after"], "1");
    let refused = text(refused).await;
    assert!(refused.starts_with("429") && refused.contains("TooManyRequests"), "{refused}");
    assert_eq!(client.get("/readyz").await, "200 ok");
    assert_eq!(client.send("GET", &format!("{BIRDS}?watch=1"), &[]).await.status(), 200);
    assert_eq!(text(client.send("POST", BIRDS, &[]).await).await, "200 alice asks to create birds ");
    let mut master = server.client_in("root", "system:masters").connect().await;
    assert_eq!(master.get(&format!("{BIRDS}/a")).await, "200 root asks to get birds a");
    let refusals = r#"apiserver_request_terminations_total{verb="GET",group="demo.example.com",version="v1",resource="birds",subresource="",scope="resource",component="apiserver",code="429"} 1"#;
    let metrics = master.get("/metrics").await;
    assert!(metrics.lines().any(|line| line == refusals), "{metrics}");
    server.handler.release.notify_waiters();
    assert_eq!(text(slow.await.expect("no panic")).await, "200 slow");
    assert_eq!(client.get(&format!("{BIRDS}/a")).await, "200 alice asks to get birds a");
}

#[tokio::test]
async fn an_answer_is_in_flight_until_it_is_sent_or_its_time_is_over() {
    let time = Duration::from_secs(2);
    let server = Server::start_with(anonymous_too, |core| core.max_in_flight(1, 1).request_timeout(time)).await;
    let mut client = server.client(Some("alice")).connect().await;
    let begin = Instant::now();
    let sending = client.send("GET", &format!("{BIRDS}/endless"), &[]).await;
    assert_eq!(client.send("GET", &format!("{BIRDS}/a"), &[]).await.status(), 429);
    drop(sending);
    while client.send("GET", &format!("{BIRDS}/a"), &[]).await.status() == 429 {
        tokio::task::yield_now().await;
    }
    assert!(begin.elapsed() < time, "who has gone is in nobody's way");
    let _unread = client.send("GET", &format!("{BIRDS}/endless"), &[]).await;
    while client.send("GET", &format!("{BIRDS}/a"), &[]).await.status() == 429 {
        tokio::task::yield_now().await;
    }
    assert!(begin.elapsed() >= time, "who does not read is in the way for as long as a request may take");
}

#[tokio::test]
async fn until_it_is_ready_a_server_says_come_back_and_never_not_found() {
    let server = Server::start().await;
    server.handler.ready.store(false, Ordering::SeqCst);
    let mut client = server.client(Some("alice")).connect().await;
    for path in [BIRDS, "/apis", "/apis/nothing.example.com/v1/things"] {
        let early = client.send("GET", path, &[]).await;
        assert_eq!((early.status().as_u16(), &early.headers()["retry-after"]), (503, &"5".parse().expect("a value")));
        let early = text(early).await;
        assert!(early.contains(r#""retryAfterSeconds":5"#), "{early}");
    }
    assert!(client.get("/readyz").await.contains("[-]informer-sync failed: reason withheld"));
    assert_eq!(client.get("/livez").await, "200 ok");
    server.handler.ready.store(true, Ordering::SeqCst);
    assert_eq!(client.get("/readyz").await, "200 ok");
    assert!(client.get(BIRDS).await.starts_with("200"));
    server.handler.ready.store(false, Ordering::SeqCst);
    assert!(client.get(BIRDS).await.starts_with("200"), "503 is for the start only");
}

#[tokio::test]
async fn stopping_finishes_requests_and_ends_watches() {
    let server = Server::start().await;
    let mut client = server.client(Some("alice")).connect().await;
    let mut http1 = server.client(Some("alice")).alpn("http/1.1").connect().await;
    let watching = client.send("GET", &format!("{BIRDS}?watch=1"), &[]).await.into_body();
    let slow = [client.begin(&format!("{BIRDS}/slow")), http1.begin(&format!("{BIRDS}/slow"))];
    server.handler.slow_ones(2).await;
    let address = server.serving.address();
    server.serving.stop();
    server.core.lifecycle().reached(Phase::Draining).await;
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    server.handler.release.notify_waiters();
    for one in slow {
        assert_eq!(text(one.await.expect("no panic")).await, "200 slow");
    }
    assert_eq!(watching.collect().await.expect("ends in order").to_bytes(), "event\n");
    server.serving.stopped().await;
}

#[tokio::test]
async fn during_the_grace_all_is_served_but_readiness() {
    let config = |config| ServeConfig { grace: Duration::from_secs(3600), ..config };
    let server = Server::start_as(anonymous_too, |core| core, config).await;
    server.serving.stop();
    let mut client = server.client(Some("alice")).connect().await;
    assert_eq!(
        client.get("/readyz").await,
        "500 [+]ping ok\n[+]informer-sync ok\n[-]shutdown failed: reason withheld\nreadyz check failed\n"
    );
    assert_eq!(client.get("/livez").await, "200 ok");
    assert!(client.get(BIRDS).await.starts_with("200"));
}

#[tokio::test]
async fn what_does_not_end_is_cut_off() {
    let config = |config| ServeConfig { drain: Duration::from_millis(1), ..config };
    let server = Server::start_as(anonymous_too, |core| core, config).await;
    let mut client = server.client(Some("alice")).connect().await;
    let slow = client.begin(&format!("{BIRDS}/slow"));
    server.handler.slow_ones(1).await;
    server.serving.stop();
    server.serving.stopped().await;
    assert!(slow.await.is_err(), "nobody answered");
}

#[tokio::test]
async fn requests_end_when_their_time_is_over() {
    let server = Server::start_with(anonymous_too, |core| core.request_timeout(Duration::from_millis(20))).await;
    let mut client = server.client(Some("alice")).connect().await;
    for query in ["", "?timeout=0", "?timeout=1h", "?timeout=1ms"] {
        let late = client.get(&format!("{BIRDS}/slow{query}")).await;
        assert!(late.starts_with("504") && late.contains(r#""reason":"Timeout""#), "{late}");
    }
    let metrics = client.get("/metrics").await;
    let late = r#"resource="birds",subresource="",scope="resource",component="apiserver",code="504"} 4"#;
    let is_counted = |line: &str| line.starts_with("apiserver_request_terminations_total{") && line.ends_with(late);
    assert!(metrics.lines().any(is_counted), "{metrics}");
    let bad = client.get(&format!("{BIRDS}/a?timeout=soon")).await;
    assert!(bad.starts_with("400") && bad.contains("invalid timeout specified in the request URL"), "{bad}");
    let mut watch = client.send("GET", &format!("{BIRDS}?watch=1&timeout=1ms"), &[]).await.into_body();
    assert!(watch.frame().await.expect("a frame").is_ok());
}

#[tokio::test]
async fn every_answer_has_the_headers_of_every_answer() {
    let server = Server::start().await;
    let mut client = server.client(Some("alice")).connect().await;
    for path in [BIRDS, "/readyz", "/nothing", "/version", "/apis/%FF/v1/birds"] {
        let answer = client.send("GET", path, &[("audit-id", "mine")]).await;
        assert_eq!(answer.headers()["audit-id"], "mine", "{path}");
        assert_eq!(answer.headers()["cache-control"], "no-cache, private", "{path}");
        let answer = client.send("GET", path, &[]).await;
        assert_eq!(answer.headers()["audit-id"].len(), 36, "{path}");
    }
    assert_eq!(client.get("/nothing").await, "404 404 page not found\n");
    assert_eq!(client.get("/readyz/nothing").await, "404 404 page not found\n");
    for protocol in ["h2", "http/1.1"] {
        let mut client = server.client(Some("alice")).alpn(protocol).connect().await;
        let head = client.send("HEAD", &format!("{BIRDS}/a"), &[]).await;
        assert_eq!(head.headers()["content-length"], "25");
        assert_eq!(text(head).await, "200 ");
    }
}

#[tokio::test]
async fn readiness_lists_its_checks() {
    let server = Server::start().await;
    let mut client = server.client(None).connect().await;
    let answer = client.send("GET", "/readyz?verbose", &[]).await;
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    let expected = "200 [+]ping ok\n[+]informer-sync ok\n[+]shutdown ok\nreadyz check passed\n";
    assert_eq!(text(answer).await, expected);
    assert_eq!(client.get("/livez?verbose").await, "200 [+]ping ok\nlivez check passed\n");
}

#[tokio::test]
async fn the_version_is_one_that_kubectl_can_read() {
    let server = Server::start().await;
    let answer = server.client(None).connect().await.get("/version").await;
    let version: serde_json::Value = serde_json::from_str(&answer[4..]).expect("JSON");
    assert_eq!((&version["major"], &version["minor"]), (&"1".into(), &"36".into()));
    assert!(version["gitVersion"].as_str().expect("text").starts_with("v1.36.0+apiserver."));
    assert!(version["platform"].as_str().expect("text").contains('/'));
}

#[tokio::test]
async fn the_index_is_for_those_who_may_see_it() {
    let server = Server::start().await;
    let index = server.client(Some("alice")).connect().await.get("/").await;
    for path in ["\"/apis\"", "\"/healthz/ping\"", "\"/metrics\"", "\"/readyz/shutdown\"", "\"/version\""] {
        assert!(index.contains(path), "{index}");
    }
}

#[tokio::test]
async fn requests_are_counted() {
    let server = Server::start().await;
    let mut client = server.client(Some("alice")).connect().await;
    for name in ["a", "b"] {
        client.get(&format!("{BIRDS}/{name}")).await;
    }
    client.get("/apis/demo.example.com/v1/unicorns").await;
    let watch = client.send("GET", &format!("{BIRDS}?watch=1"), &[]).await;
    let labels = r#"group="demo.example.com",version="v1",resource="birds",subresource="""#;
    let metrics = client.get("/metrics").await;
    for line in [
        format!(
            r#"apiserver_request_total{{verb="GET",dry_run="",{labels},scope="resource",component="apiserver",code="200"}} 2"#
        ),
        format!(
            r#"apiserver_request_duration_seconds_count{{verb="GET",dry_run="",{labels},scope="resource",component="apiserver"}} 2"#
        ),
        format!(r#"apiserver_longrunning_requests{{verb="WATCH",{labels},scope="namespace",component="apiserver"}} 1"#),
        r#"apiserver_current_inflight_requests{request_kind="readOnly"} 1"#.to_owned(),
    ] {
        assert!(metrics.lines().any(|found| found == line), "no line {line}\nin\n{metrics}");
    }
    assert!(!metrics.contains("unicorns"), "{metrics}");
    drop(watch);
    let gone =
        format!(r#"apiserver_longrunning_requests{{verb="WATCH",{labels},scope="namespace",component="apiserver"}} 0"#);
    while !client.get("/metrics").await.contains(&gone) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn acting_as_another_is_seen_by_the_handler() {
    let server = Server::start().await;
    let mut client = server.client_in("root", "system:masters").connect().await;
    let path = format!("{BIRDS}/a");
    let answer = client.send("GET", &path, &[("impersonate-user", "alice")]).await;
    assert_eq!(text(answer).await, "200 alice asks to get birds a");
    let answer = client.send("GET", &path, &[("impersonate-user", "system:anonymous")]).await;
    assert_eq!(answer.status(), 403, "with the rights of that user, not with one's own");
    let answer = client.send("GET", &path, &[("impersonate-group", "crew")]).await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn a_client_in_the_process_says_who_it_is() {
    let server = Server::start().await;
    let mut request = Request::builder().uri(format!("{BIRDS}/a")).body(no_body()).expect("a request");
    request.extensions_mut().insert(Arc::new(UserInfo::authenticated("tester", [])));
    let answer = super::handle(&server.core, &ConnectionInfo::default(), request).await;
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(body, "tester asks to get birds a");
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("server.crt"), folder.path().join("server.key"));
    let write = |pem: &Pem| {
        std::fs::write(&certificate, &pem.certificate).expect("written");
        std::fs::write(&key, &pem.key).expect("written");
    };
    let ca = Authority::new("ours").expect("an authority");
    let pem = || ca.issue(&Subject::server(&LOOPBACK_NAMES)).expect("a certificate");
    let (first, second) = (pem(), pem());
    write(&first);
    let files = Certificate::Files { certificate: certificate.clone(), key: key.clone() };
    let config = |config| ServeConfig { certificate: Some(files), reload_interval: Duration::from_millis(2), ..config };
    let server = Server::start_by(ca, anonymous_too, |core| core, config).await;
    assert_eq!(server.client(None).connect().await.server_certificate, der(&first));
    std::fs::write(&certificate, "half of it").expect("written");
    assert_eq!(server.client(None).connect().await.server_certificate, der(&first), "the old one stays in use");
    write(&second);
    while server.client(None).connect().await.server_certificate != der(&second) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_cannot_be_served_is_told_with_a_way_out() {
    let server = Server::start().await;
    let taken = server.serving.address();
    let port = taken.port();
    let plain = ServeConfig::plain(taken);
    fails(
        plain,
        &format!("port {port} on 127.0.0.1 is in use"),
        &format!("stop what listens on port {port}, or choose another port"),
    )
    .await;

    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let ca = Authority::new("ours").expect("an authority");
    let pem = || ca.issue(&Subject::server(&LOOPBACK_NAMES)).expect("a certificate");
    std::fs::write(path("a.crt"), pem().certificate).expect("written");
    std::fs::write(path("b.key"), pem().key).expect("written");
    std::fs::write(path("empty"), "").expect("written");
    let files = |certificate: &str, key: &str| {
        let certificate = Certificate::Files { certificate: path(certificate), key: path(key) };
        ServeConfig::new(([127, 0, 0, 1], 0).into(), certificate)
    };
    fails(files("missing", "b.key"), "cannot read ", "check the paths given with --tls-cert-file").await;
    fails(files("empty", "b.key"), "holds no certificate in PEM form", "both PEM").await;
    fails(files("a.crt", "empty"), "holds no private key in PEM form", "both PEM").await;
    fails(files("a.crt", "b.key"), "does not go with the certificate in", "both PEM").await;
}

async fn fails(config: ServeConfig, message: &str, hint: &str) {
    let core = Core::builder(Arc::new(Birds::default())).build();
    let error = serve(config, core).await.err().expect("refused");
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    let text = format!("{error}: {source}");
    assert!(text.contains(message), "{text}");
    assert!(error.hint().expect("a hint").contains(hint), "{:?}", error.hint());
    assert!(matches!(error, ServeError::InUse { .. } | ServeError::Certificate(_)));
}

/// Serves birds that say who asks for what.
struct Birds {
    ready: AtomicBool,
    release: Notify,
    slow: watch::Sender<usize>,
    stopped: watch::Sender<bool>,
}

impl Default for Birds {
    fn default() -> Self {
        Self {
            ready: AtomicBool::new(true),
            release: Notify::new(),
            slow: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
        }
    }
}

impl Birds {
    /// Waits until so many requests wait to be released.
    async fn slow_ones(&self, wanted: usize) {
        self.slow.subscribe().wait_for(|slow| *slow == wanted).await.expect("we hold the sender");
    }
}

#[async_trait]
impl Handler for Birds {
    async fn handle(
        &self,
        info: &Arc<RequestInfo>,
        user: &Arc<UserInfo>,
        request: Request<RequestBody>,
    ) -> Response<Body> {
        assert!(request.headers().keys().all(|name| !name.as_str().starts_with("impersonate-")));
        if info.verb == "watch" {
            let mut stopped = self.stopped.subscribe();
            let end = async move { stopped.wait_for(|stopped| *stopped).await.map(drop).unwrap_or_default() };
            let events = futures::stream::once(async { Bytes::from("event\n") }).chain(futures::stream::pending());
            return Response::new(Body::Stream(events.take_until(end).boxed()));
        }
        match (&*info.resource, &*info.name) {
            ("birds", "long") => match read_body(request.into_body()).await {
                Ok(body) => Response::new(format!("{} bytes", body.len()).into()),
                Err(status) => status.into_response(None, false),
            },
            ("birds", "panic") => panic!("a bird that cannot be had"),
            ("birds", "slow") => {
                let released = self.release.notified();
                self.slow.send_modify(|slow| *slow += 1);
                released.await;
                Response::new("slow".into())
            }
            ("birds", "endless") => {
                let first = futures::stream::once(async { Bytes::from("a, ") });
                Response::new(Body::stream(first.chain(futures::stream::pending())))
            }
            ("birds", name) => {
                let text = format!("{} asks to {} birds {name}", user.username, info.verb);
                Response::new(text.into())
            }
            _ if info.path == "/apis" => Response::new("{}".into()),
            _ => page_not_found(),
        }
    }

    async fn ready(&self) -> Result<(), String> {
        if self.ready.load(Ordering::SeqCst) { Ok(()) } else { Err("not yet".into()) }
    }

    async fn shutdown(&self) {
        self.stopped.send_replace(true);
    }

    fn knows(&self, info: &RequestInfo) -> Known {
        if info.resource == "birds" { Known::Served } else { Known::Unknown }
    }

    fn paths(&self) -> Vec<String> {
        vec!["/apis".into()]
    }
}

struct Server {
    ca: Authority,
    handler: Arc<Birds>,
    core: Arc<Core>,
    serving: Serving,
}

fn authentication(ca: &Authority) -> Authentication {
    let certificates = ClientCertificates::from_pem(ca.certificate().as_bytes()).expect("authorities");
    Authentication::default().client_certificates(Arc::new(certificates))
}

fn anonymous_too(ca: &Authority) -> Authentication {
    authentication(ca).anonymous(Anonymous::everywhere())
}

impl Server {
    async fn start() -> Self {
        Self::start_with(anonymous_too, |core| core).await
    }

    async fn start_with(
        authentication: impl FnOnce(&Authority) -> Authentication,
        change: impl FnOnce(CoreBuilder) -> CoreBuilder,
    ) -> Self {
        Self::start_as(authentication, change, |config| config).await
    }

    async fn start_as(
        authentication: impl FnOnce(&Authority) -> Authentication,
        change: impl FnOnce(CoreBuilder) -> CoreBuilder,
        config: impl FnOnce(ServeConfig) -> ServeConfig,
    ) -> Self {
        Self::start_by(Authority::new("ours").expect("an authority"), authentication, change, config).await
    }

    async fn start_by(
        ca: Authority,
        authentication: impl FnOnce(&Authority) -> Authentication,
        change: impl FnOnce(CoreBuilder) -> CoreBuilder,
        config: impl FnOnce(ServeConfig) -> ServeConfig,
    ) -> Self {
        let pem = ca.issue(&Subject::server(&LOOPBACK_NAMES)).expect("a certificate");
        let certificate = Certificate::Pem { certificate: pem.certificate, key: pem.key };
        let handler = Arc::new(Birds::default());
        let builder =
            Core::builder(handler.clone()).authenticator(authentication(&ca)).authorizer(Authorization::new(vec![
                Arc::new(AllowGroups::masters()),
                Arc::new(AllowPaths::health_and_version()),
                Arc::new(AllowAuthenticated),
            ]));
        let core = change(builder).build();
        let config = config(ServeConfig::new(([127, 0, 0, 1], 0).into(), certificate));
        let serving = serve(config, core.clone()).await.expect("serving");
        Self { ca, handler, core, serving }
    }

    fn client(&self, user: Option<&str>) -> Connect {
        let mut roots = rustls::RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.ca.certificate().as_bytes()).expect("a certificate");
        roots.add(ca).expect("an authority");
        let plain = Connect {
            address: self.serving.address(),
            roots,
            certificate: None,
            alpn: "h2",
            version: &rustls::version::TLS13,
        };
        match user {
            None => plain,
            Some(user) => plain.certificate(&self.ca.issue(&Subject::client(user, None)).expect("a certificate")),
        }
    }

    fn client_in(&self, user: &str, group: &str) -> Connect {
        self.client(None).certificate(&self.ca.issue(&Subject::client(user, Some(group))).expect("a certificate"))
    }
}

/// How to connect.
struct Connect {
    address: SocketAddr,
    roots: rustls::RootCertStore,
    certificate: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    alpn: &'static str,
    version: &'static rustls::SupportedProtocolVersion,
}

struct Client {
    sender: Sender,
    protocol: String,
    server_certificate: CertificateDer<'static>,
}

enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

impl Connect {
    fn certificate(mut self, pem: &Pem) -> Self {
        let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes()).expect("a key");
        self.certificate = Some((der(pem), key));
        self
    }

    fn alpn(mut self, protocol: &'static str) -> Self {
        self.alpn = protocol;
        self
    }

    fn version(mut self, version: &'static rustls::SupportedProtocolVersion) -> Self {
        self.version = version;
        self
    }

    /// The bare connection, for requests of another shape.
    async fn stream(self) -> TlsStream<TcpStream> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[self.version])
            .expect("a version")
            .with_root_certificates(self.roots);
        let mut config = match self.certificate {
            Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key).expect("a certificate"),
            None => config.with_no_client_auth(),
        };
        if !self.alpn.is_empty() {
            config.alpn_protocols = vec![self.alpn.as_bytes().to_vec()];
        }
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake")
    }

    async fn connect(self) -> Client {
        let alpn = self.alpn;
        let stream = self.stream().await;
        let (_, tls) = stream.get_ref();
        let protocol = String::from_utf8(tls.alpn_protocol().unwrap_or_default().to_vec()).expect("text");
        let server_certificate = tls.peer_certificates().expect("a chain")[0].clone().into_owned();
        Client { sender: sender(stream, alpn).await, protocol, server_certificate }
    }
}

async fn sender(stream: TlsStream<TcpStream>, alpn: &str) -> Sender {
    if alpn == "h2" {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        Sender::Http2(sender)
    } else {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        Sender::Http1(sender)
    }
}

impl Client {
    async fn get(&mut self, path: &str) -> String {
        text(self.send("GET", path, &[]).await).await
    }

    async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Incoming> {
        let request = self.request(method, path, headers);
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await.expect("a connection");
                sender.send_request(request).await.expect("an answer")
            }
            Sender::Http2(sender) => sender.send_request(request).await.expect("an answer"),
        }
    }

    /// Sends a request whose answer is waited for later.
    fn begin(&mut self, path: &str) -> tokio::task::JoinHandle<Response<Incoming>> {
        let request = self.request("GET", path, &[]);
        match &mut self.sender {
            Sender::Http1(sender) => {
                let answer = sender.send_request(request);
                tokio::spawn(async { answer.await.expect("an answer") })
            }
            Sender::Http2(sender) => {
                let answer = sender.send_request(request);
                tokio::spawn(async { answer.await.expect("an answer") })
            }
        }
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Empty<Bytes>> {
        let uri =
            if matches!(self.sender, Sender::Http2(_)) { format!("https://localhost{path}") } else { path.into() };
        let mut request = Request::builder().method(method).uri(uri).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Empty::new()).expect("a request")
    }
}

async fn text(answer: Response<Incoming>) -> String {
    let code = answer.status();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    format!("{} {}", code.as_u16(), String::from_utf8_lossy(&body))
}

fn der(pem: &Pem) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.certificate.as_bytes()).expect("a certificate")
}

fn no_body() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}
