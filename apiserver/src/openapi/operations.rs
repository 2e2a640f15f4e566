//! The paths of a kind and what can be done there.

use serde_json::{Map, Value, json};

use super::definitions::{DELETE_OPTIONS, PATCH, SCALE, STATUS, gvk, reference};
use super::schemas;
use crate::kind::{Kind, KindVersion, Subresource, Verb};

/// Adds the paths of a kind in one version to those of its document. `root` is the version's path.
pub(super) fn add_paths(kind: &Kind, version: &KindVersion, root: &str, paths: &mut Map<String, Value>) {
    let own_gvk = gvk(&version.group, &version.version, &kind.kind);
    let operations = Operations { kind, version, gvk: own_gvk, applies: true };
    let object = &schemas::name(&version.group, &version.version, &kind.kind);
    let list = &schemas::name(&version.group, &version.version, &kind.list_kind);
    let plural = &kind.plural;
    let mut collection = format!("{root}/{plural}");
    if kind.namespaced {
        if kind.verbs.contains(&Verb::List) {
            let mut all = path_item(&collection);
            all["get"] = operations.operation("list", "", list, true);
            paths.insert(collection, all);
        }
        collection = format!("{root}/namespaces/{{namespace}}/{plural}");
    }
    let one = format!("{collection}/{{name}}");
    let offered = |verb: Verb| kind.verbs.contains(&verb);
    let offered: &dyn Fn(Verb) -> bool = &offered;
    let on_collection = [
        (Verb::List, "get", "list", list.as_str()),
        (Verb::Create, "post", "create", object),
        (Verb::DeleteCollection, "delete", "deletecollection", STATUS),
    ];
    add_path(paths, &collection, &operations, "", offered, &on_collection);
    let on_one = [
        (Verb::Get, "get", "read", object.as_str()),
        (Verb::Update, "put", "replace", object),
        (Verb::Delete, "delete", "delete", STATUS),
        (Verb::Patch, "patch", "patch", object),
    ];
    add_path(paths, &one, &operations, "", offered, &on_one);
    let subresources = [("status", object.as_str(), version.status), ("scale", SCALE, version.scale.is_some())];
    for (subresource, schema, _) in subresources.into_iter().filter(|(_, _, served)| *served) {
        let of_one = on_subresource(schema);
        let offered = |verb| verb != Verb::Create && kind.verbs.contains(&verb);
        add_path(paths, &format!("{one}/{subresource}"), &operations, subresource, &offered, &of_one);
    }
    for own in &version.subresources {
        let path = format!("{one}/{}", own.name);
        let Some(object) = &own.object else {
            operations.add_connect(paths, &path, own);
            continue;
        };
        let Kind { group, kind: object_kind, .. } = &**object;
        let object_version = &object.storage_version().version;
        let own_gvk = gvk(group, object_version, object_kind);
        let operations = Operations { kind, version, gvk: own_gvk, applies: false };
        let schema = schemas::name(group, object_version, object_kind);
        let offered = |verb| own.verbs.contains(&verb);
        add_path(paths, &path, &operations, &own.name, &offered, &on_subresource(&schema));
    }
}

type Action<'a> = (Verb, &'static str, &'static str, &'a str);

/// What can be done with a subresource that has an object.
fn on_subresource(schema: &str) -> [Action<'_>; 4] {
    [
        (Verb::Get, "get", "read", schema),
        (Verb::Update, "put", "replace", schema),
        (Verb::Create, "post", "create", schema),
        (Verb::Patch, "patch", "patch", schema),
    ]
}

/// Adds a path with those of its actions that are offered, if there are any.
fn add_path(
    paths: &mut Map<String, Value>,
    path: &str,
    operations: &Operations<'_>,
    subresource: &str,
    offered: &dyn Fn(Verb) -> bool,
    actions: &[Action<'_>],
) {
    let mut item = path_item(path);
    let mut any = false;
    for (_, method, word, schema) in actions.iter().filter(|(verb, ..)| offered(*verb)) {
        item[*method] = operations.operation(word, subresource, schema, false);
        any = true;
    }
    if any {
        paths.insert(path.to_owned(), item);
    }
}

/// An operation that takes nothing and gives one definition: those of discovery and `/version`.
pub(super) fn simple_get(operation_id: &str, description: &str, tag: &str, schema: Value) -> Value {
    json!({
        "description": description, "operationId": operation_id, "tags": [tag],
        "responses": responses(&["200"], &schema, &["application/json", "application/yaml"]),
    })
}

struct Operations<'a> {
    kind: &'a Kind,
    version: &'a KindVersion,
    /// What the operations are about: for subresources with an object of their own, that.
    gvk: Value,
    /// Whether they take server-side apply.
    applies: bool,
}

