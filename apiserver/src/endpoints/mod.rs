//! One handler per verb: HTTP in, HTTP out. Everything that decides is in [`crate::registry`].
//!
//! [`Endpoints::handle`] finds the kind that a request names and calls the verb's handler; `input` and `output` turn
//! bodies into objects and back; [`status`] is the one place where errors become answers.

mod alarm;
mod apply;
pub mod call;
pub mod connect;
mod definitions;
mod delete;
mod gzip;
mod input;
mod items;
mod options;
mod output;
mod patch;
mod read;
mod read_options;
mod resources;
mod scale;
pub mod status;
mod subresource;
pub mod table;
mod watch;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName, HeaderValue, IF_NONE_MATCH, USER_AGENT};
use http::{HeaderMap, Method, Request, Response};
use serde_json::json;
use tokio::task::JoinHandle;

use self::call::{Call, Permission};
use self::connect::{ErasedConnect, Sessions};
use self::resources::{Resources, Served};
use self::status::{Status, page_not_found};
use crate::body::{Body, RequestBody};
use crate::discovery::Discovery;
use crate::kind::Kind;
use crate::openapi::OpenApi;
use crate::registry::error::Error;
use crate::registry::rest::Rest;
use crate::registry::subresource::ServedSubresource;
use crate::request::info::RequestInfo;
use crate::request::media;
use crate::request::query::Query;
use crate::request::user::UserInfo;
use crate::storage::cache::feed::Feed;

/// Everything that is served under `/api`, `/apis` and `/openapi`.
pub struct Endpoints {
    kinds: Vec<Arc<Kind>>,
    resources: Resources,
    discovery: Discovery,
    openapi: OpenApi,
    feed: Arc<Feed>,
    following: JoinHandle<()>,
    shutdown: tokio::sync::watch::Sender<bool>,
    sessions: Arc<Sessions>,
    rests: Vec<Arc<dyn Rest>>,
}

/// A resource, with the subresources of a project's own.
pub struct Resource {
    /// Its objects.
    pub rest: Arc<dyn Rest>,
    /// Which of the kind's versions has which subresource.
    pub subresources: Vec<(usize, Handler)>,
}

