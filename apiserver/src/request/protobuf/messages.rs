//! The messages of the kinds that a server keeps or answers itself. Source: the files `generated.proto` of
//! <https://github.com/kubernetes/api> and <https://github.com/kubernetes/apimachinery>

use super::reader::Message;
use super::reader::Type::{
    Bytes, BytesByKey, Count, Each, Flag, Json, MicroTime, Number, One, Text, TextByKey, Texts, TextsByKey, Time,
};

/// What each body is in.
pub(super) const ENVELOPE: Message =
    &[(1, "typeMeta", One(&[(1, "apiVersion", Text), (2, "kind", Text)])), (2, "raw", Bytes)];

/// The message of a kind.
pub(super) fn find(group: &str, kind: &str) -> Option<Message> {
    if kind == "DeleteOptions" {
        return Some(DELETE_OPTIONS);
    }
    KINDS.iter().find(|known| (known.0, known.1) == (group, kind)).map(|known| known.2)
}

/// The groups of all kinds.
pub(super) fn groups() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|known| known.0)
}

const KINDS: [(&str, &str, Message); 18] = [
    ("", "Namespace", NAMESPACE),
    ("", "Secret", SECRET),
    ("", "ConfigMap", CONFIG_MAP),
    ("", "ServiceAccount", SERVICE_ACCOUNT),
    ("", "Event", CORE_EVENT),
    ("events.k8s.io", "Event", EVENT),
    ("coordination.k8s.io", "Lease", LEASE),
    ("rbac.authorization.k8s.io", "Role", ROLE),
    ("rbac.authorization.k8s.io", "ClusterRole", ROLE),
    ("rbac.authorization.k8s.io", "RoleBinding", BINDING),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", BINDING),
    ("authentication.k8s.io", "SelfSubjectReview", &[(1, "metadata", One(META))]),
    ("authentication.k8s.io", "TokenRequest", TOKEN_REQUEST),
    ("authentication.k8s.io", "TokenReview", TOKEN_REVIEW),
    ("authorization.k8s.io", "SelfSubjectRulesReview", RULES_REVIEW),
    ("authorization.k8s.io", "LocalSubjectAccessReview", ACCESS_REVIEW),
    ("authorization.k8s.io", "SelfSubjectAccessReview", ACCESS_REVIEW),
    ("authorization.k8s.io", "SubjectAccessReview", ACCESS_REVIEW),
];

const META: Message = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (4, "selfLink", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (7, "generation", Count),
    (8, "creationTimestamp", Time),
    (9, "deletionTimestamp", Time),
    (10, "deletionGracePeriodSeconds", Number),
    (11, "labels", TextByKey),
    (12, "annotations", TextByKey),
    (13, "ownerReferences", Each(OWNER)),
    (14, "finalizers", Texts),
    (17, "managedFields", Each(MANAGER)),
];

const OWNER: Message = &[
    (1, "kind", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "controller", Flag),
    (7, "blockOwnerDeletion", Flag),
];

const MANAGER: Message = &[
    (1, "manager", Text),
    (2, "operation", Text),
    (3, "apiVersion", Text),
    (4, "time", Time),
    (6, "fieldsType", Text),
    (7, "fieldsV1", Json),
    (8, "subresource", Text),
];

const DELETE_OPTIONS: Message = &[
    (1, "gracePeriodSeconds", Number),
    (2, "preconditions", One(&[(1, "uid", Text), (2, "resourceVersion", Text)])),
    (3, "orphanDependents", Flag),
    (4, "propagationPolicy", Text),
    (5, "dryRun", Texts),
];

const NAMESPACE: Message = &[
    (1, "metadata", One(META)),
    (2, "spec", One(&[(1, "finalizers", Texts)])),
    (3, "status", One(&[(1, "phase", Text), (2, "conditions", Each(NAMESPACE_CONDITION))])),
];

const NAMESPACE_CONDITION: Message = &[
    (1, "type", Text),
    (2, "status", Text),
    (4, "lastTransitionTime", Time),
    (5, "reason", Text),
    (6, "message", Text),
];

const SECRET: Message = &[
    (1, "metadata", One(META)),
    (2, "data", BytesByKey),
    (3, "type", Text),
    (4, "stringData", TextByKey),
    (5, "immutable", Flag),
];

const CONFIG_MAP: Message =
    &[(1, "metadata", One(META)), (2, "data", TextByKey), (3, "binaryData", BytesByKey), (4, "immutable", Flag)];

const SERVICE_ACCOUNT: Message = &[
    (1, "metadata", One(META)),
    (2, "secrets", Each(REFERENCE)),
    (3, "imagePullSecrets", Each(&[(1, "name", Text)])),
    (4, "automountServiceAccountToken", Flag),
];

const REFERENCE: Message = &[
    (1, "kind", Text),
    (2, "namespace", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "resourceVersion", Text),
    (7, "fieldPath", Text),
];

