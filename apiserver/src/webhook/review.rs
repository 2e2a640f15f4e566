//! `AdmissionReview`: what an API server asks, and how it is answered. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Malformed;
use super::request::{Notes, Request};
use crate::admission::Operation;
use crate::endpoints::status::Status;
use crate::request::user::UserInfo;

/// The only version that is spoken; the one before it is gone from Kubernetes since 1.22.
pub(super) const API_VERSION: &str = "admission.k8s.io/v1";

/// A review, read.
pub(super) struct Review {
    pub request: Request,
    /// The object; absent on delete, and on a connection that brings none.
    pub object: Option<Value>,
    /// The object as it is stored; absent on create.
    pub old_object: Option<Value>,
}

/// What becomes of the request.
pub(super) enum Verdict {
    /// It goes on, with these changes.
    Allowed(Vec<Value>),
    /// It is refused.
    Denied(Status),
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Asked {
    uid: String,
    kind: GroupVersionKind,
    resource: GroupVersionResource,
    sub_resource: String,
    request_kind: Option<GroupVersionKind>,
    name: String,
    namespace: String,
    operation: String,
    user_info: AskedBy,
    object: Option<Value>,
    old_object: Option<Value>,
    dry_run: bool,
    options: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GroupVersionKind {
    group: String,
    version: String,
    kind: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GroupVersionResource {
    resource: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AskedBy {
    username: String,
    uid: String,
    groups: Vec<String>,
    extra: std::collections::BTreeMap<String, Vec<String>>,
}

impl Review {
    /// Reads a review.
    ///
    /// # Errors
    /// What is none, or none of a version that is spoken.
    pub fn read(mut document: Value) -> Result<Self, Malformed> {
        super::expect_type(&document, API_VERSION, "AdmissionReview")?;
        let mut asked = document.get_mut("request").map(Value::take).unwrap_or_default();
        drop_nulls(&mut asked);
        if let Some(user) = asked.get_mut("userInfo") {
            drop_nulls(user);
        }
        if !asked.is_object() {
            return Err(Malformed("the review has no request".into()));
        }
        let asked: Asked = serde_json::from_value(asked).map_err(|error| Malformed(format!("request: {error}")))?;
        if asked.uid.is_empty() {
            return Err(Malformed("request.uid is missing".into()));
        }
        let operation = match asked.operation.as_str() {
            "CREATE" => Operation::Create,
            "UPDATE" => Operation::Update,
            "DELETE" => Operation::Delete,
            "CONNECT" => Operation::Connect,
            other => {
                return Err(Malformed(format!(
                    "request.operation {other:?} is none of CREATE, UPDATE, DELETE and CONNECT"
                )));
            }
        };
        let needs =
            [(Operation::Create, true, false), (Operation::Update, true, true), (Operation::Delete, false, true)];
        for (needing, object, old_object) in needs {
            for (name, needed, there) in
                [("object", object, &asked.object), ("oldObject", old_object, &asked.old_object)]
            {
                if needing == operation && needed && !there.as_ref().is_some_and(Value::is_object) {
                    return Err(Malformed(format!("request.{name} is missing, and {} needs it", asked.operation)));
                }
            }
        }
        let (object, old_object) = match operation {
            Operation::Create => (asked.object, None),
            Operation::Delete => (None, asked.old_object),
            Operation::Update | Operation::Connect => (asked.object, asked.old_object),
        };
        let user = asked.user_info;
        let request_version = match asked.request_kind {
            Some(kind) if !kind.version.is_empty() => kind.version,
            _ => asked.kind.version.clone(),
        };
        let request = Request {
            uid: asked.uid,
            operation,
            user: UserInfo { username: user.username, uid: user.uid, groups: user.groups, extra: user.extra },
            group: asked.kind.group,
            version: asked.kind.version,
            kind: asked.kind.kind,
            resource: asked.resource.resource,
            subresource: asked.sub_resource,
            namespace: asked.namespace,
            name: asked.name,
            dry_run: asked.dry_run,
            options: asked.options,
            request_version,
            notes: Default::default(),
        };
        Ok(Self { request, object, old_object })
    }
}

/// The document that answers a review.
pub(super) fn answer(request: &Request, verdict: &Verdict) -> Value {
    let Notes { warnings, audit } = request.take_notes();
    let mut response = Map::new();
    response.insert("uid".into(), request.uid.as_str().into());
    response.insert("allowed".into(), matches!(verdict, Verdict::Allowed(_)).into());
    match verdict {
        Verdict::Allowed(patch) if patch.is_empty() => {}
        Verdict::Allowed(patch) => {
            let text = Value::from(patch.as_slice()).to_string();
            response.insert("patchType".into(), "JSONPatch".into());
            response.insert("patch".into(), STANDARD.encode(text).into());
        }
        Verdict::Denied(status) => {
            response.insert("status".into(), status.document());
        }
    }
    if !warnings.is_empty() {
        response.insert("warnings".into(), warnings.into());
    }
    if !audit.is_empty() {
        response
            .insert("auditAnnotations".into(), audit.into_iter().map(|(key, text)| (key, Value::from(text))).collect());
    }
    json!({ "apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response })
}

/// Go writes what is absent as null in some places.
fn drop_nulls(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
}
