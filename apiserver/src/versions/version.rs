//! A version beside the one that a kind's type is written for.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::pair::{Pair, TypedPair};
use crate::kind::drop_titles;

/// A further version of a kind whose stored version is `Hub`. It is declared in
/// [`Strategy::versions`](crate::Strategy::versions), or where the kind is [added](crate::Apis::add).
///
/// ```
/// # use apiserver::versions::Version;
/// # struct Bird;
/// let old: Version<Bird> = Version::same_shape("v1alpha1").deprecated("v1alpha1 birds are leaving; use v1 birds");
/// ```
pub struct Version<Hub> {
    further: Further,
    hub: PhantomData<fn() -> Hub>,
}

/// A further version whose hub's type is forgotten.
#[derive(Clone)]
pub(crate) struct Further {
    pub(super) name: String,
    served: bool,
    deprecation: Option<Deprecation>,
    keeps_lost_fields: bool,
    shape: Option<Shape>,
}

/// The shape of a version that has one of its own.
#[derive(Clone)]
struct Shape {
    crd: Box<CustomResourceDefinition>,
    pair: Arc<dyn Pair>,
}

#[derive(Clone)]
struct Deprecation {
    /// Empty for the standard text.
    warning: String,
}

/// A type that is a version of a kind whose stored version is `Hub`: objects become the one and the other with `From`.
/// Every object of the one must be expressible in the other; what has no place there is kept with
/// [`Version::keep_lost_fields`].
///
/// It is implemented by writing both conversions. With one of them missing, the compiler says so where the version is
/// declared:
///
/// ```compile_fail,E0277
/// use apiserver::versions::Version;
/// # use kube::CustomResource;
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
/// # #[kube(group = "demo.example.com", version = "v1", kind = "Bird", namespaced)]
/// # struct BirdSpec {}
/// # #[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
/// # #[kube(group = "demo.example.com", version = "v1alpha1", kind = "Bird", root = "OldBird", namespaced)]
/// # struct OldBirdSpec {}
/// impl From<OldBird> for Bird {
///     fn from(old: OldBird) -> Self {
///         Self { metadata: old.metadata, spec: BirdSpec {} }
///     }
/// }
///
/// // the trait bound `OldBird: Spoke<Bird>`: `OldBird` and `Bird` cannot be versions of one kind
/// let version = Version::<Bird>::of::<OldBird>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` and `{Hub}` cannot be versions of one kind: a conversion between them is missing",
    label = "`{Self}` cannot be converted to `{Hub}` and back",
    note = "write both `impl From<{Self}> for {Hub}` and `impl From<{Hub}> for {Self}`; both types derive `kube::CustomResource`"
)]
pub trait Spoke<Hub>: CustomResourceExt + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The object in the stored version.
    fn into_hub(self) -> Hub;
    /// The object of the stored version in this one.
    fn from_hub(hub: Hub) -> Self;
}

#[diagnostic::do_not_recommend]
impl<S, Hub> Spoke<Hub> for S
where
    S: CustomResourceExt + Serialize + DeserializeOwned + From<Hub> + Send + Sync + 'static,
    Hub: From<S>,
{
    fn into_hub(self) -> Hub {
        self.into()
    }

    fn from_hub(hub: Hub) -> Self {
        hub.into()
    }
}

impl<Hub> Version<Hub> {
    /// A version, for example `v1alpha1`, with the fields, columns and subresources of the stored one: objects differ in
    /// `apiVersion` alone, and no type is needed for it.
    pub fn same_shape(name: impl Into<String>) -> Self {
        Self::new(name.into(), None)
    }

    /// A version with a type of its own. Its name, schema, columns, selectable fields and subresources are those that the
    /// type's derive says.
    pub fn of<S: Spoke<Hub>>() -> Self
    where
        Hub: Serialize + DeserializeOwned + 'static,
    {
        let mut crd = S::crd();
        drop_titles(&mut crd);
        let name = crd.spec.versions.first().map(|version| version.name.clone()).unwrap_or_default();
        let pair = Arc::new(TypedPair::<S, Hub>::default());
        Self::new(name, Some(Shape { crd: Box::new(crd), pair }))
    }

