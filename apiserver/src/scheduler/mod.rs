//! Schedulers of one's own: which node gets a pod with `spec.schedulerName: N`.
//!
//! An author writes [`Filter`]s and [`Score`]s, puts them together to [`Algorithm`]s, and registers those in
//! [`Schedulers`]; a [`Config`] chooses among them. The rest is here: a [`Snapshot`] of the cluster that every change and
//! every decision keeps up to date, a queue, bindings, events, the condition `PodScheduled`, metrics.
//!
//! One task decides for one pod at a time, out of memory, and goes on to the next while the API server is still being told:
//! the pod is *assumed* to be on its node from then on. A binding that fails is forgotten, and the pod tried again.
//!
//! **Invariant:** nothing waits between taking a pod from the queue and the decision; all requests are made beside it.

mod algorithm;
mod config;
mod cycle;
mod engine;
#[cfg(test)]
mod fake;
pub mod filters;
mod fit_error;
mod metrics;
mod node;
mod plugin;
mod pod;
mod queue;
mod resources;
mod run;
pub mod scores;
mod snapshot;
mod watch;
mod write;

pub use algorithm::{Algorithm, AlgorithmError, Decision, feasible_enough};
pub use config::{Config, ConfigError, Profile};
pub use cycle::Cycle;
pub use fit_error::FitError;
pub use metrics::Metrics;
pub use node::NodeInfo;
pub use plugin::{Changes, Filter, Refusal, SCORE_MAX, Score, normalize_by_largest};
pub use pod::{HostPort, PodInfo};
pub use resources::Resources;
pub use run::Scheduler;
pub use snapshot::Snapshot;

pub use crate::schema::{Quantity, QuantityError};

/// The algorithms of a project, by name.
///
/// ```
/// use apiserver::scheduler::{Algorithm, Config, Schedulers, filters, scores};
///
/// let mut schedulers = Schedulers::default();
/// schedulers
///     .algorithm("pack", Algorithm::new().filters(filters::standard()).score(scores::MostAllocated, 1))
///     .algorithm("spread", Algorithm::new().filters(filters::standard()).score(scores::LeastAllocated, 1));
/// let config = Config::read("profiles: [{schedulerName: packer, algorithm: pack}]").unwrap();
/// let scheduler = schedulers.scheduler(&config).unwrap();
/// let mut manager = apiserver::Manager::new();
/// manager.add("scheduler", |cx| scheduler.run(cx));
/// ```
#[derive(Clone, Default)]
pub struct Schedulers {
    algorithms: Vec<(String, Algorithm)>,
}

impl Schedulers {
    /// Registers an algorithm.
    pub fn algorithm(&mut self, name: &str, algorithm: Algorithm) -> &mut Self {
        self.algorithms.push((name.to_owned(), algorithm));
        self
    }

    /// The names of the algorithms, in the order in which they were registered.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.algorithms.iter().map(|(name, _)| name.as_str())
    }

    /// The scheduler that a configuration asks for.
    ///
    /// # Errors
    /// Names in the configuration that nobody registered, told with those that there are; two algorithms of one name;
    /// none at all; values that make no sense.
    pub fn scheduler(self, config: &Config) -> Result<Scheduler, ConfigError> {
        Ok(Scheduler::new(config.profiles(&self.algorithms)?, config))
    }
}
