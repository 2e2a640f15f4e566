//! What `config/webhook` asks of a cluster: that its parts name each other as they are called, and that they are what the
//! program itself says. The second builds a project: run by `scripts/test`, or by
//! `cargo test --test webhook_manifests -- --ignored`.

#[path = "local/mod.rs"]
mod local;

use std::path::Path;

use local::Project;
use local::common::{goldens, scaffold, succeed};
use serde::Deserialize;
use serde_yaml::Value;

/// The documents of a manifest.
struct Manifest(Vec<Value>);

impl Manifest {
    fn read(project: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(project.join("config/webhook/webhook.yaml")).ok()?;
        Some(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let documents = serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap());
        Self(documents.filter(|document| !document.is_null()).collect())
    }

    /// All objects of a kind.
    fn all(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|object| object["kind"] == kind).collect()
    }

    /// The only object of a kind.
    #[track_caller]
    fn one(&self, kind: &str) -> &Value {
        let all = self.all(kind);
        assert_eq!(all.len(), 1, "{kind}");
        all[0]
    }

    /// Both kinds of configurations.
    fn configurations(&self) -> Vec<&Value> {
        [self.all("MutatingWebhookConfiguration"), self.all("ValidatingWebhookConfiguration")].concat()
    }
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

fn items(list: &Value) -> &[Value] {
    list.as_sequence().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn all_parts_name_each_other_as_they_are_called() {
    let mut seen = (0, 0);
    for golden in goldens() {
        let (_temporary, project) = scaffold(&golden);
        let Some(manifest) = Manifest::read(&project) else { continue };
        let (service, deployment) = (manifest.one("Service"), manifest.one("Deployment"));
        let namespace = &service["metadata"]["namespace"];
        let pod = &deployment["spec"]["template"];
        let container = &pod["spec"]["containers"][0];
        assert_eq!(service["spec"]["selector"], pod["metadata"]["labels"]);
        assert_eq!(deployment["spec"]["selector"]["matchLabels"], pod["metadata"]["labels"]);
        assert_eq!(service["spec"]["ports"][0]["targetPort"], container["ports"][0]["name"]);
        for probe in ["livenessProbe", "readinessProbe"] {
            assert_eq!(container[probe]["httpGet"]["port"], container["ports"][0]["name"]);
        }
        let port = container["ports"][0]["containerPort"].as_u64().unwrap();
        let arguments: Vec<&str> = items(&container["args"]).iter().filter_map(Value::as_str).collect();
        assert!(arguments.contains(&format!("--secure-port={port}").as_str()), "{arguments:?}");
        for object in &manifest.0 {
            let place = &object["metadata"]["namespace"];
            assert!(place.is_null() || place == namespace, "{}", name(object));
        }

        for configuration in manifest.configurations() {
            for webhook in items(&configuration["webhooks"]) {
                let client = &webhook["clientConfig"]["service"];
                assert_eq!((client["name"].as_str(), &client["namespace"]), (Some(name(service)), namespace));
            }
        }
        let (namespace, secret) = (namespace.as_str().unwrap(), format!("{}-cert", name(service)));
        match manifest.all("Certificate").first() {
            None => {
                seen.0 += 1;
                self_signed(&manifest, &arguments, &format!("--service={namespace}/{}", name(service)), &secret);
            }
            Some(certificate) => {
                seen.1 += 1;
                let dns = Value::from(format!("{}.{namespace}.svc", name(service)));
                assert!(items(&certificate["spec"]["dnsNames"]).contains(&dns));
                assert_eq!(certificate["spec"]["issuerRef"]["name"], *name(manifest.one("Issuer")));
                let volume = &pod["spec"]["volumes"][0];
                assert_eq!(certificate["spec"]["secretName"], volume["secret"]["secretName"]);
                let mount = &container["volumeMounts"][0];
                assert_eq!(mount["name"], volume["name"]);
                let folder = mount["mountPath"].as_str().unwrap();
                assert!(arguments.contains(&format!("--tls-cert-file={folder}/tls.crt").as_str()), "{arguments:?}");
                for configuration in manifest.configurations() {
                    let inject = &configuration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"];
                    assert_eq!(*inject, *format!("{namespace}/{}", name(certificate)));
                }
            }
        }
    }
    assert!(seen.0 > 0 && seen.1 > 0, "goldens with both kinds of certificates");
}

/// The account may do what the program does, and to nothing else.
fn self_signed(manifest: &Manifest, arguments: &[&str], service: &str, secret: &str) {
    assert!(arguments.contains(&service) && arguments.contains(&"--self-signed"), "{arguments:?}");
    let account = name(manifest.one("ServiceAccount"));
    assert_eq!(manifest.one("Deployment")["spec"]["template"]["spec"]["serviceAccountName"], *account);
    for (role, binding) in [("ClusterRole", "ClusterRoleBinding"), ("Role", "RoleBinding")] {
        let binding = manifest.one(binding);
        assert_eq!(binding["roleRef"]["name"], *name(manifest.one(role)));
        assert_eq!(binding["subjects"][0]["name"], *account);
    }
    let rules = items(&manifest.one("ClusterRole")["rules"]);
    for configuration in manifest.configurations() {
        let plural = format!("{}s", configuration["kind"].as_str().unwrap().to_lowercase());
        let rule = rules.iter().find(|rule| items(&rule["resources"]) == [Value::from(plural.as_str())]);
        assert_eq!(items(&rule.unwrap()["resourceNames"]), [Value::from(name(configuration))]);
    }
    assert!(rules.iter().all(|rule| !items(&rule["resourceNames"]).is_empty()));
    let secrets = items(&manifest.one("Role")["rules"]);
    assert_eq!(items(&secrets[1]["resourceNames"]), [Value::from(secret)]);
}

#[test]
fn kustomize_puts_them_together() {
    for golden in goldens() {
        let (_temporary, project) = scaffold(&golden);
        if !project.join("config/webhook").is_dir() {
            continue;
        }
        let mut kubectl = std::process::Command::new("kubectl");
        kubectl.args(["kustomize", "config/webhook"]).current_dir(&project);
        let Ok(output) = kubectl.output() else { return eprintln!("skipped: there is no kubectl here") };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("image: registry.example.com/"));
    }
}

