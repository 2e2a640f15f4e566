//! Which version of Redis can have which data.

use apiserver::manager::conditions;

use super::backup;
use super::status::READY;
use crate::apis::cache::v1alpha1::redis::{Redis, RedisStatus};

/// Why a Redis is not ready whose version is older than its data.
pub const DOWNGRADE: &str = "Downgrade";

/// Notes that the data goes to the version that the spec asks for. Gives whether it may: if not, the
/// status says so.
pub fn hand_over(status: &mut RedisStatus, redis: &Redis) -> bool {
    let (version, generation) = (&redis.spec.version, redis.metadata.generation);
    match &status.data_version {
        Some(data) if release(version) < release(data) => {
            let note = format!(
                "the data is of {data}, and {version} may not be able to read it; to begin without \
                 it, delete this Redis, its volumes and the ConfigMap {}",
                backup::name(redis)
            );
            status.observed_generation = generation;
            conditions::mark_false(&mut status.conditions, READY, DOWNGRADE, note, generation);
            false
        }
        _ => {
            status.data_version = Some(version.clone());
            true
        }
    }
}

/// The first two numbers: what differs in the third reads the same data.
fn release(version: &str) -> Vec<u32> {
    let numbers = version
        .split('.')
        .map(|number| number.parse().unwrap_or_default());
    numbers.take(2).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn data_never_goes_back() {
        check(None, "7.2", "7.2");
        check(Some("7.2"), "8.0", "8.0");
        check(Some("8.2.3"), "8.2.1", "8.2.1");
        check(Some("8.2"), "8.10", "8.10");
        check(Some("8.2"), "7.4", "Downgrade");
        check(Some("8.10"), "8.9.1", "Downgrade");
    }

    #[track_caller]
    fn check(data: Option<&str>, version: &str, expected: &str) {
        let mut redis = example();
        redis.spec.version = version.to_owned();
        let mut status = RedisStatus {
            data_version: data.map(str::to_owned),
            ..RedisStatus::default()
        };
        if hand_over(&mut status, &redis) {
            assert_eq!(status.data_version.as_deref(), Some(expected));
        } else {
            assert_eq!(status.conditions[0].reason, expected);
            assert_eq!(status.data_version.as_deref(), data);
        }
    }
}
