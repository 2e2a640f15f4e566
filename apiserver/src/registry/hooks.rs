//! The strategy of a kind with its type erased, so that the registry is one piece of code for all kinds.
//!
//! The write path works on JSON values; hooks see the typed object. What a hook changes is found by comparing the typed
//! object before and after, and only that is carried over: fields which the type writes differently than the client
//! did (an absent list as `[]`, say) stay as they came.

use std::any::Any;
use std::sync::Arc;

use serde_json::Value;

use super::metadata;
use super::strategy::Strategy;
use crate::apply::carry_over::carry_over;
use crate::field::{self, labels};
use crate::request::context::RequestContext;
use crate::schema::Schema;

/// An object on its way into the store, as a value and, once a hook has asked for it, typed.
///
/// Its managed fields are kept apart: they are the server's own business, and often larger than the rest, so that hooks
/// are spared them.
#[derive(Default)]
pub struct Draft {
    value: Value,
    managed_fields: Option<Value>,
    typed: Option<Typed>,
    spoken: Option<Spoken>,
}

/// An object in the version that a client speaks, where that has another shape than the stored one.
pub struct Spoken {
    object: Value,
    schema: Arc<Schema>,
}

struct Typed {
    object: Box<dyn Any + Send + Sync>,
    /// What the typed object serializes to, once a hook could change it. As text, which is many times cheaper to write and
    /// to compare than a value, and mostly all that is needed: few calls of a hook change anything.
    json: Option<Vec<u8>>,
}

impl Draft {
    /// A draft of a value.
    pub fn new(mut value: Value) -> Self {
        let managed_fields = metadata::take_managed_fields(&mut value);
        Self { value, managed_fields, typed: None, spoken: None }
    }

    /// A draft of a value that was made from an object of another shape.
    pub fn of_version(value: Value, spoken: Spoken) -> Self {
        Self { spoken: Some(spoken), ..Self::new(value) }
    }

    /// What it was made from, where that has another shape.
    pub fn spoken(&self) -> Option<&Spoken> {
        self.spoken.as_ref()
    }

    /// The object without its managed fields.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The object, to be changed. Hooks that follow read it anew.
    pub fn value_mut(&mut self) -> &mut Value {
        self.typed = None;
        &mut self.value
    }

    /// The managed fields.
    pub fn managed_fields(&self) -> Option<&Value> {
        self.managed_fields.as_ref()
    }

    /// Changes the managed fields, and nothing else, of the whole object.
    pub fn change_managed_fields(&mut self, change: impl FnOnce(&mut Value)) {
        metadata::put_managed_fields(&mut self.value, self.managed_fields.take());
        change(&mut self.value);
        self.managed_fields = metadata::take_managed_fields(&mut self.value);
    }

    /// Replaces the managed fields.
    pub fn set_managed_fields(&mut self, managed_fields: Option<Value>) {
        self.managed_fields = managed_fields;
    }

    /// The whole object.
    pub fn whole(&self) -> Value {
        let mut value = self.value.clone();
        metadata::put_managed_fields(&mut value, self.managed_fields.clone());
        value
    }

    /// The whole object.
    pub fn into_value(mut self) -> Value {
        metadata::put_managed_fields(&mut self.value, self.managed_fields);
        self.value
    }
}

impl Spoken {
    /// An object, and the schema of its version.
    pub fn new(object: Value, schema: &Arc<Schema>) -> Self {
        Self { object, schema: schema.clone() }
    }

    /// The object.
    pub fn object(&self) -> &Value {
        &self.object
    }

    /// Reports what its version's schema finds wrong, as [`Schema`] does for objects of the stored version.
    pub fn validate(&self, old: Option<&Self>, status: bool, errors: &mut field::Errors) {
        match old {
            None => self.schema.validate(&self.object, errors),
            Some(old) if status => self.schema.validate_status_update(&self.object, &old.object, errors),
            Some(old) => self.schema.validate_update(&self.object, &old.object, errors),
        }
    }
}

/// The object is not of the strategy's type; the text says where.
pub type Mismatch = serde_json::Error;

