//! One kind as it was added, and what belongs to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::Method;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use super::error::BuildError;
use crate::endpoints;
use crate::kind::{self, Kind, KindVersion, Verb};
use crate::registry::backend::ErasedBackend;
use crate::registry::hooks::Hooks;
use crate::versions::{Conversion, Conversions, Further, SameShape};

/// One kind and what belongs to it.
#[derive(Clone)]
pub(super) struct Definition {
    pub(super) form: Form,
    pub(super) keeper: Keeper,
    /// See [`Strategy::is_native`](crate::Strategy::is_native).
    pub(super) native: bool,
    /// See [`Parts::settles`](crate::registry::Parts::settles).
    pub(super) settles: bool,
    pub(super) subresources: Vec<Own>,
    /// The versions beside the stored one, which are in the CRD as well.
    pub(super) further: Vec<Further>,
    /// What is wrong with one of them.
    pub(super) problem: Option<String>,
}

/// Where it is said what a kind is.
#[derive(Clone)]
pub(super) enum Form {
    /// In its CRD.
    Crd(Box<CustomResourceDefinition>),
    /// In the library; with how its versions become each other.
    Builtin(fn() -> Kind, Arc<dyn Conversion>),
}

/// Who keeps the objects of a kind.
#[derive(Clone)]
pub(super) enum Keeper {
    Store(Arc<dyn Hooks>),
    Backend(Arc<dyn ErasedBackend>),
}

/// A subresource of a project's own.
#[derive(Clone)]
pub(super) struct Own {
    /// The `apiVersion` of its object; empty where it has none.
    pub(super) api_version: String,
    pub(super) verbs: &'static [Verb],
    /// What is wrong with it, where it cannot be served.
    pub(super) handler: Result<endpoints::Handler, String>,
    pub(super) name: &'static str,
}

impl Definition {
    /// A kind without anything that belongs to it.
    pub(super) fn new(form: Form, keeper: Keeper) -> Self {
        Self {
            form,
            keeper,
            native: false,
            settles: false,
            subresources: Vec::new(),
            further: Vec::new(),
            problem: None,
        }
    }

    /// Its CRD, if it is one that a cluster could serve as such.
    pub(super) fn crd(&self) -> Option<&CustomResourceDefinition> {
        match (&self.form, &self.keeper) {
            (Form::Crd(crd), Keeper::Store(_)) => Some(crd),
            _ => None,
        }
    }

    /// Whether its objects live in namespaces.
    pub(super) fn namespaced(&self) -> bool {
        match &self.form {
            Form::Crd(crd) => crd.spec.scope == "Namespaced",
            Form::Builtin(kind, _) => described(*kind).namespaced,
        }
    }

    /// The kind, with all that belongs to it.
    pub(super) fn kind(&self) -> Result<Arc<Kind>, BuildError> {
        let mut kind = match &self.form {
            Form::Builtin(kind, _) => {
                let kind = described(*kind);
                if self.subresources.is_empty() && self.further.is_empty() && matches!(self.keeper, Keeper::Store(_)) {
                    return Ok(kind);
                }
                Kind::clone(&kind)
            }
            Form::Crd(crd) => {
                let mut kind = Kind::from_crd(crd)?;
                if self.native {
                    kind.make_native(crd);
                }
                kind
            }
        };
        let shapes_differ =
            matches!(self.keeper, Keeper::Backend(_)) && self.further.iter().any(Further::has_own_shape);
        let stored_only = || "another version of another shape: only kinds that the server stores have such".to_owned();
        if let Some(problem) = self.problem.clone().or_else(|| shapes_differ.then(stored_only)) {
            return Err(BuildError::Version { resource: kind.qualified_resource(), problem });
        }
        if let Keeper::Backend(backend) = &self.keeper {
            let resource = kind.qualified_resource();
            let problem = |problem: &str| BuildError::Verbs {
                resource: resource.clone(),
                problem: format!("the list of its verbs is not complete: {problem}"),
            };
            let own = backend.verbs();
            let has = |verb| own.contains(&verb);
            if (has(Verb::Update) || has(Verb::Delete)) && !has(Verb::Get) {
                return Err(problem("Update and Delete need Get"));
            }
            if has(Verb::Watch) && !has(Verb::List) {
                return Err(problem("Watch needs List"));
            }
            if own.is_empty() || has(Verb::Patch) || has(Verb::DeleteCollection) {
                return Err(problem("name what is implemented; Patch and DeleteCollection follow from that"));
            }
            if !has(Verb::Get) {
                if !self.subresources.is_empty() {
                    return Err(problem("subresources need Get"));
                }
                // What cannot be read has no parts that could be.
                for version in &mut kind.versions {
                    version.status = false;
                    version.scale = None;
                }
            }
            kind.verbs = Verb::complete(own);
            kind.stored = false;
        }
        let resource = kind.qualified_resource();
        for (index, own) in self.subresources.iter().enumerate() {
            own.check(&resource)?;
            let same = |other: &Own| {
                other.name == own.name
                    && (other.api_version == own.api_version
                        || other.api_version.is_empty()
                        || own.api_version.is_empty())
            };
            let declared = kind.versions.iter().any(|version| match own.name {
                "status" => version.status,
                "scale" => version.scale.is_some(),
                _ => false,
            });
            if declared || self.subresources[..index].iter().any(same) {
                return Err(BuildError::Twice { resource: format!("{resource}/{}", own.name) });
            }
        }
        for version in &mut kind.versions {
            let api_version = version.api_version();
            let own = self.of_version(&api_version);
            version.subresources = own.iter().filter_map(|own| Some(describe(own.handler.as_ref().ok()?))).collect();
        }
        Ok(Arc::new(kind))
    }

