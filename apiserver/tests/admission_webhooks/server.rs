//! A webhook server of the tests' own: HTTPS on a free port, with answers as a test wants them.

use std::sync::{Arc, Mutex};

use apiserver::server::pki::{Authority, LOOPBACK_NAMES, Subject};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a webhook does about a request.
pub enum Reply {
    Allow,
    /// Further fields of the response.
    With(Value),
    /// A patch of the object.
    Patch(Value),
    Deny(Value),
    /// A whole answer of its own.
    Raw(u16, String),
    Hang,
    Close,
}

type Decide = dyn Fn(&str, &Value) -> Reply + Send + Sync;

/// A webhook server, which notes the requests of the reviews that it gets. Stopped when dropped.
pub struct WebhookServer {
    pub port: u16,
    ca: String,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
    connections: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl WebhookServer {
    /// Starts one that decides by the path and the request of the review.
    pub async fn start(decide: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> Self {
        let authority = Authority::new("webhooks").expect("an authority");
        let pem = authority.issue(&Subject::server(&LOOPBACK_NAMES)).expect("a certificate");
        Self::certified(&pem.certificate, &pem.key, authority.certificate(), decide).await
    }

    /// The same with a certificate that nobody has signed but itself.
    pub async fn self_signed(decide: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> Self {
        let names = LOOPBACK_NAMES.map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let certificate = made.cert.pem();
        Self::certified(&certificate, &made.signing_key.serialize_pem(), &certificate, decide).await
    }

    async fn certified(
        certificate: &str,
        key: &str,
        ca: &str,
        decide: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (seen, connections) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<usize>>::default());
        let decide: Arc<Decide> = Arc::new(decide);
        let (log, count) = (seen.clone(), connections.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, decide, log) = (acceptor.clone(), decide.clone(), log.clone());
                let count = count.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    *count.lock().unwrap() += 1;
                    let service = service_fn(move |request| answer(request, decide.clone(), log.clone()));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { port, ca: ca.to_owned(), seen, connections, task }
    }

    /// Where a path is.
    pub fn client_config(&self, path: &str) -> Value {
        json!({ "url": format!("https://127.0.0.1:{}{path}", self.port), "caBundle": STANDARD.encode(&self.ca) })
    }

    /// The requests so far, taken out, each with the path that it came to.
    pub fn take(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The paths of the requests so far, taken out.
    pub fn paths(&self) -> Vec<String> {
        self.take().into_iter().map(|(path, _)| path.split('?').next().unwrap_or_default().to_owned()).collect()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for WebhookServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    decide: Arc<Decide>,
    log: Arc<Mutex<Vec<(String, Value)>>>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    let review: Value = serde_json::from_slice(&body).expect("a review");
    let asked = review["request"].clone();
    log.lock().unwrap().push((path.clone(), asked.clone()));
    let mut response = json!({ "uid": asked["uid"], "allowed": true });
    match decide(path.split('?').next().unwrap_or_default(), &asked) {
        Reply::Allow => {}
        Reply::With(fields) => {
            for (key, value) in fields.as_object().expect("fields") {
                response[key] = value.clone();
            }
        }
        Reply::Patch(patch) => {
            response["patch"] = STANDARD.encode(patch.to_string()).into();
            response["patchType"] = "JSONPatch".into();
        }
        Reply::Deny(status) => {
            response["allowed"] = false.into();
            response["status"] = status;
        }
        Reply::Raw(code, text) => {
            let mut response = Response::new(Full::from(text));
            *response.status_mut() = StatusCode::from_u16(code).expect("a code");
            return Ok(response);
        }
        Reply::Hang => std::future::pending().await,
        Reply::Close => return Err(std::io::Error::other("closed")),
    }
    let review = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response });
    Ok(Response::new(Full::from(review.to_string())))
}