/// [`Strategy`] on drafts. An error means that the object cannot be read as the strategy's type.
pub trait Hooks: Send + Sync + 'static {
    /// See [`Strategy::defaulting`].
    fn defaulting(&self, object: &mut Draft) -> Result<(), Mismatch>;
    /// See [`Strategy::prepare_for_create`].
    fn prepare_for_create(&self, cx: &RequestContext, object: &mut Draft) -> Result<(), Mismatch>;
    /// See [`Strategy::validate`].
    fn validate(&self, cx: &RequestContext, object: &mut Draft, errors: &mut field::Errors) -> Result<(), Mismatch>;
    /// See [`Strategy::canonicalize`].
    fn canonicalize(&self, object: &mut Draft) -> Result<(), Mismatch> {
        let _ = object;
        Ok(())
    }
    /// See [`Strategy::prepare_for_update`].
    fn prepare_for_update(&self, cx: &RequestContext, new: &mut Draft, old: &mut Draft) -> Result<(), Mismatch>;
    /// See [`Strategy::validate_update`].
    fn validate_update(
        &self,
        cx: &RequestContext,
        new: &mut Draft,
        old: &mut Draft,
        errors: &mut field::Errors,
    ) -> Result<(), Mismatch>;
    /// See [`Strategy::warnings_on_create`].
    fn warnings_on_create(&self, cx: &RequestContext, object: &mut Draft) -> Result<Vec<String>, Mismatch>;
    /// See [`Strategy::warnings_on_update`].
    fn warnings_on_update(
        &self,
        cx: &RequestContext,
        new: &mut Draft,
        old: &mut Draft,
    ) -> Result<Vec<String>, Mismatch>;
    /// See [`Strategy::prepare_for_delete`].
    fn prepare_for_delete(&self, cx: &RequestContext, object: &mut Draft) -> Result<(), Mismatch>;
    /// See [`Strategy::grace_period_seconds`].
    fn grace_period_seconds(&self, object: &mut Draft) -> Result<Option<u32>, Mismatch> {
        let _ = object;
        Ok(None)
    }
    /// See [`Strategy::validate_delete`].
    fn validate_delete(
        &self,
        cx: &RequestContext,
        object: &mut Draft,
        errors: &mut field::Errors,
    ) -> Result<(), Mismatch> {
        let _ = (cx, object, errors);
        Ok(())
    }
    /// See [`Strategy::allow_create_on_update`].
    fn allow_create_on_update(&self) -> bool;
    /// See [`Strategy::allow_unconditional_update`].
    fn allow_unconditional_update(&self) -> bool;

    /// Whether an object has to stay, though it is to be deleted and has no finalizers: one that says in a place of its
    /// own who has to finish with it.
    fn is_held(&self, object: &Value) -> bool {
        let _ = object;
        false
    }

    /// Why a name cannot be that of an object; empty when it can.
    fn name_problems(&self, name: &str) -> Vec<String> {
        labels::dns_subdomain(name)
    }
}

/// The hooks of a strategy.
pub fn erase<S: Strategy>(strategy: S) -> Arc<dyn Hooks> {
    Arc::new(Erased(strategy))
}

/// The hooks of a kind without a strategy: what the generic registry does, and nothing more.
pub fn none() -> Arc<dyn Hooks> {
    Arc::new(NoHooks { create_on_update: false, unconditional_update: false, check: None })
}

/// The hooks of a kind without a strategy, the objects of which are checked; updates are told the old object.
pub fn checked(check: Check) -> Arc<dyn Hooks> {
    Arc::new(NoHooks { create_on_update: false, unconditional_update: false, check: Some(check) })
}

/// Reports what is wrong with an object.
pub type Check = fn(&Value, Option<&Value>, &mut field::Errors);

/// The hooks of a built-in kind, which clients may overwrite as they could in a cluster.
pub fn permissive() -> Arc<dyn Hooks> {
    Arc::new(NoHooks { create_on_update: true, unconditional_update: true, check: None })
}

struct Erased<S>(S);

/// The types that kube derives want a `spec`, also where the schema does not. A spec that is absent is then read as an
/// empty one; as hooks are compared with what they were shown, it stays absent unless one of them fills it.
fn read_typed<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Mismatch> {
    T::deserialize(value).or_else(|error| {
        let mut value = value.clone();
        match value.as_object_mut() {
            Some(fields) if !fields.contains_key("spec") => {
                fields.insert("spec".into(), Value::Object(serde_json::Map::new()));
                T::deserialize(&value).map_err(|_| error)
            }
            _ => Err(error),
        }
    })
}

/// Room for most objects, so that few have to be moved while they are written.
const USUAL_BYTES: usize = 2 << 10;

fn written(object: &impl serde::Serialize, bytes: usize) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::with_capacity(bytes);
    serde_json::to_writer(&mut json, object)?;
    Ok(json)
}

impl<S: Strategy> Erased<S> {
    fn read<'a>(&self, draft: &'a mut Draft) -> Result<&'a S::Object, Mismatch> {
        let typed = Self::typed(draft)?;
        Ok(typed.object.downcast_ref().expect("only this strategy makes typed drafts of its kind"))
    }

    fn change(&self, draft: &mut Draft, hook: impl FnOnce(&S, &mut S::Object)) -> Result<(), Mismatch> {
        let typed = Self::typed(draft)?;
        let object: &mut S::Object =
            typed.object.downcast_mut().expect("only this strategy makes typed drafts of its kind");
        let before = match typed.json.take() {
            Some(json) => json,
            None => written(object, USUAL_BYTES)?,
        };
        hook(&self.0, object);
        let after = written(object, before.len())?;
        if before != after {
            let (before, after) = (serde_json::from_slice(&before)?, serde_json::from_slice(&after)?);
            carry_over(&mut draft.value, &before, &after);
        }
        if let Some(typed) = &mut draft.typed {
            typed.json = Some(after);
        }
        Ok(())
    }

    fn typed(draft: &mut Draft) -> Result<&mut Typed, Mismatch> {
        if draft.typed.is_none() {
            let object: S::Object = read_typed(&draft.value)?;
            draft.typed = Some(Typed { object: Box::new(object), json: None });
        }
        Ok(draft.typed.as_mut().expect("set above"))
    }
}