const SOURCE: Message = &[(1, "component", Text), (2, "host", Text)];
const SERIES: Message = &[(1, "count", Count), (2, "lastObservedTime", MicroTime)];

const CORE_EVENT: Message = &[
    (1, "metadata", One(META)),
    (2, "involvedObject", One(REFERENCE)),
    (3, "reason", Text),
    (4, "message", Text),
    (5, "source", One(SOURCE)),
    (6, "firstTimestamp", Time),
    (7, "lastTimestamp", Time),
    (8, "count", Count),
    (9, "type", Text),
    (10, "eventTime", MicroTime),
    (11, "series", One(SERIES)),
    (12, "action", Text),
    (13, "related", One(REFERENCE)),
    (14, "reportingComponent", Text),
    (15, "reportingInstance", Text),
];

const EVENT: Message = &[
    (1, "metadata", One(META)),
    (2, "eventTime", MicroTime),
    (3, "series", One(SERIES)),
    (4, "reportingController", Text),
    (5, "reportingInstance", Text),
    (6, "action", Text),
    (7, "reason", Text),
    (8, "regarding", One(REFERENCE)),
    (9, "related", One(REFERENCE)),
    (10, "note", Text),
    (11, "type", Text),
    (12, "deprecatedSource", One(SOURCE)),
    (13, "deprecatedFirstTimestamp", Time),
    (14, "deprecatedLastTimestamp", Time),
    (15, "deprecatedCount", Count),
];

const LEASE: Message = &[(1, "metadata", One(META)), (2, "spec", One(LEASE_SPEC))];

const LEASE_SPEC: Message = &[
    (1, "holderIdentity", Text),
    (2, "leaseDurationSeconds", Number),
    (3, "acquireTime", MicroTime),
    (4, "renewTime", MicroTime),
    (5, "leaseTransitions", Number),
    (6, "strategy", Text),
    (7, "preferredHolder", Text),
];

/// Of roles of both sorts: those in a namespace have no rule of aggregation.
const ROLE: Message = &[
    (1, "metadata", One(META)),
    (2, "rules", Each(RULE)),
    (3, "aggregationRule", One(&[(1, "clusterRoleSelectors", Each(SELECTOR))])),
];

const RULE: Message = &[
    (1, "verbs", Texts),
    (2, "apiGroups", Texts),
    (3, "resources", Texts),
    (4, "resourceNames", Texts),
    (5, "nonResourceURLs", Texts),
];

const SELECTOR: Message = &[
    (1, "matchLabels", TextByKey),
    (2, "matchExpressions", Each(&[(1, "key", Text), (2, "operator", Text), (3, "values", Texts)])),
];

const BINDING: Message = &[
    (1, "metadata", One(META)),
    (2, "subjects", Each(&[(1, "kind", Text), (2, "apiGroup", Text), (3, "name", Text), (4, "namespace", Text)])),
    (3, "roleRef", One(&[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)])),
];

const TOKEN_REQUEST: Message = &[
    (1, "metadata", One(META)),
    (
        2,
        "spec",
        One(&[
            (1, "audiences", Texts),
            (
                3,
                "boundObjectRef",
                One(&[(1, "kind", Text), (2, "apiVersion", Text), (3, "name", Text), (4, "uid", Text)]),
            ),
            (4, "expirationSeconds", Number),
        ]),
    ),
];

const TOKEN_REVIEW: Message =
    &[(1, "metadata", One(META)), (2, "spec", One(&[(1, "token", Text), (2, "audiences", Texts)]))];

const RULES_REVIEW: Message = &[(1, "metadata", One(META)), (2, "spec", One(&[(1, "namespace", Text)]))];

/// Of all sorts: that about oneself has no user in it.
const ACCESS_REVIEW: Message = &[
    (1, "metadata", One(META)),
    (
        2,
        "spec",
        One(&[
            (1, "resourceAttributes", One(RESOURCE)),
            (2, "nonResourceAttributes", One(&[(1, "path", Text), (2, "verb", Text)])),
            (3, "user", Text),
            (4, "groups", Texts),
            (5, "extra", TextsByKey),
            (6, "uid", Text),
        ]),
    ),
];

const RESOURCE: Message = &[
    (1, "namespace", Text),
    (2, "verb", Text),
    (3, "group", Text),
    (4, "version", Text),
    (5, "resource", Text),
    (6, "subresource", Text),
    (7, "name", Text),
    (8, "fieldSelector", One(&[(1, "rawSelector", Text), (2, "requirements", Each(REQUIREMENT))])),
    (9, "labelSelector", One(&[(1, "rawSelector", Text), (2, "requirements", Each(REQUIREMENT))])),
];

const REQUIREMENT: Message = &[(1, "key", Text), (2, "operator", Text), (3, "values", Texts)];
