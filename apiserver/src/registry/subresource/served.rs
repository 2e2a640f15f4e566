//! A subresource with its types erased, and what is done with every object on its way there.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{AnyParent, Parent, Subresource};
use crate::admission::{ObjectKind, Operation, Target};
use crate::field;
use crate::kind::{Kind, KindError, KindVersion, Verb};
use crate::registry::error::Error;
use crate::registry::read::Freshness;
use crate::registry::rest::Rest;
use crate::registry::{metadata, typed};
use crate::request::context::RequestContext;

/// How often a patch is made again when others were first. Source: `MaxRetryWhenPatchConflicts` in Kubernetes.
const PATCHES_MAX: usize = 5;

/// A subresource that is served.
pub struct ServedSubresource {
    kind: Arc<Kind>,
    verbs: Vec<Verb>,
    methods: Box<dyn Methods>,
}

/// Why an operation on a subresource failed.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: Error,
    /// Whether it is about the subresource's own object, and not about its parent.
    pub of_object: bool,
}

/// Gives the new object from the present one, if it can be read. Called again when another writer was first.
pub type Change<'a> = &'a mut (dyn FnMut(Option<&Value>) -> Result<Value, Error> + Send);

impl ServedSubresource {
    /// A subresource of objects that are in namespaces, or not.
    ///
    /// # Errors
    /// The schema of its object cannot be used.
    pub fn new<S: Subresource>(subresource: S, namespaced: bool) -> Result<Self, KindError> {
        let kind = Arc::new(typed::kind_of::<S::Object>(namespaced)?);
        Ok(Self { kind, verbs: Verb::complete(S::VERBS), methods: Box::new(subresource) })
    }

    /// The kind of its object.
    pub fn kind(&self) -> &Arc<Kind> {
        &self.kind
    }

    /// What can be done with it, sorted.
    pub fn verbs(&self) -> &[Verb] {
        &self.verbs
    }

    /// Reads it.
    ///
    /// # Errors
    /// Missing parents, and what the project's own code fails with.
    pub async fn get(&self, rest: Arc<dyn Rest>, cx: &RequestContext, fresh: Freshness) -> Result<Value, Failure> {
        let parent = AnyParent::read(rest, cx, fresh).await.map_err(|error| self.failure(cx, error))?;
        let object = self.methods.get(cx, parent).await;
        self.finish(cx, object)
    }

    /// Does what an object says.
    ///
    /// # Errors
    /// Missing parents, invalid objects, refusals of admission, and what the project's own code fails with.
    pub async fn create(&self, rest: Arc<dyn Rest>, cx: &RequestContext, mut object: Value) -> Result<Value, Failure> {
        let made = async {
            let version = rest.kind().served(&cx.group, &cx.version).unwrap_or(rest.kind().storage_version());
            let (kind, object_kind) = (rest.kind(), ObjectKind::Own(&self.kind));
            let (operation, subresource) = (Operation::Create, cx.subresource.as_str());
            let target = Target { operation, kind, version, subresource, object: object_kind };
            rest.admission().guard(cx, target, Some(&object)).await?;
            let parent = AnyParent::read(rest.clone(), cx, Freshness::Consistent).await?;
            self.prepare(&*rest, cx, Operation::Create, &mut object, None).await?;
            self.methods.create(cx, parent, object).await
        };
        let made = made.await;
        self.finish(cx, made)
    }

    /// Changes it.
    ///
    /// # Errors
    /// As [`create`](Self::create), and what `change` refuses.
    pub async fn update(&self, rest: Arc<dyn Rest>, cx: &RequestContext, change: Change<'_>) -> Result<Value, Failure> {
        let mut tries = if cx.verb == "patch" { PATCHES_MAX } else { 1 };
        loop {
            tries -= 1;
            match self.try_update(rest.clone(), cx, change).await {
                Err(Error::Conflict { .. }) if tries > 0 => {}
                result => return self.finish(cx, result),
            }
        }
    }

    async fn try_update(&self, rest: Arc<dyn Rest>, cx: &RequestContext, change: Change<'_>) -> Result<Value, Error> {
        let parent = AnyParent::read(rest.clone(), cx, Freshness::Consistent).await?;
        let (parent, old) = if self.verbs.contains(&Verb::Get) {
            let old = self.methods.get(cx, parent.again()).await?;
            (parent, Some(self.shown(cx, old)))
        } else {
            (parent, None)
        };
        let mut new = change(old.as_ref())?;
        self.prepare(&*rest, cx, Operation::Update, &mut new, old.as_ref()).await?;
        self.methods.update(cx, parent, new).await
    }

