//! What the messages of Kubernetes look like, for those kinds that a server alone keeps. Source: `generated.proto` beside
//! the types in <https://github.com/kubernetes/api> and <https://github.com/kubernetes/apimachinery>

use std::collections::HashMap;
use std::sync::LazyLock;

/// A message.
pub(super) struct Message(Vec<Field>);

/// A field of a message.
pub(super) struct Field {
    number: u64,
    /// Its name in JSON.
    pub name: &'static str,
    pub form: Form,
    pub shape: Shape,
}

/// How often a field is there.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Always; what is empty is left out in JSON.
    Plain,
    /// Where it was given, empty or not: `?`.
    Pointer,
    /// Any number of times: `*`.
    List,
    /// By keys: `%`.
    Map,
}

/// What a field holds.
pub(super) enum Shape {
    /// `s`
    Text,
    /// `y`
    Bytes,
    /// `b`
    Bool,
    /// `i`
    Int,
    /// `t`
    Time,
    /// `u`
    MicroTime,
    /// `j`: JSON within.
    Json,
    /// `l`: a message that is a list of texts.
    Items,
    /// The name of a message.
    Message(&'static str),
}

/// The messages that are objects: `apiVersion`, kind, message.
const KINDS: [(&str, &str, &str); 18] = [
    ("authentication.k8s.io/v1", "SelfSubjectReview", "SelfSubjectReview"),
    ("authentication.k8s.io/v1", "TokenRequest", "TokenRequest"),
    ("authentication.k8s.io/v1", "TokenReview", "TokenReview"),
    ("authorization.k8s.io/v1", "LocalSubjectAccessReview", "SubjectAccessReview"),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview", "SubjectAccessReview"),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview", "SelfSubjectRulesReview"),
    ("authorization.k8s.io/v1", "SubjectAccessReview", "SubjectAccessReview"),
    ("coordination.k8s.io/v1", "Lease", "Lease"),
    ("events.k8s.io/v1", "Event", "NewEvent"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "Role"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "RoleBinding"),
    ("v1", "ConfigMap", "ConfigMap"),
    ("v1", "Event", "Event"),
    ("v1", "Namespace", "Namespace"),
    ("v1", "Secret", "Secret"),
    ("v1", "ServiceAccount", "ServiceAccount"),
];

