//! What a delete means: mark, wait for finalizers, or remove. Source:
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/registry/rest/delete.go>

use std::sync::Arc;

use serde_json::Value;

use super::Registry;
use super::error::Error;
use super::hooks::Draft;
use super::metadata;
use super::mismatch_of;
use super::object::Object;
use crate::admission::{Asking, Denied, Operation};
use crate::field;
use crate::kind::KindVersion;
use crate::request::context::RequestContext;
use crate::storage::WriteError;

/// What a client asks of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// The object must still be this one.
    pub uid: Option<String>,
    /// The object must still be at this version.
    pub resource_version: Option<String>,
    /// What becomes of its dependents; `None` leaves it to the object's finalizers.
    pub propagation: Option<Propagation>,
    /// For how many seconds it stays; for kinds that have a grace period. Below 0 is 1.
    pub grace_period_seconds: Option<i64>,
}

impl DeleteOptions {
    /// Lets admission refuse the deletion of an object.
    pub(super) async fn ask(&self, asking: Asking<'_>, old: &Value) -> Result<(), Denied> {
        let options = self.fields();
        let asking = asking.options(&options);
        asking.mutate(None, Some(old)).await?;
        asking.validate(None, Some(old)).await
    }

    /// As a client may write them.
    fn fields(&self) -> Value {
        let mut fields = serde_json::Map::new();
        if let Some(seconds) = self.grace_period_seconds {
            fields.insert("gracePeriodSeconds".into(), seconds.into());
        }
        let preconditions = [("uid", &self.uid), ("resourceVersion", &self.resource_version)];
        let given = |(field, text): (&str, &Option<String>)| Some((field.to_owned(), text.as_deref()?.into()));
        let preconditions: serde_json::Map<String, Value> = preconditions.into_iter().filter_map(given).collect();
        if !preconditions.is_empty() {
            fields.insert("preconditions".into(), preconditions.into());
        }
        if let Some(propagation) = self.propagation {
            fields.insert("propagationPolicy".into(), format!("{propagation:?}").into());
        }
        fields.into()
    }
}

/// What becomes of the objects that an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// What a deletion came to.
pub enum Deletion {
    /// The object is gone.
    Gone(Arc<Object>),
    /// The object waits for its finalizers.
    Marked(Arc<Object>),
}

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

impl Registry {
    /// Deletes the object called `cx.name`.
    ///
    /// # Errors
    /// Missing objects, preconditions that do not hold, refusals of hooks and admission, a store that fails.
    pub async fn delete(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        options: &DeleteOptions,
    ) -> Result<Deletion, Error> {
        self.guard(cx, Operation::Delete, version, None).await?;
        let key = self.key(if self.kind.namespaced { &cx.namespace } else { "" }, &cx.name);
        let mut base = self.base(cx, &key).await?;
        loop {
            let object = base.object.clone().ok_or_else(|| Self::not_found(&cx.name))?;
            let mark = match self.next_mark(cx, version, &object, options).await {
                Ok(mark @ (Mark::Gone | Mark::Changed(_))) => mark,
                nothing => match self.newer_base(&key, &base).await? {
                    Some(newer) => {
                        base = newer;
                        continue;
                    }
                    None => nothing?,
                },
            };
            let (result, deletion) = match mark {
                Mark::Gone => {
                    let result =
                        if cx.dry_run { Ok(object.revision) } else { self.store.delete(&key, object.revision).await };
                    if let Ok(revision) = &result {
                        self.settle(*revision).await;
                    }
                    (result.map(|_| ()), Deletion::Gone(object))
                }
                Mark::AsItIs => (Ok(()), Deletion::Marked(object)),
                Mark::Changed(marked) => {
                    let encoded = self.codec().encode(&marked);
                    let result = if cx.dry_run {
                        Ok(object.revision)
                    } else {
                        self.store_next(&key, &encoded, object.revision).await
                    };
                    if let Ok(revision) = &result {
                        self.settle(*revision).await;
                    }
                    let revision = *result.as_ref().unwrap_or(&object.revision);
                    let object = Arc::new(Object::written(self.codec(), &encoded, revision));
                    (result.map(|_| ()), Deletion::Marked(object))
                }
            };
            match result {
                Ok(()) => return Ok(deletion),
                Err(WriteError::Conflict { current }) => base = self.base_of(current),
                Err(error) => return Err(Error::from_write(error)),
            }
        }
    }