    /// Brings an object of a client into the form that methods may count on.
    async fn prepare(
        &self,
        rest: &dyn Rest,
        cx: &RequestContext,
        operation: Operation,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), Error> {
        let schema = &self.version().schema;
        let fields = metadata::of_mut(object);
        fields.insert("name".into(), cx.name.as_str().into());
        match cx.namespace.as_str() {
            "" => fields.remove("namespace"),
            namespace => fields.insert("namespace".into(), namespace.into()),
        };
        schema.default(object);
        let parent = rest.kind().served(&cx.group, &cx.version).unwrap_or(rest.kind().storage_version());
        let (kind, subresource) = (rest.kind(), cx.subresource.as_str());
        let target = Target { operation, kind, version: parent, subresource, object: ObjectKind::Own(&self.kind) };
        let asking = rest.admission().ask(cx, target);
        if let Some(asking) = &asking {
            *object = asking.mutate(Some(std::mem::take(object)), old).await?;
            schema.prune(object, &mut Vec::new());
            schema.default(object);
        }
        let mut errors = field::Errors::default();
        match old {
            None => schema.validate(object, &mut errors),
            Some(old) => schema.validate_update(object, old, &mut errors),
        }
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        if let Some(asking) = asking {
            asking.validate(Some(object), old).await?;
        }
        Ok(())
    }

    fn version(&self) -> &KindVersion {
        self.kind.storage_version()
    }

    fn finish(&self, cx: &RequestContext, result: Result<Value, Error>) -> Result<Value, Failure> {
        result.map(|object| self.shown(cx, object)).map_err(|error| self.failure(cx, error))
    }

    /// An object as clients see it: it has at least the name of its parent.
    fn shown(&self, cx: &RequestContext, mut object: Value) -> Value {
        let fields = metadata::of_mut(&mut object);
        for (field, value) in [("name", &cx.name), ("namespace", &cx.namespace)] {
            if !value.is_empty() && fields.get(field).is_none_or(|given| given == "") {
                fields.insert(field.into(), value.as_str().into());
            }
        }
        object
    }

    /// Whoever makes an error by hand does not say what it is about: the object of the request is meant.
    fn failure(&self, cx: &RequestContext, error: Error) -> Failure {
        let of_object = matches!(&error, Error::Invalid { name, .. } if name.is_empty());
        Failure { error: error.or_named(&cx.name), of_object }
    }
}

/// [`Subresource`] on values.
#[async_trait]
trait Methods: Send + Sync + 'static {
    async fn get(&self, cx: &RequestContext, parent: AnyParent) -> Result<Value, Error>;
    async fn create(&self, cx: &RequestContext, parent: AnyParent, object: Value) -> Result<Value, Error>;
    async fn update(&self, cx: &RequestContext, parent: AnyParent, object: Value) -> Result<Value, Error>;
}

#[async_trait]
impl<S: Subresource> Methods for S {
    async fn get(&self, cx: &RequestContext, parent: AnyParent) -> Result<Value, Error> {
        let parent = Parent::new(parent)?;
        typed::write(&told(cx, &parent, Subresource::get(self, cx, &parent).await)?)
    }

    async fn create(&self, cx: &RequestContext, parent: AnyParent, object: Value) -> Result<Value, Error> {
        let (parent, object) = (Parent::new(parent)?, own(&object)?);
        typed::write(&told(cx, &parent, Subresource::create(self, cx, &parent, object).await)?)
    }

    async fn update(&self, cx: &RequestContext, parent: AnyParent, object: Value) -> Result<Value, Error> {
        let (parent, object) = (Parent::new(parent)?, own(&object)?);
        typed::write(&told(cx, &parent, Subresource::update(self, cx, &parent, object).await)?)
    }
}

/// Passes on the warnings that changes of the parent gave.
fn told<K: typed::Typed, T>(cx: &RequestContext, parent: &Parent<K>, result: Result<T, Error>) -> Result<T, Error> {
    parent.take_warnings().into_iter().for_each(|warning| cx.warn(warning));
    result
}

/// The object of the request; what is wrong with it is wrong with that object.
fn own<K: typed::Typed>(object: &Value) -> Result<K, Error> {
    typed::read(object).map_err(|error| match error {
        Error::Invalid { errors, .. } => Error::invalid(errors),
        error => error,
    })
}