#[test]
fn a_project_without_webhooks_has_no_manifests_for_them() {
    let (_temporary, project) = scaffold("fresh");
    assert!(!project.join("config/webhook").exists());
    assert!(project.join("src/webhooks/mod.rs").is_file());
    assert!(!project.join("src/admission").exists());
    // Typed again with more, it adds what was left out, and leaves the user's file.
    succeed(&project, "create webhook --quiet --group core --version v1 --kind Pod --defaulting");
    let manifest = Manifest::read(&project).unwrap();
    assert_eq!(manifest.all("ValidatingWebhookConfiguration").len(), 0);
    let file = project.join("src/webhooks/core/pod.rs");
    std::fs::write(&file, "// mine\n").unwrap();
    succeed(&project, "create webhook --quiet --group core --version v1 --kind Pod --programmatic-validation");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "// mine\n");
    let manifest = Manifest::read(&project).unwrap();
    let webhooks = items(&manifest.one("ValidatingWebhookConfiguration")["webhooks"]);
    assert_eq!(webhooks[0]["clientConfig"]["service"]["path"], *"/validate--v1-pod");
    let install = std::fs::read_to_string(project.join("src/webhooks/mod.rs")).unwrap();
    assert!(install.contains(".defaulting()\n        .validation();"), "{install}");
}

#[test]
#[ignore = "builds a project: ./scripts/test"]
fn the_configurations_are_those_that_the_program_prints() {
    let project = Project::scaffold("guarded").build();
    let manifest = Manifest::read(&project.root).unwrap();
    let service = manifest.one("Service");
    let place = format!("{}/{}", service["metadata"]["namespace"].as_str().unwrap(), name(service));
    let output = project.cargo(&["run", "--quiet", "--", "webhook", "--print-configurations", "--service", &place]);
    assert!(output.status.success(), "{}", local::text(&output));
    let printed = Manifest::parse(&String::from_utf8(output.stdout).unwrap());
    let ours: Vec<Value> = manifest.configurations().into_iter().cloned().collect();
    assert_eq!(ours, printed.0);
}
