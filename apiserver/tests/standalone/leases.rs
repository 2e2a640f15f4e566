//! Leases, by which replicas agree on who works.

use apiserver::TestServer;
use serde_json::{Value, json};

use crate::{ask, install, refusal, table};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

fn lease(spec: Value) -> Value {
    json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "l" }, "spec": spec })
}

#[tokio::test]
async fn a_lease_is_taken_by_whoever_read_it_last() {
    let server = TestServer::start(install).await;
    let spec = json!({
        "holderIdentity": "robin", "leaseDurationSeconds": 15, "leaseTransitions": 0, "strategy": "OldestEmulationVersion",
        "acquireTime": "2026-03-01T12:00:00.000000Z", "renewTime": "2026-03-01T12:00:00.000000Z",
    });
    // A PUT makes one, as in a cluster.
    let (code, made) = ask(&server, &format!("PUT {LEASES}/l"), lease(spec)).await;
    assert_eq!((code, made["spec"].get("strategy")), (201, None), "{made}");
    let mut next = made.clone();
    next["spec"]["holderIdentity"] = "wren".into();
    assert_eq!(ask(&server, &format!("PUT {LEASES}/l"), next.clone()).await.0, 200);
    let late = refusal(&server, &format!("PUT {LEASES}/l"), next).await;
    assert!(late.starts_with("409"), "{late}");
    let blind = refusal(&server, &format!("PUT {LEASES}/l"), lease(json!({}))).await;
    assert!(blind.starts_with("422") && blind.contains("metadata.resourceVersion"), "{blind}");
    assert_eq!(table(&server, LEASES).await, ["Name | Holder | Age", "l | wren | -"]);
    let short = refusal(&server, &format!("PATCH {LEASES}/l"), json!({ "spec": { "leaseDurationSeconds": 0 } })).await;
    assert!(short.ends_with("spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"), "{short}");
}
