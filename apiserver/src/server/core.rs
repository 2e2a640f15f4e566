//! What all connections share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus_client::registry::Registry;

use super::handler::Handler;
use super::health::{Check, Health};
use super::lifecycle::{Lifecycle, Phase};
use super::limits::Limits;
use super::metrics::Metrics;
use crate::authentication::{Anonymous, Authentication, Authenticator};
use crate::authorization::{AllowGroups, AllowPaths, Authorization, Authorizer};

/// A server without its sockets: the filters and what is behind them.
pub struct Core {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) authorizer: Arc<dyn Authorizer>,
    pub(super) limits: Limits,
    pub(super) health: Health,
    pub(super) metrics: Metrics,
    pub(super) lifecycle: Arc<Lifecycle>,
    pub(super) request_timeout: Duration,
    ready: AtomicBool,
}

/// Makes a [`Core`]. The defaults let nobody in: see [`authenticator`](Self::authenticator) and
/// [`authorizer`](Self::authorizer).
pub struct CoreBuilder {
    handler: Arc<dyn Handler>,
    authenticator: Arc<dyn Authenticator>,
    authorizer: Arc<dyn Authorizer>,
    limits: Limits,
    checks: Vec<Check>,
    metrics: Metrics,
    request_timeout: Duration,
}

impl Core {
    /// A server of what the handler answers.
    pub fn builder(handler: Arc<dyn Handler>) -> CoreBuilder {
        CoreBuilder {
            handler,
            authenticator: Arc::new(Authentication::default().anonymous(Anonymous::everywhere())),
            authorizer: Arc::new(Authorization::new(vec![
                Arc::new(AllowGroups::masters()),
                Arc::new(AllowPaths::health_and_version()),
            ])),
            limits: Limits::new(400, 200),
            checks: Vec::new(),
            metrics: Metrics::default(),
            request_timeout: Duration::from_secs(60),
        }
    }

    /// How far a shutdown has come.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// What comes after the filters.
    pub fn handler(&self) -> &Arc<dyn Handler> {
        &self.handler
    }

    /// Whether the handler has been ready once. Later troubles are its own to report: 503 is for the start only.
    pub(super) async fn has_been_ready(&self) -> bool {
        if self.ready.load(Ordering::Acquire) {
            return true;
        }
        let ready = self.handler.ready().await.is_ok();
        self.ready.fetch_or(ready, Ordering::AcqRel);
        ready
    }
}

impl CoreBuilder {
    /// How to find out who asks. Default: everyone is anonymous.
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticator = Arc::new(authenticator);
        self
    }

    /// Who may do what. Default: `system:masters` everything, all others only health and version.
    pub fn authorizer(mut self, authorizer: impl Authorizer) -> Self {
        self.authorizer = Arc::new(authorizer);
        self
    }

    /// At most so many reading and so many mutating requests in flight; 0 means any number. Default: 400 and 200.
    pub fn max_in_flight(mut self, reading_max: usize, mutating_max: usize) -> Self {
        self.limits = Limits::new(reading_max, mutating_max);
        self
    }

    /// The longest that a request may take that is not a watch. Default: a minute.
    pub fn request_timeout(mut self, max: Duration) -> Self {
        self.request_timeout = max;
        self
    }

    /// One more health check, shown after `ping`.
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Metrics of other parts of the server.
    pub fn metrics(mut self, register: impl FnOnce(&mut Registry)) -> Self {
        register(self.metrics.registry());
        self
    }

    /// The server.
    pub fn build(self) -> Arc<Core> {
        let lifecycle = Arc::new(Lifecycle::default());
        let mut checks = self.checks;
        let handler = self.handler.clone();
        let synced = move || {
            let handler = handler.clone();
            async move { handler.ready().await }
        };
        checks.push(Check::new("informer-sync", synced).readiness_only());
        let phase = lifecycle.clone();
        let serving = move || {
            let phase = phase.phase();
            async move { if phase == Phase::Serving { Ok(()) } else { Err("the server is shutting down".to_owned()) } }
        };
        checks.push(Check::new("shutdown", serving).readiness_only());
        Arc::new(Core {
            handler: self.handler,
            authenticator: self.authenticator,
            authorizer: self.authorizer,
            limits: self.limits,
            health: Health::new(checks),
            metrics: self.metrics,
            lifecycle,
            request_timeout: self.request_timeout,
            ready: AtomicBool::new(false),
        })
    }
}
