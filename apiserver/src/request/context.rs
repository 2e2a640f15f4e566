//! What a hook may know of the request that it serves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::request::user::UserInfo;

/// The request behind a write, for hooks that decide by who asks or how.
#[derive(Debug, Default)]
pub struct RequestContext {
    /// Who asks.
    pub user: Arc<UserInfo>,
    /// `create`, `update`, `patch`, `delete` or `deletecollection`; reads of kinds that are not stored come with `get`,
    /// `list` and `watch`.
    pub verb: String,
    /// The API group of the resource; empty for the core group.
    pub group: String,
    /// The plural of the resource, for example `birds`.
    pub resource: String,
    /// The namespace of the object; empty for cluster-scoped kinds.
    pub namespace: String,
    /// The name of the object, where the path gives one.
    pub name: String,
    /// For example `status`; empty for the object itself.
    pub subresource: String,
    /// The version that the client speaks, for example `v1alpha1`.
    pub version: String,
    /// Who owns the fields that are written: as the client calls itself, or the name of its program.
    pub field_manager: String,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// Whether an update may create what is not there, where the kind allows it: a right of its own.
    pub may_create: bool,
    /// Whether the server itself makes what is always there, about which nobody is asked: who refuses it, or waits for it,
    /// would keep the server from ever being ready.
    pub unasked: bool,
    /// Its options as the client wrote them.
    pub options: GivenOptions,
    warnings: Mutex<Vec<String>>,
    annotations: Mutex<BTreeMap<String, String>>,
}

/// Options of a write as the client wrote them; empty where it did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenOptions {
    /// How the client calls itself. What it is called where it does not is in [`RequestContext::field_manager`].
    pub field_manager: String,
    /// `Ignore`, `Warn` or `Strict`.
    pub field_validation: String,
}

impl RequestContext {
    /// The same request, with no warning yet.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            user: self.user.clone(),
            verb: self.verb.clone(),
            group: self.group.clone(),
            resource: self.resource.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            subresource: self.subresource.clone(),
            version: self.version.clone(),
            field_manager: self.field_manager.clone(),
            dry_run: self.dry_run,
            may_create: self.may_create,
            unasked: self.unasked,
            options: self.options.clone(),
            warnings: Mutex::default(),
            annotations: Mutex::default(),
        }
    }

    /// Tells the client something without refusing: a `Warning: 299` header, which kubectl prints.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut warnings = self.warnings.lock().unwrap_or_else(|broken| broken.into_inner());
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    }

    /// Notes something about the request for an audit; what is noted first under a key stays.
    pub fn annotate(&self, key: impl Into<String>, value: String) {
        let mut annotations = self.annotations.lock().unwrap_or_else(|broken| broken.into_inner());
        annotations.entry(key.into()).or_insert(value);
    }

    /// What was noted for an audit so far.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        self.annotations.lock().unwrap_or_else(|broken| broken.into_inner()).clone()
    }

    /// The warnings so far, taken out.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(|broken| broken.into_inner()))
    }
}
