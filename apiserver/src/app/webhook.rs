//! `webhook`: answers what a cluster asks about objects, and tells the cluster that it may.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::command_line::{Namespaced, Webhook};
use super::error::AppError;
use super::{api_server, client, in_runtime, print};
use crate::apis::Apis;
use crate::authorization::AllowPaths;
use crate::server::health::Check;
use crate::server::pki::LOOPBACK_NAMES;
use crate::server::signals::StopSignals;
use crate::server::tls::{Certificate, Replaceable};
use crate::server::{Core, ServeConfig, ServeError, Serving, listen};
use crate::webhook::certificate::Bundle;
use crate::webhook::configuration::{Target, configurations, dns_name};
use crate::webhook::register::{Progress, Registration, Trust, service_names};
use crate::webhook::{Service, Webhooks};

/// Reviews at a time: an API server waits for each, and has limits of its own.
const IN_FLIGHT_MAX: usize = 1000;

/// Prints the configurations, or serves until a signal says stop.
pub fn run(flags: Box<Webhook>, program: &str, webhooks: Webhooks, apis: &Apis) -> Result<(), AppError> {
    let service = Arc::new(Service::new(webhooks, apis).map_err(AppError::Webhooks)?);
    let name = dns_name(program);
    if flags.print_configurations {
        let Some(target) = target(&flags) else {
            let message = "--print-configurations needs --service or --register".into();
            let hint =
                "name the Service that leads to the webhooks, for example --service system/webhook-service".into();
            return Err(AppError::Usage { message, hint });
        };
        let ca = flags.tls_cert_file.as_deref().map(read_certificates).transpose()?;
        let configurations = configurations(&service, &name, &target, ca.as_deref());
        return print::configurations(&configurations, &mut std::io::stdout().lock());
    }
    if service.paths().is_empty() {
        let message = "this project has no webhooks".into();
        return Err(AppError::Usage { message, hint: "make one with `apiserver-boot create webhook`".into() });
    }
    in_runtime(serve(flags, name, service))
}

async fn serve(flags: Box<Webhook>, name: String, service: Arc<Service>) -> Result<(), AppError> {
    let mut signals = StopSignals::new().map_err(AppError::Runtime)?;
    let running = tokio::select! {
        running = start(&flags, name, service) => running?,
        () = signals.next() => return Ok(()),
    };
    signals.next().await;
    tracing::info!("stopping; a second signal stops at once");
    tokio::select! {
        () = running.stop() => Ok(()),
        () = signals.next() => Err(AppError::Interrupted),
    }
}

/// A server that runs.
struct Running {
    serving: Serving,
    registering: Option<Registering>,
}

/// A cluster that is being told.
struct Registering {
    client: kube::Client,
    name: String,
    target: Target,
    task: JoinHandle<()>,
}

async fn start(flags: &Webhook, name: String, service: Arc<Service>) -> Result<Running, AppError> {
    let (certificate, trust) = certificate(flags)?;
    let address = SocketAddr::new(flags.bind_address, flags.secure_port);
    let config = ServeConfig { grace: flags.shutdown_delay_duration, ..ServeConfig::new(address, certificate) };
    let target = target(flags).filter(|target| flags.self_signed || matches!(target, Target::Url(_)));
    let client = match &target {
        Some(_) => Some(client::connect(flags.kubeconfig.as_deref()).await?),
        None => None,
    };
    let (progress, seen) = watch::channel(match target {
        Some(_) => Progress::Started,
        None => Progress::Registered,
    });
    // In a cluster the configurations may come later than this, and a Pod that is not ready would hold them up.
    let enough = if flags.register.is_some() { Progress::Registered } else { Progress::Certified };
    let registered = move || {
        let far = *seen.borrow();
        async move {
            if far >= enough { Ok(()) } else { Err("the API server could not be told of the webhooks yet".into()) }
        }
    };
    let open = [
        "/mutate-*",
        "/validate-*",
        crate::webhook::CONVERT,
        "/healthz*",
        "/livez*",
        "/readyz*",
        "/metrics",
        "/version",
    ];
    let core = Core::builder(service.clone())
        .authorizer(AllowPaths::new(open))
        .max_in_flight(IN_FLIGHT_MAX, IN_FLIGHT_MAX)
        .check(Check::new("registration", registered).readiness_only())
        .metrics(|registry| service.register_metrics(registry))
        .build();
    let serving = listen(config).await?.serve(core);
    let registering = client.zip(target).map(|(client, target)| {
        let registration = Registration {
            client: client.clone(),
            name: name.clone(),
            target: target.clone(),
            service: service.clone(),
            trust,
        };
        Registering { client, name, target, task: tokio::spawn(registration.keep(progress)) }
    });
    if let Some(path) = &flags.port_file {
        api_server::write_port(path, serving.address().port())?;
    }
    tracing::info!(address = format!("https://{}", serving.address()), paths = service.paths().join(" "), "serving");
    Ok(Running { serving, registering })
}

impl Running {
    async fn stop(self) {
        if let Some(Registering { client, name, target, task }) = self.registering {
            task.abort();
            let _ = task.await;
            if let Err(error) = Registration::withdraw(&client, &name, &target).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the API server still asks webhooks here");
            }
        }
        self.serving.stop();
        self.serving.stopped().await;
        tracing::info!("stopped");
    }
}

/// Where an API server finds the webhooks, if it is said.
fn target(flags: &Webhook) -> Option<Target> {
    match (&flags.service, &flags.register) {
        (Some(Namespaced { namespace, name }), _) => {
            Some(Target::Service { namespace: namespace.clone(), name: name.clone() })
        }
        (None, Some(url)) => Some(Target::Url(url.clone())),
        (None, None) => None,
    }
}

fn certificate(flags: &Webhook) -> Result<(Certificate, Trust), AppError> {
    if let (Some(certificate), Some(key)) = (&flags.tls_cert_file, &flags.tls_private_key_file) {
        let trust = Trust::Given(read_certificates(certificate)?);
        return Ok((Certificate::Files { certificate: certificate.clone(), key: key.clone() }, trust));
    }
    if !flags.self_signed {
        return Err(AppError::Usage {
            message: "there is no certificate to serve with".into(),
            hint: "name one with --tls-cert-file and --tls-private-key-file, or let one be made with --self-signed"
                .into(),
        });
    }
    let mut names = flags.hosts.clone();
    if let Some(Namespaced { namespace, name }) = &flags.service {
        names.extend(service_names(namespace, name));
    }
    let host = flags.register.as_ref().and_then(|url| url.parse::<http::Uri>().ok()?.host().map(str::to_owned));
    names.extend(host.map(|host| host.trim_matches(['[', ']']).to_owned()));
    names.extend(LOOPBACK_NAMES.map(str::to_owned));
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let bundle = Bundle::new(&names).map_err(AppError::Certificate)?;
    let served =
        Replaceable::new(&bundle.certificate, &bundle.key).map_err(|error| AppError::Serve(ServeError::from(error)))?;
    Ok((Certificate::Replaceable(served.clone()), Trust::Made { names, bundle, served }))
}

fn read_certificates(path: &Path) -> Result<String, AppError> {
    let failed = |source| AppError::Read { path: path.to_owned(), flag: "--tls-cert-file", source };
    std::fs::read_to_string(path).map_err(failed)
}
