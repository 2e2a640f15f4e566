//! Paths and documents: which review is whose, and what it is answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use prometheus_client::registry::Registry;
use serde_json::Value;

use super::configuration::Configured;
use super::conversion::{self, Convertible};
use super::metrics::Metrics;
use super::own::Own;
use super::review::{self, Review, Verdict};
use super::{Hooked, Malformed, Reviewer, Source, WebhookError, Webhooks};
use crate::admission::Operation;
use crate::apis::Apis;
use crate::body::{Body, RequestBody};
use crate::endpoints::call::read_at_most;
use crate::endpoints::status::page_not_found;
use crate::request::decode::{Format, decode};
use crate::request::info::RequestInfo;
use crate::request::patch::difference::difference;
use crate::request::user::UserInfo;
use crate::server::Handler;
use crate::server::metrics::Known;

/// Where conversion reviews go, for all kinds.
pub const CONVERT: &str = "/convert";

/// A review holds two objects at most, and each of these has its limit in the store. Source:
/// <https://github.com/kubernetes-sigs/controller-runtime/blob/main/pkg/webhook/admission/http.go>
const REVIEW_BYTES_MAX: usize = 7 << 20;
/// A server sends whole pages of a list at a time to be converted.
const CONVERSION_BYTES_MAX: usize = 128 << 20;

/// The webhooks of a project with all that they need to know of its kinds: answers reviews, without a socket.
pub struct Service {
    routes: BTreeMap<String, Route>,
    convertible: Vec<Convertible>,
    configured: Vec<Configured>,
    metrics: Metrics,
}

/// Whose reviews arrive at a path, and for what.
struct Route {
    reviewer: Arc<dyn Reviewer>,
    mutating: bool,
}

impl Service {
    /// Puts webhooks together with the kinds that they are for.
    ///
    /// # Errors
    /// Kinds that are not installed or cannot be served, and two webhooks for one kind.
    pub fn new(webhooks: Webhooks, apis: &Apis) -> Result<Self, WebhookError> {
        let kinds = apis.conversions().map_err(WebhookError::Kinds)?;
        let mut service = Self {
            routes: BTreeMap::new(),
            convertible: Vec::new(),
            configured: Vec::new(),
            metrics: Metrics::default(),
        };
        for Hooked { source, group, version, kind, plural, asked } in webhooks.hooked {
            let mut configured =
                Configured { group, version, singular: kind.to_lowercase(), plural, kind, asked, own: false };
            let reviewer: Arc<dyn Reviewer> = match source {
                Source::Others(reviewer) => reviewer,
                Source::Own(hooks) => {
                    let known = kinds
                        .iter()
                        .find(|(kind, _)| kind.group == configured.group && kind.plural == configured.plural);
                    let Some((kind, conversion)) = known else {
                        return Err(WebhookError::NotInstalled { kind: configured.qualified() });
                    };
                    // Of the versions that are served, that which hooks are written for, so that nothing is converted.
                    let storage = kind.storage_version();
                    let shown =
                        if storage.served { Some(storage) } else { kind.versions.iter().find(|one| one.served) };
                    configured.version.clone_from(&shown.unwrap_or(storage).version);
                    configured.singular.clone_from(&kind.singular);
                    configured.own = true;
                    if asked.conversion {
                        service.convertible.push(Convertible { kind: kind.clone(), conversion: conversion.clone() });
                    }
                    Arc::new(Own { kind: kind.clone(), hooks, conversion: conversion.clone() })
                }
            };
            for (mutating, wanted) in [(true, asked.defaulting), (false, asked.validation)] {
                let route = Route { reviewer: reviewer.clone(), mutating };
                if wanted && service.routes.insert(configured.path(mutating), route).is_some() {
                    return Err(WebhookError::Twice { kind: configured.qualified() });
                }
            }
            service.configured.push(configured);
        }
        Ok(service)
    }

    /// The paths that are answered.
    pub fn paths(&self) -> Vec<String> {
        let convert = (!self.convertible.is_empty()).then(|| CONVERT.to_owned());
        self.routes.keys().cloned().chain(convert).collect()
    }

