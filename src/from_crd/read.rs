//! A CustomResourceDefinition, from YAML. Files may hold several documents, and lists.

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use super::structure;
use crate::error::{WithHint, failure};

/// A definition, as far as types follow from it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// As clients see it: `cert-manager.io`.
    pub group: String,
    pub names: Names,
    pub scope: String,
    pub versions: Vec<DefinitionVersion>,
}

/// How a kind is called.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Names {
    pub kind: String,
    pub plural: String,
    #[serde(default)]
    pub singular: Option<String>,
    #[serde(default)]
    pub list_kind: Option<String>,
    #[serde(default)]
    pub short_names: Vec<String>,
    #[serde(default)]
    pub categories: Vec<String>,
}

/// One version.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DefinitionVersion {
    pub name: String,
    #[serde(default)]
    pub storage: bool,
    #[serde(default)]
    pub deprecated: bool,
    #[serde(default)]
    pub deprecation_warning: Option<String>,
    #[serde(default)]
    pub schema: Option<Schema>,
    #[serde(default)]
    pub additional_printer_columns: Vec<Value>,
    #[serde(default)]
    pub selectable_fields: Vec<SelectableField>,
    #[serde(default)]
    pub subresources: Subresources,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Schema {
    #[serde(default, rename = "openAPIV3Schema")]
    pub open_api_v3_schema: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SelectableField {
    pub json_path: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Subresources {
    #[serde(default)]
    pub status: Option<Value>,
    #[serde(default)]
    pub scale: Option<Scale>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scale {
    pub spec_replicas_path: String,
    pub status_replicas_path: String,
    #[serde(default)]
    pub label_selector_path: Option<String>,
}

impl Definition {
    /// Reads the definition of `kind`, or the only one there is, from the text of a file.
    ///
    /// # Errors
    /// No definition, several to choose from, or one that Kubernetes would not take.
    pub fn read(text: &str, kind: Option<&str>) -> anyhow::Result<Self> {
        let mut definitions = Vec::new();
        let mut others = Vec::new();
        for document in documents(text)? {
            match (document["kind"].as_str(), document["apiVersion"].as_str()) {
                (Some("CustomResourceDefinition"), _) => definitions.push(document),
                (found, _) if !document.is_null() => {
                    others.push(found.unwrap_or("an object without a kind").to_owned())
                }
                _ => {}
            }
        }
        let name = |document: &Value| document["spec"]["names"]["kind"].as_str().unwrap_or_default().to_owned();
        let names = definitions.iter().map(name).collect::<Vec<_>>().join(", ");
        let document = match (definitions.len(), kind) {
            (0, _) if others.is_empty() => return Err(no_definition("it holds nothing")),
            (0, _) => return Err(no_definition(&format!("it holds {}", others.join(", ")))),
            (_, Some(kind)) => definitions
                .into_iter()
                .find(|document| name(document) == kind)
                .with_context(|| format!("there is no kind {kind:?} in it"))
                .with_hint(|| format!("the kinds are {names}"))?,
            (1, None) => definitions.remove(0),
            (count, None) => {
                let message = format!("it holds {count} CustomResourceDefinitions");
                return Err(failure(message).hint(format!("choose one with `--kind`: {names}")).into());
            }
        };
        Self::from_document(document)
    }

    fn from_document(document: Value) -> anyhow::Result<Self> {
        match document["apiVersion"].as_str() {
            Some("apiextensions.k8s.io/v1") => {}
            Some("apiextensions.k8s.io/v1beta1") => {
                let message = "it is a CustomResourceDefinition of apiextensions.k8s.io/v1beta1, which Kubernetes dropped in 1.22";
                return Err(failure(message)
                    .hint("look for a later release of it, or let a cluster before 1.22 convert it: `kubectl get crd NAME -o yaml`")
                    .into());
            }
            other => {
                let message = format!("its apiVersion is {:?}", other.unwrap_or_default());
                return Err(failure(message).hint("a CustomResourceDefinition is of apiextensions.k8s.io/v1").into());
            }
        }
        let definition: Self = serde_json::from_value(document["spec"].clone())
            .context("it is not a CustomResourceDefinition that Kubernetes would take")
            .with_hint(|| "see what `kubectl apply --dry-run=server` says of it")?;
        if !["Namespaced", "Cluster"].contains(&definition.scope.as_str()) {
            let message = format!("its scope is {:?}", definition.scope);
            return Err(failure(message).hint("a scope is Namespaced or Cluster").into());
        }
        Ok(definition)
    }

    /// The version of this name, or the one that is stored.
    ///
    /// # Errors
    /// There is no such version, or its schema is none that Kubernetes takes.
    pub fn version(&self, name: Option<&str>) -> anyhow::Result<(&DefinitionVersion, &Value)> {
        let names = self.versions.iter().map(|version| version.name.as_str()).collect::<Vec<_>>().join(", ");
        let version = match name {
            Some(name) => self.versions.iter().find(|version| version.name == name),
            None => self.versions.iter().find(|version| version.storage).or(self.versions.first()),
        };
        let version = version
            .with_context(|| match name {
                Some(name) => format!("{} has no version {name:?}", self.names.kind),
                None => format!("{} has no version", self.names.kind),
            })
            .with_hint(|| format!("the versions are {names}"))?;
        let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
        let schema = schema
            .with_context(|| format!("the version {} has no schema", version.name))
            .with_hint(|| "make a kind of any JSON with `apiserver-boot create resource --schemaless`")?;
        let problems = structure::problems(schema);
        if !problems.is_empty() {
            let message = format!("the schema of {} is not structural:\n  {}", version.name, problems.join("\n  "));
            return Err(failure(message)
                .hint("Kubernetes would refuse it too; see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema")
                .into());
        }
        Ok((version, schema))
    }
}

impl DefinitionVersion {
    /// Whether the status is a subresource.
    pub fn has_status(&self) -> bool {
        self.subresources.status.is_some()
    }
}

/// All objects of a file, those in lists one by one.
fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let document = serde_yaml::Value::deserialize(document)
            .and_then(|mut document| document.apply_merge().map(|()| document))
            .and_then(serde_yaml::from_value::<Value>)
            .context("it is not YAML")
            .with_hint(|| "a file of `{{ … }}` is a template: render it first, with `helm template` for example")?;
        match document {
            Value::Object(mut list) if list.get("items").is_some_and(Value::is_array) => {
                documents.extend(
                    list.remove("items")
                        .and_then(|items| match items {
                            Value::Array(items) => Some(items),
                            _ => None,
                        })
                        .unwrap_or_default(),
                );
            }
            document => documents.push(document),
        }
    }
    Ok(documents)
}

fn no_definition(found: &str) -> anyhow::Error {
    failure(format!("there is no CustomResourceDefinition in it: {found}"))
        .hint("`kubectl get crd NAME -o yaml` prints one of a cluster")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(kind: &str) -> String {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  group: a.b\n  scope: Cluster\n  \
             names: {{kind: {kind}, plural: x}}\n  versions:\n  - {{name: v1, schema: {{openAPIV3Schema: {{type: object}}}}}}\n  \
             - {{name: v2, storage: true}}\n"
        )
    }

    #[track_caller]
    fn check(text: &str, kind: Option<&str>, expected: &str) {
        let told = match Definition::read(text, kind) {
            Ok(definition) => definition.names.kind,
            Err(error) => crate::error::report(&error),
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn one_definition_is_found_among_whatever_there_is() {
        check(&definition("Bird"), None, "Bird");
        check(&format!("---\n{}---\n{}", definition("Bird"), definition("Nest")), Some("Nest"), "Nest");
        check(
            &format!("{}---\n{}", definition("Bird"), definition("Nest")),
            None,
            "choose one with `--kind`: Bird, Nest",
        );
        check(&definition("Bird"), Some("Nest"), "the kinds are Bird");
        let items: String = definition("Bird").lines().map(|line| format!("  {line}\n")).collect();
        check(&format!("kind: List\nitems:\n- {}", items.trim_start()), None, "Bird");
        check("kind: Pod\n---\nkind: Service\n", None, "it holds Pod, Service");
        check("", None, "it holds nothing");
        check("a: {{ b }}\nc: {{ d }", None, "it is not YAML");
        check(&definition("Bird").replace("k8s.io/v1", "k8s.io/v1beta1"), None, "dropped in 1.22");
        check(&definition("Bird").replace("Cluster", "Galaxy"), None, "scope is \"Galaxy\"");
        check(&definition("Bird").replace("group: a.b", "a: b"), None, "missing field `group`");
    }

    #[test]
    fn the_stored_version_is_taken_unless_another_is_named() {
        let definition = Definition::read(&definition("Bird"), None).unwrap();
        assert_eq!(definition.version(Some("v1")).unwrap().0.name, "v1");
        let error = |name| crate::error::report(&definition.version(name).unwrap_err());
        assert!(error(None).contains("the version v2 has no schema"));
        assert!(error(Some("v3")).contains("the versions are v1, v2"));
    }
}
