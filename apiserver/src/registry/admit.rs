//! What admission is asked about a write, and what its changes mean.

use serde_json::Value;

use super::Registry;
use super::error::Error;
use super::hooks::Draft;
use super::managers;
use crate::admission::{Answer, Asking, Denied, ObjectKind, Operation, Target};
use crate::apply;
use crate::kind::KindVersion;
use crate::request::context::RequestContext;

impl Registry {
    /// What to ask admission with; nothing where nobody wants to be asked.
    pub(super) fn asking<'a>(
        &'a self,
        cx: &'a RequestContext,
        operation: Operation,
        version: &'a KindVersion,
    ) -> Option<Asking<'a>> {
        let object = ObjectKind::Same;
        let target = Target { operation, kind: &self.kind, version, subresource: &cx.subresource, object };
        Some(self.admission.ask(cx, target)?.converting(&*self.conversion))
    }

    /// Lets admission change the object, which it sees in the version of the request. What it added is pruned, and
    /// defaults are filled in once more.
    pub(super) async fn admit<'a>(
        &self,
        asking: &Asking<'a>,
        cx: &RequestContext,
        version: &KindVersion,
        draft: Draft,
        old: Option<&'a Value>,
    ) -> Result<Draft, Error> {
        let managed_fields = draft.managed_fields().cloned();
        let object = self.as_shown(draft.into_value(), version)?;
        let mut object = asking.mutate(Some(object), old).await?;
        let valid = apply::is_valid(&object);
        version.schema.prune(&mut object, &mut Vec::new());
        let mut draft = self.draft(object, version)?;
        if !valid {
            cx.warn(managers::INVALID_AFTER_ADMISSION);
            draft.set_managed_fields(managed_fields);
        }
        Ok(draft)
    }

    /// Lets admission see the object as it will be stored, in the version of the request. `old` is in it already.
    pub(super) async fn validate(
        &self,
        asking: Option<Asking<'_>>,
        version: &KindVersion,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<(), Error> {
        let Some(asking) = asking else { return Ok(()) };
        if self.is_stored(version) {
            return Ok(asking.validate(Some(object), old).await?);
        }
        let object = self.as_shown(object.clone(), version)?;
        Ok(asking.validate(Some(&object), old).await?)
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        let Denied { message, name, answer } = denied;
        match answer {
            Answer::Forbidden => Self::Forbidden { name, message },
            Answer::Invalid(errors) => Self::Invalid { name, errors },
            Answer::Internal => Self::Internal(message),
            Answer::Status { code, reason, details } => Self::Denied { code, reason, message, details },
        }
    }
}
