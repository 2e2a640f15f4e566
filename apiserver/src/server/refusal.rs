//! What the filters answer when they let a request go no further.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;

use crate::authorization::Attributes;
use crate::body::Body;
use crate::endpoints::status::Status;

const CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");

/// A Status in the form that the client accepts.
pub fn respond(status: Status, accept: Option<&HeaderValue>, pretty: bool) -> Response<Body> {
    status.into_response(accept.and_then(|accept| accept.to_str().ok()), pretty)
}

/// Says what the user may not do, without saying whether it is there.
pub fn forbidden(attributes: Attributes<'_>, reason: &str) -> Status {
    let (user, info) = (attributes.user, attributes.info);
    let what = if info.is_resource {
        let resource = [&info.resource, &info.subresource].map(String::as_str);
        let resource = if info.subresource.is_empty() { info.resource.clone() } else { resource.join("/") };
        let place = match info.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        format!("cannot {} resource {resource:?} in API group {:?} {place}", info.verb, info.group)
    } else {
        format!("cannot {} path {:?}", info.verb, info.path)
    };
    let mut cause = without_markup(&format!("User {:?} {what}", user.username));
    if !reason.is_empty() {
        cause = format!("{cause}: {reason}");
    }
    let qualified =
        if info.group.is_empty() { info.resource.clone() } else { format!("{}.{}", info.resource, info.group) };
    let mut details = serde_json::Map::new();
    for (key, value) in [("name", &info.name), ("group", &info.group), ("kind", &info.resource)] {
        if !value.is_empty() {
            details.insert(key.into(), json!(value));
        }
    }
    let message = match (qualified.as_str(), info.name.as_str()) {
        ("", _) => format!("forbidden: {cause}"),
        (resource, "") => format!("{resource} is forbidden: {cause}"),
        (resource, name) => format!("{resource} {name:?} is forbidden: {cause}"),
    };
    Status::forbidden(message, details.into())
}

/// Never 404 while starting: a garbage collector would take that for "all gone".
pub fn not_ready() -> Status {
    Status::service_unavailable("the server is not ready to answer this yet, please try again")
}

/// For requests that come when the rest are being finished.
pub fn shutting_down() -> Status {
    Status::new(503, "ServiceUnavailable", "the server is shutting down, please try again").retry_after(1)
}

/// Plain text, as for clients that are not speaking to the API: probes, panics.
pub fn text(code: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    // The body may hold what a client has sent: browsers shall take it for nothing but text.
    response.headers_mut().insert(CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn without_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::info::RequestInfo;
    use crate::request::user::UserInfo;

    #[test]
    fn a_refusal_says_who_may_not_do_what() {
        let info = |namespace: &str, resource: &str, subresource: &str, name: &str| RequestInfo {
            is_resource: true,
            verb: "get".into(),
            group: "demo.example.com".into(),
            namespace: namespace.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            name: name.into(),
            ..RequestInfo::default()
        };
        check(
            "alice",
            &info("deck", "birds", "", "a"),
            "",
            r#"birds.demo.example.com "a" is forbidden: User "alice" cannot get resource "birds" in API group "demo.example.com" in the namespace "deck""#,
        );
        check(
            "alice",
            &info("", "nests", "status", ""),
            "no role",
            r#"nests.demo.example.com is forbidden: User "alice" cannot get resource "nests/status" in API group "demo.example.com" at the cluster scope: no role"#,
        );
        check(
            "<b>&",
            &RequestInfo { verb: "get".into(), path: "/metrics".into(), ..RequestInfo::default() },
            "",
            r#"forbidden: User "&lt;b&gt;&amp;" cannot get path "/metrics""#,
        );
        let core = RequestInfo { group: String::new(), ..info("deck", "events", "", "") };
        check(
            "alice",
            &core,
            "",
            r#"events is forbidden: User "alice" cannot get resource "events" in API group "" in the namespace "deck""#,
        );
    }

    fn check(user: &str, info: &RequestInfo, reason: &str, expected: &str) {
        let user = UserInfo { username: user.into(), ..UserInfo::default() };
        assert_eq!(forbidden(Attributes { user: &user, info }, reason).message, expected);
    }
}