impl Operations<'_> {
    /// Adds the methods of a subresource that owns its answers, on its path and on those below.
    fn add_connect(&self, paths: &mut Map<String, Value>, path: &str, own: &Subresource) {
        for (path, suffix) in [(path.to_owned(), ""), (format!("{path}/{{path}}"), "WithPath")] {
            let mut item = path_item(&path);
            for method in &own.methods {
                let method = method.as_str().to_lowercase();
                let KindVersion { group, version, .. } = self.version;
                let group_word = if group.is_empty() { "core" } else { group };
                let namespaced = if self.kind.namespaced { "Namespaced" } else { "" };
                let (kind, name) = (&self.kind.kind, &own.name);
                item[&method] = json!({
                    "description": format!("connect {} requests to {name} of {kind}", method.to_uppercase()),
                    "operationId": format!(
                        "connect{}{}{}{namespaced}{kind}{}{suffix}",
                        upper_camel(group_word), upper_camel(version), upper_camel(&method), upper_camel(name),
                    ),
                    "tags": [format!("{}_{version}", lower_camel(group_word))],
                    "x-kubernetes-action": "connect",
                    "x-kubernetes-group-version-kind": self.gvk,
                    "responses": responses(&["200"], &json!({"type": "string"}), &["*/*"]),
                });
            }
            paths.insert(path, item);
        }
    }

    /// `verb` is the word of descriptions and operation ids; `schema` the definition that is answered.
    fn operation(&self, verb: &str, subresource: &str, schema: &str, all_namespaces: bool) -> Value {
        let KindVersion { group, version, .. } = self.version;
        let kind = &self.kind.kind;
        let action = match verb {
            "create" => "post",
            "read" => "get",
            "replace" => "put",
            _ => verb,
        };
        let group_word = if group.is_empty() { "core" } else { group };
        let namespaced = if self.kind.namespaced && !all_namespaces { "Namespaced" } else { "" };
        let (verb_word, collection) = if verb == "deletecollection" { ("delete", "Collection") } else { (verb, "") };
        let everywhere = if all_namespaces { "ForAllNamespaces" } else { "" };
        let mut operation = json!({
            "description": description(verb, subresource, kind),
            "operationId": format!(
                "{verb_word}{}{}{collection}{namespaced}{kind}{}{everywhere}",
                upper_camel(group_word), upper_camel(version), upper_camel(subresource),
            ),
            "tags": [format!("{}_{version}", lower_camel(group_word))],
            "x-kubernetes-action": action,
            // Status and scale belong to their parent.
            "x-kubernetes-group-version-kind": self.gvk,
            "parameters": parameters(if action == "patch" && !self.applies { "put" } else { action }),
        });
        let mut produces = vec!["application/json", "application/yaml"];
        if action == "list" && self.kind.verbs.contains(&Verb::Watch) {
            produces.push("application/json;stream=watch");
        }
        let codes: &[&str] = match action {
            "post" => &["200", "201", "202"],
            "put" | "patch" => &["200", "201"],
            "delete" => &["200", "202"],
            _ => &["200"],
        };
        operation["responses"] = responses(codes, &reference(schema), &produces);
        match action {
            "post" | "put" => {
                operation["requestBody"] = body(schema, &["application/json", "application/yaml"], true);
            }
            "patch" => {
                let mut types = vec!["application/json-patch+json", "application/merge-patch+json"];
                if self.applies {
                    types.insert(0, "application/apply-patch+yaml");
                }
                if self.applies && self.kind.native {
                    types.push("application/strategic-merge-patch+json");
                }
                operation["requestBody"] = body(PATCH, &types, true);
            }
            "delete" | "deletecollection" => {
                operation["requestBody"] = body(DELETE_OPTIONS, &["application/json", "application/yaml"], false);
            }
            _ => {}
        }
        operation
    }
}

