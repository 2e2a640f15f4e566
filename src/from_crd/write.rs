//! The file of a kind's types.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::idents::{self, FieldName};
use super::model::{Fields, Node, Shape};
use super::presence::Presence;
use super::types::{self, Type, Types};
use super::uses::Uses;
use super::{
    Definition, DefinitionVersion, Imported, attributes, docs, items, literals, sample, structure, untyped, wrong,
};
use crate::names;

/// Fields of the root that all kinds have.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Makes the files of one version of a kind.
///
/// # Errors
/// The version has no schema, or one that Kubernetes would not take.
pub fn write(definition: &Definition, version: Option<&str>) -> anyhow::Result<Imported> {
    let (version, schema) = definition.version(version)?;
    let root = Root::of(definition, version, schema);
    let (sample, untried) = sample::sample(definition, version, schema);
    Ok(Imported {
        types: root.file(),
        wrong: wrong::wrong(schema, &sample),
        sample: serde_yaml::to_string(&sample).unwrap_or_default(),
        untyped: root.untyped(),
        untried,
    })
}

/// A kind's own type, and what it consists of.
struct Root<'a> {
    definition: &'a Definition,
    version: &'a DefinitionVersion,
    schema: Map<String, Value>,
    /// The struct that derives `CustomResource`.
    spec: Part,
    /// Whether the spec's fields are those of the root.
    no_spec: bool,
    status: Option<Part>,
    types: Types,
}

/// The struct of a spec or a status.
struct Part {
    name: String,
    node: Node,
}

impl<'a> Root<'a> {
    fn of(definition: &'a Definition, version: &'a DefinitionVersion, schema: &Value) -> Self {
        let kind = &definition.names.kind;
        let schema = schema.as_object().cloned().unwrap_or_default();
        let is_part = |name: &str| {
            let node = schema.get("properties").and_then(|all| all.get(name)).map(Node::of);
            node.filter(|node| matches!(node.shape, Shape::Struct(_) | Shape::AnyObject | Shape::Map(_)))
        };
        let has_status = version.has_status();
        let known = |name: &str| META.contains(&name) || name == "spec" || name == "status" && has_status;
        let is_plain = structure::properties(&schema).all(|(name, _)| known(name))
            && !schema.contains_key("x-kubernetes-preserve-unknown-fields")
            && !schema.contains_key("additionalProperties");
        let (spec, no_spec) = match is_part("spec").filter(|_| is_plain) {
            Some(node) => (Part { name: format!("{kind}Spec"), node }, false),
            None => (Part { name: format!("{kind}Fields"), node: fields_of(&schema, has_status) }, true),
        };
        let nothing = || Node::of(&json!({"type": "object"}));
        let any = |schema: &Value| Node { schema: schema.as_object().cloned().unwrap_or_default(), shape: Shape::Any };
        let status = has_status.then(|| {
            let there = schema.get("properties").and_then(|all| all.get("status"));
            let node = is_part("status").unwrap_or_else(|| there.map_or_else(nothing, any));
            Part { name: format!("{kind}Status"), node }
        });
        let mut roots = vec![(spec.name.as_str(), &spec.node)];
        roots.extend(status.iter().map(|status| (status.name.as_str(), &status.node)));
        let mut taken = ["", "List", "Strategy"].map(|end| format!("{kind}{end}")).to_vec();
        taken.push(names::type_of_kind(kind));
        let types = Types::of(&roots, &taken);
        Self { definition, version, schema, spec, no_spec, status, types }
    }

    fn file(&self) -> String {
        let mut uses = Uses::default();
        let mut body = String::new();
        for one in &self.types.all {
            body.push('\n');
            body.push_str(&self.item(one, &mut uses));
        }
        body.push_str(&self.root(&mut uses));
        let head = format!(
            "//! The fields of {} in {}, from its CustomResourceDefinition. Their comments are what\n//! `kubectl explain` prints.\n",
            self.definition.names.kind, self.version.name
        );
        format!("{head}\n{}{body}", uses.text())
    }