/// Who answers for a subresource.
#[derive(Clone)]
pub enum Handler {
    /// One with an object of its own, under this name.
    Object(&'static str, Arc<ServedSubresource>),
    /// PUT of the very object of the resource, of this kind, under this name.
    Aspect(&'static str, Arc<Kind>),
    /// One that owns its answers.
    Connect(Arc<dyn ErasedConnect>),
}

const WARNING: HeaderName = HeaderName::from_static("warning");

impl Endpoints {
    /// Serves these resources, and starts to follow the store for their caches.
    pub fn new(served: Vec<Resource>, feed: Arc<Feed>) -> Self {
        let rests = served.iter().map(|resource| resource.rest.clone()).collect();
        let kinds: Vec<Arc<Kind>> = served.iter().map(|resource| resource.rest.kind().clone()).collect();
        let follower = feed.clone();
        Self {
            discovery: Discovery::new(&kinds),
            openapi: OpenApi::new(&kinds),
            following: tokio::spawn(async move { follower.run().await }),
            shutdown: tokio::sync::watch::Sender::new(false),
            sessions: Arc::default(),
            kinds,
            resources: Resources::new(served),
            feed,
            rests,
        }
    }

    /// All objects, by kind: for what works inside the server, as a client with rights of its own would from outside.
    pub fn resources(&self) -> impl Iterator<Item = &Arc<dyn Rest>> {
        self.rests.iter()
    }

    /// The kinds that are served.
    pub fn kinds(&self) -> &[Arc<Kind>] {
        &self.kinds
    }

    /// The paths that are answered beside those of resources.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = self.discovery.paths();
        paths.extend(self.openapi.paths());
        paths
    }

    /// How many objects are stored, by qualified resource, for example `birds.demo.example.com`.
    pub fn stored_objects(&self) -> Vec<(String, u64)> {
        let mut counts: HashMap<String, u64> = HashMap::new();
        for served in self.resources.iter() {
            if let Some(count) = served.registry.stored_objects() {
                counts.insert(served.registry.kind().qualified_resource(), count);
            }
        }
        counts.into_iter().collect()
    }

    /// How many objects are stored in each version, by group, version and plural.
    pub fn stored_versions(&self) -> Vec<([String; 3], u64)> {
        let mut counts: BTreeMap<[String; 3], u64> = BTreeMap::new();
        for served in self.resources.iter() {
            for (api_version, count) in served.registry.stored_versions() {
                let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
                let labels = [group, version, &served.registry.kind().plural];
                counts.insert(labels.map(str::to_owned), count);
            }
        }
        counts.into_iter().collect()
    }

    /// Whether the request names a resource and subresource that are served.
    pub fn serves(&self, info: &RequestInfo) -> bool {
        self.find(info).is_some_and(|served| match info.subresource.as_str() {
            "" => true,
            "status" => served.registry.kind().versions[served.version_index].status,
            "scale" => served.registry.kind().versions[served.version_index].scale.is_some(),
            own => served.subresources.contains_key(own),
        })
    }

    /// Whether the request lasts until somebody ends it.
    pub fn is_long_running(&self, info: &RequestInfo) -> bool {
        !info.subresource.is_empty()
            && self.find(info).is_some_and(|served| {
                matches!(served.subresources.get(info.subresource.as_str()), Some(Handler::Connect(_)))
            })
    }

    /// Whether the request names a version that clients should leave.
    pub fn is_deprecated(&self, info: &RequestInfo) -> bool {
        self.find(info)
            .is_some_and(|served| served.registry.kind().versions[served.version_index].deprecation_warning.is_some())
    }

    /// How many events watches have sent, by group, version and plural.
    pub fn watch_events(&self) -> Vec<([String; 3], u64)> {
        let counts = self.resources.iter().map(|served| (served.name().map(str::to_owned), served.events_sent()));
        counts.filter(|(_, events)| *events > 0).collect()
    }

    /// Whether the caches are filled.
    ///
    /// # Errors
    /// What is missing.
    pub fn ready(&self) -> Result<(), String> {
        if self.feed.is_filled() { Ok(()) } else { Err("the caches are not filled yet".into()) }
    }

    /// Waits until the caches are filled.
    pub async fn filled(&self) {
        self.feed.filled().await;
    }

    /// Ends all watches, those to come as well, and tells all who have taken a connection over.
    pub fn shutdown(&self) {
        self.shutdown.send_replace(true);
        self.sessions.end();
    }

    /// Waits until all connections that were taken over have ended. Those that have not when nobody waits any more are
    /// cut off.
    pub async fn sessions_ended(&self) {
        self.sessions.ended().await;
    }

    /// Answers a request to a resource, to discovery or to OpenAPI.
    pub async fn handle(
        &self,
        info: &Arc<RequestInfo>,
        user: &Arc<UserInfo>,
        request: Request<RequestBody>,
    ) -> Response<Body> {
        let accept = text(request.headers(), ACCEPT).map(str::to_owned);
        let head_only = request.method() == Method::HEAD;
        let agent = text(request.headers(), USER_AGENT).unwrap_or_default();
        let pretty = media::pretty(request.uri().query().unwrap_or_default(), agent);
        let mut response = if info.is_resource {
            match self.resource(info, user, request, pretty).await {
                Ok(response) => response,
                Err(refused) => refused.into_response(accept.as_deref(), pretty),
            }
        } else {
            self.document(info, &request, pretty)
        };
        if head_only {
            *response.body_mut() = Body::Empty;
        }
        response
    }

    fn document(&self, info: &RequestInfo, request: &Request<RequestBody>, pretty: bool) -> Response<Body> {
        let path = info.path.as_str();
        let accept = text(request.headers(), ACCEPT);
        let if_none_match = text(request.headers(), IF_NONE_MATCH);
        let query = request.uri().query().unwrap_or_default();
        let packs = text(request.headers(), ACCEPT_ENCODING).is_some_and(media::takes_gzip);
        let response = match self.discovery.respond(path, accept, if_none_match) {
            Some(response) => output::readable(response, pretty),
            None => match self.openapi.respond(path, query, accept, if_none_match) {
                // Made for programs, and long: never indented, nearly always packed.
                Some(response) => return if packs { gzip::document(response) } else { response },
                None => return page_not_found(),
            },
        };
        if packs { gzip::response(response) } else { response }
    }

    fn keeps_namespaces(&self) -> bool {
        self.resources.find("", "v1", "namespaces").is_some()
    }

    fn find(&self, info: &RequestInfo) -> Option<&Served> {
        self.resources.find(&info.group, &info.version, &info.resource)
    }

    async fn resource(
        &self,
        info: &Arc<RequestInfo>,
        user: &Arc<UserInfo>,
        request: Request<RequestBody>,
        pretty: bool,
    ) -> Result<Response<Body>, Refused> {
        let Some(served) = self.find(info).cloned() else {
            if self.keeps_namespaces() && definitions::are_asked_for(info) {
                return Ok(definitions::none(text(request.headers(), ACCEPT)));
            }
            return Err(Refused::Page);
        };
        let (mut parts, body) = request.into_parts();
        let mut call = Call {
            context: Call::context(info, user),
            version_index: served.version_index,
            registry: served.registry,
            info: info.clone(),
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            headers: std::mem::take(&mut parts.headers),
            permission: parts.extensions.remove::<Arc<dyn Permission>>(),
            readable: pretty,
        };
        if !call.kind().namespaced {
            // The path of a Namespace has it in its own namespace, which is for authorization and for nobody else.
            call.context.namespace.clear();
        }
        if let Some(warning) = &call.version().deprecation_warning {
            call.context.warn(warning);
        }
        let own = served.subresources.get(info.subresource.as_str());
        route(&call, &parts.method, own)?;
        if let Some(handler) = own {
            let answer = match handler {
                Handler::Object(_, subresource) => subresource::answer(&mut call, subresource, body).await,
                Handler::Aspect(..) if info.verb == "update" => write::update(&mut call, body).await,
                Handler::Aspect(..) => Err(not_allowed(&call)),
                Handler::Connect(handler) => {
                    parts.headers = call.headers.clone();
                    connect::connect(&call, &**handler, &self.sessions, parts, body).await
                }
            };
            let warnings = call.context.take_warnings();
            return with_warnings(answer, warnings);
        }
        if info.verb == "watch" {
            let warnings = call.context.take_warnings();
            let answer = watch::watch(call, self.shutdown.subscribe(), served.watch_events).await;
            return with_warnings(answer, warnings);
        }
        let scale = call.version().scale.clone().filter(|_| info.subresource == "scale");
        let answer = match (&*info.verb, &scale) {
            ("get", Some(paths)) => scale::get(&call, paths).await,
            ("update", Some(paths)) => scale::update(&mut call, paths, body).await,
            ("patch", Some(paths)) => scale::patch(&mut call, paths, body).await,
            ("get", _) => read::get(&call).await,
            ("list", _) => read::list(&call).await,
            ("create", _) => write::create(&mut call, body).await,
            ("update", _) => write::update(&mut call, body).await,
            ("patch", _) => write::patch(&mut call, body).await,
            ("delete", _) => delete::delete(&mut call, body).await,
            ("deletecollection", _) => delete::delete_collection(&mut call, body).await,
            _ => Err(not_allowed(&call)),
        };
        let warnings = call.context.take_warnings();
        with_warnings(answer, warnings)
    }
}

impl Handler {
    /// The segment of the path that it answers for.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Object(name, _) | Self::Aspect(name, _) => name,
            Self::Connect(handler) => handler.name(),
        }
    }
}

