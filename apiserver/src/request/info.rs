//! What a request asks for, read from its method and path alone.
//!
//! Kubernetes' paths are a fixed grammar, so one pure function suffices. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/request/requestinfo.go>

use http::Method;

/// A request in the terms of authorization: a verb on a resource, or on a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// Whether an object or a collection is meant; otherwise only `verb` and `path` count.
    pub is_resource: bool,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the method in lower case where
    /// no resource is meant.
    pub verb: &'static str,
    /// The path as it was sent, percent-encoded.
    pub path: String,
    /// Empty for the core group.
    pub group: String,
    /// For example `v1alpha1`.
    pub version: String,
    /// Empty when all namespaces or none are meant.
    pub namespace: String,
    /// The plural, for example `birds`.
    pub resource: String,
    /// For example `status`; empty for the object itself.
    pub subresource: String,
    /// Empty for a collection.
    pub name: String,
    /// What follows the subresource, for those that take a path of their own.
    pub rest: Vec<String>,
}

impl RequestInfo {
    /// Reads a request. `path` is percent-encoded, `query` without its `?`.
    ///
    /// # Errors
    /// A segment that does not decode to UTF-8, or that decodes to something no key may hold.
    pub fn new(method: &Method, path: &str, query: &str) -> Result<Self, BadPath> {
        let _ = (method, path, query);
        todo!()
    }
}

/// A path that names nothing and never may: answered 400.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid path segment {0:?}")]
pub struct BadPath(pub String);
