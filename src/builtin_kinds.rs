//! The kinds of Kubernetes itself that a webhook or a controller may act on, as k8s-openapi has them: what can be listed, which is what
//! is kept. Those of `admissionregistration.k8s.io` are left out: no cluster asks a webhook about webhooks.

use crate::error::{Failure, usage};
use crate::project::Scope;

/// A kind of Kubernetes itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BuiltinKind {
    /// The group's short name, and its module in k8s-openapi: `networking`.
    pub group: &'static str,
    /// The group as clients see it: `networking.k8s.io`; empty for the core group.
    pub api_group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub scope: Scope,
}

/// All of them, those of one group together.
pub fn all() -> &'static [BuiltinKind] {
    KINDS
}

/// The short name of a group that is Kubernetes' own, by that name or by its full one.
pub fn group(name: &str) -> Option<&'static str> {
    KINDS.iter().find(|there| there.group == name || there.api_group == name).map(|there| there.group)
}

/// The group of this short name as clients see it: `networking.k8s.io`; empty for the core group.
pub fn api_group(group: &str) -> Option<&'static str> {
    KINDS.iter().find(|there| there.group == group).map(|there| there.api_group)
}

/// The kind of these names.
///
/// # Errors
/// There is none; the hint tells what comes nearest.
pub fn find(group: &str, version: &str, kind: &str) -> Result<&'static BuiltinKind, Failure> {
    let in_group = || KINDS.iter().filter(|there| there.group == group);
    if in_group().next().is_none() {
        return Err(
            usage(format!("Kubernetes has no group {group:?}")).hint(format!("its groups are {}", groups().join(", ")))
        );
    }
    if let Some(found) = in_group().find(|there| there.version == version && there.kind == kind) {
        return Ok(found);
    }
    let versions: Vec<&str> = in_group().filter(|there| there.kind == kind).map(|there| there.version).collect();
    if let Some(first) = versions.first() {
        let message = format!("{kind} in Kubernetes' group {group:?} has no version {version:?}");
        return Err(usage(message).hint(format!("use `--version {first}`{}", also(&versions[1..]))));
    }
    let mut known: Vec<&str> = in_group().map(|there| there.kind).collect();
    known.dedup();
    let hint = match nearest(kind, &known) {
        Some(near) => format!("did you mean `--kind {near}`?"),
        None => match KINDS.iter().find(|there| there.kind == kind) {
            Some(there) => format!("{kind} is in another group: use `--group {}`", there.group),
            None => format!("its kinds are {}", known.join(", ")),
        },
    };
    Err(usage(format!("Kubernetes' group {group:?} has no kind {kind:?}")).hint(hint))
}

/// The name among those known that differs least from one that was mistyped, if any comes near.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let same = known.iter().find(|there| there.to_lowercase() == lower);
    same.copied().or_else(|| similar::get_close_matches(name, known, 1, 0.75).first().copied())
}

/// The short names of all groups, each once.
pub fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = KINDS.iter().map(|there| there.group).collect();
    groups.dedup();
    groups
}

fn also(others: &[&str]) -> String {
    others.iter().map(|version| format!(" or `--version {version}`")).collect()
}

macro_rules! kinds {
    ($($group:ident $version:ident $api_group:literal { $($kind:ident $plural:literal $scope:ident,)+ })+) => {
        const KINDS: &[BuiltinKind] = &[$($(BuiltinKind {
            group: stringify!($group),
            api_group: $api_group,
            version: stringify!($version),
            kind: stringify!($kind),
            plural: $plural,
            scope: Scope::$scope,
        },)+)+];

        /// The same, as the types say it.
        #[cfg(test)]
        fn of_types() -> Vec<BuiltinKind> {
            vec![$($(tests::of::<k8s_openapi::api::$group::$version::$kind>(stringify!($group)),)+)+]
        }
    };
}

