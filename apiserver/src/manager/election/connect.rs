//! A client that is fenced at the socket, and that counts its requests.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use tower::retry::RetryLayer;
use tower::{BoxError, Service, ServiceBuilder};

use super::fence::{Fence, FencedConnector};
use crate::manager::Metrics;

/// As `Client::try_from` puts one together, with the fence below TLS.
pub(in crate::manager) fn connect(config: Config, fence: &Fence, metrics: &Metrics) -> kube::Result<Client> {
    if config.proxy_url.is_some() {
        return Ok(fence.client(Client::try_from(config)?));
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(config.connect_timeout);
    let tls = config.rustls_https_connector_with_connector(FencedConnector { inner: tcp, fence: fence.clone() })?;
    let http: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new()).build(tls);
    let host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.default_retry.then_some(RetryLayer::new(RetryPolicy::server_retry())))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(Counted { inner: http, host, metrics: metrics.clone() });
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

/// Counts what comes back.
#[derive(Clone)]
struct Counted<S> {
    inner: S,
    host: String,
    metrics: Metrics,
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>, Future: Send + 'static>,
    S::Error: 'static,
    B: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (method, host, metrics) = (request.method().clone(), self.host.clone(), self.metrics.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            metrics.request(&host, &method, answer.as_ref().ok().map(Response::status));
            answer
        })
    }
}