impl Drop for Endpoints {
    fn drop(&mut self) {
        self.following.abort();
    }
}

/// Why a request on a resource is not served.
enum Refused {
    /// The path is none of ours.
    Page,
    /// With what was to be told about it all the same.
    Status(Box<Status>, Vec<String>),
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status), Vec::new())
    }
}

impl Refused {
    fn into_response(self, accept: Option<&str>, pretty: bool) -> Response<Body> {
        match self {
            Self::Page => page_not_found(),
            Self::Status(status, warnings) => {
                let mut response = status.into_response(accept, pretty);
                add_warnings(&mut response, &warnings);
                response
            }
        }
    }
}

/// Refuses what no handler answers: paths of the wrong scope, subresources that are not served, methods out of place.
fn route(call: &Call, method: &Method, own: Option<&Handler>) -> Result<(), Refused> {
    let info = &call.info;
    let kind = call.kind();
    let is_namespace = kind.group.is_empty() && kind.plural == "namespaces" && info.namespace == info.name;
    if !kind.namespaced && !info.namespace.is_empty() && !is_namespace {
        return Err(Refused::Page);
    }
    // Of all namespaces together there are only lists and watches.
    if kind.namespaced && info.namespace.is_empty() && !matches!(&*info.verb, "list" | "watch") {
        return Err(Refused::Page);
    }
    match info.subresource.as_str() {
        "" => {}
        _ if own.is_some() => {
            let takes_paths = matches!(own, Some(Handler::Connect(_)));
            return if takes_paths || info.rest.is_empty() { Ok(()) } else { Err(Refused::Page) };
        }
        subresource
            if (subresource == "status" && call.version().status)
                || (subresource == "scale" && call.version().scale.is_some()) =>
        {
            if !info.rest.is_empty() {
                return Err(Refused::Page);
            }
            if !matches!(&*info.verb, "get" | "update" | "patch") || !kind.offers(&info.verb) {
                return Err(not_allowed(call).into());
            }
        }
        _ => return Err(call.failed(&Error::NotFound { name: info.name.clone() }).into()),
    }
    let fits = match &*info.verb {
        "create" => info.name.is_empty(),
        "update" | "patch" => !info.name.is_empty(),
        // The legacy paths of watches are for reading, whatever method comes along.
        "watch" => matches!(*method, Method::GET | Method::HEAD),
        "list" | "get" | "delete" | "deletecollection" => true,
        _ => false,
    };
    if !fits || *method == Method::OPTIONS {
        return Err(not_allowed(call).into());
    }
    if !kind.offers(&info.verb) {
        return Err(Status::not_supported(&info.verb, kind, &call.version().group).into());
    }
    Ok(())
}