    fn item(&self, one: &Type, uses: &mut Uses) -> String {
        match &one.node.shape {
            Shape::Enum(values) => items::enumeration(one, values, uses),
            _ => self.structure(one, uses),
        }
    }

    fn structure(&self, one: &Type, uses: &mut Uses) -> String {
        let is_spec = one.name == self.spec.name;
        let is_root = is_spec || self.status.as_ref().is_some_and(|status| status.name == one.name);
        let nothing = Fields { fields: Vec::new(), required: BTreeSet::new(), open: false };
        let fields = match &one.node.shape {
            Shape::Struct(fields) => fields,
            _ => &nothing,
        };
        let properties: Vec<&str> = fields.fields.iter().map(|(name, _)| name.as_str()).collect();
        let taken: &[&str] = match (is_spec && self.no_spec, fields.open) {
            // What kube's derive has at the root itself.
            (true, _) => &["others", "api_version", "kind", "metadata", "spec", "status"],
            (false, true) => &["others"],
            _ => &[],
        };
        let taken: Vec<&str> = taken.iter().copied().filter(|name| *name != "spec").collect();
        let names = idents::fields(&properties, &taken);
        let renames = names.iter().zip(&properties).any(|(name, property)| {
            name.camel == *property && name.ident != *property && name.ident != format!("r#{property}")
        });
        let mut rules = false;
        let mut body = String::new();
        for (name, (property, node)) in names.iter().zip(&fields.fields) {
            if !body.is_empty() {
                body.push('\n');
            }
            let required = fields.required.contains(property);
            let (text, has_rules) = self.field(name, property, node, required, renames, uses);
            rules |= has_rules;
            body.push_str(&text);
        }
        if let Some(flattened) = self.flattened(one, fields, is_spec, uses) {
            body.push_str(&format!("{}{flattened}", if body.is_empty() { "" } else { "\n" }));
        }
        let container = attributes::container(&one.node, is_root);
        rules |= container.rules;
        uses.attributes(&container);
        let derive = if rules { "KubeSchema" } else { "JsonSchema" };
        uses.add(if rules { "kube::KubeSchema" } else { "schemars::JsonSchema" });
        let mut derives = vec!["Clone", "Debug", "Deserialize", derive, "PartialEq", "Serialize"];
        if is_spec {
            derives.push("CustomResource");
        }
        if types::fields_have_default(fields) {
            derives.push("Default");
        }
        derives.sort_unstable();
        uses.add("serde::Deserialize");
        uses.add("serde::Serialize");
        let mut text = docs::comment(0, one.description.as_deref().unwrap_or_default());
        text.push_str(&format!("#[derive({})]\n", derives.join(", ")));
        if is_spec {
            uses.add("kube::CustomResource");
            text.push_str(&self.kube_attribute());
        }
        if renames {
            text.push_str("#[serde(rename_all = \"camelCase\")]\n");
        }
        text.push_str(&container.lines);
        if is_root {
            text.push_str("#[schemars(transform = derive::without_nulls)]\n");
            uses.add("apiserver::schema::derive");
            if attributes::has_conditions(&one.node.schema) {
                text.push_str("#[schemars(transform = derive::keep_conditions)]\n");
            }
        }
        if body.is_empty() {
            text.push_str(&format!("pub struct {} {{}}\n", one.name));
        } else {
            text.push_str(&format!("{}{body}}}\n", items::head("struct", &one.name)));
        }
        text
    }

