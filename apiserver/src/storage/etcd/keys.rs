//! Keys and revisions, as we and as etcd write them.

use bytes::Bytes;

use super::proto::mvccpb::KeyValue;
use crate::storage::{BoxError, Entry, Revision};

/// Puts the store's own prefix before each key, and takes it away again.
#[derive(Debug)]
pub(super) struct Keys {
    prefix: String,
}

/// The keys from `key` up to but without `end`, as etcd wants them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) key: Bytes,
    pub(super) end: Bytes,
}

impl Keys {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    pub(super) fn to_etcd(&self, key: &str) -> Bytes {
        let mut bytes = Vec::with_capacity(self.prefix.len() + key.len());
        bytes.extend_from_slice(self.prefix.as_bytes());
        bytes.extend_from_slice(key.as_bytes());
        bytes.into()
    }

    pub(super) fn read(&self, key: &[u8]) -> Result<String, BoxError> {
        let own = key.strip_prefix(self.prefix.as_bytes()).ok_or("etcd sent a key that was not asked for")?;
        match std::str::from_utf8(own) {
            Ok(own) => Ok(own.to_owned()),
            Err(_) => Err(format!("etcd has a key here that is not text: {:?}", key.escape_ascii().to_string()).into()),
        }
    }

    pub(super) fn entry(&self, kv: KeyValue) -> Result<Entry, BoxError> {
        Ok(Entry { key: self.read(&kv.key)?.into(), value: own(&kv.value), revision: from_wire(kv.mod_revision) })
    }

    /// The keys under `prefix`, from `start` on if that is later.
    pub(super) fn span(&self, prefix: &str, start: &str) -> Span {
        let under = self.to_etcd(prefix);
        let end = end_of(&under);
        let key = if start > prefix { self.to_etcd(start) } else { under };
        // An empty key means the first one to a reader, and is refused by etcd.
        Span { key: if key.is_empty() { Bytes::from_static(b"\0") } else { key }, end }
    }
}

impl Span {
    /// All keys of the cluster, whoever wrote them.
    pub(super) fn everything() -> Self {
        Self { key: Bytes::from_static(b"\0"), end: Bytes::from_static(b"\0") }
    }
}

/// The bytes alone. As decoded, they share the memory of everything that arrived with them, and a single small value
/// that someone keeps would keep all of it.
pub(super) fn own(value: &Bytes) -> Bytes {
    Bytes::copy_from_slice(value)
}

/// The first key after all that start with `prefix`.
fn end_of(prefix: &[u8]) -> Bytes {
    let mut end = prefix.to_vec();
    match end.last_mut() {
        // UTF-8 has no byte 255.
        Some(last) => *last += 1,
        // To etcd this is the end of all keys.
        None => end.push(0),
    }
    end.into()
}

/// etcd counts in signed numbers, of which it uses the positive ones.
pub(super) fn to_wire(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

pub(super) fn from_wire(revision: i64) -> Revision {
    Revision(u64::try_from(revision).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_holds_the_keys_under_a_prefix() {
        let check = |own: &str, prefix: &str, start: &str, expected: (&[u8], &[u8])| {
            let span = Keys::new(own.to_owned()).span(prefix, start);
            assert_eq!((&span.key[..], &span.end[..]), expected, "{own:?} {prefix:?} {start:?}");
        };
        check("", "/registry/", "", (b"/registry/", b"/registry0"));
        check("", "/registry/", "/a", (b"/registry/", b"/registry0"));
        check("", "/registry/", "/registry/b\0", (b"/registry/b\0", b"/registry0"));
        check("", "é", "", ("é".as_bytes(), b"\xc3\xaa"));
        check("", "", "", (b"\0", b"\0"));
        check("", "", "b", (b"b", b"\0"));
        check("/test", "/registry/", "/registry/b", (b"/test/registry/b", b"/test/registry0"));
        check("/test", "", "", (b"/test", b"/tesu"));
    }

    #[test]
    fn a_foreign_key_is_not_ours() {
        let keys = Keys::new("/test".to_owned());
        assert_eq!(keys.read(b"/test/a").unwrap(), "/a");
        assert!(keys.read(b"/other/a").is_err());
        assert!(keys.read(b"/test/\xff").is_err());
    }
}