    /// What becomes of an object, if its deletion is allowed.
    async fn next_mark(
        &self,
        cx: &RequestContext,
        version: &KindVersion,
        object: &Object,
        options: &DeleteOptions,
    ) -> Result<Mark, Error> {
        let old = self.read_value(object)?;
        check_preconditions(&cx.name, &old, options)?;
        if let Some(asking) = self.asking(cx, Operation::Delete, version, None) {
            let shown = self.as_shown(old.clone(), version)?;
            options.ask(asking.asking, &shown).await?;
        }
        self.mark(cx, old, options)
    }

    fn mark(&self, cx: &RequestContext, old: Value, options: &DeleteOptions) -> Result<Mark, Error> {
        let mut draft = Draft::new(old);
        let typed = |error| mismatch_of(&cx.name, &error);
        let mut errors = field::Errors::default();
        self.hooks.validate_delete(cx, &mut draft, &mut errors).map_err(typed)?;
        if !errors.is_empty() {
            return Err(Error::Invalid { name: cx.name.clone(), errors });
        }
        let default = self.hooks.grace_period_seconds(&mut draft).map_err(typed)?;
        let old = draft.value();
        let grace = grace_after(old, default, options.grace_period_seconds);
        let held = self.hooks.is_held(old);
        if grace == Grace::Pending || held && metadata::is_terminating(old) {
            return Ok(Mark::AsItIs);
        }
        let finalizers = finalizers_after(old, options.propagation);
        if finalizers.is_empty() && grace == Grace::Over && !held {
            return Ok(Mark::Gone);
        }
        let old = draft.whole();
        if !metadata::is_terminating(&old) {
            self.hooks.prepare_for_delete(cx, &mut draft).map_err(typed)?;
        }
        let mut object = draft.into_value();
        let generation = metadata::generation(&object);
        let terminating = metadata::is_terminating(&object);
        let fields = metadata::of_mut(&mut object);
        if !finalizers.is_empty() {
            fields.insert("finalizers".into(), finalizers.into());
        }
        if let Grace::Until(deletion, seconds) = &grace {
            fields.insert("deletionTimestamp".into(), deletion.as_str().into());
            fields.insert("deletionGracePeriodSeconds".into(), (*seconds).into());
        } else if !terminating {
            fields.insert("deletionTimestamp".into(), metadata::now().into());
        }
        if grace == Grace::Over && !held {
            fields.insert("deletionGracePeriodSeconds".into(), 0.into());
        }
        if !terminating && generation > 0 {
            fields.insert("generation".into(), (generation + 1).into());
        }
        Ok(if object == old { Mark::AsItIs } else { Mark::Changed(object) })
    }
}

/// What becomes of an object that is to be deleted.
enum Mark {
    /// It can go at once.
    Gone,
    /// It waits already.
    AsItIs,
    /// It waits, and says so from now on.
    Changed(Value),
}

/// How much longer an object stays for those who clean up after it.
#[derive(Debug, PartialEq)]
enum Grace {
    /// No longer.
    Over,
    /// As was said before.
    Pending,
    /// Until this time, so many seconds after the deletion.
    Until(String, i64),
}

