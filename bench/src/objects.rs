//! The objects that are written: small ones of one kind, as text, because a generator that builds JSON measures itself.

use bytes::Bytes;
use hyper::Method;

use crate::client::Call;

/// How many different values the label `shard` and the selectable field have: each selects a hundredth of the objects.
pub const SHARDS: usize = 100;

/// One kind of a server, and what its objects look like.
#[derive(Clone, Debug)]
pub struct Kind {
    /// The collection's path: `/apis/demo.example.com/v1/namespaces/default/birds`.
    pub path: String,
    pub api_version: String,
    pub kind: String,
    /// JSON of `spec`; `{value}` stands for what an update changes, `{shard}` for a number below [`SHARDS`].
    pub spec: String,
    /// The merge patch that changes `{value}`.
    pub patch: String,
    /// A field selector that a hundredth of the objects fits: `spec.species=s{shard}`.
    pub field_selector: String,
}

impl Kind {
    /// `Bird` of `examples/aviary`.
    pub fn bird() -> Kind {
        Kind {
            path: "/apis/demo.example.com/v1/namespaces/default/birds".to_owned(),
            api_version: "demo.example.com/v1".to_owned(),
            kind: "Bird".to_owned(),
            spec: r#"{"species":"s{shard}","color":"{value}","wingspanCm":22,"replicas":2}"#.to_owned(),
            patch: r#"{"spec":{"color":"{value}"}}"#.to_owned(),
            field_selector: "spec.species=s{shard}".to_owned(),
        }
    }

    pub fn item(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// An object of about 1 KiB as it is stored. `rv` is the resourceVersion that an update builds upon.
    pub fn object(&self, name: &str, index: usize, value: &str, rv: Option<&str>) -> Bytes {
        let Kind { api_version, kind, .. } = self;
        let shard = index % SHARDS;
        let spec = self.spec.replace("{shard}", &shard.to_string()).replace("{value}", value);
        let rv = rv.map(|rv| format!(r#","resourceVersion":"{rv}""#)).unwrap_or_default();
        let text = format!(
            r#"{{"apiVersion":"{api_version}","kind":"{kind}","metadata":{{"name":"{name}"{rv},"labels":{{"app":"bench","shard":"{shard}"}},"annotations":{{"bench/padding":"{PADDING}"}}}},"spec":{spec}}}"#
        );
        text.into()
    }

    pub fn create(&self, name: &str, index: usize, value: &str) -> Call {
        Call::with_body(Method::POST, &*self.path, "application/json", self.object(name, index, value, None))
    }

    pub fn update(&self, name: &str, index: usize, value: &str, rv: &str) -> Call {
        let body = self.object(name, index, value, Some(rv));
        Call::with_body(Method::PUT, self.item(name), "application/json", body)
    }

    pub fn merge_patch(&self, name: &str, value: &str) -> Call {
        let body = self.patch.replace("{value}", value).into();
        Call::with_body(Method::PATCH, self.item(name), "application/merge-patch+json", body)
    }

    pub fn apply(&self, name: &str, index: usize, value: &str) -> Call {
        let path = format!("{}/{name}?fieldManager=bench&force=true", self.path);
        Call::with_body(Method::PATCH, path, "application/apply-patch+yaml", self.object(name, index, value, None))
    }
}

/// Makes an object 1 KiB long together with what the server adds: uid, times and managed fields.
const PADDING: &str = match std::str::from_utf8(&[b'x'; 300]) {
    Ok(padding) => padding,
    Err(_) => unreachable!(),
};

/// The first resourceVersion in an answer: the object's own, or the list's.
pub fn resource_version(answer: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"resourceVersion\":\"";
    let start = memchr::memmem::find(answer, KEY)? + KEY.len();
    let length = memchr::memchr(b'"', &answer[start..])?;
    std::str::from_utf8(&answer[start..start + length]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_json_and_half_of_what_is_stored() {
        let body = Kind::bird().object("bird-7", 107, "red", Some("12"));
        let object: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(object["metadata"]["labels"]["shard"], "7");
        assert_eq!(object["spec"]["species"], "s7");
        assert_eq!(object["spec"]["color"], "red");
        assert_eq!(resource_version(&body), Some("12"));
        assert!((400..700).contains(&body.len()), "{}", body.len());
    }

    #[test]
    fn a_resource_version_is_found_or_not() {
        for (answer, expected) in [
            (r#"{"metadata":{"resourceVersion":"7"}}"#, Some("7")),
            (r#"{"metadata":{"resourceVersion":"7"#, None),
            ("{}", None),
        ] {
            assert_eq!(resource_version(answer.as_bytes()), expected, "{answer}");
        }
    }
}
