//! Copies of the status.
//!
//! Nearly all of a status can be found out anew. Which version has had the data cannot: volumes stay
//! when their StatefulSet goes, while the status goes with its Redis, and nobody may set one who
//! creates a Redis again. So copies of it stay too, in a ConfigMap that belongs to nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use apiserver::manager::Context;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::{Api, ResourceExt};

use super::metadata::labels;
use crate::apis::cache::v1alpha1::redis::{Redis, RedisStatus, StatusBackup};

/// The copies of one status as JSON, by the time at which they were made: the newest is the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Copies(BTreeMap<String, String>);

/// The name of the ConfigMap.
pub fn name(redis: &Redis) -> String {
    format!("{}-status", redis.name_any())
}

/// Reads the copies: from the server, since what a watch told last may be older than our last write.
pub async fn read(cx: &Context, redis: &Redis) -> kube::Result<Copies> {
    let namespace = redis.namespace().unwrap_or_default();
    let maps: Api<ConfigMap> = Api::namespaced(cx.client(), &namespace);
    let map = maps.get_opt(&name(redis)).await?;
    Ok(Copies(map.and_then(|map| map.data).unwrap_or_default()))
}

/// Copies the status if it is time to, and gives how long the next copy can wait.
pub async fn keep(
    cx: &Context,
    redis: &Redis,
    mut copies: Copies,
    status: &mut RedisStatus,
) -> kube::Result<Duration> {
    let now = Timestamp::now();
    let how = &redis.spec.status_backup;
    if copies.wait(how, status, now).is_zero() {
        copies.add(how, status, now);
        cx.apply(&config_map(redis, &copies)).await?;
    }
    status.last_backup = copies.newest().and_then(|copy| copy.last_backup);
    Ok(copies.wait(how, status, now))
}

fn config_map(redis: &Redis, copies: &Copies) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name(redis)),
            namespace: redis.namespace(),
            // No owner.
            labels: Some(labels(redis)),
            ..ObjectMeta::default()
        },
        data: Some(copies.0.clone()),
        ..ConfigMap::default()
    }
}

impl Copies {
    /// The newest that can still be read.
    pub fn newest(&self) -> Option<RedisStatus> {
        let mut newest = self.0.values().rev();
        newest.find_map(|copy| serde_json::from_str(copy).ok())
    }

    /// How long the next copy can wait. What no one could find out anew cannot.
    fn wait(&self, how: &StatusBackup, status: &RedisStatus, now: Timestamp) -> Duration {
        let newest = self
            .newest()
            .filter(|copy| copy.data_version == status.data_version);
        let Some(Time(last)) = newest.and_then(|copy| copy.last_backup) else {
            return Duration::ZERO;
        };
        let age = Duration::try_from(now.duration_since(last)).unwrap_or_default();
        let interval = u64::try_from(how.interval_seconds).unwrap_or_default();
        Duration::from_secs(interval).saturating_sub(age)
    }

    /// Adds a copy, and drops those that are too many.
    fn add(&mut self, how: &StatusBackup, status: &RedisStatus, now: Timestamp) {
        let mut copy = status.clone();
        copy.last_backup = Some(Time(now));
        let json = serde_json::to_string(&copy).unwrap_or_default();
        self.0
            .insert(now.strftime("%Y%m%dT%H%M%SZ").to_string(), json);
        let limit = usize::try_from(how.history_limit).unwrap_or_default();
        while self.0.len() > limit.max(1) {
            self.0.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_made_at_once_and_then_in_intervals() {
        let mut copies = Copies::default();
        assert_eq!(copies.wait(&hourly(), &of("8.2"), at(0)), Duration::ZERO);
        copies.add(&hourly(), &of("8.2"), at(0));
        assert_eq!(
            copies.wait(&hourly(), &of("8.2"), at(0)),
            Duration::from_secs(3600)
        );
        assert_eq!(
            copies.wait(&hourly(), &of("8.2"), at(3599)),
            Duration::from_secs(1)
        );
        assert_eq!(copies.wait(&hourly(), &of("8.2"), at(4000)), Duration::ZERO);
    }

    #[test]
    fn what_only_the_status_knows_is_copied_at_once() {
        let mut copies = Copies::default();
        copies.add(&hourly(), &of("8.2"), at(0));
        assert_eq!(copies.wait(&hourly(), &of("8.4"), at(1)), Duration::ZERO);
    }

    #[test]
    fn the_newest_are_kept() {
        let mut copies = Copies::default();
        for (seconds, version) in [(0, "7.0"), (1, "7.2"), (2, "7.4"), (3, "8.0"), (4, "8.2")] {
            copies.add(&hourly(), &of(version), at(seconds));
        }
        let times: Vec<&str> = copies.0.keys().map(String::as_str).collect();
        assert_eq!(
            times,
            ["19700101T000002Z", "19700101T000003Z", "19700101T000004Z"]
        );
        assert_eq!(
            copies.newest().unwrap().data_version.as_deref(),
            Some("8.2")
        );
        copies
            .0
            .insert("20000101T000000Z".to_owned(), "broken".to_owned());
        assert_eq!(
            copies.newest().unwrap().data_version.as_deref(),
            Some("8.2")
        );
    }

    fn hourly() -> StatusBackup {
        StatusBackup::default()
    }

    fn of(version: &str) -> RedisStatus {
        RedisStatus {
            data_version: Some(version.to_owned()),
            ..RedisStatus::default()
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }
}
