//! The pods and their volumes.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, ContainerPort, ExecAction, PersistentVolumeClaim,
    PersistentVolumeClaimSpec, PodSecurityContext, PodSpec, PodTemplateSpec, Probe, Volume,
    VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;

use super::config;
use super::metadata::{labels, metadata, selector};
use super::service::{PORT, primary};
use crate::apis::cache::v1alpha1::redis::Redis;

/// On the pods. When it changes they are made anew, one after the other: Redis reads its file only
/// when it starts.
pub const CHECKSUM: &str = "cache.example.com/config-checksum";

/// The user `redis` in the image.
const USER: i64 = 999;

/// The StatefulSet: pods with names that stay, each with a volume that stays.
pub fn stateful_set(redis: &Redis) -> StatefulSet {
    StatefulSet {
        metadata: metadata(redis),
        spec: Some(StatefulSetSpec {
            replicas: Some(redis.spec.replicas),
            service_name: Some(redis.name_any()),
            selector: selector(redis),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(redis)),
                    annotations: Some(BTreeMap::from([(
                        CHECKSUM.to_owned(),
                        config::checksum(&redis.spec),
                    )])),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(redis)),
            },
            volume_claim_templates: Some(vec![claim(redis)]),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

fn pod(redis: &Redis) -> PodSpec {
    PodSpec {
        containers: vec![Container {
            name: "redis".to_owned(),
            image: Some(format!("redis:{}", redis.spec.version)),
            command: Some(vec!["sh".to_owned(), "-c".to_owned(), start(redis)]),
            ports: Some(vec![ContainerPort {
                name: Some("redis".to_owned()),
                container_port: PORT,
                protocol: Some("TCP".to_owned()),
                ..ContainerPort::default()
            }]),
            readiness_probe: Some(Probe {
                exec: Some(ExecAction {
                    command: Some(vec!["redis-cli".to_owned(), "ping".to_owned()]),
                }),
                ..Probe::default()
            }),
            volume_mounts: Some(vec![
                mount("data", "/data", false),
                mount("config", "/etc/redis", true),
            ]),
            ..Container::default()
        }],
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            fs_group: Some(USER),
            ..PodSecurityContext::default()
        }),
        volumes: Some(vec![Volume {
            name: "config".to_owned(),
            config_map: Some(ConfigMapVolumeSource {
                name: redis.name_any(),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        }]),
        ..PodSpec::default()
    }
}

/// The first pod is the primary, and each other one follows it.
fn start(redis: &Redis) -> String {
    let (name, file) = (redis.name_any(), config::FILE);
    let follow = format!("--replicaof {} {PORT}", primary(redis));
    format!(
        r#"[ "$HOSTNAME" = {name}-0 ] || follow="{follow}"; exec redis-server /etc/redis/{file} $follow"#
    )
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

fn claim(redis: &Redis) -> PersistentVolumeClaim {
    let size = Quantity(redis.spec.storage.clone());
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some("data".to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), size)])),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn only_what_the_pods_are_made_of_makes_them_anew() {
        check(false, |redis| redis.spec.replicas = 5);
        check(false, |redis| redis.spec.status_backup.history_limit = 1);
        check(true, |redis| redis.spec.version = "8.4".to_owned());
        check(true, |redis| redis.spec.max_memory = "1gb".to_owned());
        check(true, |redis| {
            let setting = ("save".to_owned(), "60 1".to_owned());
            redis.spec.config.extend([setting]);
        });
    }

    #[test]
    fn the_first_pod_follows_nobody() {
        let pod = pod(&example());
        let command = pod.containers[0].command.as_ref().unwrap();
        let expected = r#"[ "$HOSTNAME" = example-0 ] || follow="--replicaof example-0.example.default.svc 6379"; exec redis-server /etc/redis/redis.conf $follow"#;
        assert_eq!(command[2], expected);
    }

    #[track_caller]
    fn check(anew: bool, change: impl FnOnce(&mut Redis)) {
        let template = |redis: &Redis| stateful_set(redis).spec.unwrap().template;
        let mut redis = example();
        let before = template(&redis);
        change(&mut redis);
        assert_eq!(template(&redis) != before, anew);
    }
}
