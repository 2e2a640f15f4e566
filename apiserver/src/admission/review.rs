//! `AdmissionReview` of `admission.k8s.io/v1`: a request as it travels to a webhook, and the answer. Source:
//! <https://github.com/kubernetes/api/blob/master/admission/v1/types.go>

use std::collections::BTreeMap;

use kube::core::GroupVersionKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::request::user::UserInfo;

/// `apiVersion` of a review.
pub const API_VERSION: &str = "admission.k8s.io/v1";
/// `kind` of a review.
pub const KIND: &str = "AdmissionReview";
/// The only form of patch there is.
pub const JSON_PATCH: &str = "JSONPatch";

/// A request, or the answer to one.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AdmissionReview {
    /// [`API_VERSION`].
    pub api_version: String,
    /// [`KIND`].
    pub kind: String,
    /// What is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<AdmissionRequest>,
    /// What is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<AdmissionResponse>,
}

/// What is written to.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct GroupVersionResource {
    /// The API group; empty for the core group.
    pub group: String,
    /// For example `v1`.
    pub version: String,
    /// The plural, for example `birds`.
    pub resource: String,
}

/// What is done.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// A new object.
    #[default]
    Create,
    /// A changed object.
    Update,
    /// An object about to go.
    Delete,
    /// A connection to a subresource that has no object; there is none to change or to see.
    Connect,
}

/// What a webhook is asked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionRequest {
    /// Tells this very call from all others; the answer repeats it.
    pub uid: String,
    /// What the objects are, in the version that the webhook wants.
    pub kind: GroupVersionKind,
    /// What is written to, in the version that the webhook wants.
    pub resource: GroupVersionResource,
    /// For example `status`; empty for the object itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sub_resource: String,
    /// What the objects are, in the version that the client speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_kind: Option<GroupVersionKind>,
    /// What is written to, as the client's path names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_resource: Option<GroupVersionResource>,
    /// For example `status`; empty for the object itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_sub_resource: String,
    /// The name of the object; empty while the server is still to make one up.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The namespace of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// What is done.
    pub operation: Operation,
    /// Who asks.
    pub user_info: ReviewUser,
    /// The new object; null on DELETE and CONNECT.
    #[serde(default)]
    pub object: Option<Value>,
    /// The stored object; null on CREATE and CONNECT.
    #[serde(default)]
    pub old_object: Option<Value>,
    /// Whether nothing will be stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// The options of the request, for example a `CreateOptions`.
    #[serde(default)]
    pub options: Option<Value>,
}

/// Who asks.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ReviewUser {
    /// The unique name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// An identifier that outlives the name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The groups the user is in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What else the authenticator knows.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What a webhook answers.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AdmissionResponse {
    /// That of the request.
    pub uid: String,
    /// Whether the request may go on.
    pub allowed: bool,
    /// Why it may not; a `Status` of which everything may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ReviewStatus>,
    /// A JSON patch of the object, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// [`JSON_PATCH`] where there is a patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch_type: Option<String>,
    /// For the audit log; the caller puts the webhook's name before each key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_annotations: Option<BTreeMap<String, String>>,
    /// What to tell the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
}

/// The parts of a `Status` that a refusal is told with.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ReviewStatus {
    /// `Failure` where it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What happened, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// For example `Forbidden`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What happened, for a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// The HTTP code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
}

impl AdmissionReview {
    /// A review with a request in it.
    pub fn of_request(request: AdmissionRequest) -> Self {
        Self { request: Some(request), ..Self::empty() }
    }

    /// A review with an answer in it.
    pub fn of_response(response: AdmissionResponse) -> Self {
        Self { response: Some(response), ..Self::empty() }
    }

    fn empty() -> Self {
        Self { api_version: API_VERSION.into(), kind: KIND.into(), request: None, response: None }
    }
}

impl Operation {
    /// As rules and reviews write it, for example `CREATE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

impl From<&UserInfo> for ReviewUser {
    fn from(user: &UserInfo) -> Self {
        let UserInfo { username, uid, groups, extra } = user.clone();
        Self { username, uid, groups, extra }
    }
}

impl From<ReviewUser> for UserInfo {
    fn from(user: ReviewUser) -> Self {
        let ReviewUser { username, uid, groups, extra } = user;
        Self { username, uid, groups, extra }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_written_as_kubernetes_writes_it() {
        let text = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "u-1",
                "kind": {"group": "demo.example.com", "version": "v1", "kind": "Bird"},
                "resource": {"group": "demo.example.com", "version": "v1", "resource": "birds"},
                "requestKind": {"group": "demo.example.com", "version": "v1", "kind": "Bird"},
                "requestResource": {"group": "demo.example.com", "version": "v1", "resource": "birds"},
                "name": "robin", "namespace": "default", "operation": "DELETE",
                "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
                "object": null, "oldObject": {"kind": "Bird"}, "dryRun": false,
                "options": {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"},
            },
        });
        let review: AdmissionReview = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(review.request.as_ref().unwrap().operation, Operation::Delete);
        assert_eq!(serde_json::to_value(&review).unwrap(), text);
    }

    #[test]
    fn a_response_may_say_little() {
        let text =
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"u-1","allowed":true}}"#;
        let review: AdmissionReview = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&review).unwrap(), text);
        let response = review.response.unwrap();
        assert!(response.allowed && response.patch.is_none() && response.status.is_none());
    }
}