    fn field(
        &self,
        name: &FieldName,
        property: &str,
        node: &Node,
        required: bool,
        renames: bool,
        uses: &mut Uses,
    ) -> (String, bool) {
        let base = self.types.name(node, property);
        uses.types(&base);
        let presence = Presence::of(node, required);
        let mut text = docs::comment(4, node.description().unwrap_or_default());
        let called = if renames { &name.camel } else { name.ident.trim_start_matches("r#") };
        if called != property {
            text.push_str(&attributes::line(4, "serde", &format!("rename = {}", literals::string(property))));
        }
        text.push_str(presence.attributes());
        let attributes = attributes::field(node);
        uses.attributes(&attributes);
        text.push_str(&attributes.lines);
        let type_ = if presence.is_option() { format!("Option<{base}>") } else { base };
        text.push_str(&items::declaration(&name.ident, &type_));
        (text, attributes.rules)
    }

    /// The field that holds what the others do not.
    fn flattened(&self, one: &Type, fields: &Fields, is_spec: bool, uses: &mut Uses) -> Option<String> {
        let (name, type_) = match &one.node.shape {
            Shape::Map(inner) => ("entries", format!("BTreeMap<String, {}>", self.types.name(inner, "entry"))),
            Shape::Struct(_) if !fields.open => return None,
            _ if is_spec && self.no_spec => ("others", "AnyFields".to_owned()),
            _ => ("others", "Map<String, Value>".to_owned()),
        };
        uses.types(&type_);
        Some(format!("    /// All fields that are not named here.\n    #[serde(flatten)]\n    pub {name}: {type_},\n"))
    }

    /// The arguments of the derive.
    fn kube_attribute(&self) -> String {
        let Definition { group, names, scope, .. } = self.definition;
        let kind = &names.kind;
        let mut arguments = vec![
            format!("group = {group:?}"),
            format!("version = {:?}", self.version.name),
            format!("kind = {kind:?}"),
            format!("doc = \"{kind} is a kind of the group {group}.\""),
            "schema = \"manual\"".to_owned(),
        ];
        let singular = names.singular.clone().filter(|name| !name.is_empty());
        if let Some(singular) = singular.filter(|name| *name != names::singular(kind)) {
            arguments.push(format!("singular = {singular:?}"));
        }
        arguments.push(format!("plural = {:?}", names.plural));
        let type_name = self.type_name();
        arguments.extend((type_name != *kind).then(|| format!("root = {type_name:?}")));
        arguments.extend((scope == "Namespaced").then(|| "namespaced".to_owned()));
        arguments.extend(self.no_spec.then(|| "no_spec".to_owned()));
        arguments.extend(self.status.as_ref().map(|status| format!("status = {:?}", status.name)));
        if let Some(scale) = &self.version.subresources.scale {
            let paths = [
                ("spec_replicas_path", Some(&scale.spec_replicas_path)),
                ("status_replicas_path", Some(&scale.status_replicas_path)),
                ("label_selector_path", scale.label_selector_path.as_ref().filter(|path| !path.is_empty())),
            ];
            let paths = paths.iter().filter_map(|(name, path)| path.map(|path| format!("        {name} = {path:?}")));
            arguments.push(format!("scale(\n{}\n    )", paths.collect::<Vec<_>>().join(",\n")));
        }
        arguments.extend(names.short_names.iter().map(|name| format!("shortname = {name:?}")));
        arguments.extend(names.categories.iter().map(|name| format!("category = {name:?}")));
        arguments
            .extend(self.version.selectable_fields.iter().map(|field| format!("selectable = {:?}", field.json_path)));
        arguments.extend(self.version.additional_printer_columns.iter().map(column));
        if self.version.deprecated {
            let warning = self.version.deprecation_warning.as_ref();
            arguments.push(
                warning
                    .map_or("deprecated".to_owned(), |warning| format!("deprecated = {}", literals::string(warning))),
            );
        }
        format!("#[kube(\n    {}\n)]\n", arguments.join(",\n    "))
    }

