//! Where a webhook may be. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/util/webhook/validation.go>

use http::Uri;
use serde_json::Value;

use crate::field::{self, labels};

/// What a URL should look like, as messages end.
const FORM: &str = "; desired format: https://host[/path]";

/// Reports what is wrong with a `clientConfig`.
pub(super) fn check(config: &Value, at: &str, errors: &mut field::Errors) {
    match (config["url"].as_str(), &config["service"]) {
        (Some(url), Value::Null) => check_url(url, &format!("{at}.url"), errors),
        (None, service) if !service.is_null() => check_service(service, &format!("{at}.service"), errors),
        _ => errors.required(at, "exactly one of url or service is required"),
    }
}

fn check_url(url: &str, at: &str, errors: &mut field::Errors) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if scheme != "https" {
        errors.invalid(at, scheme, format!("'https' is the only allowed URL scheme{FORM}"));
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = rest.split('/').next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if host.is_empty() {
        errors.invalid(at, host, format!("host must be specified{FORM}"));
    }
    if !user.is_empty() {
        errors.invalid(at, user, "user information is not permitted in the URL");
    }
    if !fragment.is_empty() {
        errors.invalid(at, fragment, "fragments are not permitted in the URL");
    }
    if !query.is_empty() {
        errors.invalid(at, query, "query parameters are not permitted in the URL");
    }
    if let Err(error) = url.parse::<Uri>() {
        errors.required(at, format!("url must be a valid URL: {error}{FORM}"));
    }
}

fn check_service(service: &Value, at: &str, errors: &mut field::Errors) {
    for field in ["name", "namespace"] {
        if service[field].as_str().unwrap_or_default().is_empty() {
            errors.required(format!("{at}.{field}"), "");
        }
    }
    if let Some(port) = service["port"].as_i64().filter(|port| !(1..=65_535).contains(port)) {
        errors.invalid(format!("{at}.port"), port, "port is not valid: must be between 1 and 65535, inclusive");
    }
    let Some(path) = service["path"].as_str().filter(|path| !matches!(*path, "" | "/")) else { return };
    let at = format!("{at}.path");
    if path == "//" {
        return errors.invalid(at, path, "segment[0] may not be empty");
    }
    let Some(segments) = path.strip_prefix('/') else {
        return errors.invalid(at, path, "must start with a '/'");
    };
    for (index, segment) in segments.strip_suffix('/').unwrap_or(segments).split('/').enumerate() {
        if segment.is_empty() {
            errors.invalid(&at, path, format!("segment[{index}] may not be empty"));
            continue;
        }
        for problem in labels::dns_subdomain(segment) {
            errors.invalid(&at, path, format!("segment[{index}]: {problem}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expect(config: Value, expected: &[&str]) {
        let mut errors = field::Errors::default();
        check(&config, "c", &mut errors);
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_url_is_https_and_nothing_more() {
        expect(json!({"url": "https://a.example.com/x"}), &[]);
        expect(json!({"url": "https://[::1]:9443"}), &[]);
        expect(json!({}), &["c: Required value: exactly one of url or service is required"]);
        let both = json!({"url": "https://a", "service": {"name": "a", "namespace": "b"}});
        expect(both, &["c: Required value: exactly one of url or service is required"]);
        let scheme = r#"c.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]"#;
        expect(json!({"url": "http://a"}), &[scheme]);
        expect(
            json!({"url": "https://u:p@a/x?q=1#f"}),
            &[
                r#"c.url: Invalid value: "u:p": user information is not permitted in the URL"#,
                r#"c.url: Invalid value: "f": fragments are not permitted in the URL"#,
                r#"c.url: Invalid value: "q=1": query parameters are not permitted in the URL"#,
            ],
        );
    }

    #[test]
    fn a_service_has_a_name_and_a_path_of_names() {
        let service =
            |path: &str, port: i64| json!({"service": {"name": "a", "namespace": "b", "path": path, "port": port}});
        expect(service("/mutate-demo", 9443), &[]);
        expect(service("", 443), &[]);
        expect(service("x", 443), &[r#"c.service.path: Invalid value: "x": must start with a '/'"#]);
        expect(service("/a//b", 443), &[r#"c.service.path: Invalid value: "/a//b": segment[1] may not be empty"#]);
        expect(
            service("/", 0),
            &["c.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive"],
        );
        expect(json!({"service": {}}), &["c.service.name: Required value", "c.service.namespace: Required value"]);
    }
}
