//! What a webhook may know of the request that it is asked about.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;

use crate::admission::Operation;
use crate::request::user::UserInfo;

/// A request to the API server, as its review tells it.
#[derive(Debug)]
pub struct Request {
    /// The identifier of the review.
    pub uid: String,
    /// What is being done.
    pub operation: Operation,
    /// Who asks.
    pub user: UserInfo,
    /// The API group of the object; empty for the core group.
    pub group: String,
    /// The version that the object is shown in, for example `v1`.
    pub version: String,
    /// The kind of the object, for example `Bird`.
    pub kind: String,
    /// The plural, for example `birds`.
    pub resource: String,
    /// For example `status`; empty for the object itself.
    pub subresource: String,
    /// The namespace of the object; empty for cluster-scoped kinds.
    pub namespace: String,
    /// The name of the object; empty where the server is yet to make it up.
    pub name: String,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The options of the request as they were sent, for example a `CreateOptions`; null where there are none.
    pub options: Value,
    /// The version that the client speaks, where the server has converted the object for us.
    pub(super) request_version: String,
    pub(super) notes: Mutex<Notes>,
}

/// What is told beside the verdict.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub warnings: Vec<String>,
    pub audit: BTreeMap<String, String>,
}

impl Request {
    /// Tells the client something without refusing; kubectl prints it. Said twice, it is told once.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut notes = self.notes.lock().unwrap_or_else(|broken| broken.into_inner());
        if !notes.warnings.contains(&text) {
            notes.warnings.push(text);
        }
    }

    /// Adds a line to the audit log of the API server, which puts the webhook's name in front of the key.
    pub fn audit(&self, key: impl Into<String>, value: impl Into<String>) {
        let mut notes = self.notes.lock().unwrap_or_else(|broken| broken.into_inner());
        notes.audit.insert(key.into(), value.into());
    }

    /// What was told so far, taken out.
    pub(super) fn take_notes(&self) -> Notes {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(|broken| broken.into_inner()))
    }
}