    fn new(name: String, shape: Option<Shape>) -> Self {
        let further = Further { name, served: true, deprecation: None, keeps_lost_fields: false, shape };
        Self { further, hub: PhantomData }
    }

    /// Every request to this version is answered with a warning. An empty text stands for `GROUP/VERSION KIND is
    /// deprecated`.
    #[must_use]
    pub fn deprecated(mut self, warning: impl Into<String>) -> Self {
        self.further.deprecation = Some(Deprecation { warning: warning.into() });
        self
    }

    /// Clients may not use it; objects that are stored in it are still read.
    #[must_use]
    pub fn unserved(mut self) -> Self {
        self.further.served = false;
        self
    }

    /// What one of the two versions has and the other cannot hold is kept in an annotation and put back on the way back,
    /// unless the field was changed in between. See [`kept`](super::kept).
    #[must_use]
    pub fn keep_lost_fields(mut self) -> Self {
        self.further.keeps_lost_fields = true;
        self
    }

    /// The name, for example `v1alpha1`.
    pub fn name(&self) -> &str {
        &self.further.name
    }

    pub(crate) fn into_further(self) -> Further {
        self.further
    }

    pub(crate) fn further(&self) -> &Further {
        &self.further
    }
}

impl<Hub> Clone for Version<Hub> {
    fn clone(&self) -> Self {
        Self { further: self.further.clone(), hub: PhantomData }
    }
}

impl<Hub> fmt::Debug for Version<Hub> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Further { name, served, deprecation, keeps_lost_fields, shape } = &self.further;
        formatter
            .debug_struct("Version")
            .field("name", name)
            .field("served", served)
            .field("deprecated", &deprecation.is_some())
            .field("keeps_lost_fields", keeps_lost_fields)
            .field("same_shape", &shape.is_none())
            .finish()
    }
}

impl Further {
    /// Adds the version to a CRD that has the stored one.
    ///
    /// # Errors
    /// A type of another kind than that of the CRD.
    pub(crate) fn add_to(&self, crd: &mut CustomResourceDefinition) -> Result<(), String> {
        let stored = crd.spec.versions.iter().find(|version| version.storage);
        let mut version = match &self.shape {
            None => stored.cloned(),
            Some(shape) => {
                self.check(&shape.crd, crd)?;
                shape.crd.spec.versions.first().cloned()
            }
        }
        .ok_or("its CRD has no version")?;
        version.name = self.name.clone();
        version.served = self.served;
        version.storage = false;
        version.deprecated = self.deprecation.as_ref().map(|_| true);
        version.deprecation_warning =
            self.deprecation.as_ref().map(|deprecation| deprecation.warning.clone()).filter(|text| !text.is_empty());
        crd.spec.versions.push(version);
        Ok(())
    }

    /// How its objects become those of the stored version and back, where they have a shape of their own.
    pub(super) fn pair(&self) -> Option<&Arc<dyn Pair>> {
        self.shape.as_ref().map(|shape| &shape.pair)
    }

    /// The same, without keeping what is lost.
    pub(crate) fn forgetful(self) -> Self {
        Self { keeps_lost_fields: false, ..self }
    }

    /// Whether it has a shape of its own.
    pub(crate) fn has_own_shape(&self) -> bool {
        self.shape.is_some()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether what is lost between the two is kept.
    pub(crate) fn keeps_lost_fields(&self) -> bool {
        self.keeps_lost_fields && self.shape.is_some()
    }

    fn check(&self, own: &CustomResourceDefinition, stored: &CustomResourceDefinition) -> Result<(), String> {
        let (own, stored) = (&own.spec, &stored.spec);
        let facts = [
            ("group", &own.group, &stored.group),
            ("kind", &own.names.kind, &stored.names.kind),
            ("plural", &own.names.plural, &stored.names.plural),
            ("scope", &own.scope, &stored.scope),
        ];
        match facts.into_iter().find(|(_, own, stored)| own != stored) {
            None => Ok(()),
            Some((fact, own, stored)) => {
                Err(format!("its {fact} is {own}, and that of the stored version is {stored}; they must be the same"))
            }
        }
    }
}
