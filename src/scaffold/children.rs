//! What a new controller makes for each object: a small example of each kind that it owns, which is valid and does no harm.

use serde::Serialize;

use super::imports::Imports;
use crate::kind_refs::Target;
use crate::names::Module;
use crate::project::{KindRef, Scope};

/// A kind that a controller owns.
#[derive(Clone, Debug, Serialize)]
pub struct Child {
    /// What code calls the type.
    pub kind: String,
    pub namespaced: bool,
    /// `desired_config_map`.
    pub function: String,
    /// The first line of it, and the lines of its body.
    pub signature: String,
    pub body: String,
    /// The line that deletes it.
    pub deletion: String,
}

/// The kinds that a server keeps which stands alone, as the one of a test does.
const SERVED_ALONE: &[(&str, &str)] = &[
    ("", "ConfigMap"),
    ("", "Event"),
    ("", "Namespace"),
    ("", "Secret"),
    ("", "ServiceAccount"),
    ("coordination.k8s.io", "Lease"),
    ("events.k8s.io", "Event"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
];

/// Whether a server that stands alone keeps objects of a kind.
pub fn is_served_alone(reference: &KindRef) -> bool {
    let own = (reference.api_group.as_str(), reference.kind.as_str());
    SERVED_ALONE.contains(&own) && reference.version == "v1"
}

/// A kind that a controller owns, under the name that its file has for it. What the example says is the owner's spec, where it is
/// known to have one, whatever its fields.
pub fn child(target: &Target<'_>, local: &str, signature: String, has_spec: bool, imports: &mut Imports) -> Child {
    let body = match target {
        Target::Own(group, kind) => {
            let fields = |suffix: &str| format!("{}{suffix}", kind.kind);
            if kind.schemaless {
                let fields = imports.fields(group, kind, &fields("Fields"));
                whole(local, &format!("{fields}::default()"), "")
            } else {
                let spec = imports.fields(group, kind, &fields("Spec"));
                let value =
                    format!("{spec} {{\n        message: object.name_any(),\n        ..{spec}::default()\n    }}");
                whole(local, "spec", &format!("    let spec = {value};\n"))
            }
        }
        Target::Builtin(builtin) => {
            let (key, value, before) = match has_spec {
                true => ("spec.json", "spec", SPEC),
                false => ("name", "object.name_any()", ""),
            };
            match builtin.kind {
                "ConfigMap" => format!(
                    "{before}    let data = [(\"{key}\".to_owned(), {value})];\n{}",
                    literal(local, "data: Some(data.into()),")
                ),
                "Secret" => {
                    imports.add("k8s_openapi", "ByteString");
                    format!(
                        "{before}    let value = ByteString({value}.into_bytes());\n    \
                         let data = [(\"{key}\".to_owned(), value)];\n{}",
                        literal(local, "data: Some(data.into()),")
                    )
                }
                "Service" if builtin.group == "core" => {
                    for item in ["ServicePort", "ServiceSpec"] {
                        imports.add("k8s_openapi::api::core::v1", item);
                    }
                    format!(
                        "    let port = ServicePort {{\n        port: 80,\n        ..ServicePort::default()\n    }};\n    \
                         let spec = ServiceSpec {{\n        selector: Some(labels(object)),\n        \
                         ports: Some(vec![port]),\n        ..ServiceSpec::default()\n    }};\n{}",
                        literal(local, "spec: Some(spec),")
                    )
                }
                "Pod" => {
                    let pod = pod(imports);
                    format!("{pod}{}", literal(local, "spec: Some(pod),"))
                }
                "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => {
                    let pod = pod(imports);
                    let spec = format!("{}Spec", builtin.kind);
                    imports.add("k8s_openapi::api::apps::v1", &spec);
                    imports.add("k8s_openapi::api::core::v1", "PodTemplateSpec");
                    imports.add("k8s_openapi::apimachinery::pkg::apis::meta::v1", "LabelSelector");
                    let template = if builtin.kind == "ReplicaSet" { "Some(template)" } else { "template" };
                    let template =
                        if template == "template" { "template,".to_owned() } else { format!("template: {template},") };
                    format!(
                        "{pod}{TEMPLATE}    let selector = LabelSelector {{\n        match_labels: Some(labels(object)),\n        \
                         ..LabelSelector::default()\n    }};\n    let spec = {spec} {{\n        selector,\n        \
                         {template}\n        ..{spec}::default()\n    }};\n{}",
                        literal(local, "spec: Some(spec),")
                    )
                }
                "Job" => {
                    let pod = pod(imports).replace(
                        "        ..PodSpec::default()",
                        "        restart_policy: Some(\"Never\".to_owned()),\n        ..PodSpec::default()",
                    );
                    imports.add("k8s_openapi::api::batch::v1", "JobSpec");
                    imports.add("k8s_openapi::api::core::v1", "PodTemplateSpec");
                    format!(
                        "{pod}{TEMPLATE}    let spec = JobSpec {{\n        template,\n        ..JobSpec::default()\n    }};\n{}",
                        literal(local, "spec: Some(spec),")
                    )
                }
                _ => literal(local, ""),
            }
        }
    };
    let body = match (target.scope(), body.strip_suffix(END)) {
        (Scope::Namespaced, _) => body,
        (Scope::Cluster, Some(start)) => format!("{start}    child.metadata.namespace = None;\n{END}"),
        (Scope::Cluster, None) => body.replace("        metadata: metadata(object),\n", NO_NAMESPACE),
    };
    Child {
        function: format!("desired_{}", Module::of(local).file),
        deletion: String::new(),
        kind: local.to_owned(),
        namespaced: target.scope() == Scope::Namespaced,
        signature,
        body,
    }
}

/// The last line of what makes an object of a kind of the project.
const END: &str = "    child";

/// What lives in no namespace, among what does.
const NO_NAMESPACE: &str = "        metadata: ObjectMeta {
            namespace: None,
            ..metadata(object)
        },
";

const SPEC: &str = "    let spec = serde_json::to_string(&object.spec).unwrap_or_default();\n";

const TEMPLATE: &str = "    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels(object)),
            ..ObjectMeta::default()
        }),
        spec: Some(pod),
    };
";

/// A pod that does nothing.
fn pod(imports: &mut Imports) -> String {
    for item in ["Container", "PodSpec"] {
        imports.add("k8s_openapi::api::core::v1", item);
    }
    "    let container = Container {
        name: \"main\".to_owned(),
        image: Some(\"registry.k8s.io/pause:3.10\".to_owned()),
        ..Container::default()
    };
    let pod = PodSpec {
        containers: vec![container],
        ..PodSpec::default()
    };
"
    .to_owned()
}

/// An object of a type that is made field by field.
fn literal(kind: &str, field: &str) -> String {
    let field = if field.is_empty() { String::new() } else { format!("        {field}\n") };
    format!("    {kind} {{\n        metadata: metadata(object),\n{field}        ..{kind}::default()\n    }}")
}

/// An object of a kind of the project.
fn whole(kind: &str, spec: &str, before: &str) -> String {
    format!("{before}    let mut child = {kind}::new(\"\", {spec});\n    child.metadata = metadata(object);\n{END}")
}
