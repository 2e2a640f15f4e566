//! All plugins, in their order.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::attributes::SAME_SHAPE;
use super::{Admission, Attributes, Denied, Guard, Objects, Operation, Reinvocation, Target};
use crate::request::context::RequestContext;
use crate::versions::Conversion;

/// The plugins in their order. A clone asks the same plugins.
#[derive(Clone, Default)]
pub struct Chain {
    guards: Vec<Arc<dyn Guard>>,
    plugins: Vec<Arc<dyn Admission>>,
    objects: Objects,
}

/// A request for which at least one plugin wants to be asked.
pub struct Asking<'a> {
    chain: &'a Chain,
    cx: &'a RequestContext,
    target: Target<'a>,
    options: Option<&'a Value>,
    conversion: &'a dyn Conversion,
}

impl Chain {
    /// These plugins, which may read these objects.
    pub fn new(plugins: Vec<Box<dyn Admission>>, objects: Objects) -> Self {
        Self { guards: Vec::new(), plugins: plugins.into_iter().map(Arc::from).collect(), objects }
    }

    /// A further plugin, after all others.
    pub fn push(&mut self, plugin: Box<dyn Admission>) {
        self.plugins.push(plugin.into());
    }

    /// A further plugin, before all others.
    pub fn insert_first(&mut self, plugin: Box<dyn Admission>) {
        self.plugins.insert(0, plugin.into());
    }

    /// A guard, who is asked before all plugins.
    pub fn push_guard(&mut self, guard: Box<dyn Guard>) {
        self.guards.push(guard.into());
    }

    /// Lets the guards refuse a request; to be asked before its object is looked at.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn guard(&self, cx: &RequestContext, target: Target<'_>, object: Option<&Value>) -> Result<(), Denied> {
        for guard in &self.guards {
            guard.check(cx, &target, object).await?;
        }
        Ok(())
    }

    /// The same, with objects to read.
    #[must_use]
    pub fn reading(mut self, objects: Objects) -> Self {
        self.objects = objects;
        self
    }

    /// What to ask with; nothing where no plugin wants to be asked.
    pub fn ask<'a>(&'a self, cx: &'a RequestContext, target: Target<'a>) -> Option<Asking<'a>> {
        let handles = self.plugins.iter().any(|plugin| plugin.handles(&target));
        handles.then_some(Asking { chain: self, cx, target, options: None, conversion: &SAME_SHAPE })
    }
}

impl<'a> Asking<'a> {
    /// How the versions of the kind become each other.
    #[must_use]
    pub fn converting(mut self, conversion: &'a dyn Conversion) -> Self {
        self.conversion = conversion;
        self
    }

    /// The fields of the `DeleteOptions`.
    #[must_use]
    pub fn options(mut self, options: &'a Value) -> Self {
        self.options = Some(options);
        self
    }

    /// Lets every plugin change the object, one after the other. When one of them asks for it, all are called once
    /// more. Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/reinvocation.go>
    ///
    /// # Errors
    /// The first refusal.
    pub async fn mutate(&self, object: Option<Value>, old: Option<&'a Value>) -> Result<Value, Denied> {
        let mut request = self.attributes(object.map(Cow::Owned), old);
        self.round(&mut request).await?;
        if request.reinvocation.begin_second_round() {
            self.round(&mut request).await?;
        }
        Ok(request.into_object())
    }

    async fn round(&self, request: &mut Attributes<'a>) -> Result<(), Denied> {
        for plugin in &self.chain.plugins {
            if plugin.handles(&self.target) {
                plugin.mutate(request).await.map_err(|denied| denied.about(request))?;
            }
        }
        Ok(())
    }

    /// Asks every plugin.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn validate(&self, object: Option<&'a Value>, old: Option<&'a Value>) -> Result<(), Denied> {
        let request = self.attributes(object.map(Cow::Borrowed), old);
        for plugin in &self.chain.plugins {
            if plugin.handles(&self.target) {
                plugin.validate(&request).await.map_err(|denied| denied.about(&request))?;
            }
        }
        Ok(())
    }

    fn attributes(&self, object: Option<Cow<'a, Value>>, old: Option<&'a Value>) -> Attributes<'a> {
        let name = match self.cx.name.as_str() {
            "" if self.target.operation == Operation::Create => text(object.as_deref(), "name"),
            name => name,
        };
        Attributes {
            operation: self.target.operation,
            kind: self.target.group_version_kind(),
            resource: self.target.group_version_resource(),
            subresource: self.target.subresource,
            name: name.to_owned(),
            namespace: match self.target.kind {
                kind if kind.namespaced => &self.cx.namespace,
                // A namespace is in itself.
                _ if self.target.is_namespace() => &self.cx.name,
                _ => "",
            },
            user: &self.cx.user,
            dry_run: self.cx.dry_run,
            target: self.target,
            object,
            old,
            options: self.options,
            cx: self.cx,
            objects: &self.chain.objects,
            conversion: self.conversion,
            reinvocation: Reinvocation::default(),
        }
    }
}

/// A text of an object's metadata.
pub(super) fn text<'v>(object: Option<&'v Value>, field: &str) -> &'v str {
    object.and_then(|object| object.get("metadata")?.get(field)?.as_str()).unwrap_or_default()
}
