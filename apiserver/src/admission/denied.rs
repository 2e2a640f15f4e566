//! A refusal.

use std::borrow::Cow;
use std::fmt::Display;

use serde_json::{Value, json};

use super::Attributes;
use super::chain::text;
use crate::field;

/// Why a request is refused. A text alone is a 403 that names the object, as `birds.demo.example.com "robin" is
/// forbidden: TEXT`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Denied {
    /// What to tell the client.
    pub message: String,
    /// The name of the object, if that is known.
    pub name: String,
    /// How it is answered.
    pub answer: Answer,
}

/// How a refusal is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// 403, naming the object.
    Forbidden,
    /// 422, naming the object and these fields.
    Invalid(field::Errors),
    /// 500, in Kubernetes' wrapping.
    Internal,
    /// These very words.
    Status {
        /// The HTTP code.
        code: u16,
        /// For example `Conflict`; empty for none.
        reason: Cow<'static, str>,
        /// What happened, for a program.
        details: Option<Value>,
    },
}

impl Denied {
    /// 403, naming the object: the same as `message.into()`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), name: String::new(), answer: Answer::Forbidden }
    }

    /// 422: fields of the object are wrong.
    pub fn invalid(errors: field::Errors) -> Self {
        Self { answer: Answer::Invalid(errors), ..Self::new("the object is invalid") }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::with_code(400, "BadRequest", message)
    }

    /// These very words, under a code and reason, for example 409 and `Conflict`.
    pub fn with_code(code: u16, reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { answer: Answer::Status { code, reason: reason.into(), details: None }, ..Self::new(message) }
    }

    /// 404: the namespace of the request is not there.
    pub fn no_namespace(name: &str) -> Self {
        let details = json!({ "name": name, "kind": "namespaces" });
        Self::with_code(404, "NotFound", format!("namespaces {name:?} not found")).with_details(details)
    }

    /// 500: it could not be decided.
    pub fn internal(error: impl Display) -> Self {
        Self { answer: Answer::Internal, ..Self::new(error.to_string()) }
    }

    /// The HTTP code that it is answered with.
    pub fn code(&self) -> u16 {
        match &self.answer {
            Answer::Forbidden => 403,
            Answer::Invalid(_) => 422,
            Answer::Internal => 500,
            Answer::Status { code, .. } => *code,
        }
    }

    /// The same with details for a program; only where the words are given, too.
    #[must_use]
    pub fn with_details(mut self, given: Value) -> Self {
        if let Answer::Status { details, .. } = &mut self.answer {
            *details = Some(given);
        }
        self
    }

    /// The same, about the object of a request.
    pub(super) fn about(mut self, request: &Attributes<'_>) -> Self {
        if self.name.is_empty() {
            let made = [text(request.object(), "name"), text(request.object(), "generateName")];
            let names = [request.name.as_str()].into_iter().chain(made);
            self.name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned();
        }
        self
    }
}

impl From<String> for Denied {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for Denied {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<super::ReadError> for Denied {
    fn from(error: super::ReadError) -> Self {
        Self::internal(error)
    }
}