kinds! {
    apiserverinternal v1alpha1 "internal.apiserver.k8s.io" {
        StorageVersion "storageversions" Cluster,
    }
    apps v1 "apps" {
        ControllerRevision "controllerrevisions" Namespaced,
        DaemonSet "daemonsets" Namespaced,
        Deployment "deployments" Namespaced,
        ReplicaSet "replicasets" Namespaced,
        StatefulSet "statefulsets" Namespaced,
    }
    autoscaling v1 "autoscaling" {
        HorizontalPodAutoscaler "horizontalpodautoscalers" Namespaced,
    }
    autoscaling v2 "autoscaling" {
        HorizontalPodAutoscaler "horizontalpodautoscalers" Namespaced,
    }
    batch v1 "batch" {
        CronJob "cronjobs" Namespaced,
        Job "jobs" Namespaced,
    }
    certificates v1 "certificates.k8s.io" {
        CertificateSigningRequest "certificatesigningrequests" Cluster,
    }
    certificates v1alpha1 "certificates.k8s.io" {
        ClusterTrustBundle "clustertrustbundles" Cluster,
    }
    certificates v1beta1 "certificates.k8s.io" {
        ClusterTrustBundle "clustertrustbundles" Cluster,
        PodCertificateRequest "podcertificaterequests" Namespaced,
    }
    coordination v1 "coordination.k8s.io" {
        Lease "leases" Namespaced,
    }
    coordination v1alpha2 "coordination.k8s.io" {
        LeaseCandidate "leasecandidates" Namespaced,
    }
    coordination v1beta1 "coordination.k8s.io" {
        LeaseCandidate "leasecandidates" Namespaced,
    }
    core v1 "" {
        ConfigMap "configmaps" Namespaced,
        Endpoints "endpoints" Namespaced,
        Event "events" Namespaced,
        LimitRange "limitranges" Namespaced,
        Namespace "namespaces" Cluster,
        Node "nodes" Cluster,
        PersistentVolume "persistentvolumes" Cluster,
        PersistentVolumeClaim "persistentvolumeclaims" Namespaced,
        Pod "pods" Namespaced,
        PodTemplate "podtemplates" Namespaced,
        ReplicationController "replicationcontrollers" Namespaced,
        ResourceQuota "resourcequotas" Namespaced,
        Secret "secrets" Namespaced,
        Service "services" Namespaced,
        ServiceAccount "serviceaccounts" Namespaced,
    }
    discovery v1 "discovery.k8s.io" {
        EndpointSlice "endpointslices" Namespaced,
    }
    events v1 "events.k8s.io" {
        Event "events" Namespaced,
    }
    flowcontrol v1 "flowcontrol.apiserver.k8s.io" {
        FlowSchema "flowschemas" Cluster,
        PriorityLevelConfiguration "prioritylevelconfigurations" Cluster,
    }
    networking v1 "networking.k8s.io" {
        IPAddress "ipaddresses" Cluster,
        Ingress "ingresses" Namespaced,
        IngressClass "ingressclasses" Cluster,
        NetworkPolicy "networkpolicies" Namespaced,
        ServiceCIDR "servicecidrs" Cluster,
    }
    networking v1beta1 "networking.k8s.io" {
        IPAddress "ipaddresses" Cluster,
        ServiceCIDR "servicecidrs" Cluster,
    }
    node v1 "node.k8s.io" {
        RuntimeClass "runtimeclasses" Cluster,
    }
    policy v1 "policy" {
        PodDisruptionBudget "poddisruptionbudgets" Namespaced,
    }
    rbac v1 "rbac.authorization.k8s.io" {
        ClusterRole "clusterroles" Cluster,
        ClusterRoleBinding "clusterrolebindings" Cluster,
        Role "roles" Namespaced,
        RoleBinding "rolebindings" Namespaced,
    }
    resource v1 "resource.k8s.io" {
        DeviceClass "deviceclasses" Cluster,
        ResourceClaim "resourceclaims" Namespaced,
        ResourceClaimTemplate "resourceclaimtemplates" Namespaced,
        ResourceSlice "resourceslices" Cluster,
    }
    resource v1alpha3 "resource.k8s.io" {
        DeviceTaintRule "devicetaintrules" Cluster,
        ResourcePoolStatusRequest "resourcepoolstatusrequests" Cluster,
    }
    resource v1beta1 "resource.k8s.io" {
        DeviceClass "deviceclasses" Cluster,
        ResourceClaim "resourceclaims" Namespaced,
        ResourceClaimTemplate "resourceclaimtemplates" Namespaced,
        ResourceSlice "resourceslices" Cluster,
    }
    resource v1beta2 "resource.k8s.io" {
        DeviceClass "deviceclasses" Cluster,
        DeviceTaintRule "devicetaintrules" Cluster,
        ResourceClaim "resourceclaims" Namespaced,
        ResourceClaimTemplate "resourceclaimtemplates" Namespaced,
        ResourceSlice "resourceslices" Cluster,
    }
    scheduling v1 "scheduling.k8s.io" {
        PriorityClass "priorityclasses" Cluster,
    }
    scheduling v1alpha2 "scheduling.k8s.io" {
        PodGroup "podgroups" Namespaced,
        Workload "workloads" Namespaced,
    }
    storage v1 "storage.k8s.io" {
        CSIDriver "csidrivers" Cluster,
        CSINode "csinodes" Cluster,
        CSIStorageCapacity "csistoragecapacities" Namespaced,
        StorageClass "storageclasses" Cluster,
        VolumeAttachment "volumeattachments" Cluster,
        VolumeAttributesClass "volumeattributesclasses" Cluster,
    }
    storage v1beta1 "storage.k8s.io" {
        VolumeAttributesClass "volumeattributesclasses" Cluster,
    }
    storagemigration v1beta1 "storagemigration.k8s.io" {
        StorageVersionMigration "storageversionmigrations" Cluster,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{ListableResource, Metadata};

    use super::*;

    pub fn of<K: ListableResource + Metadata>(group: &'static str) -> BuiltinKind {
        let namespaced = std::any::type_name::<K::Scope>().ends_with("NamespaceResourceScope");
        BuiltinKind {
            group,
            api_group: K::GROUP,
            version: K::VERSION,
            kind: K::KIND,
            plural: K::URL_PATH_SEGMENT,
            scope: if namespaced { Scope::Namespaced } else { Scope::Cluster },
        }
    }

    #[test]
    fn kinds_are_those_of_the_types() {
        assert_eq!(KINDS, of_types());
    }

    #[track_caller]
    fn refused(group: &str, version: &str, kind: &str, hint: &str) {
        let report = crate::error::report(&find(group, version, kind).unwrap_err().into());
        assert!(report.contains(hint), "{report}");
    }

    #[test]
    fn what_is_mistyped_is_told_what_comes_nearest() {
        assert_eq!(find("apps", "v1", "Deployment").unwrap().plural, "deployments");
        assert_eq!(find("core", "v1", "Node").unwrap().scope, Scope::Cluster);
        refused("apps", "v1", "Deploymnet", "did you mean `--kind Deployment`?");
        refused("apps", "v1", "deployment", "did you mean `--kind Deployment`?");
        refused("apps", "v1beta1", "Deployment", "use `--version v1`\n");
        refused("autoscaling", "v3", "HorizontalPodAutoscaler", "use `--version v1` or `--version v2`");
        refused("core", "v1", "Deployment", "use `--group apps`");
        refused("batch", "v1", "Sparrow", "its kinds are CronJob, Job");
        assert_eq!(
            (group("networking.k8s.io"), group("rbac"), group("demo")),
            (Some("networking"), Some("rbac"), None)
        );
        assert_eq!(nearest("app", &groups()), Some("apps"));
    }
}
