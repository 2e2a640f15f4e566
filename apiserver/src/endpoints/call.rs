//! One request on a resource: what it asks for, of which kind, and how it wants its answer.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::status::Status;
use crate::body::RequestBody;
use crate::kind::{Kind, KindVersion};
use crate::registry::error::Error;
use crate::registry::rest::Rest;
use crate::request::context::RequestContext;
use crate::request::info::RequestInfo;
use crate::request::media::{self, Transform, Wanted};
use crate::request::query::Query;
use crate::request::user::UserInfo;

/// The largest body that is read. Source: `MaxRequestBodyBytes` in Kubernetes' server configuration.
pub const BODY_BYTES_MAX: usize = 3 << 20;

/// A request on a resource that is served.
pub struct Call {
    /// The objects of the kind.
    pub registry: Arc<dyn Rest>,
    /// Which of the kind's versions was asked for.
    pub version_index: usize,
    /// What was asked for.
    pub info: Arc<RequestInfo>,
    /// The query.
    pub query: Query,
    /// The headers.
    pub headers: HeaderMap,
    /// What hooks may know.
    pub context: RequestContext,
    /// Whom to ask when a request turns out to be more than its method says.
    pub permission: Option<Arc<dyn Permission>>,
    /// Whether JSON is to be read by a person.
    pub readable: bool,
}

/// Knows what the user of a request may do: found among the extensions of requests that may need it.
#[async_trait]
pub trait Permission: Send + Sync + 'static {
    /// Whether the user may do this as well.
    ///
    /// # Errors
    /// 403, or 500 where it could not be decided.
    async fn check(&self, info: &RequestInfo) -> Result<(), Status>;
}

impl Call {
    /// The kind.
    pub fn kind(&self) -> &Kind {
        self.registry.kind()
    }

    /// The version that was asked for.
    pub fn version(&self) -> &KindVersion {
        &self.registry.kind().versions[self.version_index]
    }

    /// A context for the hooks.
    pub fn context(info: &RequestInfo, user: &Arc<UserInfo>) -> RequestContext {
        let mut context = RequestContext::default();
        context.user = user.clone();
        context.verb = info.verb.clone().into_owned();
        context.group = info.group.clone();
        context.resource = info.resource.clone();
        context.namespace = info.namespace.clone();
        context.name = info.name.clone();
        context.subresource = info.subresource.clone();
        context.version = info.version.clone();
        context
    }

    /// A header as text; empty where it is absent or no text.
    pub fn header(&self, name: http::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The form in which one object is wanted.
    ///
    /// # Errors
    /// 406.
    pub fn wanted(&self) -> Result<Wanted, Status> {
        self.of_object(self.negotiated()?)
    }

    /// The form in which the answer is wanted, whatever the answer is.
    ///
    /// # Errors
    /// 406.
    pub fn negotiated(&self) -> Result<Wanted, Status> {
        media::negotiate(self.header(ACCEPT)).map_err(|_| Status::not_acceptable())
    }

    /// Refuses a form that one object cannot have.
    ///
    /// # Errors
    /// 406.
    pub fn of_object(&self, wanted: Wanted) -> Result<Wanted, Status> {
        if wanted.transform == Transform::PartialList {
            let message = "you requested PartialObjectMetadataList, but the requested object is not a list";
            return Err(Status::new(406, "NotAcceptable", message));
        }
        Ok(wanted)
    }

    /// The form in which a list is wanted.
    ///
    /// # Errors
    /// 406.
    pub fn wanted_list(&self) -> Result<Wanted, Status> {
        self.of_list(self.negotiated()?)
    }

    /// Refuses a form that a list cannot have.
    ///
    /// # Errors
    /// 406.
    pub fn of_list(&self, wanted: Wanted) -> Result<Wanted, Status> {
        if wanted.transform == Transform::Partial {
            // The words in the brackets are a type of the reference, which clients may have learnt to look for.
            let message = "you requested PartialObjectMetadata, but the requested object is a list \
                           (*unstructured.UnstructuredList)";
            return Err(Status::new(406, "NotAcceptable", message));
        }
        Ok(wanted)
    }

    /// Whether JSON is to be read by a person.
    pub fn pretty(&self) -> bool {
        self.readable
    }

    /// Whether the client unpacks gzip.
    pub fn takes_gzip(&self) -> bool {
        media::takes_gzip(self.header(ACCEPT_ENCODING))
    }

    /// The content type of the body.
    pub fn content_type(&self) -> Option<&str> {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
    }

    /// Whether the user may create the object, as a PUT or an apply of one that is not there does.
    ///
    /// # Errors
    /// 403, also where there is nobody to ask.
    pub async fn may_create(&self) -> Result<(), Status> {
        let info = RequestInfo { verb: "create".into(), ..(*self.info).clone() };
        match &self.permission {
            Some(permission) => permission.check(&info).await,
            None => Err(self.failed(&Error::Forbidden {
                name: info.name,
                message: "it does not exist, and nobody says who may create it".into(),
            })),
        }
    }

    /// What a failed operation is answered with.
    pub fn failed(&self, error: &Error) -> Status {
        Status::of(error, self.kind(), &self.version().group)
    }
}

/// Reads a body whole.
///
/// # Errors
/// 413 over the limit, 400 for a connection that breaks.
pub async fn read_body(body: RequestBody) -> Result<Bytes, Status> {
    read_at_most(body, BODY_BYTES_MAX).await
}

/// The whole body, if it has at most so many bytes.
///
/// # Errors
/// 413, and 400 for a client that breaks off.
pub(crate) async fn read_at_most(body: RequestBody, bytes_max: usize) -> Result<Bytes, Status> {
    // A client that announces too much need not send it.
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Status::too_large(bytes_max));
    }
    let mut body = body;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| Status::bad_request(format!("the body of the request could not be read: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > bytes_max {
            return Err(Status::too_large(bytes_max));
        }
        // Most bodies are one frame, which is taken as it is.
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
