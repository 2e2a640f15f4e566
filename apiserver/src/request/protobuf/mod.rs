//! Objects of Kubernetes' own kinds as protobuf, which kubectl and others that are written in Go send of kinds that are
//! compiled into them, whatever a server answers with.
//!
//! A body is four bytes and an envelope, which says what is in it. Messages are read from tables, which takes no generated
//! code, into what the same object is in JSON: what Go leaves out there because it is empty is left out here. Source:
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding-idl>

mod messages;
mod reader;

use serde_json::Value;

use self::messages::{ENVELOPE, find, groups};
use self::reader::message;

pub use self::reader::ProtobufError;

/// The Content-Type of such bodies.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// What each of them starts with.
const MAGIC: &[u8] = b"k8s\0";

/// Whether a Content-Type says that a body is one.
pub fn is_meant(content_type: Option<&str>) -> bool {
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(MEDIA_TYPE)
}

/// Whether there may be kinds of a group that can be read.
pub fn knows_group(group: &str) -> bool {
    groups().any(|known| known == group)
}

/// Reads an object, with its `apiVersion` and `kind`.
///
/// # Errors
/// Bytes that are no such object, and kinds that are not known here.
pub fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let body = body.strip_prefix(MAGIC).ok_or(ProtobufError::NoEnvelope)?;
    let mut envelope = message(body, ENVELOPE)?;
    let type_meta = envelope.remove("typeMeta").unwrap_or_default();
    let text = |field: &str| type_meta[field].as_str().unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
    let table = find(group, kind).ok_or_else(|| ProtobufError::UnknownKind(kind.to_owned()))?;
    let raw = envelope.remove("raw").and_then(|raw| reader::bytes(&raw)).unwrap_or_default();
    let mut object = message(&raw, table)?;
    object.insert("apiVersion".into(), api_version.into());
    object.insert("kind".into(), kind.into());
    Ok(object.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A field of a message, or of the map that is one.
    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        let length = u8::try_from(value.len()).expect("a short value");
        [&[number << 3 | 2, length], value].concat()
    }

    fn entry(key: &str, value: &str) -> Vec<u8> {
        [field(1, key.as_bytes()), field(2, value.as_bytes())].concat()
    }

    fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC, &field(1, &type_meta), &field(2, raw), &field(3, b""), &field(4, b"")].concat()
    }

    #[test]
    fn an_object_is_what_it_is_in_json() {
        // As kubectl sends it: what is empty is written, and a time that is not set is an empty message.
        let metadata = [field(1, b"s"), field(2, b""), field(8, b""), field(11, &entry("a", ""))].concat();
        let secret = [
            field(1, &metadata),
            field(2, &entry("k", "v")),
            field(3, b"Opaque"),
            field(4, &entry("t", "x")),
            vec![5 << 3, 1],
        ];
        let expect = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s", "labels": { "a": "" } },
            "data": { "k": "dg==" }, "type": "Opaque", "stringData": { "t": "x" }, "immutable": true,
        });
        assert_eq!(decode(&body("v1", "Secret", &secret.concat())), Ok(expect));
        let rule = [field(1, b"get"), field(1, b"list"), field(2, b""), field(3, b"pods")].concat();
        let role = [field(1, &field(1, b"r")), field(2, &rule)].concat();
        let expect = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "r" },
            "rules": [{ "verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"] }],
        });
        assert_eq!(decode(&body("rbac.authorization.k8s.io/v1", "Role", &role)), Ok(expect));
    }

    #[test]
    fn times_are_texts_and_numbers_have_signs() {
        // 2026-03-01T12:00:00Z, and half a second more.
        let seconds = [1 << 3, 0xc0, 0xd4, 0x90, 0xcd, 0x06];
        let nanos = [2 << 3, 0x80, 0xca, 0xb5, 0xee, 0x01];
        let minus_one = [[2 << 3].as_slice(), &[0xff; 9], &[1]].concat();
        let spec = [minus_one, field(3, &[seconds, nanos].concat()), vec![5 << 3, 0]].concat();
        let lease = [field(1, &field(8, &seconds)), field(2, &spec)].concat();
        let expect = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "creationTimestamp": "2026-03-01T12:00:00Z" },
            "spec": { "leaseDurationSeconds": -1, "acquireTime": "2026-03-01T12:00:00.500000Z", "leaseTransitions": 0 },
        });
        assert_eq!(decode(&body("coordination.k8s.io/v1", "Lease", &lease)), Ok(expect));
        let options = [vec![1 << 3, 0], field(2, &field(1, b"u")), field(4, b"Orphan"), field(5, b"All")].concat();
        let expect = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": { "uid": "u" },
            "propagationPolicy": "Orphan", "dryRun": ["All"],
        });
        assert_eq!(decode(&body("v1", "DeleteOptions", &options)), Ok(expect));
    }

    #[test]
    fn what_is_new_is_skipped_and_what_is_broken_refused() {
        let unknown = [field(15, b"new"), vec![14 << 3, 0x80, 1], vec![13 << 3 | 5, 1, 2, 3, 4]].concat();
        let map = |raw: &[u8]| decode(&body("v1", "ConfigMap", raw));
        assert_eq!(map(&unknown), Ok(json!({ "apiVersion": "v1", "kind": "ConfigMap" })));
        for broken in [&[1 << 3 | 2, 9][..], &[1 << 3], &[0xff; 11], &[1 << 3 | 3], &field(1, &field(1, b"\xff"))] {
            assert!(map(broken).is_err(), "{broken:?}");
        }
        assert_eq!(decode(b"{}"), Err(ProtobufError::NoEnvelope));
        assert_eq!(decode(&body("v1", "Pod", b"")), Err(ProtobufError::UnknownKind("Pod".into())));
        assert!(
            is_meant(Some("application/vnd.kubernetes.protobuf; charset=x")) && !is_meant(Some("application/json"))
        );
        assert!(knows_group("") && !knows_group("demo.example.com"));
    }
}
