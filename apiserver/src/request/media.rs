//! In which form a client sends and wants its documents. Source:
//! <https://github.com/kubernetes/apiserver/tree/master/pkg/endpoints/handlers/negotiation>

use super::decode::Format;
use super::query::Query;

/// What is made of an object before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transform {
    /// Nothing.
    #[default]
    None,
    /// A `Table` of meta.k8s.io.
    Table,
    /// A `PartialObjectMetadata`: the metadata alone.
    Partial,
    /// A `PartialObjectMetadataList`.
    PartialList,
}

/// What the response shall be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How it is written.
    pub format: Format,
    /// What it holds.
    pub transform: Transform,
    /// The version of the transformed kind: `v1`, or else `v1beta1`.
    pub v1beta1: bool,
    /// Whether JSON is to be read by a person.
    pub pretty: bool,
}

impl Wanted {
    /// The version of meta.k8s.io of the transformed kind.
    pub fn meta_version(self) -> &'static str {
        if self.v1beta1 { "v1beta1" } else { "v1" }
    }
}

/// No clause of an Accept header can be satisfied; answered 406.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAcceptable;

/// What the server can write.
pub const WRITABLE: &str = "application/json, application/yaml";

/// Whether JSON is to be read by a person: a query says so, or else the client looks like one that a person uses.
pub fn pretty(query: &str, user_agent: &str) -> bool {
    if query.contains("pretty") {
        let query = Query::parse(query);
        let value = query.text("pretty");
        if !value.is_empty() {
            // What Go reads as true.
            return matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True");
        }
    }
    ["curl", "Wget", "Mozilla/5.0"].iter().any(|start| user_agent.starts_with(start))
}

/// Whether a client unpacks gzip.
pub fn takes_gzip(accept_encoding: &str) -> bool {
    accept_encoding.split(',').any(|coding| coding.trim().split(';').next() == Some("gzip"))
}

/// What the server can write as a stream.
pub const STREAMABLE: &str = "application/json;stream=watch";

/// Chooses among what an Accept header offers. Clauses that ask for what this server does not have, protobuf among
/// them, are passed over.
///
/// # Errors
/// No clause is left.
pub fn negotiate(accept: &str) -> Result<Wanted, NotAcceptable> {
    if accept.trim().is_empty() {
        return Ok(Wanted::default());
    }
    clauses(accept).iter().find_map(Clause::wanted).ok_or(NotAcceptable)
}

/// One clause of an Accept header.
struct Clause<'a> {
    main: &'a str,
    sub: &'a str,
    quality: f32,
    parameters: Vec<(&'a str, &'a str)>,
}

/// The clauses, the most wanted first. Clients rely on the reference's order, which is not quite that of the RFC: a
/// clause moves before an earlier one when its quality is higher, or when the earlier one has a wildcard where it has
/// none. Source: <https://github.com/munnerz/goautoneg>
fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let mut sorted: Vec<Clause<'_>> = Vec::new();
    for clause in accept.split(',').filter_map(Clause::read) {
        let before = sorted.iter().rposition(|other| !clause.precedes(other)).map_or(0, |at| at + 1);
        sorted.insert(before, clause);
    }
    sorted
}

impl<'a> Clause<'a> {
    /// `None` for what is no media type.
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (main, sub) = match parts.next()?.split_once('/') {
            Some((main, sub)) if !sub.contains('/') => (main.trim(), sub.trim()),
            Some(_) => return None,
            None if text.trim().starts_with('*') => ("*", "*"),
            None => return None,
        };
        let mut clause = Self { main, sub, quality: 1.0, parameters: Vec::new() };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match (name.trim(), value.trim()) {
                ("q", value) => clause.quality = value.parse().unwrap_or_default(),
                parameter => clause.parameters.push(parameter),
            }
        }
        Some(clause)
    }

    fn precedes(&self, other: &Self) -> bool {
        self.quality > other.quality || (self.main != "*" && other.main == "*") || (self.sub != "*" && other.sub == "*")
    }

    /// What the clause asks for; `None` where that cannot be had.
    fn wanted(&self) -> Option<Wanted> {
        let format = match (self.main, self.sub) {
            ("application", "json" | "*") | ("*", "*") => Format::Json,
            ("application", "yaml") => Format::Yaml,
            _ => return None,
        };
        let (mut kind, mut group, mut version) = (None, None, None);
        let mut pretty = false;
        for (name, value) in &self.parameters {
            match *name {
                "as" => kind = Some(*value),
                "g" => group = Some(*value),
                "v" => version = Some(*value),
                "pretty" => pretty = *value == "1",
                // Only JSON can be streamed, and only as a watch.
                "stream" if !value.is_empty() && (*value != "watch" || format == Format::Yaml) => return None,
                "sv" if !value.is_empty() => return None,
                _ => {}
            }
        }
        if (kind, group, version) == (None, None, None) {
            return Some(Wanted { format, pretty, ..Wanted::default() });
        }
        let transform = match kind? {
            "Table" => Transform::Table,
            "PartialObjectMetadata" => Transform::Partial,
            "PartialObjectMetadataList" => Transform::PartialList,
            _ => return None,
        };
        let v1beta1 = match (group?, version?) {
            ("meta.k8s.io", "v1") => false,
            ("meta.k8s.io", "v1beta1") => true,
            _ => return None,
        };
        Some(Wanted { format, transform, v1beta1, pretty })
    }
}

