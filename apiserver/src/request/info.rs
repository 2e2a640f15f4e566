//! What a request asks for, read from its method and path alone.
//!
//! Kubernetes' paths are a fixed grammar, so one pure function suffices. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/request/requestinfo.go>

use std::borrow::Cow;

use http::Method;

use super::query::{Query, decode_bytes};
use super::selectors::FieldSelector;

/// A request in the terms of authorization: a verb on a resource, or on a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// Whether an object or a collection is meant; otherwise only `verb` and `path` count.
    pub is_resource: bool,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the method in lower case where
    /// no resource is meant. Any word where no request is meant, but a right, such as `impersonate`.
    pub verb: Cow<'static, str>,
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
        let mut info = Self { verb: method_verb(method).into(), path: path.to_owned(), ..Self::default() };
        // Slashes at the end do not count. Doubled ones elsewhere make a path that nobody serves, unless it is that of
        // somebody who takes any.
        let trimmed = path.strip_prefix('/').unwrap_or(path).trim_end_matches('/');
        let mut raw = trimmed.split('/');
        let core = match raw.next() {
            Some("api") => true,
            Some("apis") => false,
            _ => return Ok(info),
        };
        let mut segments = raw.map(decoded).collect::<Result<Vec<_>, _>>()?;
        let rest = segments.split_off(segments.len().min(head(&segments, core)));
        if segments.iter().any(|segment| segment.is_empty()) {
            return Ok(info);
        }
        segments.iter().try_for_each(|text| allow(text, is_name(text)))?;
        rest.iter().try_for_each(|text| allow(text, stays_below(text)))?;
        if segments.len() <= if core { 1 } else { 2 } {
            return Ok(info);
        }
        let mut segments = segments.into_iter();
        let mut next = || segments.next().unwrap_or_default().into_owned();
        if !core {
            info.group = next();
        }
        info.version = next();
        info.is_resource = true;
        let mut first = next();
        // The legacy form /watch/... is a watch whatever the query says.
        let legacy_watch = first == "watch";
        if legacy_watch {
            first = next();
        }
        if first == "namespaces" {
            let namespace = next();
            let what = next();
            info.namespace = namespace;
            match what.as_str() {
                "" | "status" | "finalize" => {
                    info.resource = first;
                    info.name = info.namespace.clone();
                    info.subresource = what;
                }
                _ => {
                    info.resource = what;
                    info.name = next();
                    info.subresource = next();
                }
            }
        } else {
            info.resource = first;
            info.name = next();
            info.subresource = next();
        }
        info.rest = rest.into_iter().map(Cow::into_owned).collect();
        info.verb = resource_verb(method, legacy_watch, &info.name, query).into();
        if matches!(&*info.verb, "list" | "watch" | "deletecollection") && info.name.is_empty() {
            info.name = pinned_name(query).unwrap_or_default();
        }
        Ok(info)
    }
}

/// A path that names nothing and never may: answered 400.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid path segment {0:?}")]
pub struct BadPath(pub String);

/// How many segments say which resource is meant; those after them are for a subresource that takes a path.
fn head(segments: &[Cow<'_, str>], core: bool) -> usize {
    let is = |at: usize, text: &str| segments.get(at).is_some_and(|segment| segment == text);
    let mut at = if core { 1 } else { 2 };
    if is(at, "watch") {
        at += 1;
    }
    match is(at, "namespaces") {
        true if is(at + 2, "status") || is(at + 2, "finalize") => at + 3,
        true => at + 5,
        false => at + 3,
    }
}

fn decoded(raw: &str) -> Result<Cow<'_, str>, BadPath> {
    if !raw.contains('%') {
        return Ok(Cow::Borrowed(raw));
    }
    String::from_utf8(decode_bytes(raw)).map(Cow::Owned).map_err(|_| BadPath(raw.to_owned()))
}

fn allow(text: &str, good: bool) -> Result<(), BadPath> {
    if good { Ok(()) } else { Err(BadPath(text.to_owned())) }
}

/// Whether whoever takes a path may use this segment of it and not leave its own place.
fn stays_below(text: &str) -> bool {
    !text.contains('\0') && text.split('/').all(|part| !matches!(part, "." | ".."))
}

/// Whether a text can be the name of an object, as far as paths and keys are concerned.
fn is_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.bytes().any(|byte| matches!(byte, b'/' | b'%' | 0))
}

fn method_verb(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "get",
        "HEAD" => "head",
        "POST" => "post",
        "PUT" => "put",
        "PATCH" => "patch",
        "DELETE" => "delete",
        "OPTIONS" => "options",
        "CONNECT" => "connect",
        "TRACE" => "trace",
        _ => "unknown",
    }
}

fn resource_verb(method: &Method, legacy_watch: bool, name: &str, query: &str) -> &'static str {
    let collection = name.is_empty();
    match method.as_str() {
        _ if legacy_watch => "watch",
        "GET" | "HEAD" if collection && Query::parse(query).flag("watch") => "watch",
        "GET" | "HEAD" if collection => "list",
        "GET" | "HEAD" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if collection => "deletecollection",
        "DELETE" => "delete",
        _ => method_verb(method),
    }
}

