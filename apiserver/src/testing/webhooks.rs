//! The webhooks of a project inside a test: asked as an API server asks them, without a socket; and once more over HTTPS.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::logs;
use crate::apis::Apis;
use crate::authorization::AllowPaths;
use crate::kind::Typed;
use crate::request::patch::json_patch;
use crate::request::user::UserInfo;
use crate::server::pki::LOOPBACK_NAMES;
use crate::server::tls::{Certificate, Replaceable};
use crate::server::{Core, ServeConfig, Serving, serve};
use crate::webhook::certificate::Bundle;
use crate::webhook::{CONVERT, Malformed, Service, Webhooks};

/// The webhooks of a project, asked as an API server would ask: first those that change the object, then those that may
/// refuse it.
///
/// ```no_run
/// # async fn example<Bird>(apis: fn(&mut apiserver::Apis), webhooks: fn(&mut apiserver::Webhooks), bird: Bird)
/// # where Bird: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::Serialize
/// #     + serde::de::DeserializeOwned + Send + Sync + 'static {
/// let webhooks = apiserver::testing::WebhookTest::new(apis, webhooks);
/// let reviewed = webhooks.create(&bird).await.expect("allowed");
/// println!("{:?} {:?}", reviewed.object, reviewed.warnings);
/// # }
/// ```
pub struct WebhookTest {
    service: Arc<Service>,
    asking: Asking,
}

/// How a request is made.
#[derive(Clone)]
struct Asking {
    user: UserInfo,
    dry_run: bool,
    subresource: String,
}

/// A request that all webhooks have let pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Reviewed<K> {
    /// The object as they have made it; on delete, as it was.
    pub object: K,
    /// What the client is told, each text once.
    pub warnings: Vec<String>,
    /// What the audit log is told, as `key=value`.
    pub audit: Vec<String>,
}

/// Webhooks that listen, with a certificate made for the test. Dropping it stops them.
pub struct WebhookServer {
    serving: Option<Serving>,
    bundle: Bundle,
    served: Replaceable,
}

impl WebhookTest {
    /// The webhooks of a project, with its kinds.
    ///
    /// # Panics
    /// If they do not fit each other; the message says why.
    pub fn new(apis: impl FnOnce(&mut Apis), install: impl FnOnce(&mut Webhooks)) -> Self {
        logs::show();
        let (mut kinds, mut webhooks) = (Apis::default(), Webhooks::default());
        apis(&mut kinds);
        install(&mut webhooks);
        let service = Service::new(webhooks, &kinds).unwrap_or_else(|error| panic!("{error}"));
        let asking = Asking { user: super::server::admin(), dry_run: false, subresource: String::new() };
        Self { service: Arc::new(service), asking }
    }

    /// The same, asked about requests of this user. Otherwise it is `test-admin`.
    #[must_use]
    pub fn as_user(&self, user: UserInfo) -> Self {
        Self { service: self.service.clone(), asking: Asking { user, ..self.asking.clone() } }
    }

    /// The same, asked about dry runs.
    #[must_use]
    pub fn dry_run(&self) -> Self {
        Self { service: self.service.clone(), asking: Asking { dry_run: true, ..self.asking.clone() } }
    }