/// Each message with its fields: number, name, and what it holds.
const MESSAGES: &str = "
AggregationRule: 1 clusterRoleSelectors *LabelSelector
BoundObjectReference: 1 kind s, 2 apiVersion s, 3 name s, 4 uid s
ConfigMap: 1 metadata ObjectMeta, 2 data %s, 3 binaryData %y, 4 immutable ?b
DeleteOptions: 1 gracePeriodSeconds ?i, 2 preconditions ?Preconditions, 3 orphanDependents ?b, 4 propagationPolicy ?s, 5 dryRun *s
Event: 1 metadata ObjectMeta, 2 involvedObject ObjectReference, 3 reason s, 4 message s, 5 source EventSource, 6 firstTimestamp t, 7 lastTimestamp t, 8 count i, 9 type s, 10 eventTime u, 11 series ?EventSeries, 12 action s, 13 related ?ObjectReference, 14 reportingComponent s, 15 reportingInstance s
EventSeries: 1 count i, 2 lastObservedTime u
EventSource: 1 component s, 2 host s
LabelSelector: 1 matchLabels %s, 2 matchExpressions *LabelSelectorRequirement
LabelSelectorRequirement: 1 key s, 2 operator s, 3 values *s
Lease: 1 metadata ObjectMeta, 2 spec LeaseSpec
LeaseSpec: 1 holderIdentity ?s, 2 leaseDurationSeconds ?i, 3 acquireTime ?u, 4 renewTime ?u, 5 leaseTransitions ?i, 6 strategy ?s, 7 preferredHolder ?s
LocalObjectReference: 1 name s
ManagedFieldsEntry: 1 manager s, 2 operation s, 3 apiVersion s, 4 time ?t, 6 fieldsType s, 7 fieldsV1 ?j, 8 subresource s
Namespace: 1 metadata ObjectMeta, 2 spec NamespaceSpec, 3 status NamespaceStatus
NamespaceCondition: 1 type s, 2 status s, 4 lastTransitionTime t, 5 reason s, 6 message s
NamespaceSpec: 1 finalizers *s
NamespaceStatus: 1 phase s, 2 conditions *NamespaceCondition
NewEvent: 1 metadata ObjectMeta, 2 eventTime u, 3 series ?EventSeries, 4 reportingController s, 5 reportingInstance s, 6 action s, 7 reason s, 8 regarding ObjectReference, 9 related ?ObjectReference, 10 note s, 11 type s, 12 deprecatedSource EventSource, 13 deprecatedFirstTimestamp t, 14 deprecatedLastTimestamp t, 15 deprecatedCount i
NonResourceAttributes: 1 path s, 2 verb s
NonResourceRule: 1 verbs *s, 2 nonResourceURLs *s
ObjectMeta: 1 name s, 2 generateName s, 3 namespace s, 4 selfLink s, 5 uid s, 6 resourceVersion s, 7 generation i, 8 creationTimestamp t, 9 deletionTimestamp ?t, 10 deletionGracePeriodSeconds ?i, 11 labels %s, 12 annotations %s, 13 ownerReferences *OwnerReference, 14 finalizers *s, 17 managedFields *ManagedFieldsEntry
ObjectReference: 1 kind s, 2 namespace s, 3 name s, 4 uid s, 5 apiVersion s, 6 resourceVersion s, 7 fieldPath s
OwnerReference: 1 kind s, 3 name s, 4 uid s, 5 apiVersion s, 6 controller ?b, 7 blockOwnerDeletion ?b
PolicyRule: 1 verbs *s, 2 apiGroups *s, 3 resources *s, 4 resourceNames *s, 5 nonResourceURLs *s
Preconditions: 1 uid ?s, 2 resourceVersion ?s
ResourceAttributes: 1 namespace s, 2 verb s, 3 group s, 4 version s, 5 resource s, 6 subresource s, 7 name s
ResourceRule: 1 verbs *s, 2 apiGroups *s, 3 resources *s, 4 resourceNames *s
Role: 1 metadata ObjectMeta, 2 rules *PolicyRule, 3 aggregationRule ?AggregationRule
RoleBinding: 1 metadata ObjectMeta, 2 subjects *Subject, 3 roleRef RoleRef
RoleRef: 1 apiGroup s, 2 kind s, 3 name s
Secret: 1 metadata ObjectMeta, 2 data %y, 3 type s, 4 stringData %s, 5 immutable ?b
SelfSubjectReview: 1 metadata ObjectMeta, 2 status SelfSubjectReviewStatus
SelfSubjectReviewStatus: 1 userInfo UserInfo
SelfSubjectRulesReview: 1 metadata ObjectMeta, 2 spec SelfSubjectRulesReviewSpec, 3 status SubjectRulesReviewStatus
SelfSubjectRulesReviewSpec: 1 namespace s
ServiceAccount: 1 metadata ObjectMeta, 2 secrets *ObjectReference, 3 imagePullSecrets *LocalObjectReference, 4 automountServiceAccountToken ?b
Subject: 1 kind s, 2 apiGroup s, 3 name s, 4 namespace s
SubjectAccessReview: 1 metadata ObjectMeta, 2 spec SubjectAccessReviewSpec, 3 status SubjectAccessReviewStatus
SubjectAccessReviewSpec: 1 resourceAttributes ?ResourceAttributes, 2 nonResourceAttributes ?NonResourceAttributes, 3 user s, 4 groups *s, 5 extra %l, 6 uid s
SubjectAccessReviewStatus: 1 allowed b, 2 reason s, 3 evaluationError s, 4 denied b
SubjectRulesReviewStatus: 1 resourceRules *ResourceRule, 2 nonResourceRules *NonResourceRule, 3 incomplete b, 4 evaluationError s
TokenRequest: 1 metadata ObjectMeta, 2 spec TokenRequestSpec, 3 status TokenRequestStatus
TokenRequestSpec: 1 audiences *s, 3 boundObjectRef ?BoundObjectReference, 4 expirationSeconds ?i
TokenRequestStatus: 1 token s, 2 expirationTimestamp t
TokenReview: 1 metadata ObjectMeta, 2 spec TokenReviewSpec, 3 status TokenReviewStatus
TokenReviewSpec: 1 token s, 2 audiences *s
TokenReviewStatus: 1 authenticated b, 2 user UserInfo, 3 error s, 4 audiences *s
UserInfo: 1 username s, 2 uid s, 3 groups *s, 4 extra %l
";

impl Message {
    pub fn field(&self, number: u64) -> Option<&Field> {
        self.0.iter().find(|field| field.number == number)
    }
}

/// The message that an object of a kind is.
pub(super) fn of_kind(api_version: &str, kind: &str) -> Option<&'static Message> {
    // Clients name the group of what they delete.
    if kind == "DeleteOptions" {
        return message(kind);
    }
    let (_, _, name) = KINDS.iter().find(|(version, known, _)| *version == api_version && *known == kind)?;
    message(name)
}

/// A message by its name.
pub(super) fn message(name: &str) -> Option<&'static Message> {
    static ALL: LazyLock<HashMap<&str, Message>> = LazyLock::new(|| MESSAGES.lines().filter_map(parse).collect());
    ALL.get(name)
}

fn parse(line: &'static str) -> Option<(&'static str, Message)> {
    let (name, fields) = line.split_once(": ")?;
    let fields = fields.split(", ").filter_map(|field| {
        let mut words = field.split(' ');
        let (number, name, shape) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
        let form = match shape.as_bytes().first()? {
            b'?' => Form::Pointer,
            b'*' => Form::List,
            b'%' => Form::Map,
            _ => Form::Plain,
        };
        let shape = match shape.trim_start_matches(['?', '*', '%']) {
            "s" => Shape::Text,
            "y" => Shape::Bytes,
            "b" => Shape::Bool,
            "i" => Shape::Int,
            "t" => Shape::Time,
            "u" => Shape::MicroTime,
            "j" => Shape::Json,
            "l" => Shape::Items,
            message => Shape::Message(message),
        };
        Some(Field { number, name, form, shape })
    });
    Some((name, Message(fields.collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_says_what_it_should() {
        for line in MESSAGES.lines().filter(|line| !line.is_empty()) {
            let (name, Message(fields)) = parse(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(fields.len(), line.split(", ").count(), "{line}");
            for field in fields {
                if let Shape::Message(used) = field.shape {
                    assert!(message(used).is_some(), "{name}.{} is of {used}", field.name);
                }
            }
        }
    }

    #[test]
    fn every_kind_is_described() {
        for (api_version, kind, message) in KINDS {
            assert!(of_kind(api_version, kind).is_some(), "{message}");
        }
    }
}
