//! Another writer, who is always a little faster.

use bytes::Bytes;
use serde::Deserialize;

use crate::kind::Kind;
use crate::request::info::RequestInfo;
use crate::storage::Store;

/// What a request says about the object that it has read.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    preconditions: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(rename = "resourceVersion")]
    resource_version: Option<String>,
}

/// Whether a request is good only for the resourceVersion that it names, in an object, in a patch that is an object, or
/// in the preconditions of a deletion.
pub(super) fn names_resource_version(body: &Bytes) -> bool {
    let Ok(Body { metadata, preconditions }) = serde_json::from_slice(body) else { return false };
    [metadata, preconditions]
        .iter()
        .any(|one| one.resource_version.as_deref().is_some_and(|version| !version.is_empty()))
}

/// Writes the object of a request once more as it is: as if somebody had changed it and changed it back. Whether there
/// was one to write.
pub(super) async fn write_in_between(store: &dyn Store, kind: &Kind, info: &RequestInfo) -> bool {
    let folder = if info.namespace.is_empty() { String::new() } else { format!("{}/", info.namespace) };
    let key = format!("{}{folder}{}", kind.storage_prefix(), info.name);
    match store.get(&key).await {
        Ok(Some(entry)) => store.update(&key, entry.value, entry.revision).await.is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &'static str, names: bool) {
        assert_eq!(names_resource_version(&Bytes::from(body)), names, "{body}");
    }

    #[test]
    fn a_request_names_what_it_has_read_or_does_not() {
        check(r#"{"metadata": {"name": "robin", "resourceVersion": "7"}, "spec": {}}"#, true);
        check(r#"{"kind": "DeleteOptions", "preconditions": {"resourceVersion": "7"}}"#, true);
        check(r#"{"metadata": {"resourceVersion": ""}}"#, false);
        check(r#"{"spec": {"wings": 2}}"#, false);
        check(r#"[{"op": "remove", "path": "/spec"}]"#, false);
        check("", false);
    }
}