    /// The same, asked about a subresource, for example `status`.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Self {
        Self { service: self.service.clone(), asking: Asking { subresource: name.into(), ..self.asking.clone() } }
    }

    /// The service itself, for configurations and paths.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Asks about a new object.
    ///
    /// # Errors
    /// The refusal, as the client would get it but for the name of the webhook in front of the message.
    pub async fn create<K: Typed>(&self, object: &K) -> Result<Reviewed<K>, Box<kube::core::Status>> {
        self.ask("CREATE", Some(object), None).await
    }

    /// Asks about a changed object.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn update<K: Typed>(&self, new: &K, old: &K) -> Result<Reviewed<K>, Box<kube::core::Status>> {
        self.ask("UPDATE", Some(new), Some(old)).await
    }

    /// Asks about a deletion.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn delete<K: Typed>(&self, object: &K) -> Result<Reviewed<K>, Box<kube::core::Status>> {
        self.ask("DELETE", None, Some(object)).await
    }

    /// Converts objects to a version, for example `demo.example.com/v1`.
    ///
    /// # Errors
    /// The message of the failure.
    ///
    /// # Panics
    /// If no kind is converted.
    pub async fn convert(&self, objects: Vec<Value>, api_version: &str) -> Result<Vec<Value>, String> {
        let review = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
            "request": { "uid": "test", "desiredAPIVersion": api_version, "objects": objects },
        });
        let mut answer = match self.review(CONVERT, &review).await {
            Some(Ok(answer)) => answer,
            Some(Err(Malformed(message))) => return Err(message),
            None => panic!("no kind is converted: `webhooks.kind(…).conversion()` is missing"),
        };
        match answer["response"]["result"]["message"].take() {
            Value::String(message) => Err(message),
            _ => Ok(answer["response"]["convertedObjects"].as_array_mut().map(std::mem::take).unwrap_or_default()),
        }
    }

    /// Sends a review as it is; `None` where nobody is asked.
    pub async fn review(&self, path: &str, review: &Value) -> Option<Result<Value, Malformed>> {
        self.service.answer(path, review.to_string().as_bytes()).await
    }

    /// Lets the webhooks listen on a free port of this machine.
    ///
    /// # Panics
    /// If nothing can listen there.
    pub async fn serve(&self) -> WebhookServer {
        let bundle = Bundle::new(&LOOPBACK_NAMES.map(str::to_owned)).expect("a certificate");
        let served = Replaceable::new(&bundle.certificate, &bundle.key).expect("a certificate that fits");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = ServeConfig::new(address, Certificate::Replaceable(served.clone()));
        let core = Core::builder(self.service.clone())
            .authorizer(AllowPaths::new(["*"]))
            .metrics(|registry| self.service.register_metrics(registry))
            .build();
        let serving = serve(config, core).await.expect("a port");
        WebhookServer { serving: Some(serving), bundle, served }
    }

    async fn ask<K: Typed>(
        &self,
        operation: &str,
        new: Option<&K>,
        old: Option<&K>,
    ) -> Result<Reviewed<K>, Box<kube::core::Status>> {
        let written = |object: &K| {
            let mut value = serde_json::to_value(object).expect("an object");
            value["apiVersion"] = K::api_version(&()).into();
            value["kind"] = K::kind(&()).into();
            value
        };
        let (mut object, old) = (new.map(written), old.map(written));
        let (mut warnings, mut audit, mut asked) = (Vec::<String>::new(), Vec::new(), false);
        for verb in ["mutate", "validate"] {
            let group = K::group(&()).replace('.', "-");
            let path = format!("/{verb}-{group}-{}-{}", K::version(&()), K::kind(&()).to_lowercase());
            let review = self.document::<K>(operation, object.as_ref(), old.as_ref());
            let Some(answer) = self.review(&path, &review).await else { continue };
            asked = true;
            let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
            let response = &answer["response"];
            for warning in response["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !warnings.iter().any(|told| told == warning) {
                    warnings.push(warning.to_owned());
                }
            }
            for (key, value) in response["auditAnnotations"].as_object().into_iter().flatten() {
                audit.push(format!("{key}={}", value.as_str().unwrap_or_default()));
            }
            if response["allowed"] != true {
                let status = serde_json::from_value(response["status"].clone());
                return Err(Box::new(status.expect("a refusal comes with a Status")));
            }
            if let (Some(patch), Some(before)) = (response["patch"].as_str(), &object) {
                let patch = STANDARD.decode(patch).expect("base64");
                let patch = serde_json::from_slice(&patch).expect("a JSON patch");
                object = Some(json_patch::apply(before, &patch).expect("a patch that applies"));
            }
        }
        assert!(asked, "{} has no webhook, so that nothing is asked", K::kind(&()));
        let object = object.or(old).expect("an object was given");
        let object = K::deserialize(&object).expect("an object of the type");
        Ok(Reviewed { object, warnings, audit })
    }

    fn document<K: Typed>(&self, operation: &str, object: Option<&Value>, old: Option<&Value>) -> Value {
        let metadata = &object.or(old).expect("an object was given")["metadata"];
        let kind = json!({ "group": K::group(&()), "version": K::version(&()), "kind": K::kind(&()) });
        let resource = json!({ "group": K::group(&()), "version": K::version(&()), "resource": K::plural(&()) });
        let options = format!("{}{}Options", &operation[..1], operation[1..].to_lowercase());
        let Asking { user, dry_run, subresource } = &self.asking;
        json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "test", "kind": kind, "resource": resource, "subResource": subresource,
                "requestKind": kind, "requestResource": resource, "requestSubResource": subresource,
                "name": metadata["name"], "namespace": metadata["namespace"], "operation": operation,
                "userInfo": {
                    "username": user.username, "uid": user.uid, "groups": user.groups, "extra": user.extra,
                },
                "object": object, "oldObject": old, "dryRun": dry_run,
                "options": { "apiVersion": "meta.k8s.io/v1", "kind": options },
            },
        })
    }
}

impl WebhookServer {
    /// Where it listens, for example `https://localhost:40123`.
    pub fn url(&self) -> String {
        let port = self.serving.as_ref().map(|serving| serving.address().port()).unwrap_or_default();
        format!("https://localhost:{port}")
    }

    /// What to trust, in PEM: the `caBundle` of a configuration before it is encoded.
    pub fn ca(&self) -> &str {
        &self.bundle.ca
    }

    /// A client that trusts it.
    ///
    /// # Panics
    /// If TLS cannot be set up.
    pub fn client(&self) -> Client {
        let mut config = Config::new(self.url().parse().expect("a URL"));
        let ca = CertificateDer::from_pem_slice(self.bundle.ca.as_bytes()).expect("a certificate");
        config.root_cert = Some(vec![ca.to_vec()]);
        Client::try_from(config).expect("a client")
    }

    /// Sends a request with a client of its own connection.
    ///
    /// # Errors
    /// The server cannot be reached, or is not trusted.
    pub async fn request(&self, request: Request<impl Into<Bytes>>) -> Result<Response<Bytes>, kube::Error> {
        let request = request.map(|body| kube::client::Body::from(body.into()));
        let (head, body) = self.client().send(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    /// Serves another certificate from now on; it is trusted as the one before if `same_authority`.
    ///
    /// # Panics
    /// If none can be made.
    pub fn renew(&mut self, same_authority: bool) {
        let names = LOOPBACK_NAMES.map(str::to_owned);
        // One more name, so that the present certificate does not do.
        let more: Vec<String> = names.iter().cloned().chain(["renewed".to_owned()]).collect();
        let newer = if same_authority { self.bundle.renewed(&more) } else { Bundle::new(&names) };
        let newer = newer.expect("a certificate");
        self.served.replace(&newer.certificate, &newer.key).expect("a certificate that fits");
        if same_authority {
            self.bundle = newer;
        }
    }

    /// Stops, once what is under way is answered.
    pub async fn stop(mut self) {
        if let Some(serving) = self.serving.take() {
            serving.stop();
            serving.stopped().await;
        }
    }
}

impl Drop for WebhookServer {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.stop();
        }
    }
}
