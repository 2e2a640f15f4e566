//! Formats that texts may have, with the reasons why one has not. Sources:
//! <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-format-library>,
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/library/format.go>

use std::fmt;

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::Value;
use super::super::work::Work;
use crate::field::{labels, quoted};
use crate::schema::formats::{Format as OpenApi, is_request_uri};
use crate::schema::node::Type;

macro_rules! named {
    ($signature:literal, $index:literal) => {
        Definition {
            signatures: &[$signature],
            cost: Cost::Fixed(1),
            native: |_, _| Ok(Value::Format(&FORMATS[$index])),
        }
    };
}

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition { signatures: &["format.named(string) -> optional(Format)"], cost: Cost::Fixed(1), native: by_name },
    Definition {
        signatures: &["Format.validate(string) -> optional(list(string))"],
        cost: Cost::Format,
        native: validate,
    },
    named!("format.dns1123Label() -> Format", 0),
    named!("format.dns1123Subdomain() -> Format", 1),
    named!("format.dns1035Label() -> Format", 2),
    named!("format.qualifiedName() -> Format", 3),
    named!("format.dns1123LabelPrefix() -> Format", 4),
    named!("format.dns1123SubdomainPrefix() -> Format", 5),
    named!("format.dns1035LabelPrefix() -> Format", 6),
    named!("format.labelValue() -> Format", 7),
    named!("format.uri() -> Format", 8),
    named!("format.uuid() -> Format", 9),
    named!("format.byte() -> Format", 10),
    named!("format.date() -> Format", 11),
    named!("format.datetime() -> Format", 12),
];

/// A format, and what checking it costs.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    /// How long the pattern is that it stands for.
    pub(crate) pattern_length: u64,
    problems: fn(&str) -> Vec<String>,
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

static FORMATS: [Format; 13] = [
    Format { name: "dns1123Label", pattern_length: 30, problems: dns_label },
    Format { name: "dns1123Subdomain", pattern_length: 60, problems: labels::dns_subdomain },
    Format { name: "dns1035Label", pattern_length: 30, problems: dns_1035_label },
    Format { name: "qualifiedName", pattern_length: 60, problems: labels::qualified_name },
    Format { name: "dns1123LabelPrefix", pattern_length: 30, problems: |text| dns_label(&masked(text)) },
    Format {
        name: "dns1123SubdomainPrefix",
        pattern_length: 60,
        problems: |text| labels::dns_subdomain(&masked(text)),
    },
    Format { name: "dns1035LabelPrefix", pattern_length: 30, problems: |text| dns_1035_label(&masked(text)) },
    Format { name: "labelValue", pattern_length: 40, problems: labels::label_value },
    Format { name: "uri", pattern_length: 1_103, problems: uri },
    Format {
        name: "uuid",
        pattern_length: 70,
        problems: |text| open_api("uuid", text, "does not match the UUID format"),
    },
    Format { name: "byte", pattern_length: 84, problems: |text| open_api("byte", text, "invalid base64") },
    Format { name: "date", pattern_length: 71, problems: |text| open_api("date", text, "invalid date") },
    Format { name: "datetime", pattern_length: 71, problems: |text| open_api("datetime", text, "invalid datetime") },
];

/// A hyphen at the end stands for what will follow it.
fn masked(text: &str) -> String {
    // Kubernetes takes the character before it away as well.
    match text.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => {
            let kept: String = rest.chars().take(rest.chars().count() - 1).collect();
            kept + "a"
        }
        _ => text.to_owned(),
    }
}

fn is_label(text: &str, first: impl Fn(u8) -> bool) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|byte| first(*byte))
        && bytes.last().is_some_and(|byte| alphanumeric(*byte))
        && bytes.iter().all(|byte| alphanumeric(*byte) || *byte == b'-')
}

fn too_long(text: &str) -> Vec<String> {
    if text.len() > 63 { vec!["must be no more than 63 bytes".into()] } else { Vec::new() }
}

fn dns_label(text: &str) -> Vec<String> {
    let mut problems = too_long(text);
    if !is_label(text, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        let dots = labels::dns_subdomain(text).iter().all(|problem| problem.starts_with("must be no more"));
        problems.push(if dots {
            "must not contain dots".into()
        } else {
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
             end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .into()
        });
    }
    problems
}

fn dns_1035_label(text: &str) -> Vec<String> {
    let mut problems = too_long(text);
    if !is_label(text, |byte| byte.is_ascii_lowercase()) {
        problems.push(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
             character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
             validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
                .into(),
        );
    }
    problems
}

fn uri(text: &str) -> Vec<String> {
    if is_request_uri(text) {
        return Vec::new();
    }
    let why = if text.is_empty() { "empty url" } else { "invalid URI for request" };
    vec![format!("parse {}: {why}", quoted(text))]
}

fn open_api(name: &str, text: &str, problem: &str) -> Vec<String> {
    let fits = OpenApi::find(name, Type::String).is_some_and(|format| format.fits(text));
    if fits { Vec::new() } else { vec![problem.to_owned()] }
}

fn by_name<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Text(name)] = args else { return Err(Error::Overload) };
    let found = FORMATS.iter().find(|format| format.name == &**name);
    Ok(found.map_or(Value::Optional(None), |format| Value::some(Value::Format(format))))
}

fn validate<'a>(work: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let [Value::Format(format), Value::Text(text)] = args else { return Err(Error::Overload) };
    work.steps(text.len())?;
    let problems = (format.problems)(text);
    if problems.is_empty() {
        return Ok(Value::Optional(None));
    }
    Ok(Value::some(Value::list(problems.into_iter().map(Value::text).collect())))
}
