//! In which form a client sends and wants its documents. Source:
//! <https://github.com/kubernetes/apiserver/tree/master/pkg/endpoints/handlers/negotiation>

use super::decode::Format;

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
}

/// No clause of an Accept header can be satisfied; answered 406.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAcceptable;

/// What the server can write.
pub const WRITABLE: &str = "application/json, application/yaml";

/// Chooses among what an Accept header offers. Clauses that ask for what this server does not have, protobuf among
/// them, are passed over.
///
/// # Errors
/// No clause is left.
pub fn negotiate(accept: &str) -> Result<Wanted, NotAcceptable> {
    if accept.trim().is_empty() {
        return Ok(Wanted::default());
    }
    let mut best: Option<(u32, Wanted)> = None;
    for clause in accept.split(',') {
        let Some((quality, wanted)) = read_clause(clause) else { continue };
        // The first of equals wins, as the client wrote it.
        if best.as_ref().is_none_or(|(other, _)| quality > *other) {
            best = Some((quality, wanted));
        }
    }
    best.map(|(_, wanted)| wanted).ok_or(NotAcceptable)
}

/// The quality of a clause in thousandths and what it asks for; `None` where that cannot be had.
fn read_clause(clause: &str) -> Option<(u32, Wanted)> {
    let mut parts = clause.split(';').map(str::trim);
    let format = match parts.next()? {
        "application/json" | "application/*" | "*/*" => Format::Json,
        "application/yaml" => Format::Yaml,
        _ => return None,
    };
    let (mut kind, mut group, mut version, mut quality) = ("", "", "", 1000);
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name.trim() {
            "as" => kind = value,
            "g" => group = value,
            "v" => version = value,
            "q" => quality = (value.parse::<f32>().ok()? * 1000.0) as u32,
            _ => {}
        }
    }
    let transform = match kind {
        "" => return Some((quality, Wanted { format, ..Wanted::default() })),
        "Table" => Transform::Table,
        "PartialObjectMetadata" => Transform::Partial,
        "PartialObjectMetadataList" => Transform::PartialList,
        _ => return None,
    };
    if group != "meta.k8s.io" || !matches!(version, "v1" | "v1beta1") {
        return None;
    }
    Some((quality, Wanted { format, transform, v1beta1: version == "v1beta1" }))
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
}

/// What the server takes as a patch.
pub const PATCHES: &str = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

/// The kind of a patch; `None` where it cannot be applied.
pub fn patch_type(header: Option<&str>) -> Option<PatchType> {
    match essence(header.unwrap_or_default()) {
        "application/json-patch+json" => Some(PatchType::Document(DocumentPatch::Json)),
        "application/merge-patch+json" => Some(PatchType::Document(DocumentPatch::Merge)),
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
                format!("{:?} {:?}{}", wanted.format, wanted.transform, if wanted.v1beta1 { " beta" } else { "" })
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
    }

    #[test]
    fn parameters_of_a_content_type_do_not_matter() {
        assert_eq!(content_type(None), Some(Format::Json));
        assert_eq!(content_type(Some("application/json; charset=utf-8")), Some(Format::Json));
        assert_eq!(content_type(Some("text/plain")), None);
        assert_eq!(
            patch_type(Some("application/merge-patch+json;x=y")),
            Some(PatchType::Document(DocumentPatch::Merge))
        );
        assert_eq!(patch_type(None), None);
    }
}