/// The format of a request's body; `None` where it cannot be read.
pub fn content_type(header: Option<&str>) -> Option<Format> {
    match essence(header.unwrap_or_default()) {
        "" | "application/json" => Some(Format::Json),
        "application/yaml" => Some(Format::Yaml),
        _ => None,
    }
}

/// A kind of patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// A document that says how to change an object.
    Document(DocumentPatch),
    /// Server-side apply: what a client wants of an object.
    Apply,
}

/// A kind of document that changes objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentPatch {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// A merge patch that merges lists as well; for native kinds alone.
    Strategic,
}

/// What the server takes as a patch of custom resources, and of the kinds that it knows natively.
pub fn patches(native: bool) -> &'static str {
    if native {
        "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, \
         application/apply-patch+yaml"
    } else {
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    }
}

/// The kind of a patch; `None` where it cannot be applied.
pub fn patch_type(header: Option<&str>, native: bool) -> Option<PatchType> {
    match essence(header.unwrap_or_default()) {
        "application/json-patch+json" => Some(PatchType::Document(DocumentPatch::Json)),
        "application/merge-patch+json" => Some(PatchType::Document(DocumentPatch::Merge)),
        "application/strategic-merge-patch+json" if native => Some(PatchType::Document(DocumentPatch::Strategic)),
        "application/apply-patch+yaml" => Some(PatchType::Apply),
        _ => None,
    }
}

fn essence(header: &str) -> &str {
    header.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expect: &str) {
        let seen = match negotiate(accept) {
            Err(NotAcceptable) => "406".to_owned(),
            Ok(wanted) => {
                let beta = if wanted.v1beta1 { " beta" } else { "" };
                let pretty = if wanted.pretty { " pretty" } else { "" };
                format!("{:?} {:?}{beta}{pretty}", wanted.format, wanted.transform)
            }
        };
        assert_eq!(seen, expect, "{accept}");
    }

    #[test]
    fn the_best_clause_that_can_be_had_wins() {
        check("", "Json None");
        check("*/*", "Json None");
        check("application/*", "Json None");
        check("application/yaml", "Yaml None");
        check("text/plain", "406");
        check("application/vnd.kubernetes.protobuf", "406");
        check("application/vnd.kubernetes.protobuf,application/json", "Json None");
        check("application/json;q=0.1, application/yaml;q=0.5", "Yaml None");
        check("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "Json Table");
        check("application/json;as=Table;g=meta.k8s.io;v=v1beta1", "Json Table beta");
        check("application/json;as=Table;g=meta.k8s.io;v=v2,application/json", "Json None");
        check("application/json;as=Table;g=meta.k8s.io;v=v2", "406");
        check("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", "Json PartialList");
        check("application/json;stream=watch", "Json None");
        check("application/json; pretty=1", "Json None pretty");
        check("*", "Json None");
        check("nonsense, application/json", "Json None");
    }

    #[test]
    fn a_wildcard_is_wanted_less_than_a_name() {
        check("*/*, application/yaml", "Yaml None");
        check("application/*, application/yaml", "Yaml None");
        check("application/yaml;q=0.5, */*", "Json None");
        check("application/yaml, application/json", "Yaml None");
        check("application/yaml;q=0, application/json;q=0.1", "Json None");
        check("application/yaml;q=high, application/json;q=0.1", "Json None");
    }

    #[test]
    fn a_clause_with_a_parameter_that_cannot_be_met_is_passed_over() {
        check("application/json;stream=events", "406");
        check("application/yaml;stream=watch, application/json", "Json None");
        check("application/json;sv=v1", "406");
        check("application/json;g=meta.k8s.io;v=v1", "406");
        check("application/json;as=Table", "406");
        check("application/json;as=Table;g=demo.example.com;v=v1", "406");
        check("application/json;charset=utf-8", "Json None");
    }

    #[test]
    fn parameters_of_a_content_type_do_not_matter() {
        assert_eq!(content_type(None), Some(Format::Json));
        assert_eq!(content_type(Some("application/json; charset=utf-8")), Some(Format::Json));
        assert_eq!(content_type(Some("text/plain")), None);
        assert_eq!(
            patch_type(Some("application/merge-patch+json;x=y"), false),
            Some(PatchType::Document(DocumentPatch::Merge))
        );
        assert_eq!(patch_type(None, true), None);
        let strategic = Some("application/strategic-merge-patch+json");
        assert_eq!(patch_type(strategic, false), None);
        assert_eq!(patch_type(strategic, true), Some(PatchType::Document(DocumentPatch::Strategic)));
    }
}
