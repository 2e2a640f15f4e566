//! Scores that most schedulers can use, as kube-scheduler works them out.

mod allocation;
mod node_affinity;
mod taints;

pub use allocation::{BalancedAllocation, LeastAllocated, MostAllocated};
pub use node_affinity::NodeAffinity;
pub use taints::TaintToleration;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::scheduler::cycle::Cycle;
    use crate::scheduler::fake::{allocatable, node_of, pod_of};
    use crate::scheduler::node::NodeInfo;
    use crate::scheduler::plugin::Score;
    use crate::scheduler::snapshot::Snapshot;

    /// The normalized scores of nodes of 4 processors and 8Gi for a pod.
    #[track_caller]
    fn check(score: impl Score, nodes: &[(Value, Value)], spec: Value, expected: &[i64]) {
        let nodes: Vec<NodeInfo> = nodes
            .iter()
            .map(|(node, there)| {
                let mut whole = json!({"metadata": {"name": "n"}, "status": allocatable("4")});
                for (name, part) in node.as_object().into_iter().flatten() {
                    whole[name] = part.clone();
                }
                whole["metadata"]["name"] = "n".into();
                let mut info = NodeInfo::new(node_of(whole));
                if !there.is_null() {
                    info.add(pod_of("there", there.clone()));
                }
                info
            })
            .collect();
        let (pod, snapshot) = (pod_of("robin", spec), Snapshot::default());
        let cycle = Cycle::new(&pod, &snapshot);
        let mut scores: Vec<i64> = nodes.iter().map(|node| score.score(&cycle, node)).collect();
        score.normalize(&cycle, &mut scores);
        assert_eq!(scores, expected);
    }

    fn requests(cpu: &str, memory: &str) -> Value {
        json!({"containers": [{"name": "main", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]})
    }

    #[test]
    fn nodes_are_scored_by_what_is_left() {
        use super::{BalancedAllocation, LeastAllocated, MostAllocated};
        let nodes = [(json!({}), Value::Null), (json!({}), requests("1", "2Gi")), (json!({}), requests("3", "2Gi"))];
        let pod = || requests("1", "2Gi");
        check(LeastAllocated, &nodes, pod(), &[75, 50, 25]);
        check(MostAllocated, &nodes, pod(), &[25, 50, 75]);
        check(BalancedAllocation, &nodes, pod(), &[100, 100, 75]);
        let overfull = [(json!({}), requests("9", "2Gi"))];
        check(LeastAllocated, &overfull, pod(), &[25]);
        check(MostAllocated, &overfull, pod(), &[75]);
        check(LeastAllocated, &[(json!({"status": {}}), Value::Null)], pod(), &[0]);
    }

    #[test]
    fn nodes_are_scored_by_what_the_pod_prefers() {
        let zone = |zone: &str| (json!({"metadata": {"labels": {"zone": zone}}}), Value::Null);
        let prefers = |weight: i32, zone: &str| {
            let one = json!({"key": "zone", "operator": "In", "values": [zone]});
            json!({"weight": weight, "preference": {"matchExpressions": [one]}})
        };
        let preferred = json!([prefers(10, "a"), prefers(5, "b")]);
        let affinity = json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}});
        let nodes = [zone("a"), zone("b"), zone("c")];
        check(super::NodeAffinity, &nodes, json!({"affinity": affinity}), &[100, 50, 0]);
        check(super::NodeAffinity, &nodes, json!({}), &[0, 0, 0]);
    }

    #[test]
    fn nodes_are_scored_by_soft_taints() {
        let taint = |key: &str| json!({"key": key, "effect": "PreferNoSchedule"});
        let tainted = |taints: Value| (json!({"spec": {"taints": taints}}), Value::Null);
        let nodes = [tainted(json!([])), tainted(json!([taint("a")])), tainted(json!([taint("a"), taint("b")]))];
        check(super::TaintToleration, &nodes, json!({}), &[100, 50, 0]);
        check(
            super::TaintToleration,
            &nodes,
            json!({"tolerations": [{"key": "b", "operator": "Exists"}]}),
            &[100, 0, 0],
        );
    }
}
