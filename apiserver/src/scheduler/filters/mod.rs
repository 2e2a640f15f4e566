//! Filters that every scheduler needs: what pods and nodes say of each other, as kube-scheduler understands it and in its
//! words.

mod checked;
mod node_affinity;
mod node_ports;
mod node_resources;
mod node_unschedulable;
mod taints;

use std::sync::Arc;

use super::plugin::Filter;

pub use checked::OnlyWhatIsChecked;
pub use node_affinity::NodeAffinity;
pub use node_ports::NodePorts;
pub use node_resources::NodeResourcesFit;
pub use node_unschedulable::NodeUnschedulable;
pub use taints::TaintToleration;

pub(super) use node_affinity::matches_term;
pub(super) use taints::tolerates;

/// All of them, cheap ones first. They know nothing of volumes, of other pods' affinity, of spreading over topologies and
/// of resource claims; [`OnlyWhatIsChecked`], which is among them, refuses pods that ask for such.
pub fn standard() -> Vec<Arc<dyn Filter>> {
    vec![
        Arc::new(OnlyWhatIsChecked),
        Arc::new(NodeUnschedulable),
        Arc::new(TaintToleration),
        Arc::new(NodeAffinity),
        Arc::new(NodePorts),
        Arc::new(NodeResourcesFit),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scheduler::cycle::Cycle;
    use crate::scheduler::fake::{allocatable, node_of, pod_of};
    use crate::scheduler::node::NodeInfo;
    use crate::scheduler::snapshot::Snapshot;

    /// Whether a pod may run on a node beside another pod: nothing, or the reasons why not.
    #[track_caller]
    fn check(node: Value, there: Value, spec: Value, expected: &str) {
        let mut whole = json!({"metadata": {"name": "n1"}, "status": allocatable("4")});
        for (name, part) in node.as_object().into_iter().flatten() {
            whole[name] = part.clone();
        }
        whole["metadata"]["name"] = "n1".into();
        let mut info = NodeInfo::new(node_of(whole));
        info.add(pod_of("there", there));
        let (pod, snapshot) = (pod_of("robin", spec), Snapshot::default());
        let cycle = Cycle::new(&pod, &snapshot);
        let asked = standard().into_iter();
        let refusal = asked.map(|filter| filter.pre_filter(&cycle).and_then(|()| filter.filter(&cycle, &info)));
        let refusal = refusal.filter_map(Result::err).next();
        let reasons: Vec<String> =
            refusal.iter().flat_map(|refusal| refusal.reasons().map(ToString::to_string)).collect();
        assert_eq!(
            reasons.join(", "),
            expected,
            "{}",
            pod.pod().spec.as_ref().map(|spec| json!(spec)).unwrap_or_default()
        );
    }

    fn requests(list: Value) -> Value {
        json!({"containers": [{"name": "main", "resources": {"requests": list}}]})
    }

    #[test]
    fn nodes_have_to_have_what_pods_request() {
        let fits =
            |list: Value, expected: &str| check(json!({}), requests(json!({"cpu": "1"})), requests(list), expected);
        fits(json!({}), "");
        fits(json!({"cpu": "3"}), "");
        fits(json!({"cpu": "3001m"}), "Insufficient cpu");
        fits(json!({"cpu": "4", "memory": "9Gi"}), "Insufficient cpu, Insufficient memory");
        fits(json!({"example.com/gpu": "1"}), "Insufficient example.com/gpu");
        fits(json!({"example.com/gpu": "0", "ephemeral-storage": "1"}), "Insufficient ephemeral-storage");
        let full = json!({"status": {"allocatable": {"cpu": "4", "pods": "1"}}});
        check(full, json!({}), requests(json!({})), "Too many pods");
    }

    #[test]
    fn taints_need_tolerations() {
        let node = |effect: &str| json!({"spec": {"taints": [{"key": "team", "value": "owls", "effect": effect}]}});
        let tolerates = |effect: &str, toleration: Value, expected: &str| {
            check(node(effect), json!({}), json!({"tolerations": [toleration]}), expected);
        };
        let refused = "node(s) had untolerated taint {team: owls}";
        check(node("NoSchedule"), json!({}), json!({}), refused);
        check(node("NoExecute"), json!({}), json!({}), refused);
        check(node("PreferNoSchedule"), json!({}), json!({}), "");
        tolerates("NoSchedule", json!({"key": "team", "value": "owls"}), "");
        tolerates(
            "NoSchedule",
            json!({"key": "team", "operator": "Equal", "value": "owls", "effect": "NoSchedule"}),
            "",
        );
        tolerates("NoSchedule", json!({"key": "team", "operator": "Exists"}), "");
        tolerates("NoSchedule", json!({"operator": "Exists"}), "");
        tolerates("NoSchedule", json!({"key": "team", "value": "larks"}), refused);
        tolerates("NoSchedule", json!({"key": "team"}), refused);
        tolerates("NoExecute", json!({"key": "team", "value": "owls", "effect": "NoSchedule"}), refused);
    }

    #[test]
    fn cordoned_nodes_are_left_alone() {
        let cordoned = || json!({"spec": {"unschedulable": true}});
        check(cordoned(), json!({}), json!({}), "node(s) were unschedulable");
        let key = "node.kubernetes.io/unschedulable";
        check(cordoned(), json!({}), json!({"tolerations": [{"key": key, "operator": "Exists"}]}), "");
    }

    #[test]
    fn ports_of_a_node_are_taken_once() {
        let port = |protocol: &str| json!({"containers": [{"name": "a", "ports": [{"containerPort": 1, "hostPort": 80, "protocol": protocol}]}]});
        let taken = "node(s) didn't have free ports for the requested pod ports";
        check(json!({}), port("TCP"), port("TCP"), taken);
        check(json!({}), port("TCP"), port("UDP"), "");
        check(json!({}), json!({}), port("TCP"), "");
    }

    #[test]
    fn nodes_are_selected_by_label_and_name() {
        let labels = json!({"metadata": {"labels": {"zone": "a", "cpus": "8"}}});
        let mismatch = "node(s) didn't match Pod's node affinity/selector";
        let selector = |selector: Value, expected: &str| {
            check(labels.clone(), json!({}), json!({"nodeSelector": selector}), expected);
        };
        selector(json!({"zone": "a"}), "");
        selector(json!({"zone": "b"}), mismatch);
        selector(json!({"zone": "a", "disk": "ssd"}), mismatch);
        let terms = |terms: Value, expected: &str| {
            let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}});
            check(labels.clone(), json!({}), json!({"affinity": affinity}), expected);
        };
        let one = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        terms(json!([one("zone", "In", &["a", "b"])]), "");
        terms(json!([one("zone", "In", &["b"])]), mismatch);
        terms(json!([one("zone", "In", &["b"]), one("cpus", "Gt", &["4"])]), "");
        terms(json!([one("zone", "NotIn", &["b"])]), "");
        terms(json!([one("disk", "NotIn", &["ssd"])]), "");
        terms(json!([one("disk", "Exists", &[])]), mismatch);
        terms(json!([one("disk", "DoesNotExist", &[])]), "");
        terms(json!([one("cpus", "Lt", &["8"])]), mismatch);
        terms(json!([one("zone", "Gt", &["1"])]), mismatch);
        terms(json!([{}]), mismatch);
        terms(json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]), "");
        terms(json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}]), mismatch);
    }

    #[test]
    fn what_is_not_checked_is_refused() {
        let refused = |spec: Value, what: &str| {
            let expected = if what.is_empty() {
                String::new()
            } else {
                format!("pod has {what}, which this scheduler does not look at")
            };
            check(json!({}), json!({}), spec, &expected);
        };
        refused(json!({"volumes": [{"name": "a", "emptyDir": {}}]}), "");
        refused(json!({"volumes": [{"name": "a", "persistentVolumeClaim": {"claimName": "a"}}]}), "volumes of claims");
        refused(json!({"resourceClaims": [{"name": "a"}]}), "resource claims");
        let term = json!({"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]});
        refused(json!({"affinity": {"podAffinity": term}}), "affinity to other pods");
        refused(json!({"affinity": {"podAntiAffinity": term}}), "affinity to other pods");
        let spread = |unsatisfiable: &str| json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": unsatisfiable}]});
        refused(spread("DoNotSchedule"), "topology spread constraints");
        refused(spread("ScheduleAnyway"), "");
    }
}
