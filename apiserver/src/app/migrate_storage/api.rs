//! The requests of a migration.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;

use crate::app::error::AppError;
use crate::kind::Kind;
use crate::server::metrics::STORED_VERSIONS;

/// How long a server may be too busy, or away, before that is an error: waits that grow up to a minute.
const TRIES: u32 = 8;
const WAIT: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(15);

/// Metadata is all that is needed of a list.
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// The objects of one kind, in a version that is served.
pub(super) struct Api {
    client: Client,
    resource: String,
    /// `/apis/GROUP/VERSION`.
    root: String,
    plural: String,
    served: bool,
}

/// One object of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Item {
    name: String,
    namespace: String,
    resource_version: String,
}

/// A part of all objects.
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    /// Where the next page starts; empty on the last.
    pub(super) continue_token: String,
    /// How many follow, as far as that is known.
    pub(super) remaining: u64,
}

/// What became of an object.
#[derive(Debug, PartialEq)]
pub(super) enum Rewritten {
    Yes,
    /// It was stored as it should be.
    No,
    Gone,
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A page of a list whose state is no longer kept.
    #[error("the list has expired")]
    Expired {
        /// Goes on in the present state.
        continue_token: Option<String>,
    },
    /// The server does not write this object.
    #[error("{message}")]
    Refused {
        /// Its words.
        message: String,
    },
    /// No version is served.
    #[error("no version of it is served, so that no client can write it")]
    NotServed,
    /// The server does not do such a thing at all.
    #[error("the server answered {code}: {message}")]
    Answer {
        /// The status.
        code: StatusCode,
        /// Its words.
        message: String,
    },
    /// No answer.
    #[error("the server does not answer")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        write!(formatter, "{}{slash}{}", self.namespace, self.name)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct List {
    metadata: ListMeta,
    items: Vec<Object>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    metadata: Item,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMeta {
    r#continue: String,
    remaining_item_count: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusDocument {
    message: String,
    metadata: ListMeta,
}

impl Api {
    pub(super) fn new(client: Client, kind: &Kind) -> Self {
        let storage = kind.storage_version();
        let version = if storage.served { Some(storage) } else { kind.versions.iter().find(|version| version.served) };
        let shown = version.unwrap_or(storage);
        let root = match shown.group.as_str() {
            "" => format!("/api/{}", shown.version),
            group => format!("/apis/{group}/{}", shown.version),
        };
        let (resource, plural) = (kind.qualified_resource(), kind.plural.clone());
        Self { client, resource, root, plural, served: version.is_some() }
    }

    /// For example `birds.demo.example.com`.
    pub(super) fn resource(&self) -> &str {
        &self.resource
    }

    pub(super) async fn list(&self, limit: u32, continue_token: &str) -> Result<Page, Failure> {
        if !self.served {
            return Err(Failure::NotServed);
        }
        let path = format!("{}/{}?limit={limit}&continue={continue_token}", self.root, self.plural);
        let (code, body) = self.send(Method::GET, &path, METADATA_LIST).await?;
        if code == StatusCode::GONE {
            let token = status(&body).metadata.r#continue;
            return Err(Failure::Expired { continue_token: Some(token).filter(|token| !token.is_empty()) });
        }
        let list: List = read(code, &body)?;
        Ok(Page {
            items: list.items.into_iter().map(|object| object.metadata).collect(),
            continue_token: list.metadata.r#continue,
            remaining: list.metadata.remaining_item_count,
        })
    }

    /// Has the server write an object as it is.
    pub(super) async fn rewrite(&self, item: &Item) -> Result<Rewritten, Failure> {
        let namespaces = match item.namespace.as_str() {
            "" => String::new(),
            namespace => format!("/namespaces/{namespace}"),
        };
        let path = format!("{}{namespaces}/{}/{}?fieldManager=migrate-storage", self.root, self.plural, item.name);
        let (code, body) = self.send(Method::PATCH, &path, METADATA).await?;
        match code {
            StatusCode::NOT_FOUND => Ok(Rewritten::Gone),
            // Whoever else was at it has had it written.
            StatusCode::CONFLICT => Ok(Rewritten::Yes),
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_REQUEST => {
                Err(Failure::Refused { message: status(&body).message })
            }
            code => {
                let object: Object = read(code, &body)?;
                let same = object.metadata.resource_version == item.resource_version;
                Ok(if same { Rewritten::No } else { Rewritten::Yes })
            }
        }
    }

    /// Sends a request, again for a while where the server is not there or too busy.
    async fn send(&self, method: Method, path: &str, accept: &str) -> Result<(StatusCode, Vec<u8>), Failure> {
        let (mut wait, mut tries) = (WAIT, TRIES);
        loop {
            let result = send(&self.client, &method, path, accept).await;
            let busy = matches!(result, Ok((StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _)));
            if tries == 0 || !(busy || matches!(result, Err(Failure::Client(_)))) {
                return result;
            }
            tries -= 1;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }
}

/// The labels of one count.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StoredVersion {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) resource: String,
}

/// How many objects are stored in which version, as the server's metrics have it.
pub(super) async fn stored_versions(client: &Client) -> Result<BTreeMap<StoredVersion, u64>, AppError> {
    let failed = |failure| AppError::Migration { resource: "the versions of objects".into(), failure };
    let (code, body) = send(client, &Method::GET, "/metrics", "text/plain").await.map_err(failed)?;
    let text = String::from_utf8_lossy(&body);
    if code != StatusCode::OK || !text.contains(STORED_VERSIONS) {
        return Err(AppError::NoStoredVersions);
    }
    Ok(text.lines().filter_map(stored_version).collect())
}

/// Reads a line of metrics.
fn stored_version(line: &str) -> Option<(StoredVersion, u64)> {
    let (labels, count) = line.strip_prefix(STORED_VERSIONS)?.strip_prefix('{')?.split_once("} ")?;
    let label = |name: &str| {
        let mut labels = labels.split(',').filter_map(|label| label.split_once('='));
        Some(labels.find(|(found, _)| *found == name)?.1.trim_matches('"').to_owned())
    };
    let name = StoredVersion { group: label("group")?, version: label("version")?, resource: label("resource")? };
    Some((name, count.trim().parse().ok()?))
}

async fn send(client: &Client, method: &Method, path: &str, accept: &str) -> Result<(StatusCode, Vec<u8>), Failure> {
    let mut request = Request::builder().method(method).uri(path).header(ACCEPT, accept);
    let mut body = Body::empty();
    if method == Method::PATCH {
        request = request.header(CONTENT_TYPE, "application/merge-patch+json");
        body = Body::from(b"{}".to_vec());
    }
    let request = request.body(body).map_err(|error| Failure::Client(error.into()))?;
    let response = client.send(request).await.map_err(|error| Failure::Client(error.into()))?;
    let code = response.status();
    let body = response.into_body().collect().await.map_err(|error| Failure::Client(error.into()))?;
    Ok((code, body.to_bytes().to_vec()))
}

fn status(body: &[u8]) -> StatusDocument {
    serde_json::from_slice(body).unwrap_or_default()
}

fn read<T: serde::de::DeserializeOwned>(code: StatusCode, body: &[u8]) -> Result<T, Failure> {
    if !code.is_success() {
        return Err(Failure::Answer { code, message: status(body).message });
    }
    serde_json::from_slice(body).map_err(|error| Failure::Client(error.into()))
}
