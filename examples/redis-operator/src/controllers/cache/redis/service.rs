//! Under which names the pods are found.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use kube::ResourceExt;

use super::metadata::{labels, metadata};
use crate::apis::cache::v1alpha1::redis::Redis;

/// Where Redis listens.
pub const PORT: i32 = 6379;

/// A Service without an address: it gives each pod a name that it keeps.
pub fn service(redis: &Redis) -> Service {
    Service {
        metadata: metadata(redis),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            selector: Some(labels(redis)),
            ports: Some(vec![ServicePort {
                name: Some("redis".to_owned()),
                port: PORT,
                protocol: Some("TCP".to_owned()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// The host of the pod that takes writes: the first one.
pub fn primary(redis: &Redis) -> String {
    let (name, namespace) = (redis.name_any(), redis.namespace().unwrap_or_default());
    format!("{name}-0.{name}.{namespace}.svc")
}
