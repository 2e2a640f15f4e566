//! Schedulers in a test: nodes and pods that are objects and nothing more, and what puts the one on the other.

use k8s_openapi::api::core::v1::{Node, Pod};

use super::{TestServer, TestServerBuilder};
use crate::builtin::PodBinding;
use crate::scheduler::{Config, Schedulers};

impl TestServerBuilder {
    /// Serves Nodes and Pods as objects that are stored and nothing more, with `pods/binding` for schedulers.
    pub fn nodes_and_pods(mut self) -> Self {
        self.apis.native::<Node>();
        self.apis.native::<Pod>().subresource(PodBinding);
        self
    }
}

impl TestServer {
    /// Runs schedulers, by a configuration as in the file that `scheduler --config` reads, until the server stops. An
    /// empty one lets each algorithm schedule the pods whose `schedulerName` is its name.
    ///
    /// # Panics
    /// If the configuration cannot be used; the message says why.
    #[track_caller]
    pub fn start_schedulers(&self, install: impl FnOnce(&mut Schedulers), config: &str) {
        let mut schedulers = Schedulers::default();
        install(&mut schedulers);
        let config = Config::read(config);
        let scheduler =
            config.and_then(|config| schedulers.scheduler(&config)).unwrap_or_else(|error| panic!("{error}"));
        self.start_controllers(|manager| {
            manager.add("scheduler", |cx| scheduler.run(cx));
        });
    }
}
