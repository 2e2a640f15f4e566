//! What the pods read: redis.conf.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::metadata::metadata;
use crate::apis::cache::v1alpha1::redis::{Redis, RedisSpec};

/// The name of the file.
pub const FILE: &str = "redis.conf";

/// The ConfigMap that brings the file to the pods.
pub fn config_map(redis: &Redis) -> ConfigMap {
    let file = (FILE.to_owned(), text(&redis.spec));
    ConfigMap {
        metadata: metadata(redis),
        data: Some(BTreeMap::from([file])),
        ..ConfigMap::default()
    }
}

/// The content of the file: the same for the same spec, in whatever order it was written.
pub fn text(spec: &RedisSpec) -> String {
    let ours = [
        ("bind", "* -::*"),
        ("dir", "/data"),
        ("maxmemory", &spec.max_memory),
        ("port", "6379"),
        // There is no password; who may connect is for a NetworkPolicy to say.
        ("protected-mode", "no"),
    ];
    let theirs = spec.config.iter();
    let theirs = theirs.map(|(name, value)| (name.as_str(), value.as_str()));
    let lines = ours.into_iter().chain(theirs);
    lines.map(|(name, value)| line(name, value)).collect()
}

/// One setting, whatever is in it: no second one hides behind a line break.
fn line(name: &str, value: &str) -> String {
    format!("{name} {value}").replace(['\n', '\r'], " ") + "\n"
}

/// A short text that is another one when the file is. FNV-1a, since the hasher of the standard
/// library may give other values after an update, and with it every pod would start again.
pub fn checksum(spec: &RedisSpec) -> String {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let hash = text(spec).bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn settings_are_lines() {
        check(&[], "protected-mode no\n");
        check(&[("save", "60 1")], "protected-mode no\nsave 60 1\n");
        check(&[("save", "60 1\nport 1")], "no\nsave 60 1 port 1\n");
        check(&[("b", "2"), ("a", "1")], "no\na 1\nb 2\n");
    }

    #[test]
    fn another_file_has_another_checksum() {
        let mut spec = example().spec;
        let before = checksum(&spec);
        spec.replicas = 5;
        assert_eq!(checksum(&spec), before);
        spec.max_memory = "1gb".to_owned();
        assert_ne!(checksum(&spec), before);
    }

    #[track_caller]
    fn check(config: &[(&str, &str)], ending: &str) {
        let mut spec = example().spec;
        let config = config
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        spec.config = config.collect();
        let text = text(&spec);
        assert!(text.ends_with(ending), "{text}");
    }
}
