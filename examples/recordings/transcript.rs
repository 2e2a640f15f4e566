//! A recorded conversation, as it is written down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One conversation.
#[derive(Deserialize)]
pub struct Transcript {
    pub name: String,
    /// What `${group}` and the like stand for.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
    /// What the server must offer for it.
    #[serde(default)]
    pub needs: Vec<String>,
    pub steps: Vec<Step>,
}

/// A request with its answer, the events of a watch, or a pause.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    pub request: Option<Value>,
    /// Who asks: `admin` unless said.
    #[serde(rename = "as")]
    pub user: Option<String>,
    pub response: Value,
    /// The name of the watch that the request starts.
    pub start_watch: Option<String>,
    /// The name of the watch whose events since the last time are looked at.
    pub collect: Option<String>,
    /// How many events to wait for.
    pub count: Option<usize>,
    /// `close` or `initial-events-end`: what to wait for instead.
    pub until: Option<String>,
    /// Seconds.
    pub sleep: Option<f64>,
    /// Variables to set, by the path of their value in the answer.
    pub capture: BTreeMap<String, String>,
    /// The only paths that are compared.
    pub only: Vec<String>,
    /// Paths that are not compared.
    pub ignore: Vec<String>,
    /// Lists whose order is not compared.
    pub unordered: Vec<String>,
    /// Regular expressions, by the path of the value that they are for.
    pub pattern: BTreeMap<String, String>,
    pub ignore_headers: Vec<String>,
    /// Other answers that are as good.
    pub or_status: Vec<u16>,
    /// `collapse`: periodic bookmarks are compared, one after the other as one.
    pub bookmarks: Option<String>,
}

impl Transcript {
    /// All that are in a folder, in the order of their names.
    pub fn all(folder: &Path) -> Vec<Self> {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let transcript = |file: &PathBuf| {
            let text = std::fs::read_to_string(file).unwrap();
            from_yaml(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        };
        files.iter().map(transcript).collect()
    }

    /// Whether it takes a server that keeps namespaces.
    pub fn needs_namespaces(&self) -> bool {
        self.needs.iter().any(|need| need == "namespaces")
    }
}

/// Reads YAML in which `y` and `on` are texts.
///
/// # Errors
/// What is no YAML, or not of the type.
pub fn from_yaml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    let mut options = serde_saphyr::Options::default();
    options.strict_booleans = true;
    serde_saphyr::from_str_with_options(text, options)
}

/// A CRD with what every CRD has whether it says so or not.
pub fn observable(crd: CustomResourceDefinition) -> Value {
    let mut crd = serde_json::to_value(crd).unwrap();
    let kind = crd["spec"]["names"]["kind"].as_str().unwrap().to_owned();
    let names = crd["spec"]["names"].as_object_mut().unwrap();
    names
        .entry("listKind")
        .or_insert(format!("{kind}List").into());
    crd["spec"]
        .as_object_mut()
        .unwrap()
        .entry("conversion")
        .or_insert(json!({ "strategy": "None" }));
    for version in crd["spec"]["versions"].as_array_mut().unwrap() {
        let root = version["schema"]["openAPIV3Schema"]["properties"]
            .as_object_mut()
            .unwrap();
        root.entry("apiVersion")
            .or_insert(json!({ "type": "string" }));
        root.entry("kind").or_insert(json!({ "type": "string" }));
        root.entry("metadata")
            .or_insert(json!({ "type": "object" }));
        normalise(version);
    }
    crd
}

/// Sorts what has no order, and writes whole numbers as such.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(required)) = fields.get_mut("required") {
                required.sort_by_key(ToString::to_string);
            }
            fields.values_mut().for_each(normalise);
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|number| number.fract() == 0.0) {
                *value = (whole as i64).into();
            }
        }
        _ => {}
    }
}

/// The document with the variables put in for `${…}`.
///
/// # Errors
/// The name of a variable that has no value.
pub fn substitute(value: &Value, variables: &BTreeMap<String, String>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => substitute_text(text, variables)?.into(),
        Value::Array(items) => items
            .iter()
            .map(|item| substitute(item, variables))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Value::Object(fields) => {
            let mut changed = Map::new();
            for (name, field) in fields {
                changed.insert(
                    substitute_text(name, variables)?,
                    substitute(field, variables)?,
                );
            }
            changed.into()
        }
        other => other.clone(),
    })
}

/// As [`substitute`], of a text.
///
/// # Errors
/// The name of a variable that has no value.
pub fn substitute_text(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut changed = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or("an open ${")?;
        changed.push_str(before);
        changed.push_str(
            variables
                .get(name)
                .ok_or_else(|| format!("nothing was captured as {name}"))?,
        );
        rest = after;
    }
    Ok(changed + rest)
}
