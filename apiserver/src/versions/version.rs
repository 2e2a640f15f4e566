//! A version beside the one that a kind's type is written for.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// A further version of a kind, as its strategy declares it in [`versions`](crate::Strategy::versions).
///
/// ```
/// use apiserver::versions::Version;
///
/// let old = Version::same_shape("v1alpha1").deprecated("v1alpha1 birds are leaving; use v1 birds");
/// ```
#[derive(Clone, Debug)]
pub struct Version {
    name: String,
    served: bool,
    deprecation: Option<Deprecation>,
}

#[derive(Clone, Debug)]
struct Deprecation {
    /// Empty for the standard text.
    warning: String,
}

impl Version {
    /// A version, for example `v1alpha1`, with the fields, columns and subresources of the stored one: objects differ in
    /// `apiVersion` alone, and no type is needed for it.
    pub fn same_shape(name: impl Into<String>) -> Self {
        Self { name: name.into(), served: true, deprecation: None }
    }

    /// Every request to this version is answered with a warning. An empty text stands for `GROUP/VERSION KIND is
    /// deprecated`.
    #[must_use]
    pub fn deprecated(mut self, warning: impl Into<String>) -> Self {
        self.deprecation = Some(Deprecation { warning: warning.into() });
        self
    }

    /// Clients may not use it; objects that are stored in it are still read.
    #[must_use]
    pub fn unserved(mut self) -> Self {
        self.served = false;
        self
    }

    /// Adds the version to a CRD that has the stored one.
    pub(crate) fn add_to(self, crd: &mut CustomResourceDefinition) {
        let Some(stored) = crd.spec.versions.iter().find(|version| version.storage) else { return };
        let mut version = stored.clone();
        version.name = self.name;
        version.served = self.served;
        version.storage = false;
        version.deprecated = self.deprecation.as_ref().map(|_| true);
        version.deprecation_warning =
            self.deprecation.map(|deprecation| deprecation.warning).filter(|text| !text.is_empty());
        crd.spec.versions.push(version);
    }
}
