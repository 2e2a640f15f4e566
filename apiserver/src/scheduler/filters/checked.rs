//! Pods that ask for what no other filter looks at.

use crate::scheduler::cycle::Cycle;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::plugin::{Changes, Filter, Refusal};
use crate::scheduler::pod::PodInfo;

/// Refuses pods with demands that the standard filters do not look at, so that they wait, and say why, rather than run
/// where they must not: volumes of claims, affinity to other pods, topology spread constraints, resource claims.
///
/// An algorithm with filters of its own for these lists the others one by one, without this.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnlyWhatIsChecked;

impl Filter for OnlyWhatIsChecked {
    fn pre_filter(&self, cycle: &Cycle<'_>) -> Result<(), Refusal> {
        match unchecked(cycle.pod()) {
            None => Ok(()),
            Some(what) => Err(format!("pod has {what}, which this scheduler does not look at").into()),
        }
    }

    fn filter(&self, _: &Cycle<'_>, _: &NodeInfo) -> Result<(), Refusal> {
        Ok(())
    }

    fn retry_on(&self) -> Changes {
        Changes::NONE
    }
}

fn unchecked(pod: &PodInfo) -> Option<&'static str> {
    let spec = pod.spec()?;
    let affinity = spec.affinity.as_ref();
    let near = affinity.and_then(|affinity| affinity.pod_affinity.as_ref());
    let near = near.and_then(|near| near.required_during_scheduling_ignored_during_execution.as_ref());
    let apart = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let apart = apart.and_then(|apart| apart.required_during_scheduling_ignored_during_execution.as_ref());
    let claims = |volume: &k8s_openapi::api::core::v1::Volume| {
        volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some()
    };
    let spreads = spec.topology_spread_constraints.iter().flatten();
    if spec.volumes.iter().flatten().any(claims) {
        Some("volumes of claims")
    } else if near.or(apart).is_some_and(|terms| !terms.is_empty()) {
        Some("affinity to other pods")
    } else if spreads.into_iter().any(|spread| spread.when_unsatisfiable == "DoNotSchedule") {
        Some("topology spread constraints")
    } else if spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty()) {
        Some("resource claims")
    } else {
        None
    }
}
