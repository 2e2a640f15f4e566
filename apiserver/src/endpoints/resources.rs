//! The resources that are served, found by what a path names.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Handler, Resource};
use crate::registry::rest::Rest;

/// One version of a resource, on its paths.
#[derive(Clone)]
pub(super) struct Served {
    pub registry: Arc<dyn Rest>,
    pub version_index: usize,
    pub subresources: Arc<HashMap<&'static str, Handler>>,
    /// How many events its watches have sent.
    pub watch_events: Arc<AtomicU64>,
}

/// All of them, in the order of their names: there are some dozens, and every request looks for one.
pub(super) struct Resources(Vec<Served>);

impl Resources {
    pub(super) fn new(served: Vec<Resource>) -> Self {
        let mut all = Vec::new();
        for Resource { rest, subresources } in served {
            for (version_index, _) in rest.kind().versions.iter().enumerate().filter(|(_, version)| version.served) {
                let own = subresources.iter().filter(|(index, _)| *index == version_index);
                let own = own.map(|(_, handler)| (handler.name(), handler.clone())).collect();
                let (registry, subresources) = (rest.clone(), Arc::new(own));
                all.push(Served { registry, version_index, subresources, watch_events: Arc::default() });
            }
        }
        all.sort_by(|a, b| a.name().cmp(&b.name()));
        Self(all)
    }

    /// What a group, a version and a plural name.
    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Served> {
        let index = self.0.binary_search_by(|served| served.name().cmp(&[group, version, plural]));
        self.0.get(index.ok()?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Served> {
        self.0.iter()
    }
}

impl Served {
    /// Its group, version and plural.
    pub(super) fn name(&self) -> [&str; 3] {
        let kind = self.registry.kind();
        let version = &kind.versions[self.version_index];
        [&version.group, &version.version, &kind.plural]
    }

    pub(super) fn events_sent(&self) -> u64 {
        self.watch_events.load(Ordering::Relaxed)
    }
}
