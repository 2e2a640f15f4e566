//! `crds` and `openapi`: what a project serves, for other tools.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::command_line::OpenApi;
use super::error::AppError;
use crate::apis::Apis;
use crate::openapi;

/// Every CRD as a YAML document.
pub fn crds(apis: &Apis, out: &mut dyn Write) -> Result<(), AppError> {
    let mut text = String::new();
    for crd in apis.crds() {
        let document = serde_saphyr::to_string(&crd).map_err(|error| AppError::Yaml(error.into()))?;
        text.push_str("---\n");
        text.push_str(&document);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    print(&text, out)
}

/// The OpenAPI v3 document of one group and version; without one, all of them by their names.
pub fn openapi(apis: &Apis, flags: &OpenApi, out: &mut dyn Write) -> Result<(), AppError> {
    let kinds = apis.kinds(false).map_err(AppError::Build)?;
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
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use serde_json::json;

    use super::*;

    #[test]
    fn crds_are_yaml_that_kubectl_can_apply() {
        let text = printed(|apis, out| crds(apis, out)).expect("printed");
        let crd: CustomResourceDefinition =
            serde_saphyr::from_str(text.strip_prefix("---\n").expect("a document")).expect("a CRD");
        assert_eq!(crd, bird());
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