fn not_allowed(call: &Call) -> Status {
    let kind = call.kind();
    Status::method_not_allowed(Some(json!({ "group": kind.group, "kind": kind.plural })))
}

fn with_warnings(answer: Result<Response<Body>, Status>, warnings: Vec<String>) -> Result<Response<Body>, Refused> {
    match answer {
        Ok(mut response) => {
            add_warnings(&mut response, &warnings);
            Ok(response)
        }
        Err(status) => Err(Refused::Status(Box::new(status), warnings)),
    }
}

/// Warnings are headers; what no header can hold is dropped, and what is too much is cut. Source:
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/filters/warning.go>
fn add_warnings(response: &mut Response<Body>, warnings: &[String]) {
    const ALL_MAX: usize = 4096;
    const CUT: usize = 256;
    let total: usize = warnings.iter().map(|text| text.chars().count()).sum();
    let mut room = ALL_MAX;
    for text in warnings {
        if text.chars().any(char::is_control) {
            continue;
        }
        let text: String = if total > ALL_MAX { text.chars().take(CUT).collect() } else { text.clone() };
        let length = text.chars().count();
        if length > room {
            break;
        }
        room -= length;
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_bytes(format!("299 - \"{escaped}\"").as_bytes()) {
            response.headers_mut().append(WARNING, value);
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