/// `default` is that of the kind, `None` where it has none. Source: `BeforeDelete` in
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/registry/rest/delete.go>
fn grace_after(object: &Value, default: Option<u32>, asked: Option<i64>) -> Grace {
    let Some(default) = default else { return Grace::Over };
    let asked = asked.map(|seconds| if seconds < 0 { 1 } else { seconds });
    if !metadata::is_terminating(object) {
        return match asked.unwrap_or(default.into()) {
            0 => Grace::Over,
            seconds => Grace::Until(metadata::later(None, seconds), seconds),
        };
    }
    let left = metadata::grace(object);
    match asked {
        _ if left == 0 => Grace::Over,
        Some(0) => Grace::Over,
        Some(seconds) if seconds < left => {
            let deletion = metadata::text(object, "deletionTimestamp");
            Grace::Until(metadata::later(Some(deletion), seconds - left), seconds)
        }
        _ => Grace::Pending,
    }
}

/// The finalizers with those of the garbage collector as the policy wants them.
fn finalizers_after(object: &Value, propagation: Option<Propagation>) -> Vec<String> {
    let mut finalizers: Vec<String> = metadata::finalizers(object).into_iter().map(str::to_owned).collect();
    let Some(propagation) = propagation else { return finalizers };
    let wanted = match propagation {
        Propagation::Background => None,
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Orphan => Some(ORPHAN),
    };
    finalizers
        .retain(|finalizer| !matches!(finalizer.as_str(), ORPHAN | FOREGROUND) || Some(finalizer.as_str()) == wanted);
    if let Some(wanted) = wanted
        && !finalizers.iter().any(|finalizer| finalizer == wanted)
    {
        finalizers.push(wanted.to_owned());
    }
    finalizers
}

pub(super) fn check_preconditions(name: &str, object: &Value, options: &DeleteOptions) -> Result<(), Error> {
    let conflict = |cause| Err(Error::Conflict { name: name.to_owned(), cause, on_delete: true });
    let uid = metadata::text(object, "uid");
    if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
        return conflict(format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have \
             been deleted and then recreated"
        ));
    }
    let version = metadata::text(object, "resourceVersion");
    if let Some(wanted) = options.resource_version.as_deref().filter(|wanted| *wanted != version) {
        return conflict(format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
             ({version}). The object might have been modified"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(finalizers: &[&str], policy: Option<Propagation>, expect: &[&str]) {
        assert_eq!(finalizers_after(&json!({"metadata": {"finalizers": finalizers}}), policy), expect);
    }

    #[test]
    fn a_grace_period_may_only_become_shorter() {
        let live = json!({"metadata": {}});
        assert_eq!(grace_after(&live, None, Some(30)), Grace::Over);
        assert_eq!(grace_after(&live, Some(30), Some(0)), Grace::Over);
        assert!(matches!(grace_after(&live, Some(30), None), Grace::Until(_, 30)));
        assert!(matches!(grace_after(&live, Some(30), Some(-5)), Grace::Until(_, 1)));
        let deleted = |seconds: i64| {
            json!({"metadata": {
                "deletionTimestamp": "2024-01-01T00:00:30Z", "deletionGracePeriodSeconds": seconds,
            }})
        };
        assert_eq!(grace_after(&deleted(30), Some(30), None), Grace::Pending);
        assert_eq!(grace_after(&deleted(30), Some(30), Some(60)), Grace::Pending);
        assert_eq!(grace_after(&deleted(30), Some(30), Some(10)), Grace::Until("2024-01-01T00:00:10Z".into(), 10));
        assert_eq!(grace_after(&deleted(30), Some(30), Some(0)), Grace::Over);
        assert_eq!(grace_after(&deleted(0), Some(30), None), Grace::Over);
    }

    #[test]
    fn a_policy_swaps_the_garbage_collectors_finalizers() {
        use Propagation::{Background, Foreground, Orphan};
        check(&["a"], None, &["a"]);
        check(&["orphan"], None, &["orphan"]);
        check(&["a"], Some(Foreground), &["a", "foregroundDeletion"]);
        check(&["orphan", "a"], Some(Foreground), &["a", "foregroundDeletion"]);
        check(&["foregroundDeletion"], Some(Orphan), &["orphan"]);
        check(&["orphan"], Some(Background), &[]);
        check(&[], Some(Background), &[]);
    }
}
