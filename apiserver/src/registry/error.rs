//! What can go wrong with an operation on an object. `endpoints/status.rs` says how each is answered.

use std::borrow::Cow;

use serde_json::Value;

use crate::apply::ApplyError;
use crate::field;
use crate::storage::{BoxError, ReadError, Revision, WatchError, WriteError};
use crate::versions::ConversionError;

/// Why an operation was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 404.
    #[error("{name:?} not found")]
    NotFound {
        /// The object's name.
        name: String,
    },
    /// An update found nothing, and would create the object: to be made again with `may_create` of the context, once it is
    /// known that the user may. Else 404.
    #[error("{name:?} not found")]
    WouldCreate {
        /// The object's name.
        name: String,
    },
    /// 409: the name is taken.
    #[error("{name:?} already exists")]
    AlreadyExists {
        /// The object's name.
        name: String,
        /// Whether the object that has the name is being deleted.
        terminating: bool,
        /// Whether the server made the name up, and ran out of tries.
        generated: bool,
    },
    /// 409: another writer was first, or a precondition does not hold.
    #[error("{name:?}: {cause}")]
    Conflict {
        /// The object's name.
        name: String,
        /// What does not match.
        cause: String,
        /// Whether it was a precondition of a deletion, which the answer tells by naming the kind and not the resource.
        on_delete: bool,
    },
    /// 422: fields of the object are wrong.
    #[error("{name:?} is invalid")]
    Invalid {
        /// The object's name; empty when it has none yet.
        name: String,
        /// Every field that is wrong.
        errors: field::Errors,
    },
    /// 422: an update must say which state it was made from.
    #[error("{name:?}: metadata.resourceVersion must be specified for an update")]
    Unconditional {
        /// The object's name.
        name: String,
    },
    /// 400.
    #[error("{0}")]
    BadRequest(String),
    /// 422: the patch does not fit the object.
    #[error("the patch does not apply: {0}")]
    PatchDoesNotApply(String),
    /// 422 or 400: the result of a patch cannot be read as an object of the kind.
    #[error("the patched object cannot be read: {message}")]
    PatchResult {
        /// The patched document.
        patched: String,
        /// What is wrong with it.
        message: String,
    },
    /// 409, 400 or 500: what a client applied cannot be merged.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// 413.
    #[error("{0}")]
    TooLarge(String),
    /// 500 with no reason: a new object came with a resourceVersion.
    #[error("resourceVersion should not be set on objects to be created")]
    ResourceVersionOnCreate,
    /// 410: the state asked for is no longer kept.
    #[error("{message}")]
    Expired {
        /// What to tell the client.
        message: String,
        /// A token to go on with, at the newest state.
        continue_token: Option<String>,
    },
    /// 504: the state asked for is in the future.
    #[error("Too large resource version: {requested}, current: {current}")]
    TooLargeResourceVersion {
        /// What was asked for.
        requested: Revision,
        /// The newest revision.
        current: Revision,
    },
    /// 403.
    #[error("{name:?} is forbidden: {message}")]
    Forbidden {
        /// The object's name.
        name: String,
        /// Why.
        message: String,
    },
    /// 405: nobody has implemented this.
    #[error("{verb} is not supported")]
    NotSupported {
        /// The verb, for example `deletecollection`.
        verb: String,
    },
    /// 503: not now; clients come back by themselves.
    #[error("{0}")]
    Unavailable(String),
    /// Refused by admission, in words of its own.
    #[error("{message}")]
    Denied {
        /// The HTTP code.
        code: u16,
        /// For example `Conflict`; empty for none.
        reason: Cow<'static, str>,
        /// What to tell the client.
        message: String,
        /// What happened, for a program.
        details: Option<Value>,
    },
    /// 500: a stored object cannot be read.
    #[error("{key}: {message}")]
    Corrupt {
        /// Where it is stored.
        key: String,
        /// Why it cannot be read.
        message: String,
    },
    /// 500: an object cannot be shown in the version asked for.
    #[error(transparent)]
    Conversion(#[from] ConversionError),
    /// 500: the strategy's type does not take what the schema lets through.
    #[error("{0}")]
    Internal(String),
    /// 500 ServerTimeout: the store cannot be reached.
    #[error("the store cannot be used")]
    Storage(#[source] BoxError),
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Compacted { .. } => Self::Expired {
                message: "The resourceVersion for the provided list is too old.".into(),
                continue_token: None,
            },
            ReadError::Future { requested, current } => Self::TooLargeResourceVersion { requested, current },
            error @ ReadError::Unavailable(_) => Self::Storage(Box::new(error)),
        }
    }
}

impl From<WatchError> for Error {
    fn from(error: WatchError) -> Self {
        Self::Storage(Box::new(error))
    }
}

/// What handlers of a project's own fail with. A name that they do not give is that of the request's object.
impl Error {
    /// 404: there is no such object.
    pub fn not_found(name: impl Into<String>) -> Self {
        Self::NotFound { name: name.into() }
    }

    /// 409: the name is taken.
    pub fn already_exists(name: impl Into<String>) -> Self {
        Self::AlreadyExists { name: name.into(), terminating: false, generated: false }
    }

    /// 409: another writer was first, or the object is not in a state for this. A patch is tried again.
    pub fn conflict(cause: impl Into<String>) -> Self {
        Self::Conflict { name: String::new(), cause: cause.into(), on_delete: false }
    }

    /// 422: fields of the object that came with the request are wrong.
    pub fn invalid(errors: field::Errors) -> Self {
        Self::Invalid { name: String::new(), errors }
    }

    /// 403, for reasons that authorization cannot know.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::Forbidden { name: String::new(), message: message.into() }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::BadRequest(message.into())
    }

    /// 410: the version asked for is no longer known.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::Expired { message: message.into(), continue_token: None }
    }

    /// 503, with a time to come back.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable(message.into())
    }

    /// 500. The client is told the error with its causes.
    pub fn internal(error: impl Into<BoxError>) -> Self {
        let error = error.into();
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            message = format!("{message}: {source}");
            cause = source.source();
        }
        Self::Internal(message)
    }

    /// The same, of the object called `name` if it names none.
    #[must_use]
    pub fn or_named(mut self, given: &str) -> Self {
        if let Self::NotFound { name }
        | Self::AlreadyExists { name, .. }
        | Self::Conflict { name, .. }
        | Self::Invalid { name, .. }
        | Self::Forbidden { name, .. } = &mut self
            && name.is_empty()
        {
            given.clone_into(name);
        }
        self
    }

    /// What a write that lost no race failed with.
    pub fn from_write(error: WriteError) -> Self {
        match error {
            WriteError::TooLarge { bytes_max, .. } => {
                Self::TooLarge(format!("Request entity too large: limit is {bytes_max}"))
            }
            error => Self::Storage(Box::new(error)),
        }
    }
}