impl<S: Strategy> Hooks for Erased<S> {
    fn defaulting(&self, object: &mut Draft) -> Result<(), Mismatch> {
        self.change(object, |strategy, object| strategy.defaulting(object))
    }

    fn prepare_for_create(&self, cx: &RequestContext, object: &mut Draft) -> Result<(), Mismatch> {
        self.change(object, |strategy, object| strategy.prepare_for_create(cx, object))
    }

    fn validate(&self, cx: &RequestContext, object: &mut Draft, errors: &mut field::Errors) -> Result<(), Mismatch> {
        self.0.validate(cx, self.read(object)?, errors);
        Ok(())
    }

    fn canonicalize(&self, object: &mut Draft) -> Result<(), Mismatch> {
        self.change(object, |strategy, object| strategy.canonicalize(object))
    }

    fn prepare_for_update(&self, cx: &RequestContext, new: &mut Draft, old: &mut Draft) -> Result<(), Mismatch> {
        let old = self.read(old)?;
        self.change(new, |strategy, new| strategy.prepare_for_update(cx, new, old))
    }

    fn validate_update(
        &self,
        cx: &RequestContext,
        new: &mut Draft,
        old: &mut Draft,
        errors: &mut field::Errors,
    ) -> Result<(), Mismatch> {
        self.0.validate_update(cx, self.read(new)?, self.read(old)?, errors);
        Ok(())
    }

    fn warnings_on_create(&self, cx: &RequestContext, object: &mut Draft) -> Result<Vec<String>, Mismatch> {
        Ok(self.0.warnings_on_create(cx, self.read(object)?))
    }

    fn warnings_on_update(
        &self,
        cx: &RequestContext,
        new: &mut Draft,
        old: &mut Draft,
    ) -> Result<Vec<String>, Mismatch> {
        Ok(self.0.warnings_on_update(cx, self.read(new)?, self.read(old)?))
    }

    fn prepare_for_delete(&self, cx: &RequestContext, object: &mut Draft) -> Result<(), Mismatch> {
        self.change(object, |strategy, object| strategy.prepare_for_delete(cx, object))
    }

    fn grace_period_seconds(&self, object: &mut Draft) -> Result<Option<u32>, Mismatch> {
        Ok(self.0.grace_period_seconds(self.read(object)?))
    }

    fn validate_delete(
        &self,
        cx: &RequestContext,
        object: &mut Draft,
        errors: &mut field::Errors,
    ) -> Result<(), Mismatch> {
        self.0.validate_delete(cx, self.read(object)?, errors);
        Ok(())
    }

    fn allow_create_on_update(&self) -> bool {
        self.0.allow_create_on_update()
    }

    fn allow_unconditional_update(&self) -> bool {
        self.0.allow_unconditional_update()
    }
}

struct NoHooks {
    create_on_update: bool,
    unconditional_update: bool,
    check: Option<Check>,
}

impl Hooks for NoHooks {
    fn defaulting(&self, _: &mut Draft) -> Result<(), Mismatch> {
        Ok(())
    }

    fn prepare_for_create(&self, _: &RequestContext, _: &mut Draft) -> Result<(), Mismatch> {
        Ok(())
    }

    fn validate(&self, _: &RequestContext, object: &mut Draft, errors: &mut field::Errors) -> Result<(), Mismatch> {
        if let Some(check) = self.check {
            check(object.value(), None, errors);
        }
        Ok(())
    }

    fn prepare_for_update(&self, _: &RequestContext, _: &mut Draft, _: &mut Draft) -> Result<(), Mismatch> {
        Ok(())
    }

    fn validate_update(
        &self,
        _: &RequestContext,
        new: &mut Draft,
        old: &mut Draft,
        errors: &mut field::Errors,
    ) -> Result<(), Mismatch> {
        if let Some(check) = self.check {
            check(new.value(), Some(old.value()), errors);
        }
        Ok(())
    }

    fn warnings_on_create(&self, _: &RequestContext, _: &mut Draft) -> Result<Vec<String>, Mismatch> {
        Ok(Vec::new())
    }

    fn warnings_on_update(&self, _: &RequestContext, _: &mut Draft, _: &mut Draft) -> Result<Vec<String>, Mismatch> {
        Ok(Vec::new())
    }

    fn prepare_for_delete(&self, _: &RequestContext, _: &mut Draft) -> Result<(), Mismatch> {
        Ok(())
    }

    fn allow_create_on_update(&self) -> bool {
        self.create_on_update
    }

    fn allow_unconditional_update(&self) -> bool {
        self.unconditional_update
    }
}
