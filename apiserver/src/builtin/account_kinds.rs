//! The kinds ServiceAccount and Lease. Sources:
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/core/serviceaccount/strategy.go>,
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/coordination/validation/validation.go>

use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::{Value, json};

use super::behaviour::Behaviour;
use super::columns::{ALWAYS, age, column, count, text};
use super::{Builtin, plain};
use crate::field;
use crate::kind::Kind;

/// The kind ServiceAccount.
pub fn service_accounts() -> Builtin {
    let behaviour = Behaviour { prepare: |_, account, _| keep_names(account), warnings, ..Behaviour::default() };
    Builtin::new(account_kind).hooks(Arc::new(behaviour))
}

/// The kind Lease.
pub fn leases() -> Builtin {
    let behaviour = Behaviour {
        prepare: |_, lease, _| drop_coordination(lease),
        check: |_, lease, _, errors| check_lease(lease, errors),
        create_on_update: true,
        unconditional_update: false,
        ..Behaviour::default()
    };
    Builtin::new(lease_kind).hooks(Arc::new(behaviour))
}

fn account_kind() -> Kind {
    plain::kind::<ServiceAccount>(
        |_| {},
        |openapi| {
            let about = plain::description(openapi, "/properties/secrets");
            vec![column("Secrets", ALWAYS, about, |account, _| count(&account["secrets"]).into()), age()]
        },
    )
}

fn lease_kind() -> Kind {
    plain::kind::<Lease>(
        |_| {},
        |openapi| {
            let about = plain::description(openapi, "/properties/spec/properties/holderIdentity");
            vec![column("Holder", ALWAYS, about, |lease, _| text(&lease["spec"]["holderIdentity"]).into()), age()]
        },
    )
}

/// Of references to secrets only the names mean anything.
fn keep_names(account: &mut Value) {
    for secret in account.get_mut("secrets").and_then(Value::as_array_mut).into_iter().flatten() {
        *secret = json!({ "name": secret["name"] });
    }
}

fn warnings(account: &Value) -> Vec<String> {
    let deprecated = account["metadata"]["annotations"].get("kubernetes.io/enforce-mountable-secrets").is_some();
    let text = "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate \
                namespaces to isolate access to mounted secrets";
    deprecated.then(|| text.to_owned()).into_iter().collect()
}

/// What belongs to a way of electing leaders that Kubernetes does not have unless it is asked to.
fn drop_coordination(lease: &mut Value) {
    if let Some(spec) = lease.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("preferredHolder");
        spec.remove("strategy");
    }
}

fn check_lease(lease: &Value, errors: &mut field::Errors) {
    let spec = &lease["spec"];
    if let Some(seconds) = spec["leaseDurationSeconds"].as_i64().filter(|seconds| *seconds <= 0) {
        errors.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0");
    }
    if let Some(transitions) = spec["leaseTransitions"].as_i64().filter(|transitions| *transitions < 0) {
        errors.invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_keeps_the_names_of_its_secrets() {
        let mut account = json!({ "secrets": [{ "name": "a", "namespace": "b", "kind": "Secret" }] });
        keep_names(&mut account);
        assert_eq!(account, json!({ "secrets": [{ "name": "a" }] }));
        let mut plain = json!({ "metadata": { "name": "a" } });
        keep_names(&mut plain);
        assert_eq!(plain, json!({ "metadata": { "name": "a" } }));
    }

    #[test]
    fn leases_count_upwards() {
        let check = |spec: Value, expect: &str| {
            let mut errors = field::Errors::default();
            check_lease(&json!({ "spec": spec }), &mut errors);
            assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "), expect);
        };
        check(json!({ "leaseDurationSeconds": 15, "leaseTransitions": 0 }), "");
        check(
            json!({ "leaseDurationSeconds": 0, "leaseTransitions": -1 }),
            "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0; spec.leaseTransitions: Invalid value: \
             -1: must be greater than or equal to 0",
        );
        check(json!(null), "");
    }
}
