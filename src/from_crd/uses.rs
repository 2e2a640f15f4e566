//! What a file imports.

use std::collections::BTreeSet;

use super::attributes::Attributes;

/// What a file imports.
#[derive(Default)]
pub struct Uses(BTreeSet<&'static str>);

impl Uses {
    /// Adds an item by its path.
    pub fn add(&mut self, path: &'static str) {
        self.0.insert(path);
    }

    /// Adds what attributes call.
    pub fn attributes(&mut self, attributes: &Attributes) {
        if attributes.lines.contains("derive::") {
            self.add("apiserver::schema::derive");
        }
    }

    /// Adds what a type consists of.
    pub fn types(&mut self, type_: &str) {
        for word in type_.split(|c: char| !c.is_ascii_alphanumeric()) {
            let path = match word {
                "AnyFields" => "apiserver::AnyFields",
                "BTreeMap" => "std::collections::BTreeMap",
                "ByteString" => "k8s_openapi::ByteString",
                "IntOrString" => "k8s_openapi::apimachinery::pkg::util::intstr::IntOrString",
                "Map" => "serde_json::Map",
                "Quantity" => "k8s_openapi::apimachinery::pkg::api::resource::Quantity",
                "Time" => "k8s_openapi::apimachinery::pkg::apis::meta::v1::Time",
                "Value" => "serde_json::Value",
                _ => continue,
            };
            self.add(path);
        }
    }

    /// The `use` lines, as rustfmt sorts them.
    pub fn text(&self) -> String {
        let (std, others): (Vec<&str>, Vec<&str>) = self.0.iter().partition(|path| path.starts_with("std::"));
        let std: String = std.iter().map(|path| format!("use {path};\n")).collect();
        let mut text = String::new();
        let mut of_crate: Vec<(&str, Vec<&str>)> = Vec::new();
        for path in others {
            let (module, item) = path.rsplit_once("::").unwrap_or_default();
            match of_crate.iter_mut().find(|(there, _)| *there == module) {
                Some((_, items)) => items.push(item),
                None => of_crate.push((module, vec![item])),
            }
        }
        for (module, items) in of_crate {
            text.push_str(&format!("{}\n", crate::scaffold::layout::use_items(module, &items)));
        }
        format!("{std}{}{text}", if std.is_empty() { "" } else { "\n" })
    }
}
