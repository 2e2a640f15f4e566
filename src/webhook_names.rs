//! Which names are legal for webhooks of other people's kinds and for admission plugins, and what follows from them.

use heck::ToUpperCamelCase;

use crate::error::{Failure, usage};
use crate::names;

/// Checks the group of a kind that is neither the project's nor Kubernetes' own.
pub fn check_group(group: &str, domain: &str) -> Result<(), Failure> {
    names::subdomain("group", group, "cert-manager")?;
    names::subdomain("domain", domain, "io")?;
    let full = format!("{group}.{domain}");
    names::subdomain("group", &full, "cert-manager.io")
}

/// Checks a kind whose type is in the file of its webhooks.
pub fn check_kind(kind: &str) -> Result<(), Failure> {
    if names::is_type_taken(kind) {
        return Err(usage(format!("a type {kind} would hide the {kind} that the file of its webhooks uses"))
            .hint("name a type that is elsewhere with `--external-api-path`, such as `crate::external::v1::Kind`"));
    }
    names::check_kind(kind)
}

/// Checks the path of a type and the kind that it is of.
pub fn check_type_path(path: &str, kind: &str) -> Result<(), Failure> {
    let is_ident = |part: &str| {
        let part = part.strip_prefix("r#").unwrap_or(part);
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !path.split("::").all(is_ident) || path.split("::").count() < 2 {
        return Err(usage(format!("{path:?} is not the path of a type"))
            .hint("it is what Rust code writes: `cert_manager::v1::Certificate`, or `crate::external::Certificate`"));
    }
    // That the kind's own name may be taken does not matter here: the file names the type by its path.
    if names::is_type_taken(kind) { Ok(()) } else { names::check_kind(kind) }
}

/// Checks the name of an admission plugin, such as `ban-flunder`.
pub fn check_plugin(name: &str) -> Result<(), Failure> {
    names::label("name for an admission plugin", name, "ban-flunder")?;
    let plugin = plugin_type(name);
    if names::is_type_taken(&plugin) {
        return Err(usage(format!("a plugin {name:?} would hide the {plugin} that its own file uses"))
            .hint(format!("choose another name, such as `--name {name}-plugin`")));
    }
    Ok(())
}

/// The type of an admission plugin: `BanFlunder`.
pub fn plugin_type(name: &str) -> String {
    name.to_upper_camel_case()
}

/// The name of one webhook, by which a cluster tells of its refusals: `mbird-v1.demo.example.com`, with `v` for one that
/// validates. A name has three labels or more, which a group of Kubernetes' own is too short for.
pub fn webhook(letter: char, kind: &str, version: &str, api_group: &str) -> String {
    let singular = names::singular(kind);
    let group = match api_group {
        "" => "core.k8s.io".to_owned(),
        group if group.contains('.') => group.to_owned(),
        group => format!("{group}.k8s.io"),
    };
    format!("{letter}{singular}-{version}.{group}")
}

/// Where the program answers it: `/mutate-demo-example-com-v1-bird`.
pub fn path(verb: &str, kind: &str, version: &str, api_group: &str) -> String {
    format!("/{verb}-{}-{version}-{}", api_group.replace('.', "-"), names::singular(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(legal: Result<(), Failure>, expected: &str) {
        let text = legal.err().map(|failure| crate::error::report(&failure.into())).unwrap_or_default();
        assert!(if expected.is_empty() { text.is_empty() } else { text.contains(expected) }, "{text:?}");
    }

    #[test]
    fn a_type_is_named_as_code_names_it() {
        for path in ["a::B", "crate::r#type::v1::Kind", "k8s_openapi::api::core::v1::Pod"] {
            check(check_type_path(path, "Kind"), "");
        }
        for path in ["", "B", "a::", "a:B", "a::B<C>", "a::B; c", "a::9", "github.com/a/b"] {
            check(check_type_path(path, "Kind"), "is not the path of a type");
        }
        check(check_type_path("a::Result", "Result"), "");
        check(check_kind("Result"), "--external-api-path");
        check(check_kind("result"), "try `--kind Result`");
    }

    #[test]
    fn names_and_paths_are_those_of_a_cluster() {
        assert_eq!(webhook('m', "Bird", "v1", "demo.example.com"), "mbird-v1.demo.example.com");
        assert_eq!(webhook('v', "Pod", "v1", ""), "vpod-v1.core.k8s.io");
        assert_eq!(webhook('v', "Deployment", "v1", "apps"), "vdeployment-v1.apps.k8s.io");
        assert_eq!(path("mutate", "Bird", "v1", "demo.example.com"), "/mutate-demo-example-com-v1-bird");
        assert_eq!(path("validate", "Pod", "v1", ""), "/validate--v1-pod");
    }
}