fn description(verb: &str, subresource: &str, kind: &str) -> String {
    let of = if subresource.is_empty() { String::new() } else { format!(" {subresource} of") };
    match verb {
        "list" => format!("list objects of kind {kind}"),
        "create" if subresource.is_empty() => format!("create a {kind}"),
        "patch" => format!("partially update{of} the specified {kind}"),
        "delete" => format!("delete the specified {kind}"),
        "deletecollection" => format!("delete a collection of {kind}"),
        _ => format!("{verb}{of} the specified {kind}"),
    }
}

/// A path with the parameters that all its operations take.
fn path_item(path: &str) -> Value {
    let mut parameters = Vec::new();
    let known = [
        ("name", "name of the object"),
        ("namespace", "namespace of the object"),
        ("path", "what follows the subresource"),
    ];
    for (name, description) in known {
        if path.contains(&format!("{{{name}}}")) {
            parameters.push(json!({
                "name": name, "in": "path", "required": true, "description": description, "schema": unique("string"),
            }));
        }
    }
    parameters.push(parameter(&("pretty", "string", "If true, the output is indented.")));
    json!({"parameters": parameters})
}

type Parameter = (&'static str, &'static str, &'static str);

const DRY_RUN: Parameter = ("dryRun", "string", "If All, everything is checked and nothing is stored.");
const WRITE: [Parameter; 3] = [
    DRY_RUN,
    ("fieldManager", "string", "Who makes the change; fields that it sets are noted under this name."),
    (
        "fieldValidation",
        "string",
        "What to do about unknown and duplicate fields: Ignore, Warn (the default) or Strict.",
    ),
];
const FORCE: Parameter = ("force", "boolean", "Whether an apply patch takes fields from other managers.");
const RESOURCE_VERSION: Parameter =
    ("resourceVersion", "string", "How fresh the answer must be; for a watch, where it starts.");
const LIST: [Parameter; 10] = [
    ("allowWatchBookmarks", "boolean", "Whether a watch may send bookmarks, which tell how far it has come."),
    ("continue", "string", "Where the next page starts: the token that came with the previous one."),
    ("fieldSelector", "string", "Only objects whose fields match."),
    ("labelSelector", "string", "Only objects whose labels match."),
    ("limit", "integer", "At most so many objects in one answer; the rest follows with continue."),
    RESOURCE_VERSION,
    ("resourceVersionMatch", "string", "Whether resourceVersion is meant exactly or as the oldest that will do."),
    ("sendInitialEvents", "boolean", "Whether a watch starts with the objects that are there."),
    ("timeoutSeconds", "integer", "How long a list or watch may take."),
    ("watch", "boolean", "Whether to go on and send changes as they happen."),
];
const DELETE: [Parameter; 4] = [
    DRY_RUN,
    ("gracePeriodSeconds", "integer", "How long the object may take to end; 0 means at once."),
    ("orphanDependents", "boolean", "Deprecated: use propagationPolicy."),
    ("propagationPolicy", "string", "What happens to dependents: Orphan, Background or Foreground."),
];

fn parameters(action: &str) -> Value {
    let parts: &[&[Parameter]] = match action {
        "get" => &[&[RESOURCE_VERSION]],
        "list" => &[&LIST],
        "post" | "put" => &[&WRITE],
        "patch" => &[&WRITE, &[FORCE]],
        "delete" => &[&DELETE],
        "deletecollection" => &[&DELETE, &LIST],
        _ => &[],
    };
    parts.concat().iter().map(parameter).collect()
}

fn parameter((name, type_, description): &Parameter) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": unique(type_)})
}

/// A type of a parameter, which may be given once.
fn unique(type_: &str) -> Value {
    json!({"type": type_, "uniqueItems": true})
}

fn body(schema: &str, media_types: &[&str], required: bool) -> Value {
    let mut body = json!({"content": content(&reference(schema), media_types)});
    if required {
        body["required"] = true.into();
    }
    body
}

