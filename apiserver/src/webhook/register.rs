//! Telling a cluster where the webhooks are and what to trust, and telling it again when that changes.
//!
//! Several replicas do this at once. They agree because they do not each have a certificate of their own: all read one
//! Secret, the first of them makes it, and whoever finds it near its end renews it. Every write says which version it was
//! made from, and whoever loses a race reads again what the winner wrote.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::certificate::Bundle;
use super::configuration::{Configurations, Target, configurations};
use super::service::Service;
use crate::manager::Backoff;
use crate::server::tls::{CertificateError, Replaceable};

/// How often it is looked whether all is still as it should be.
const INTERVAL: Duration = Duration::from_secs(60);
/// The first wait after a failure, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What a cluster is told.
pub struct Registration {
    /// The cluster.
    pub client: Client,
    /// What the configurations are called.
    pub name: String,
    /// Where the webhooks are.
    pub target: Target,
    /// What they are.
    pub service: Arc<Service>,
    /// What to trust, and by which certificate it is served.
    pub trust: Trust,
}

/// Which certificate is served.
pub enum Trust {
    /// One that is made here.
    Made {
        /// The DNS names and addresses that it is for.
        names: Vec<String>,
        /// What is served at present.
        bundle: Bundle,
        /// Where a new one is put to be served.
        served: Replaceable,
    },
    /// Somebody else's, and the certificates in PEM to trust for it.
    Given(String),
}

/// How far a registration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// Nothing is done yet.
    Started,
    /// The certificate is the one to be served.
    Certified,
    /// The cluster knows where and what.
    Registered,
}

