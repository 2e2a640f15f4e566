//! `crds` and `openapi`: what a project serves, for other tools.

use std::io::{self, Write};

use k8s_openapi::ByteString;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition, ServiceReference, WebhookClientConfig, WebhookConversion,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::command_line::{Crds, Namespaced, OpenApi};
use super::error::AppError;
use crate::apis::Apis;
use crate::openapi;
use crate::webhook::CONVERT;
use crate::webhook::configuration::Configurations;

/// Every CRD as a YAML document.
pub fn crds(apis: &Apis, flags: &Crds, out: &mut dyn Write) -> Result<(), AppError> {
    let ca_bundle = match &flags.ca_bundle {
        None => None,
        Some(path) => {
            let failed = |source| AppError::Read { path: path.clone(), flag: "--ca-bundle", source };
            Some(ByteString(std::fs::read(path).map_err(failed)?))
        }
    };
    let conversions = apis.conversions().map_err(AppError::Build)?;
    let mut text = String::new();
    for (mut crd, (kind, conversion)) in apis.crds().into_iter().zip(conversions) {
        let storage = kind.storage_version();
        let of_one_shape = kind.versions.iter().all(|version| conversion.is_same_shape(version, storage));
        convert(&mut crd, of_one_shape, flags, ca_bundle.as_ref());
        write_document(&crd, &mut text)?;
    }
    print(&text, out)
}

/// The webhook configurations as YAML documents.
pub fn configurations(configurations: &Configurations, out: &mut dyn Write) -> Result<(), AppError> {
    let mut text = String::new();
    if let Some(mutating) = &configurations.mutating {
        write_document(mutating, &mut text)?;
    }
    if let Some(validating) = &configurations.validating {
        write_document(validating, &mut text)?;
    }
    print(&text, out)
}

/// Says how the versions become each other: versions of one shape by changing their name, others by a webhook.
fn convert(crd: &mut CustomResourceDefinition, of_one_shape: bool, flags: &Crds, ca_bundle: Option<&ByteString>) {
    let name = crd.metadata.name.clone().unwrap_or_default();
    let mut conversion = CustomResourceConversion { strategy: "None".into(), webhook: None };
    let service = flags.conversion_webhook_service.as_ref().map(|service| ServiceReference {
        name: service.name.clone(),
        namespace: service.namespace.clone(),
        path: Some(CONVERT.into()),
        port: None,
    });
    let url = flags.conversion_webhook_url.as_ref().map(|url| format!("{url}{CONVERT}"));
    if !of_one_shape && (service.is_some() || url.is_some()) {
        let client_config = WebhookClientConfig { ca_bundle: ca_bundle.cloned(), service, url };
        conversion.strategy = "Webhook".into();
        conversion.webhook = Some(WebhookConversion {
            client_config: Some(client_config),
            conversion_review_versions: vec!["v1".into()],
        });
        if let Some(Namespaced { namespace, name }) = &flags.cert_manager {
            let annotations = crd.metadata.annotations.get_or_insert_default();
            annotations.insert("cert-manager.io/inject-ca-from".into(), format!("{namespace}/{name}"));
        }
    } else if !of_one_shape {
        tracing::warn!(crd = name, "its versions differ in shape, and without a webhook nobody converts them");
    }
    // What says nothing but what holds anyway is left out where there is one version.
    if crd.spec.versions.len() > 1 {
        crd.spec.conversion = Some(conversion);
    }
}

fn write_document(document: &impl Serialize, text: &mut String) -> Result<(), AppError> {
    let document = serde_saphyr::to_string(document).map_err(|error| AppError::Yaml(error.into()))?;
    text.push_str("---\n");
    text.push_str(&document);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(())
}

/// The OpenAPI v3 document of one group and version; without one, all of them by their names.
pub fn openapi(apis: &Apis, flags: &OpenApi, out: &mut dyn Write) -> Result<(), AppError> {
    let kinds = apis.kinds().map_err(AppError::Build)?;
    let document = match &flags.group_version {
        Some(wanted) => openapi::document(&kinds, wanted).ok_or_else(|| {
            let served = openapi::group_versions(&kinds);
            AppError::Usage {
                message: format!("{wanted:?} is not served"),
                hint: match served.is_empty() {
                    true => "this project serves no kinds yet".into(),
                    false => format!("--group-version takes one of: {}", served.join(", ")),
                },
            }
        })?,
        None => {
            let all = openapi::group_versions(&kinds).into_iter();
            let all = all.filter_map(|name| openapi::document(&kinds, &name).map(|document| (name, document)));
            Value::Object(all.collect::<Map<_, _>>())
        }
    };
    let text = serde_json::to_string_pretty(&document).map_err(|error| AppError::Print(error.into()))?;
    print(&(text + "\n"), out)
}