    /// The schema of the kind itself. By hand, because the derive takes it for granted that each has a spec, and lets a
    /// status be null.
    fn root(&self, uses: &mut Uses) -> String {
        let kind = self.type_name();
        for name in ["std::borrow::Cow", "schemars::JsonSchema", "schemars::Schema", "schemars::SchemaGenerator"] {
            uses.add(name);
        }
        let spec = &self.spec.name;
        let body = if self.no_spec {
            self.root_without_spec(uses)
        } else {
            uses.add("schemars::json_schema");
            let mut rest = self.schema.clone();
            rest.remove("properties");
            rest.remove("type");
            let mut lines = String::from("            \"type\": \"object\",\n");
            for (name, value) in &rest {
                let before = name.len() + 4;
                lines.push_str(&format!("            {name:?}: {},\n", literals::json(value, 12, before)));
            }
            lines.push_str("            \"properties\": {\n");
            lines.push_str(&format!("                \"spec\": generator.subschema_for::<{spec}>(),\n"));
            for (name, property) in structure::properties(&self.schema) {
                if name == "metadata"
                    && property.as_object().is_some_and(|metadata| metadata.contains_key("properties"))
                {
                    lines.push_str(&format!("                \"metadata\": {},\n", literals::json(property, 16, 12)));
                }
                if let (Some(status), "status") = (&self.status, name.as_str()) {
                    lines.push_str(&format!(
                        "                \"status\": generator.subschema_for::<{}>(),\n",
                        status.name
                    ));
                }
            }
            lines.push_str("            },\n");
            format!("        json_schema!({{\n{lines}        }})\n")
        };
        format!(
            "\n// By hand, because the derive takes a spec for granted, and lets a status be null.\n\
             impl JsonSchema for {kind} {{\n    fn schema_name() -> Cow<'static, str> {{\n        \"{kind}\".into()\n    }}\n\n    \
             fn json_schema(generator: &mut SchemaGenerator) -> Schema {{\n{body}    }}\n}}\n"
        )
    }

    fn root_without_spec(&self, uses: &mut Uses) -> String {
        let spec = &self.spec.name;
        let mut lines = String::new();
        for (name, property) in structure::properties(&self.schema) {
            match (&self.status, name.as_str()) {
                (Some(status), "status") => lines.push_str(&format!(
                    "        let status = generator.subschema_for::<{}>();\n        \
                     properties[\"status\"] = status.to_value();\n",
                    status.name
                )),
                (_, "metadata") if property.get("properties").is_some() => lines.push_str(&format!(
                    "        properties[\"metadata\"] = json!({});\n",
                    literals::json(property, 8, 36)
                )),
                _ => {}
            }
        }
        if lines.is_empty() {
            return format!("        {spec}::json_schema(generator)\n");
        }
        uses.add("serde_json::json");
        format!(
            "        let mut schema = {spec}::json_schema(generator);\n        \
             let properties = schema.ensure_object().entry(\"properties\");\n        \
             let properties = properties.or_insert(json!({{}}));\n{lines}        \
             schema\n"
        )
    }

    fn type_name(&self) -> String {
        names::type_of_kind(&self.definition.names.kind)
    }

    /// Where there is no type, and why.
    fn untyped(&self) -> Vec<(String, &'static str)> {
        let mut found = Vec::new();
        let spec = if self.no_spec { "" } else { "spec" };
        untyped::find(&self.spec.node, spec, &mut found);
        if let Some(status) = &self.status {
            untyped::find(&status.node, "status", &mut found);
        }
        found
    }
}

fn column(column: &Value) -> String {
    let text = column.to_string();
    format!("printcolumn = {}", literals::raw(&text))
}

/// The fields of a root that has more than a spec, or none.
fn fields_of(schema: &Map<String, Value>, has_status: bool) -> Node {
    let mut schema = schema.clone();
    let is_ours = |name: &str| !(META.contains(&name) || has_status && name == "status");
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| is_ours(name));
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name.as_str().is_some_and(is_ours));
    }
    schema.entry("type").or_insert("object".into());
    Node::of(&Value::Object(schema))
}