    /// The subresources that a version has, sorted by name: of several that share a name the one whose object is of this
    /// version, or else the first.
    fn of_version(&self, api_version: &str) -> Vec<&Own> {
        let mut found: BTreeMap<&str, &Own> = BTreeMap::new();
        for own in &self.subresources {
            let fits = own.api_version == api_version;
            found
                .entry(own.name)
                .and_modify(|first| {
                    if fits {
                        *first = own
                    }
                })
                .or_insert(own);
        }
        found.into_values().collect()
    }

    /// How its versions become each other.
    pub(super) fn conversion(&self, kind: &Arc<Kind>) -> Arc<dyn Conversion> {
        if let Form::Builtin(_, conversion) = &self.form {
            conversion.clone()
        } else if self.further.iter().any(Further::has_own_shape) {
            Arc::new(Conversions::new(kind.clone(), &self.further))
        } else {
            Arc::new(SameShape)
        }
    }

    /// Who answers for which subresource of which version.
    pub(super) fn handlers(&self, kind: &Kind) -> Vec<(usize, endpoints::Handler)> {
        let versions = kind.versions.iter().enumerate();
        let of = |(index, version): (usize, &KindVersion)| {
            let own = self.of_version(&version.api_version()).into_iter();
            own.filter_map(|own| own.handler.as_ref().ok().cloned()).map(|handler| (index, handler)).collect::<Vec<_>>()
        };
        versions.flat_map(of).collect()
    }
}

/// A kind as the library describes it: once for all servers of a process, since to read its schema takes longer than
/// to start a server otherwise, and tests start many.
fn described(kind: fn() -> Kind) -> Arc<Kind> {
    static DESCRIBED: Mutex<BTreeMap<usize, Arc<Kind>>> = Mutex::new(BTreeMap::new());
    let mut kinds = DESCRIBED.lock().unwrap_or_else(|broken| broken.into_inner());
    kinds.entry(kind as usize).or_insert_with(|| Arc::new(kind())).clone()
}

impl Own {
    fn check(&self, resource: &str) -> Result<(), BuildError> {
        let refuse = |problem: &str| {
            Err(BuildError::Verbs { resource: format!("{resource}/{}", self.name), problem: problem.to_owned() })
        };
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || !self.name.bytes().all(letter) {
            return refuse("the name of a subresource is of lower-case letters, digits and dashes");
        }
        match &self.handler {
            Err(error) => refuse(error),
            Ok(endpoints::Handler::Connect(connect)) => {
                let known = |method: &&Method| Verb::of_method(method).is_some();
                if connect.methods().is_empty() || !connect.methods().iter().all(|method| known(&method)) {
                    return refuse("its methods are some of GET, POST, PUT, PATCH and DELETE");
                }
                Ok(())
            }
            Ok(endpoints::Handler::Object(..) | endpoints::Handler::Aspect(..)) => {
                let known = |verb: &Verb| matches!(verb, Verb::Get | Verb::Create | Verb::Update);
                if self.verbs.is_empty() || !self.verbs.iter().all(known) {
                    return refuse("its verbs are some of Get, Create and Update; Patch follows from Get and Update");
                }
                Ok(())
            }
        }
    }
}

fn describe(handler: &endpoints::Handler) -> kind::Subresource {
    match handler {
        endpoints::Handler::Object(name, served) => kind::Subresource {
            name: (*name).to_owned(),
            verbs: served.verbs().to_vec(),
            object: Some(served.kind().clone()),
            methods: Vec::new(),
        },
        endpoints::Handler::Aspect(name, kind) => kind::Subresource {
            name: (*name).to_owned(),
            verbs: vec![Verb::Update],
            object: Some(kind.clone()),
            methods: Vec::new(),
        },
        endpoints::Handler::Connect(connect) => {
            let mut verbs: Vec<Verb> = connect.methods().iter().filter_map(Verb::of_method).collect();
            verbs.sort();
            verbs.dedup();
            let methods = connect.methods().to_vec();
            kind::Subresource { name: connect.name().to_owned(), verbs, object: None, methods }
        }
    }
}
