//! One request, as admission sees it. Source: `Attributes` in
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/interfaces.go>

use std::borrow::Cow;
use std::fmt::Display;

use kube::core::GroupVersionKind;
use serde_json::{Map, Value, json};

use super::review::GroupVersionResource;
use super::{Denied, Objects, Operation, Reinvocation, Target};
use crate::apply::carry_over::carry_over;
use crate::kind::{KindVersion, Typed};
use crate::request::context::RequestContext;
use crate::request::user::UserInfo;
use crate::versions::{Conversion, SameShape};

/// One request, as admission sees it. Objects are in the version that the client speaks.
pub struct Attributes<'a> {
    /// What is done.
    pub operation: Operation,
    /// What the object is, in the version that the client speaks.
    pub kind: GroupVersionKind,
    /// What the path names.
    pub resource: GroupVersionResource,
    /// For example `status`; empty for the object itself.
    pub subresource: &'a str,
    /// The name of the object. Empty while it may still be changed and the server is to make one up.
    pub name: String,
    /// The namespace of the object; for a Namespace its own name, and empty for other kinds without namespaces.
    pub namespace: &'a str,
    /// Who asks.
    pub user: &'a UserInfo,
    /// Whether nothing will be stored: then nothing may be done that lasts, anywhere.
    pub dry_run: bool,
    pub(super) target: Target<'a>,
    pub(super) object: Option<Cow<'a, Value>>,
    pub(super) old: Option<&'a Value>,
    pub(super) options: Option<&'a Value>,
    pub(super) cx: &'a RequestContext,
    pub(super) objects: &'a Objects,
    pub(super) conversion: &'a dyn Conversion,
    pub(super) reinvocation: Reinvocation,
}

impl<'a> Attributes<'a> {
    /// The new object; absent on DELETE and CONNECT.
    pub fn object(&self) -> Option<&Value> {
        self.object.as_deref()
    }

    /// The new object, to be changed; absent on DELETE and CONNECT. For plugins that know no types: others have
    /// [`change`](Self::change).
    pub fn object_mut(&mut self) -> Option<&mut Value> {
        self.object.as_mut().map(Cow::to_mut)
    }

    /// The object as it is stored now; absent on CREATE and CONNECT.
    pub fn old_object(&self) -> Option<&Value> {
        self.old
    }

    /// The new object as a type, in whichever version the type is.
    ///
    /// # Errors
    /// An object that is not of the type.
    pub fn object_as<K: Typed>(&self) -> Result<Option<K>, Denied> {
        self.object().map(|object| self.read(object)).transpose()
    }

    /// The stored object as a type, in whichever version the type is.
    ///
    /// # Errors
    /// An object that is not of the type.
    pub fn old_object_as<K: Typed>(&self) -> Result<Option<K>, Denied> {
        self.old.map(|object| self.read(object)).transpose()
    }

    /// Changes the new object as a type, in whichever version the type is; what the type does not know stays as it is.
    /// Does nothing where there is no new object.
    ///
    /// # Errors
    /// An object that is not of the type.
    pub fn change<K: Typed>(&mut self, change: impl FnOnce(&mut K)) -> Result<(), Denied> {
        let Some(object) = self.object() else { return Ok(()) };
        let mut typed: K = self.read(object)?;
        let before = serde_json::to_value(&typed).map_err(Denied::internal)?;
        change(&mut typed);
        let after = serde_json::to_value(&typed).map_err(Denied::internal)?;
        if before == after {
            return Ok(());
        }
        let (other, here) = (self.version_of::<K>(), self.target.version);
        let mut object = self.object.take().map(Cow::into_owned).unwrap_or_default();
        if let Some(other) = other {
            object = self.conversion.convert(here, other, object).map_err(Denied::internal)?;
        }
        carry_over(&mut object, &before, &after);
        if let Some(other) = other {
            object = self.conversion.convert(other, here, object).map_err(Denied::internal)?;
        }
        self.object = Some(Cow::Owned(object));
        Ok(())
    }

    /// The options of the request as an object: `CreateOptions`, `UpdateOptions` (also of a patch) or `DeleteOptions` of
    /// `meta.k8s.io/v1`; none on CONNECT.
    pub fn options(&self) -> Option<Value> {
        let kind = match self.operation {
            Operation::Create => "CreateOptions",
            Operation::Update => "UpdateOptions",
            Operation::Delete => "DeleteOptions",
            Operation::Connect => return None,
        };
        let mut options = Map::new();
        options.insert("kind".into(), kind.into());
        options.insert("apiVersion".into(), "meta.k8s.io/v1".into());
        if self.dry_run {
            options.insert("dryRun".into(), json!(["All"]));
        }
        if let Some(given) = self.options.and_then(Value::as_object) {
            options.extend(given.clone());
        }
        if self.operation != Operation::Delete {
            let given = [
                ("fieldManager", &self.cx.options.field_manager),
                ("fieldValidation", &self.cx.options.field_validation),
            ];
            for (field, text) in given.into_iter().filter(|(_, text)| !text.is_empty()) {
                options.insert(field.into(), text.as_str().into());
            }
        }
        Some(options.into())
    }

    /// Tells the client something without refusing: a `Warning: 299` header, which kubectl prints.
    pub fn warn(&self, text: impl Into<String>) {
        self.cx.warn(text);
    }

    /// Notes something about the request for an audit. `key` is qualified, for example `demo.example.com/reason`; what
    /// is noted first under a key stays.
    pub fn annotate(&self, key: impl Into<String>, value: impl Display) {
        self.cx.annotate(key, value.to_string());
    }

    /// The other objects of this server.
    pub fn objects(&self) -> &'a Objects {
        self.objects
    }

    /// The request behind the write.
    pub fn context(&self) -> &'a RequestContext {
        self.cx
    }

    /// What the request is about, with the description of its kind.
    pub fn target(&self) -> &Target<'a> {
        &self.target
    }

    /// Whether the chain runs a second time, and what plugins remember of the first.
    pub fn reinvocation(&mut self) -> &mut Reinvocation {
        &mut self.reinvocation
    }

    /// The new object; null where there is none.
    pub fn into_object(self) -> Value {
        self.object.map(Cow::into_owned).unwrap_or_default()
    }

    fn read<K: Typed>(&self, object: &Value) -> Result<K, Denied> {
        let converted;
        let object = match self.version_of::<K>() {
            None => object,
            Some(other) => {
                let result = self.conversion.convert(self.target.version, other, object.clone());
                converted = result.map_err(Denied::internal)?;
                &converted
            }
        };
        K::deserialize(object).map_err(|error| {
            Denied::internal(format!("{} {:?} is no {}: {error}", self.resource.resource, self.name, K::kind(&())))
        })
    }

    /// The version of a type, where that is another version of the object's kind.
    fn version_of<K: Typed>(&self) -> Option<&'a KindVersion> {
        let (group, version) = (K::group(&()), K::version(&()));
        if !self.target.is::<K>() || !matches!(self.target.object, super::ObjectKind::Same) {
            return None;
        }
        let found = self.target.kind.versions.iter().find(|known| known.group == group && known.version == version);
        found.filter(|found| !std::ptr::eq(*found, self.target.version))
    }
}

pub(super) static SAME_SHAPE: SameShape = SameShape;
