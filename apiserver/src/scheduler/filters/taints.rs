//! Taints of nodes, and the pods that tolerate them.

use crate::scheduler::cycle::Cycle;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::plugin::{Changes, Filter, Refusal};
use crate::scheduler::pod::PodInfo;

/// Refuses nodes with a taint `NoSchedule` or `NoExecute` that the pod does not tolerate.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaintToleration;

impl Filter for TaintToleration {
    fn filter(&self, cycle: &Cycle<'_>, node: &NodeInfo) -> Result<(), Refusal> {
        let hard = node.taints().iter().filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"));
        for taint in hard {
            let value = taint.value.as_deref().unwrap_or_default();
            if !tolerates(cycle.pod(), &taint.key, value, &taint.effect) {
                return Err(format!("node(s) had untolerated taint {{{}: {value}}}", taint.key).into());
            }
        }
        Ok(())
    }

    fn retry_on(&self) -> Changes {
        Changes::NODES
    }
}

/// Whether a pod tolerates a taint.
pub(in crate::scheduler) fn tolerates(pod: &PodInfo, key: &str, value: &str, effect: &str) -> bool {
    let tolerations = pod.spec().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    tolerations.iter().any(|toleration| {
        let is = |own: &Option<String>, other: &str| own.as_deref().is_none_or(|own| own.is_empty() || own == other);
        let same_value = match toleration.operator.as_deref() {
            None | Some("" | "Equal") => toleration.value.as_deref().unwrap_or_default() == value,
            Some("Exists") => true,
            Some(_) => false,
        };
        is(&toleration.effect, effect) && is(&toleration.key, key) && same_value
    })
}
