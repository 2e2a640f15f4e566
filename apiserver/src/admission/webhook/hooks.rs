//! What configurations say, compiled: done once for each change of theirs.

use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MutatingWebhookConfiguration, RuleWithOperations, ValidatingWebhookConfiguration,
    WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as Selector;

use super::client::{Address, Clients, Endpoint};
use super::rules::{Asked, Rule};
use crate::admission::Target;
use crate::request::selectors::{LabelSelector, SelectorError};
use crate::schema::Condition;

/// The time that a webhook has where it does not say. Source: `SetDefaults_MutatingWebhook` in Kubernetes.
const TIMEOUT_SECONDS: i32 = 10;

/// All webhooks, in the order in which they are asked: by the names of their configurations, then as these list them.
#[derive(Debug, Default)]
pub struct Hooks {
    pub(super) mutating: Vec<Hook>,
    pub(super) validating: Vec<Hook>,
}

/// One webhook.
#[derive(Debug)]
pub struct Hook {
    /// Its own name.
    pub(super) name: String,
    /// The name of the configuration that has it.
    pub(super) configuration: String,
    /// Tells it from all others of its sort.
    pub(super) id: String,
    pub(super) rules: Vec<Rule>,
    /// Whether it also wants requests to other versions of what its rules name.
    pub(super) equivalent: bool,
    pub(super) namespaces: LabelSelector,
    pub(super) objects: LabelSelector,
    pub(super) conditions: Vec<Condition>,
    /// Whether requests go on when it cannot be asked.
    pub(super) ignores_failures: bool,
    pub(super) timeout: Duration,
    /// Whether it may be asked about a dry run; `None` where it does not say.
    pub(super) dry_run: Option<bool>,
    pub(super) reinvoked: bool,
    pub(super) speaks_v1: bool,
    /// Where it is, or why it cannot be reached.
    pub(super) endpoint: Result<Endpoint, String>,
}

/// What both sorts of webhooks have.
struct Parts {
    name: String,
    rules: Option<Vec<RuleWithOperations>>,
    match_policy: Option<String>,
    namespaces: Option<Selector>,
    objects: Option<Selector>,
    conditions: Option<Vec<MatchCondition>>,
    failure_policy: Option<String>,
    timeout_seconds: Option<i32>,
    side_effects: String,
    reinvocation_policy: Option<String>,
    review_versions: Vec<String>,
    client: WebhookClientConfig,
}

impl Hooks {
    /// What these configurations say. A webhook that makes no sense fails all requests that it concerns, or none, as its
    /// failure policy says.
    pub fn compile(
        mut mutating: Vec<MutatingWebhookConfiguration>,
        mut validating: Vec<ValidatingWebhookConfiguration>,
        clients: &Clients,
    ) -> Self {
        mutating.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        validating.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        let mut hooks = Self::default();
        for configuration in mutating {
            let name = configuration.metadata.name.unwrap_or_default();
            for (index, hook) in configuration.webhooks.into_iter().flatten().enumerate() {
                let parts = Parts {
                    name: hook.name,
                    rules: hook.rules,
                    match_policy: hook.match_policy,
                    namespaces: hook.namespace_selector,
                    objects: hook.object_selector,
                    conditions: hook.match_conditions,
                    failure_policy: hook.failure_policy,
                    timeout_seconds: hook.timeout_seconds,
                    side_effects: hook.side_effects,
                    reinvocation_policy: hook.reinvocation_policy,
                    review_versions: hook.admission_review_versions,
                    client: hook.client_config,
                };
                hooks.mutating.push(Hook::compile(&name, index, parts, clients));
            }
        }
        for configuration in validating {
            let name = configuration.metadata.name.unwrap_or_default();
            for (index, hook) in configuration.webhooks.into_iter().flatten().enumerate() {
                let parts = Parts {
                    name: hook.name,
                    rules: hook.rules,
                    match_policy: hook.match_policy,
                    namespaces: hook.namespace_selector,
                    objects: hook.object_selector,
                    conditions: hook.match_conditions,
                    failure_policy: hook.failure_policy,
                    timeout_seconds: hook.timeout_seconds,
                    side_effects: hook.side_effects,
                    reinvocation_policy: None,
                    review_versions: hook.admission_review_versions,
                    client: hook.client_config,
                };
                hooks.validating.push(Hook::compile(&name, index, parts, clients));
            }
        }
        hooks
    }

    /// How many webhooks there are.
    pub fn len(&self) -> usize {
        self.mutating.len() + self.validating.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a rule of any webhook names the target.
    pub(super) fn concern(&self, target: &Target<'_>) -> bool {
        self.mutating.iter().chain(&self.validating).any(|hook| hook.concerns(target))
    }
}

impl Hook {
    fn compile(configuration: &str, index: usize, parts: Parts, clients: &Clients) -> Self {
        let (namespaces, objects) = (selector(parts.namespaces), selector(parts.objects));
        let conditions: Result<Vec<_>, String> =
            parts.conditions.iter().flatten().map(|one| Condition::compile(one.expression.trim())).collect();
        let mut endpoint = Address::of(&parts.client).map(|address| clients.endpoint(address));
        let broken =
            [namespaces.as_ref().err().cloned(), objects.as_ref().err().cloned(), conditions.as_ref().err().cloned()];
        if let Some(problem) = broken.into_iter().flatten().next() {
            endpoint = Err(problem);
        }
        Self {
            id: format!("{configuration}/{}/{index}", parts.name),
            name: parts.name,
            configuration: configuration.to_owned(),
            rules: parts.rules.into_iter().flatten().map(Rule::new).collect(),
            equivalent: parts.match_policy.as_deref() != Some("Exact"),
            namespaces: namespaces.unwrap_or_default(),
            objects: objects.unwrap_or_default(),
            conditions: conditions.unwrap_or_default(),
            ignores_failures: parts.failure_policy.as_deref() == Some("Ignore"),
            timeout: Duration::from_secs(parts.timeout_seconds.unwrap_or(TIMEOUT_SECONDS).clamp(1, 30) as u64),
            dry_run: match parts.side_effects.as_str() {
                "" => None,
                class => Some(matches!(class, "None" | "NoneOnDryRun")),
            },
            reinvoked: parts.reinvocation_policy.as_deref() == Some("IfNeeded"),
            speaks_v1: parts.review_versions.iter().any(|version| version == "v1"),
            endpoint,
        }
    }

    fn concerns(&self, target: &Target<'_>) -> bool {
        let versions = target.kind.versions.iter().filter(|version| version.served);
        versions.filter(|version| self.equivalent || std::ptr::eq(*version, target.version)).any(|version| {
            let asked = Asked {
                operation: target.operation,
                group: &version.group,
                version: &version.version,
                resource: &target.kind.plural,
                subresource: target.subresource,
                namespaced: target.kind.namespaced,
            };
            self.rules.iter().any(|rule| rule.matches(asked))
        })
    }
}

fn selector(selector: Option<Selector>) -> Result<LabelSelector, String> {
    let made: Result<LabelSelector, SelectorError> = selector.map_or(Ok(LabelSelector::default()), |selector| {
        let labels = selector.match_labels.unwrap_or_default().into_iter();
        let labels = labels.map(|(key, value)| (key, "In".to_owned(), vec![value]));
        let expressions = selector.match_expressions.unwrap_or_default().into_iter();
        let expressions = expressions.map(|one| (one.key, one.operator, one.values.unwrap_or_default()));
        LabelSelector::of_terms(labels.chain(expressions))
    });
    made.map_err(|error| error.to_string())
}
