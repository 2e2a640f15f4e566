//! What admission is asked about a write, and what its changes mean.

use serde_json::Value;

use super::Registry;
use super::error::Error;
use super::hooks::Draft;
use super::managers;
use super::update::View;
use crate::admission::{Answer, Asking, Chain, Denied, ObjectKind, Operation, Target};
use crate::apply;
use crate::kind::{Kind, KindVersion};
use crate::request::context::RequestContext;

/// A write for which admission wants to be asked.
pub(super) struct Asked<'a> {
    pub asking: Asking<'a>,
    view: Option<&'a dyn View>,
}

impl<'a> Asked<'a> {
    /// What to ask admission with about a kind; nothing where nobody wants to be asked.
    pub fn new(
        chain: &'a Chain,
        kind: &'a Kind,
        cx: &'a RequestContext,
        operation: Operation,
        version: &'a KindVersion,
        view: Option<&'a dyn View>,
    ) -> Option<Self> {
        if cx.unasked {
            return None;
        }
        let (subresource, object) = match view {
            Some(_) => ("scale", ObjectKind::Scale),
            None => (cx.subresource.as_str(), ObjectKind::Same),
        };
        let asking = chain.ask(cx, Target { operation, kind, version, subresource, object })?;
        Some(Self { asking, view })
    }

    /// What admission sees in place of the object.
    pub fn view(&self) -> Option<&'a dyn View> {
        self.view
    }

    /// Lets admission change an object, which is in the version of the request; so is `old`, as admission sees it. What
    /// was added is pruned.
    pub async fn mutate(&self, version: &KindVersion, object: Value, old: Option<&'a Value>) -> Result<Value, Error> {
        let mut object = match self.view {
            None => self.asking.mutate(Some(object), old).await?,
            Some(view) => {
                let mut parent = object;
                let before = view.of(&parent);
                let after = self.asking.mutate(Some(before.clone()), old).await?;
                if after != before {
                    view.put(&after, &mut parent)?;
                }
                parent
            }
        };
        version.schema.prune(&mut object, &mut Vec::new());
        Ok(object)
    }

    /// Lets admission see an object as it will be stored; as for [`mutate`](Self::mutate).
    pub async fn validate(self, object: &Value, old: Option<&Value>) -> Result<(), Error> {
        let seen = self.view.map(|view| view.of(object));
        Ok(self.asking.validate(Some(seen.as_ref().unwrap_or(object)), old).await?)
    }
}

impl Registry {
    /// Lets guards refuse a request before its object is looked at.
    pub(super) async fn guard(
        &self,
        cx: &RequestContext,
        operation: Operation,
        version: &KindVersion,
        object: Option<&Value>,
    ) -> Result<(), Error> {
        Ok(self.admission.guard(cx, target(&self.kind, cx, operation, version), object).await?)
    }

    pub(super) fn asking<'a>(
        &'a self,
        cx: &'a RequestContext,
        operation: Operation,
        version: &'a KindVersion,
        view: Option<&'a dyn View>,
    ) -> Option<Asked<'a>> {
        let Asked { asking, view } = Asked::new(&self.admission, &self.kind, cx, operation, version, view)?;
        Some(Asked { asking: asking.converting(&*self.conversion), view })
    }

    /// Lets admission change the object, which it sees in the version of the request. Defaults are filled in once more for
    /// what it added.
    pub(super) async fn admit<'a>(
        &self,
        asked: &Asked<'a>,
        cx: &RequestContext,
        version: &KindVersion,
        draft: Draft,
        old: Option<&'a Value>,
    ) -> Result<Draft, Error> {
        let managed_fields = draft.managed_fields().cloned();
        let object = self.as_shown(draft.into_value(), version)?;
        let object = asked.mutate(version, object, old).await?;
        let valid = apply::is_valid(&object);
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
        asked: Option<Asked<'_>>,
        version: &KindVersion,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<(), Error> {
        let Some(asked) = asked else { return Ok(()) };
        if self.is_stored(version) {
            return asked.validate(object, old).await;
        }
        let object = self.as_shown(object.clone(), version)?;
        asked.validate(&object, old).await
    }
}

/// What a request is about that is for an object itself.
pub(super) fn target<'a>(
    kind: &'a Kind,
    cx: &'a RequestContext,
    operation: Operation,
    version: &'a KindVersion,
) -> Target<'a> {
    Target { operation, kind, version, subresource: &cx.subresource, object: ObjectKind::Same }
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
