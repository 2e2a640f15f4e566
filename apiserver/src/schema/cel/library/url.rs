//! Absolute URLs and absolute paths. Sources:
//! <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-url-library>, <https://pkg.go.dev/net/url>

use std::sync::Arc;

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::{MadeMap, Map, Value};
use super::super::work::Work;
use crate::field::quoted;
use crate::schema::formats::is_request_uri;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition { signatures: &["url(string) -> URL"], cost: Cost::Walk(1), native: url },
    Definition { signatures: &["isURL(string) -> bool"], cost: Cost::Fixed(1), native: is_url },
    Definition {
        signatures: &["URL.getScheme() -> string"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |url| Value::text(url.scheme.to_ascii_lowercase())),
    },
    Definition {
        signatures: &["URL.getHost() -> string"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |url| Value::text(url.host.as_str())),
    },
    Definition {
        signatures: &["URL.getHostname() -> string"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |url| Value::text(url.hostname().0)),
    },
    Definition {
        signatures: &["URL.getPort() -> string"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |url| Value::text(url.hostname().1)),
    },
    Definition {
        signatures: &["URL.getEscapedPath() -> string"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |url| Value::text(escaped(&url.path))),
    },
    Definition { signatures: &["URL.getQuery() -> map(string, list(string))"], cost: Cost::Fixed(1), native: query },
];

/// A URL in its parts, as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    scheme: String,
    /// With the port, without the user.
    host: String,
    user: String,
    path: String,
    query: String,
    fragment: String,
}

impl Url {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        if !is_request_uri(text) {
            return Err(format!("parse {}: invalid URI for request", quoted(text)));
        }
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (text, query) = text.split_once('?').unwrap_or((text, ""));
        let is_scheme = |scheme: &&str| {
            scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) && !scheme.is_empty()
        };
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(&scheme) => (scheme, rest),
            _ => ("", text),
        };
        let (authority, path) = match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None if rest.starts_with('/') || scheme.is_empty() => ("", rest),
            // What is opaque has no path.
            None => ("", ""),
        };
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let own = str::to_owned;
        Ok(Self {
            scheme: own(scheme),
            host: String::from_utf8_lossy(&decoded(host, false).unwrap_or_default()).into_owned(),
            user: own(user),
            path: own(path),
            query: own(query),
            fragment: own(fragment),
        })
    }

    /// The host without brackets, and the port.
    fn hostname(&self) -> (&str, &str) {
        let (host, port) = match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
            _ => (self.host.as_str(), ""),
        };
        (host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host), port)
    }
}

/// With every `%41` made what it stands for; in queries, `+` is a space.
fn decoded(text: &str, in_query: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                (high * 16 + low) as u8
            }
            b'+' if in_query => b' ',
            byte => byte,
        });
    }
    Some(bytes)
}

/// A path as it may be sent: as it was written, where that may be sent.
fn escaped(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@/%[]".contains(&byte);
    if path.bytes().all(plain) {
        return path.to_owned();
    }
    let mut out = String::with_capacity(path.len());
    for byte in decoded(path, false).unwrap_or_else(|| path.as_bytes().to_vec()) {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn one<'a>(args: &[Value<'a>], with: impl FnOnce(&Url) -> Value<'a>) -> Result<Value<'a>> {
    match args {
        [Value::Url(url)] => Ok(with(url)),
        _ => Err(Error::Overload),
    }
}

fn url<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Text(text)] = args else { return Err(Error::Overload) };
    work.steps(text.len())?;
    let wrong = |error| Error::failed(format!("URL parse error during conversion from string: {error}"));
    Ok(Value::Url(Arc::new(Url::parse(text).map_err(wrong)?)))
}

fn is_url<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Text(text)] = args else { return Err(Error::Overload) };
    work.steps(text.len())?;
    Ok(Value::Bool(is_request_uri(text)))
}

/// What cannot be read of a query is left out.
fn query<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Url(url)] = args else { return Err(Error::Overload) };
    work.steps(url.query.len())?;
    let mut values: Vec<(String, Vec<Value<'a>>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for pair in url.query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let text = |text| decoded(text, true).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if let (Some(key), Some(value)) = (text(key), text(value)) {
            let place = *places.entry(key.clone()).or_insert_with(|| {
                values.push((key, Vec::new()));
                values.len() - 1
            });
            values[place].1.push(Value::text(value));
        }
    }
    let mut map = MadeMap::default();
    for (key, values) in values {
        map.insert(Value::text(key), Value::list(values))?;
    }
    Ok(Value::Map(Map::Made(Arc::new(map))))
}