/// Why a cluster could not be told.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The API server did not answer, or said no.
    #[error("{what}")]
    Api {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// A configuration is not there yet.
    #[error("there is no {kind} {name:?} yet; it comes with the project's manifests")]
    Missing {
        /// The kind.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The Secret was made by somebody else.
    #[error("the Secret {name:?} in {namespace:?} is not of this program's making: it has no ca.key")]
    Foreign {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// No certificate could be made.
    #[error("no certificate could be made")]
    Make(#[from] rcgen::Error),
    /// The certificate cannot be served.
    #[error("the certificate cannot be served")]
    Certificate(#[from] CertificateError),
}

/// The name of the Secret that holds the certificate of a Service.
pub fn secret_name(service: &str) -> String {
    format!("{service}-cert")
}

/// The DNS names of a Service.
pub fn service_names(namespace: &str, name: &str) -> Vec<String> {
    vec![
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}.svc.cluster.local"),
        format!("{name}.{namespace}"),
    ]
}

impl Registration {
    /// Sees to it that the cluster knows, for ever.
    pub async fn keep(mut self, progress: watch::Sender<Progress>) {
        let backoff = Backoff::new(RETRY.0, RETRY.1);
        loop {
            let wait = match self.once(&progress).await {
                Ok(()) => {
                    if progress.send_replace(Progress::Registered) != Progress::Registered {
                        tracing::info!(name = self.name, "the API server knows the webhooks");
                    }
                    backoff.reset(None, "");
                    INTERVAL
                }
                Err(error) => {
                    let wait = backoff.failed(None, "");
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, again_in = ?wait, "the API server could not be told of the webhooks");
                    wait
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Sees to it that the cluster knows.
    ///
    /// # Errors
    /// What is in the way; what was done before it stays done.
    pub async fn once(&mut self, progress: &watch::Sender<Progress>) -> Result<(), RegisterError> {
        let newer = match &self.trust {
            Trust::Given(_) => None,
            Trust::Made { names, bundle, .. } => Some(match &self.target {
                Target::Service { namespace, name } => {
                    shared(&self.client, namespace, &secret_name(name), names, bundle).await?
                }
                Target::Url(_) => bundle.renewed(names)?,
            }),
        };
        // Before anything is registered the certificate is replaced at once; later, only when it is trusted.
        let first = *progress.borrow() == Progress::Started;
        if first && let Some(newer) = &newer {
            self.serve(newer)?;
        }
        progress.send_if_modified(|now| first && std::mem::replace(now, Progress::Certified) != Progress::Certified);
        let ca = match (&newer, &self.trust) {
            (Some(newer), _) => &newer.ca,
            (None, Trust::Given(ca)) => ca,
            (None, Trust::Made { bundle, .. }) => &bundle.ca,
        };
        self.tell(ca).await?;
        match newer {
            Some(newer) => self.serve(&newer),
            None => Ok(()),
        }
    }

    /// Takes back what was said of a URL: nobody will answer there. Configurations that name a Service stay.
    ///
    /// # Errors
    /// The API server did not answer, or said no.
    pub async fn withdraw(client: &Client, name: &str, target: &Target) -> Result<(), RegisterError> {
        let Target::Url(url) = target else { return Ok(()) };
        withdraw::<MutatingWebhookConfiguration>(client, name, url).await?;
        withdraw::<ValidatingWebhookConfiguration>(client, name, url).await
    }

    fn serve(&mut self, newer: &Bundle) -> Result<(), RegisterError> {
        let Trust::Made { bundle, served, .. } = &mut self.trust else { return Ok(()) };
        if bundle != newer {
            served.replace(&newer.certificate, &newer.key)?;
            *bundle = newer.clone();
            tracing::info!("a new certificate is served");
        }
        Ok(())
    }

    async fn tell(&self, ca: &str) -> Result<(), RegisterError> {
        let Configurations { mutating, validating } = configurations(&self.service, &self.name, &self.target, Some(ca));
        self.tell_of(mutating, ca).await?;
        self.tell_of(validating, ca).await?;
        for crd in self.service.converted_crds() {
            self.tell_crd(&crd, ca).await?;
        }
        Ok(())
    }

    /// By URL, the whole configuration is ours. In a cluster it comes with the project's manifests, and nothing but the
    /// certificates is put into it.
    async fn tell_of<K>(&self, configuration: Option<K>, ca: &str) -> Result<(), RegisterError>
    where
        K: Resource<DynamicType = ()> + k8s_openapi::Resource + Serialize + std::fmt::Debug,
    {
        let Some(configuration) = configuration else { return Ok(()) };
        let failed =
            |source| failed(format!("cannot write {} {:?}", <K as k8s_openapi::Resource>::KIND, self.name), source);
        // Not by its type, which would lose what a newer server has to say.
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &ApiResource::erase::<K>(&()));
        let Target::Service { namespace, name } = &self.target else {
            let params = PatchParams::apply(&self.name).force();
            return api.patch(&self.name, &params, &Patch::Apply(&configuration)).await.map(drop).map_err(failed);
        };
        let Some(mut found) = api.get_opt(&self.name).await.map_err(failed)? else {
            let kind = <K as k8s_openapi::Resource>::KIND;
            return Err(RegisterError::Missing { kind, name: self.name.clone() });
        };
        if !put_ca(&mut found.data, namespace, name, &encoded(ca)) {
            return Ok(());
        }
        let params = PostParams { field_manager: Some(self.name.clone()), ..PostParams::default() };
        api.replace(&self.name, &params, &found).await.map(drop).map_err(failed)
    }

    /// A CRD that is not there, as where the kinds are served by a server of the project, needs no conversion webhook.
    async fn tell_crd(&self, crd: &str, ca: &str) -> Result<(), RegisterError> {
        let failed = |source| failed(format!("cannot write the CRD {crd:?}"), source);
        let api: Api<DynamicObject> =
            Api::all_with(self.client.clone(), &ApiResource::erase::<CustomResourceDefinition>(&()));
        let found = match api.get(crd).await {
            Ok(found) => found,
            // Whatever the reason: a server that knows no CRDs at all does not name this one.
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let conversion = found.data.pointer("/spec/conversion").unwrap_or(&Value::Null);
        let client = conversion.pointer("/webhook/clientConfig").unwrap_or(&Value::Null);
        let ca = encoded(ca);
        let wanted = match (&self.target, self.target.conversion_url()) {
            (Target::Service { namespace, name }, _) if is_service(client, namespace, name) => {
                json!({ "caBundle": ca })
            }
            (_, Some(url)) => json!({ "caBundle": ca, "url": url, "service": null }),
            _ => return Ok(()),
        };
        let there = |(key, value): (&String, &Value)| client.get(key).unwrap_or(&Value::Null) == value;
        if conversion.get("strategy") == Some(&json!("Webhook"))
            && wanted.as_object().is_some_and(|all| all.iter().all(there))
        {
            return Ok(());
        }
        let webhook = json!({ "clientConfig": wanted, "conversionReviewVersions": ["v1"] });
        let patch = json!({
            "metadata": { "resourceVersion": found.metadata.resource_version },
            "spec": { "conversion": { "strategy": "Webhook", "webhook": webhook } },
        });
        let params = PatchParams { field_manager: Some(self.name.clone()), ..PatchParams::default() };
        api.patch(crd, &params, &Patch::Merge(patch)).await.map(drop).map_err(failed)
    }
}

/// The certificate that all replicas serve. `own` is what is put there when there is none yet.
async fn shared(
    client: &Client,
    namespace: &str,
    name: &str,
    names: &[String],
    own: &Bundle,
) -> Result<Bundle, RegisterError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let failed = |source| failed(format!("cannot use the Secret {name:?} in {namespace:?}"), source);
    loop {
        let params = PostParams::default();
        let (bundle, written) = match api.get_opt(name).await.map_err(failed)? {
            None => {
                let bundle = own.renewed(names)?;
                let secret = Secret {
                    metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
                    type_: Some("kubernetes.io/tls".into()),
                    data: Some(bundle.to_secret()),
                    ..Secret::default()
                };
                (bundle, api.create(&params, &secret).await)
            }
            Some(mut secret) => {
                let data = secret.data.take().unwrap_or_default();
                let Some(found) = Bundle::from_secret(&data) else {
                    return Err(RegisterError::Foreign { namespace: namespace.into(), name: name.into() });
                };
                let bundle = found.renewed(names)?;
                if bundle == found {
                    return Ok(bundle);
                }
                secret.data = Some(bundle.to_secret());
                (bundle, api.replace(name, &params, &secret).await)
            }
        };
        match written {
            Ok(_) => return Ok(bundle),
            // Another replica was first: theirs it is.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

async fn withdraw<K>(client: &Client, name: &str, url: &str) -> Result<(), RegisterError>
where
    K: Resource<DynamicType = ()>,
{
    let failed = |source| failed(format!("cannot take back {name:?}"), source);
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::erase::<K>(&()));
    let Some(found) = api.get_opt(name).await.map_err(failed)? else { return Ok(()) };
    let is_ours = |webhook: &Value| {
        let there = webhook.pointer("/clientConfig/url").and_then(Value::as_str);
        there.is_some_and(|there| there.starts_with(url.trim_end_matches('/')))
    };
    if !found.data["webhooks"].as_array().is_some_and(|all| all.iter().all(is_ours)) {
        return Ok(());
    }
    let params = DeleteParams {
        preconditions: Some(kube::api::Preconditions {
            resource_version: found.metadata.resource_version,
            uid: found.metadata.uid,
        }),
        ..DeleteParams::default()
    };
    api.delete(name, &params).await.map(drop).map_err(failed)
}

/// Puts the certificates into each webhook that is answered by the Service; tells whether that changed anything.
fn put_ca(configuration: &mut Value, namespace: &str, name: &str, ca: &str) -> bool {
    let mut changed = false;
    for webhook in configuration.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(client) = webhook.get_mut("clientConfig") else { continue };
        if is_service(client, namespace, name) && client.get("caBundle").and_then(Value::as_str) != Some(ca) {
            client["caBundle"] = ca.into();
            changed = true;
        }
    }
    changed
}

fn is_service(client: &Value, namespace: &str, name: &str) -> bool {
    let text = |field: &str| client.get("service").and_then(|service| service.get(field)).and_then(Value::as_str);
    text("namespace") == Some(namespace) && text("name") == Some(name)
}

fn encoded(pem: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(pem)
}

fn failed(what: String, source: kube::Error) -> RegisterError {
    RegisterError::Api { what, source: Box::new(source) }
}
