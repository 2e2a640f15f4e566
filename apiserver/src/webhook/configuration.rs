//! What a cluster must know to ask: a `MutatingWebhookConfiguration` and a `ValidatingWebhookConfiguration`. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-configuration>

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhook, MutatingWebhookConfiguration, RuleWithOperations, ServiceReference, ValidatingWebhook,
    ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::api::ObjectMeta;

use super::service::Service;
use super::{Asked, CONVERT};

/// As API servers wait by default.
const TIMEOUT_SECONDS: i32 = 10;

/// Where an API server finds the webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A Service in the cluster.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A URL without a path, for example `https://127.0.0.1:9443`.
    Url(String),
}

/// The configurations of a program; one that would be empty is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configurations {
    /// Who may change objects.
    pub mutating: Option<MutatingWebhookConfiguration>,
    /// Who may refuse them.
    pub validating: Option<ValidatingWebhookConfiguration>,
}

/// A kind as its webhooks are registered.
pub(crate) struct Configured {
    pub group: String,
    pub version: String,
    pub kind: String,
    pub singular: String,
    pub plural: String,
    pub asked: Asked,
    /// Whether it is a kind of the project.
    pub own: bool,
}

/// The configurations of a program called `name`. `ca_bundle` holds certificates in PEM; without it somebody else has to
/// put them in.
///
/// Deletions are asked about where there is validation, since a strategy may refuse them. Kinds of others are left alone
/// in the webhook's own namespace: its Pods could not be replaced while it does not run.
pub fn configurations(service: &Service, name: &str, target: &Target, ca_bundle: Option<&str>) -> Configurations {
    let metadata = || ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let client = |path: String| target.client(&path, ca_bundle);
    let with = |wanted: fn(&Asked) -> bool| service.configured().iter().filter(move |one| wanted(&one.asked));
    let review_versions = || vec!["v1".to_owned()];
    let mutating: Vec<MutatingWebhook> = with(|asked| asked.defaulting)
        .map(|one| MutatingWebhook {
            admission_review_versions: review_versions(),
            client_config: client(one.path(true)),
            failure_policy: Some("Fail".into()),
            match_policy: Some("Equivalent".into()),
            name: one.name(true),
            namespace_selector: one.namespaces(target),
            rules: Some(vec![one.rule(&["CREATE", "UPDATE"])]),
            side_effects: "None".into(),
            timeout_seconds: Some(TIMEOUT_SECONDS),
            ..MutatingWebhook::default()
        })
        .collect();
    let validating: Vec<ValidatingWebhook> = with(|asked| asked.validation)
        .map(|one| ValidatingWebhook {
            admission_review_versions: review_versions(),
            client_config: client(one.path(false)),
            failure_policy: Some("Fail".into()),
            match_policy: Some("Equivalent".into()),
            name: one.name(false),
            namespace_selector: one.namespaces(target),
            rules: Some(vec![one.rule(&["CREATE", "UPDATE", "DELETE"])]),
            side_effects: "None".into(),
            timeout_seconds: Some(TIMEOUT_SECONDS),
            ..ValidatingWebhook::default()
        })
        .collect();
    let mutating =
        (!mutating.is_empty()).then(|| MutatingWebhookConfiguration { metadata: metadata(), webhooks: Some(mutating) });
    let validating = (!validating.is_empty())
        .then(|| ValidatingWebhookConfiguration { metadata: metadata(), webhooks: Some(validating) });
    Configurations { mutating, validating }
}

/// The name of a program as the name of objects: `aviary`, also where a package is called `Aviary` or `avi_ary`.
pub fn dns_name(program: &str) -> String {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let name: String = program.to_lowercase().chars().map(|c| if fits(c) { c } else { '-' }).collect();
    match name.trim_matches('-') {
        "" => "webhooks".into(),
        name => name.chars().take(63).collect::<String>().trim_end_matches('-').to_owned(),
    }
}