/// The name that a field selector pins by equality, so that rights to one object suffice to list or watch it.
fn pinned_name(query: &str) -> Option<String> {
    if !query.contains("fieldSelector") {
        return None;
    }
    let selector = FieldSelector::parse(Query::parse(query).text("fieldSelector")).ok()?;
    let name = selector.required_value("metadata.name")?;
    is_name(name).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, path: &str, expect: &str) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let seen = match RequestInfo::new(&method.parse().unwrap_or_default(), path, query) {
            Err(error) => error.to_string(),
            Ok(info) if !info.is_resource => format!("{} path", info.verb),
            Ok(info) => {
                let mut text = format!("{} {}.{}.{}", info.verb, info.resource, info.version, info.group);
                for (mark, part) in [(" in ", &info.namespace), (" named ", &info.name), (" /", &info.subresource)] {
                    if !part.is_empty() {
                        text += &format!("{mark}{part}");
                    }
                }
                if !info.rest.is_empty() {
                    text += &format!(" rest {}", info.rest.join("/"));
                }
                text
            }
        };
        assert_eq!(seen, expect, "{method} {path}");
    }

    #[test]
    fn a_path_names_a_resource_or_nothing() {
        check("GET", "/apis/g/v1/birds", "list birds.v1.g");
        check("GET", "/apis/g/v1/birds//", "list birds.v1.g");
        check("GET", "/apis/g/v1//birds", "get path");
        check("GET", "//apis/g/v1/birds", "get path");
        check("GET", "/apis/", "get path");
        check("GET", "/apis/g/v1/namespaces/n/birds", "list birds.v1.g in n");
        check("GET", "/apis/g/v1/namespaces/n/birds/a", "get birds.v1.g in n named a");
        check("HEAD", "/apis/g/v1/namespaces/n/birds/a", "get birds.v1.g in n named a");
        check("PUT", "/apis/g/v1/namespaces/n/birds/a/status", "update birds.v1.g in n named a /status");
        check("GET", "/apis/g/v1/namespaces/n/birds/a/proxy/x/y", "get birds.v1.g in n named a /proxy rest x/y");
        check("POST", "/apis/g/v1/namespaces/n/birds", "create birds.v1.g in n");
        check("PATCH", "/apis/g/v1/nests/a", "patch nests.v1.g named a");
        check("DELETE", "/apis/g/v1/nests/a", "delete nests.v1.g named a");
        check("DELETE", "/apis/g/v1/nests", "deletecollection nests.v1.g");
        check("GET", "/api/v1/namespaces/n/events", "list events.v1. in n");
        check("GET", "/api/v1/namespaces/n", "get namespaces.v1. in n named n");
        check("GET", "/api/v1/namespaces", "list namespaces.v1.");
        check("PUT", "/api/v1/namespaces/n/finalize", "update namespaces.v1. in n named n /finalize");
        check("GET", "/apis/g/v1", "get path");
        check("GET", "/apis", "get path");
        check("GET", "/healthz", "get path");
        check("POST", "/", "post path");
    }

    #[test]
    fn a_watch_is_asked_for_in_three_ways() {
        check("GET", "/apis/g/v1/birds?watch=1", "watch birds.v1.g");
        check("GET", "/apis/g/v1/birds?watch", "watch birds.v1.g");
        check("GET", "/apis/g/v1/birds?watch=false", "list birds.v1.g");
        check("GET", "/apis/g/v1/watch/namespaces/n/birds", "watch birds.v1.g in n");
        check("GET", "/apis/g/v1/watch/namespaces/n/birds/a", "watch birds.v1.g in n named a");
        check("GET", "/apis/g/v1/birds?watch=False", "list birds.v1.g");
        check("POST", "/apis/g/v1/watch/namespaces/n/birds", "watch birds.v1.g in n");
    }

    #[test]
    fn a_selector_can_pin_a_name() {
        let name = |selector: &str, name: &str| {
            check("GET", &format!("/apis/g/v1/birds?fieldSelector={selector}"), &format!("list birds.v1.g{name}"));
        };
        name("metadata.name%3Da", " named a");
        name("metadata.name==a", " named a");
        name("spec.color%3Dred,metadata.name%3Da", " named a");
        name("metadata.name!=a", "");
        name("metadata.name=", "");
        name("metadata.name%3Da/b", "");
        name("metadata.name%3D..", "");
        name("metadata.name%3Da,nonsense", "");
        check("DELETE", "/apis/g/v1/birds?fieldSelector=metadata.name%3Da", "deletecollection birds.v1.g named a");
    }

    #[test]
    fn a_segment_can_leave_no_folder() {
        check("GET", "/apis/g/v1/namespaces/n/birds/%2e%2e", "invalid path segment \"..\"");
        check("GET", "/apis/g/v1/namespaces/n/birds/a%2Fb", "invalid path segment \"a/b\"");
        check("GET", "/apis/g/v1/namespaces/n/birds/a%25b", "invalid path segment \"a%b\"");
        check("GET", "/apis/g/v1/namespaces/n/birds/%FF", "invalid path segment \"%FF\"");
        check("GET", "/apis/g/v1/namespaces//birds", "get path");
        check("GET", "/apis/g/v1/nests/a//status", "get path");
    }

    #[test]
    fn what_follows_a_subresource_is_nearly_anything() {
        check("GET", "/apis/g/v1/nests/a/proxy//x/a%2Fb/50%25/", "get nests.v1.g named a /proxy rest /x/a/b/50%");
        check("GET", "/api/v1/namespaces/n/status/x", "get namespaces.v1. in n named n /status rest x");
        check("GET", "/apis/g/v1/nests/a/proxy/x/../y", "invalid path segment \"..\"");
        check("GET", "/apis/g/v1/nests/a/proxy/x%2F..%2Fy", "invalid path segment \"x/../y\"");
    }
}