    /// What a cluster must know to ask these webhooks.
    pub(crate) fn configured(&self) -> &[Configured] {
        &self.configured
    }

    /// The names of the CRDs whose versions are converted here.
    pub(crate) fn converted_crds(&self) -> Vec<String> {
        self.convertible.iter().map(|one| one.kind.qualified_resource()).collect()
    }

    /// Shows the metrics at `/metrics`.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Answers a review that was sent to a path; `None` where there is no webhook.
    ///
    /// # Errors
    /// A body that is no review.
    pub async fn answer(&self, path: &str, body: &[u8]) -> Option<Result<Value, Malformed>> {
        let document = || {
            let decoded =
                decode(body, Format::Json).map_err(|error| Malformed(format!("the body is no JSON: {error}")))?;
            Ok(decoded.value)
        };
        if path == CONVERT && !self.convertible.is_empty() {
            return Some(document().and_then(|document| conversion::review(&self.convertible, document)));
        }
        let route = self.routes.get(path)?;
        Some(match document().and_then(Review::read) {
            Ok(review) => Ok(route.answer(review).await),
            Err(error) => Err(error),
        })
    }

    async fn respond(&self, path: &str, request: http::Request<RequestBody>) -> Response<Body> {
        if request.method() != Method::POST {
            return text(StatusCode::METHOD_NOT_ALLOWED, "webhooks are asked with POST");
        }
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if content_type.is_some_and(|value| value.split(';').next().map(str::trim) != Some("application/json")) {
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body of a review is application/json");
        }
        let bytes_max = if path == CONVERT { CONVERSION_BYTES_MAX } else { REVIEW_BYTES_MAX };
        let body = match read_at_most(request.into_body(), bytes_max).await {
            Ok(body) => body,
            Err(status) => {
                return text(StatusCode::from_u16(status.code).unwrap_or(StatusCode::BAD_REQUEST), status.message);
            }
        };
        match self.answer(path, &body).await {
            Some(Ok(answer)) => {
                let mut response = Response::new(Body::from(answer.to_string()));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Some(Err(Malformed(message))) => {
                tracing::info!(path, message, "a review could not be read");
                text(StatusCode::BAD_REQUEST, message)
            }
            None => page_not_found(),
        }
    }
}

impl Route {
    async fn answer(&self, review: Review) -> Value {
        let Review { request, object, old_object } = review;
        let verdict = self.verdict(&request, object.as_ref(), old_object.as_ref()).await;
        if let Verdict::Denied(status) = &verdict {
            tracing::debug!(kind = request.kind, name = request.name, message = status.message, "denied");
        }
        review::answer(&request, &verdict)
    }

    async fn verdict(&self, request: &super::Request, object: Option<&Value>, old: Option<&Value>) -> Verdict {
        // There is nothing to say about a connection, and nothing to change of what is about to go.
        let done = match (request.operation, self.mutating, object) {
            (Operation::Connect, ..) | (Operation::Delete, true, _) => Ok(Vec::new()),
            (_, true, Some(object)) => {
                self.reviewer.mutate(request, object, old).await.map(|changed| difference(object, &changed))
            }
            _ => self.reviewer.validate(request, object, old).await.map(|()| Vec::new()),
        };
        match done {
            Ok(patch) => Verdict::Allowed(patch),
            Err(status) => Verdict::Denied(status),
        }
    }
}

#[async_trait]
impl Handler for Service {
    async fn handle(
        &self,
        info: &Arc<RequestInfo>,
        _: &Arc<UserInfo>,
        request: http::Request<RequestBody>,
    ) -> Response<Body> {
        let path = info.path.as_str();
        let known = self.routes.contains_key(path) || path == CONVERT && !self.convertible.is_empty();
        if !known {
            return page_not_found();
        }
        let observed = self.metrics.observe(path);
        let response = self.respond(path, request).await;
        observed.answered(response.status().as_u16());
        response
    }

    async fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    async fn shutdown(&self) {}

    fn knows(&self, _: &RequestInfo) -> Known {
        Known::Unknown
    }

    fn paths(&self) -> Vec<String> {
        Self::paths(self)
    }
}

fn text(code: StatusCode, message: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(message.into() + "\n"));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