fn responses(codes: &[&str], schema: &Value, media_types: &[&str]) -> Value {
    let mut responses = Map::new();
    for code in codes {
        let description = match *code {
            "201" => "Created",
            "202" => "Accepted",
            _ => "OK",
        };
        responses.insert((*code).into(), json!({"description": description, "content": content(schema, media_types)}));
    }
    responses.insert("401".into(), json!({"description": "Unauthorized"}));
    responses.into()
}

fn content(schema: &Value, media_types: &[&str]) -> Value {
    let content: Map<String, Value> =
        media_types.iter().map(|media_type| ((*media_type).into(), json!({"schema": schema}))).collect();
    content.into()
}

/// `demo.example.com` becomes `DemoExampleCom`.
fn upper_camel(text: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    text.split(['.', '-', '/']).map(capital).collect()
}

/// `demo.example.com` becomes `demoExampleCom`.
fn lower_camel(text: &str) -> String {
    let camel = upper_camel(text);
    let mut letters = camel.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::tests::kinds;

    fn paths() -> Map<String, Value> {
        let mut paths = Map::new();
        for kind in kinds() {
            add_paths(&kind, kind.storage_version(), "/apis/demo.example.com/v1", &mut paths);
        }
        paths
    }

    #[test]
    fn every_path_has_its_actions() {
        let check = |path: &str, actions: &str| {
            let item = &paths()[&format!("/apis/demo.example.com/v1/{path}")];
            let mut found = Vec::new();
            for method in ["get", "put", "post", "delete", "patch"] {
                if let Some(operation) = item.get(method) {
                    assert_eq!(operation["x-kubernetes-group-version-kind"]["version"], "v1");
                    found.push(format!("{method}:{}", operation["x-kubernetes-action"].as_str().unwrap()));
                }
            }
            assert_eq!(found.join(" "), actions, "{path}");
        };
        check("birds", "get:list");
        check("namespaces/{namespace}/birds", "get:list post:post delete:deletecollection");
        check("namespaces/{namespace}/birds/{name}", "get:get put:put delete:delete patch:patch");
        check("namespaces/{namespace}/birds/{name}/status", "get:get put:put patch:patch");
        check("namespaces/{namespace}/birds/{name}/scale", "get:get put:put patch:patch");
        check("nests", "get:list post:post delete:deletecollection");
        check("nests/{name}", "get:get put:put delete:delete patch:patch");
        assert_eq!(paths().len(), 7);
        let scale = &paths()["/apis/demo.example.com/v1/namespaces/{namespace}/birds/{name}/scale"];
        assert_eq!(scale["put"]["x-kubernetes-group-version-kind"]["kind"], "Bird");
    }

    #[test]
    fn parameters_are_declared() {
        let check = |path: &str, method: &str, names: &str| {
            let item = &paths()[&format!("/apis/demo.example.com/v1/namespaces/{{namespace}}/{path}")];
            let all = item[method]["parameters"].as_array().unwrap();
            let found: Vec<&str> = all.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
            assert_eq!(found.join(" "), names, "{method} {path}");
        };
        check(
            "birds",
            "get",
            "allowWatchBookmarks continue fieldSelector labelSelector limit resourceVersion resourceVersionMatch \
             sendInitialEvents timeoutSeconds watch",
        );
        check("birds", "post", "dryRun fieldManager fieldValidation");
        check("birds/{name}", "put", "dryRun fieldManager fieldValidation");
        check("birds/{name}", "patch", "dryRun fieldManager fieldValidation force");
    }

    #[test]
    fn operation_ids_are_unique() {
        let paths = paths();
        let mut ids = Vec::new();
        for item in paths.values() {
            ids.extend(item.as_object().unwrap().values().filter_map(|operation| operation.get("operationId")));
        }
        for id in [
            "listDemoExampleComV1BirdForAllNamespaces",
            "listDemoExampleComV1NamespacedBird",
            "deleteDemoExampleComV1CollectionNamespacedBird",
            "readDemoExampleComV1NamespacedBirdStatus",
            "createDemoExampleComV1Nest",
        ] {
            assert!(ids.contains(&&json!(id)), "{id}");
        }
        let all = ids.len();
        ids.sort_by_key(|id| id.to_string());
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