impl Target {
    fn client(&self, path: &str, ca_bundle: Option<&str>) -> WebhookClientConfig {
        let ca_bundle = ca_bundle.map(|pem| ByteString(pem.as_bytes().to_vec()));
        match self {
            Self::Service { namespace, name } => WebhookClientConfig {
                ca_bundle,
                service: Some(ServiceReference {
                    name: name.clone(),
                    namespace: namespace.clone(),
                    path: Some(path.to_owned()),
                    port: None,
                }),
                url: None,
            },
            Self::Url(url) => WebhookClientConfig { ca_bundle, service: None, url: Some(url_of(url, path)) },
        }
    }

    /// Where conversion reviews go, by URL; `None` for a Service.
    pub(super) fn conversion_url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url_of(url, CONVERT)),
            Self::Service { .. } => None,
        }
    }
}

fn url_of(base: &str, path: &str) -> String {
    format!("{}{path}", base.trim_end_matches('/'))
}

impl Configured {
    /// For example `/mutate-demo-example-com-v1-bird`, as kubebuilder has it. Source:
    /// <https://github.com/kubernetes-sigs/controller-runtime/blob/main/pkg/builder/webhook.go>
    pub fn path(&self, mutating: bool) -> String {
        let verb = if mutating { "mutate" } else { "validate" };
        format!("/{verb}-{}-{}-{}", self.group.replace('.', "-"), self.version, self.kind.to_lowercase())
    }

    /// `birds.demo.example.com`.
    pub fn qualified(&self) -> String {
        crate::kind::qualified(&self.plural, &self.group)
    }

    /// For example `mbird-v1.demo.example.com`. A name needs three parts at least, so that groups which are one word, and
    /// the group without a name, come with the domain that all of these belong to.
    fn name(&self, mutating: bool) -> String {
        let letter = if mutating { 'm' } else { 'v' };
        let group = match self.group.as_str() {
            "" => "core.k8s.io".to_owned(),
            group if group.contains('.') => group.to_owned(),
            group => format!("{group}.k8s.io"),
        };
        format!("{letter}{}-{}.{group}", self.singular, self.version)
    }

    fn rule(&self, operations: &[&str]) -> RuleWithOperations {
        let list = |items: &[&str]| Some(items.iter().map(|&item| item.to_owned()).collect());
        let mut resources = vec![self.plural.clone()];
        if self.asked.status {
            resources.push(format!("{}/status", self.plural));
        }
        RuleWithOperations {
            api_groups: list(&[&self.group]),
            api_versions: list(&[&self.version]),
            operations: list(operations),
            resources: Some(resources),
            scope: None,
        }
    }

    fn namespaces(&self, target: &Target) -> Option<LabelSelector> {
        let Target::Service { namespace, .. } = target else { return None };
        (!self.own).then(|| LabelSelector {
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: "kubernetes.io/metadata.name".into(),
                operator: "NotIn".into(),
                values: Some(vec![namespace.clone()]),
            }]),
            match_labels: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_those_of_kubebuilder_with_a_domain() {
        check("demo.example.com", "/mutate-demo-example-com-v1-bird", "vbird-v1.demo.example.com");
        check("apps", "/mutate-apps-v1-bird", "vbird-v1.apps.k8s.io");
        check("", "/mutate--v1-bird", "vbird-v1.core.k8s.io");
    }

    #[test]
    fn a_program_may_be_called_as_it_likes() {
        for (program, expected) in [("aviary", "aviary"), ("my_Aviary.rs", "my-aviary-rs"), ("_", "webhooks")] {
            assert_eq!(dns_name(program), expected);
        }
    }

    #[track_caller]
    fn check(group: &str, path: &str, name: &str) {
        let one = Configured {
            group: group.into(),
            version: "v1".into(),
            kind: "Bird".into(),
            singular: "bird".into(),
            plural: "birds".into(),
            asked: Asked::default(),
            own: true,
        };
        assert_eq!((one.path(true).as_str(), one.name(false).as_str()), (path, name));
    }
}