/// Prints to a reader that may have seen enough, such as `head`.
fn print(text: &str, out: &mut dyn Write) -> Result<(), AppError> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(AppError::Print),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionVersion;
    use serde_json::json;

    use super::*;

    #[test]
    fn crds_are_yaml_that_kubectl_can_apply() {
        let text = printed(|apis, out| crds(apis, &Crds::default(), out)).expect("printed");
        let crd: CustomResourceDefinition =
            serde_saphyr::from_str(text.strip_prefix("---\n").expect("a document")).expect("a CRD");
        assert_eq!(crd, bird());
    }

    #[test]
    fn versions_that_differ_in_shape_are_converted_by_a_webhook() {
        let check = |apis: &Apis, flags: &Crds, expected: Value| {
            let mut out = Vec::new();
            crds(apis, flags, &mut out).expect("printed");
            let text = String::from_utf8(out).expect("text");
            assert!(!text.contains(": null"), "{text}");
            let crd: Value = serde_saphyr::from_str(text.strip_prefix("---\n").expect("a document")).expect("YAML");
            assert_eq!(crd["spec"]["conversion"], expected, "{text}");
            crd
        };
        let hook = |name: &str| Some(Namespaced { namespace: "birds".into(), name: name.into() });
        let by_service =
            Crds { conversion_webhook_service: hook("hook"), cert_manager: hook("certificate"), ..Crds::default() };
        let by_url = Crds { conversion_webhook_url: Some("https://127.0.0.1:9443".into()), ..Crds::default() };
        let mut same = Apis::default();
        let mut crd = bird();
        crd.spec.versions.push(CustomResourceDefinitionVersion {
            name: "v1alpha1".into(),
            storage: false,
            ..crd.spec.versions[0].clone()
        });
        same.crd(crd);
        check(&same, &by_service, json!({"strategy": "None"}));

        let mut different = Apis::default();
        different.add(OwlStrategy);
        check(&different, &Crds::default(), json!({"strategy": "None"}));
        let path = "/convert";
        let service = json!({"namespace": "birds", "name": "hook", "path": path});
        let webhook = |client: Value| {
            let webhook = json!({"clientConfig": client, "conversionReviewVersions": ["v1"]});
            json!({"strategy": "Webhook", "webhook": webhook})
        };
        let crd = check(&different, &by_service, webhook(json!({"service": service})));
        assert_eq!(crd["metadata"]["annotations"]["cert-manager.io/inject-ca-from"], "birds/certificate");
        check(&different, &by_url, webhook(json!({"url": "https://127.0.0.1:9443/convert"})));
        let versions = crd["spec"]["versions"].as_array().expect("versions");
        let stored: Vec<&Value> = versions.iter().map(|version| &version["storage"]).collect();
        assert_eq!(stored, [true, false]);
        assert_eq!(versions[0]["additionalPrinterColumns"][0]["name"], "Size");
        assert_eq!(versions[0]["selectableFields"], json!([{"jsonPath": ".spec.size"}]));
        assert_eq!(versions[0]["subresources"], json!({"status": {}}));
        let spec = &versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        assert_eq!(spec["x-kubernetes-validations"][0]["rule"], "self.size >= 0");
    }

    #[test]
    fn openapi_is_one_document_or_all_by_their_names() {
        let all: Value = serde_json::from_str(&openapi_of(None).expect("printed")).expect("JSON");
        let one: Value =
            serde_json::from_str(&openapi_of(Some("demo.example.com/v1")).expect("printed")).expect("JSON");
        assert_eq!(all["demo.example.com/v1"], one);
        assert_eq!(one["openapi"], "3.0.0");
        let error = openapi_of(Some("demo.example.com/v7")).expect_err("not served");
        let report = crate::app::error::report(&error);
        assert!(report.ends_with("hint: --group-version takes one of: demo.example.com/v1\n"), "{report}");
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(print("birds", &mut Closed).is_ok());
    }

    #[derive(Clone, Debug, serde::Deserialize, kube::CustomResource, schemars::JsonSchema, Serialize)]
    #[kube(group = "demo.example.com", version = "v1", kind = "Owl", namespaced, status = "OwlStatus")]
    #[kube(selectable = ".spec.size")]
    #[kube(printcolumn = r#"{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}"#)]
    #[schemars(extend("x-kubernetes-validations" = [{"rule": "self.size >= 0"}]))]
    struct OwlSpec {
        size: i32,
    }

    #[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema, Serialize)]
    struct OwlStatus {}

    #[derive(Clone, Debug, serde::Deserialize, kube::CustomResource, schemars::JsonSchema, Serialize)]
    #[kube(group = "demo.example.com", version = "v1alpha1", kind = "Owl", root = "OldOwl", namespaced)]
    struct OldOwlSpec {
        length: i32,
    }

    impl From<OldOwl> for Owl {
        fn from(old: OldOwl) -> Self {
            Self { metadata: old.metadata, spec: OwlSpec { size: old.spec.length }, status: None }
        }
    }

    impl From<Owl> for OldOwl {
        fn from(new: Owl) -> Self {
            Self { metadata: new.metadata, spec: OldOwlSpec { length: new.spec.size } }
        }
    }

    struct OwlStrategy;

    impl crate::Strategy for OwlStrategy {
        type Object = Owl;

        fn versions(&self) -> Vec<crate::versions::Version<Owl>> {
            vec![crate::versions::Version::of::<OldOwl>()]
        }
    }

    fn openapi_of(group_version: Option<&str>) -> Result<String, AppError> {
        let flags = OpenApi { group_version: group_version.map(str::to_owned) };
        printed(|apis, out| openapi(apis, &flags, out))
    }

    fn printed(print: impl FnOnce(&Apis, &mut dyn Write) -> Result<(), AppError>) -> Result<String, AppError> {
        let (mut apis, mut out) = (Apis::default(), Vec::new());
        apis.crd(bird());
        print(&apis, &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    fn bird() -> CustomResourceDefinition {
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": "birds.demo.example.com" },
            "spec": {
                "group": "demo.example.com", "scope": "Namespaced",
                "names": { "kind": "Bird", "plural": "birds" },
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": { "type": "object" } },
                }],
            },
        });
        serde_json::from_value(crd).expect("a CRD")
    }
}
