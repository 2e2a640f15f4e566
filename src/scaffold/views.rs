//! What templates see: every name, path and decision, computed here so that a template only places them.

use serde::Serialize;

use super::{layout, pair};
use crate::names::{self, Module};
use crate::project::{Answers, Backend, Group, Kind, Project, Scope, Subresource};

/// The project as a whole.
#[derive(Debug, Serialize)]
pub struct ProjectView {
    /// The package and the binary: `my-aviary`.
    pub name: String,
    /// The library as code writes it: `my_aviary`.
    pub krate: String,
    /// As a name in Kubernetes: `my-aviary`.
    pub dns_name: String,
    pub domain: String,
    /// The version of the library in `vendor`.
    pub library_version: String,
    /// The modules of the groups, as code writes them.
    pub groups: Vec<String>,
    /// `pub mod` lines of `src/apis`.
    pub modules: Vec<String>,
}

/// An API group.
#[derive(Clone, Debug, Serialize)]
pub struct GroupView {
    /// Without the domain: `demo`.
    pub name: String,
    /// As clients see it: `demo.example.com`.
    pub api_group: String,
    pub module: String,
    pub folder: String,
    /// `pub mod` lines of `src/apis/<group>`.
    pub modules: Vec<String>,
    /// Statements that register every kind.
    pub kind_calls: Vec<String>,
}

/// A version of a group.
#[derive(Clone, Debug, Serialize)]
pub struct VersionView {
    pub name: String,
    /// `pub mod` lines of `src/apis/<group>/<version>`.
    pub modules: Vec<String>,
}

/// A kind.
#[derive(Clone, Debug, Serialize)]
pub struct KindView {
    pub kind: String,
    pub plural: String,
    pub singular: String,
    pub version: String,
    pub module: String,
    pub file: String,
    pub namespaced: bool,
    pub status: bool,
    pub scale: bool,
    /// Arguments of `#[kube(…)]` after group, version and kind.
    pub kube_arguments: Vec<String>,
    /// `use` of the types, for the strategy.
    pub use_in_strategy: String,
    /// `use` of the types, for a file in `tests/`.
    pub use_in_test: String,
    /// Relative to the root.
    pub types_path: String,
    /// The file of the strategy, or of the backend.
    pub strategy_path: String,
    pub sample_path: String,
    pub test_path: String,
    /// The statement that reads the sample into a test.
    pub include_sample: String,
    /// The first line of a function of the backend.
    pub check_unchanged: String,
    /// The type of what it has beside apiVersion, kind, metadata and status: `BirdSpec`.
    pub spec: String,
    pub schemaless: bool,
    /// Whether nothing is known of its fields.
    pub from_crd: bool,
    /// Whether its status has conditions that a controller can keep.
    pub conditions: bool,
    /// The file names without extension.
    pub sample: String,
    pub test: String,
}

/// A subresource that the user's own code answers for.
#[derive(Clone, Debug, Serialize)]
pub struct SubresourceView {
    /// The last segment of its path: `feeding`.
    pub name: String,
    /// The kind of its object, and the start of all its types: `BirdFeeding`.
    pub kind: String,
    /// What implements the library's trait: `BirdFeedingSubresource`.
    pub handler: String,
    pub module: String,
    pub file: String,
    /// Relative to the root.
    pub path: String,
    pub test_path: String,
    /// The test's file name without extension.
    pub test: String,
    /// Arguments of `#[kube(…)]` after group, version and kind.
    pub kube_arguments: Vec<String>,
    /// The constant with the annotation of the example.
    pub annotation: String,
    /// The first line of the test's function that gives a client.
    pub api: String,
    /// The statement that gives the path of the parent's kind to the test.
    pub url_path: String,
    /// `use` of the parent's type.
    pub use_parent: String,
    /// `use` lines of a file in `tests/`.
    pub use_in_test: Vec<String>,
}

/// A version that was added to a kind.
#[derive(Clone, Debug, Serialize)]
pub struct FurtherView {
    pub version: String,
    /// The version that was stored before.
    pub other: String,
    /// `use` of both.
    pub use_versions: String,
    /// The statement that reads the sample into a test.
    pub include_sample: String,
    /// The test's file name without extension.
    pub test: String,
}

/// The project as templates see it.
pub fn project(project: &Project) -> ProjectView {
    let modules: Vec<String> = project.groups.iter().map(|group| Module::of(&group.name).ident).collect();
    ProjectView {
        name: project.name.clone(),
        krate: names::crate_name(&project.name),
        dns_name: project.name.replace('_', "-").trim_matches('-').to_owned(),
        domain: project.domain.clone(),
        library_version: project.vendor.clone(),
        groups: modules.clone(),
        modules: layout::modules("apis", modules),
    }
}

/// A group as templates see it.
pub fn group(project: &Project, group: &Group) -> GroupView {
    let module = Module::of(&group.name);
    let mut modules: Vec<String> = group.kinds.iter().map(|kind| Module::of(&kind.kind).ident).collect();
    modules.extend(group.versions.iter().cloned());
    let subresources = || group.kinds.iter().flat_map(|kind| kind.subresources.iter().map(move |own| (kind, own)));
    modules.extend(subresources().map(|(kind, own)| subresource_module(kind, own).ident));
    let call = |kind: &Kind| {
        let module = Module::of(&kind.kind).ident;
        let stored_as = format!("stored_as::<{}::{module}::{}>", kind.stored(), kind.type_name());
        let mut calls = vec![match kind.backend {
            Backend::Storage => ("add", format!("{module}::{}Strategy", kind.type_name())),
            Backend::Custom => ("add_backend", format!("{module}::{}Backend::default()", kind.kind)),
        }];
        if kind.versions.len() > 1 {
            calls.push((stored_as.as_str(), String::new()));
        }
        calls.extend(pair::calls(kind).map(|argument| ("version", argument)));
        calls.extend(kind.subresources.iter().map(|own| {
            let method = match own.answers {
                Answers::Arbitrary => "subresource",
                Answers::Connect => "connect",
            };
            (method, format!("{}::{}", subresource_module(kind, own).ident, handler(kind, own)))
        }));
        layout::chain(4, "apis", &calls)
    };
    let modules = layout::modules(&module.ident, modules);
    GroupView {
        name: group.name.clone(),
        api_group: project.api_group(&group.name),
        module: module.ident,
        folder: module.file,
        modules,
        kind_calls: group.kinds.iter().map(call).collect(),
    }
}

/// A version as templates see it.
pub fn version(group: &Group, version: &str) -> VersionView {
    let kinds = group.kinds.iter().filter(|kind| kind.version(version).is_some());
    let mut modules: Vec<String> = Vec::new();
    for kind in kinds {
        modules.push(Module::of(&kind.kind).ident);
        modules.extend(pair::of_version(kind, version).map(|pair| pair.module.ident));
    }
    VersionView { name: version.to_owned(), modules: layout::modules(version, modules) }
}

/// A kind as templates see it.
pub fn kind(project: &Project, group: &Group, kind: &Kind) -> KindView {
    let module = Module::of(&kind.kind);
    let folder = Module::of(&group.name);
    let test = test_stem(project, group, kind);
    let sample_path = sample_path(project, group, kind);
    let sample = sample_path.trim_start_matches("sample/").trim_end_matches(".yaml").to_owned();
    let spec = spec_name(kind);
    let type_name = kind.type_name();
    let krate = names::crate_name(&project.name);
    let types = format!("{}::{}", kind.stored(), module.ident);
    KindView {
        kind: kind.type_name(),
        plural: kind.plural.clone(),
        singular: names::singular(&kind.kind),
        version: kind.stored().to_owned(),
        namespaced: kind.scope == Scope::Namespaced,
        status: kind.status,
        scale: kind.scale,
        kube_arguments: kube_arguments(kind),
        use_in_strategy: layout::use_items(
            &format!("super::{types}"),
            &type_names(kind).iter().map(String::as_str).collect::<Vec<_>>(),
        ),
        use_in_test: layout::use_items(
            &format!("{krate}::apis::{}::{types}", folder.ident),
            &if kind.from_crd { vec![type_name.as_str()] } else { vec![type_name.as_str(), &spec] },
        ),
        check_unchanged: layout::signature(
            "fn check_unchanged",
            &["objects: &Objects".into(), format!("object: &{type_name}")],
            "Result<(), Error>",
        ),
        schemaless: kind.schemaless,
        from_crd: kind.from_crd,
        conditions: kind.status && !kind.from_crd,
        include_sample: layout::let_call("sample", "include_str!", &format!("\"../{sample_path}\"")),
        types_path: types_path(group, kind, kind.stored()),
        strategy_path: format!("src/apis/{}/{}.rs", folder.file, module.file),
        sample_path,
        test_path: format!("tests/{test}.rs"),
        module: module.ident,
        file: module.file,
        spec,
        sample,
        test,
    }
}

/// A version that was added to a kind, as templates see it; nothing for the one that it was made with.
pub fn further(project: &Project, group: &Group, kind: &Kind, version: &str) -> Option<FurtherView> {
    if version == kind.first() {
        return None;
    }
    let (module, folder) = (Module::of(&kind.kind), Module::of(&group.name));
    let other = if version == kind.stored() { kind.first() } else { kind.stored() };
    let sample_path = version_sample_path(project, group, kind, version);
    let mut versions = [version, other];
    versions.sort_by_key(|version| names::version_order(version));
    let plain = format!("{}_{version}", module.file.trim_end_matches('_'));
    let test = if first_of_its_name(project, group, kind) { plain } else { format!("{}_{plain}", folder.file) };
    Some(FurtherView {
        version: version.to_owned(),
        other: other.to_owned(),
        use_versions: layout::use_items(
            &format!("{}::apis::{}", names::crate_name(&project.name), folder.ident),
            &versions,
        ),
        include_sample: layout::let_call("sample", "include_str!", &format!("\"../{sample_path}\"")),
        test,
    })
}

/// A subresource as templates see it.
pub fn subresource(project: &Project, group: &Group, kind: &Kind, own: &Subresource) -> SubresourceView {
    let module = subresource_module(kind, own);
    let folder = Module::of(&group.name);
    let api_group = project.api_group(&group.name);
    let object = names::subresource_kind(&kind.kind, &own.name);
    let types = format!("{}::{}", kind.stored(), Module::of(&kind.kind).ident);
    let plain = names::test_name(&module);
    let test = if first_of_its_name(project, group, kind) { plain } else { format!("{}_{plain}", folder.file) };
    let url_path = if kind.scope == Scope::Namespaced { "&(), Some(\"default\")" } else { "&(), None" };
    let mut kube_arguments = vec![format!("plural = {:?}", kind.plural)];
    if kind.scope == Scope::Namespaced {
        kube_arguments.push("namespaced".into());
    }
    let apis = format!("{}::apis::{}", names::crate_name(&project.name), folder.ident);
    let parent = layout::use_items(&format!("{apis}::{types}"), &[&kind.type_name()]);
    let mut use_in_test = match own.answers {
        Answers::Arbitrary => vec![layout::use_items(&format!("{apis}::{}", module.ident), &[&object]), parent],
        Answers::Connect => vec![parent],
    };
    use_in_test.sort_by_key(|line| line.replace("r#", ""));
    SubresourceView {
        name: own.name.clone(),
        handler: handler(kind, own),
        path: format!("src/apis/{}/{}.rs", folder.file, module.file),
        test_path: format!("tests/{test}.rs"),
        test,
        kube_arguments,
        annotation: layout::constant("ANNOTATION", &format!("{api_group}/{}", own.name)),
        api: layout::signature("fn api", &["server: &TestServer".into()], &format!("Api<{object}>")),
        url_path: layout::let_call("objects", &format!("{}::url_path", kind.type_name()), url_path),
        use_parent: layout::use_items(&format!("super::{types}"), &[&kind.type_name()]),
        use_in_test,
        kind: object,
        module: module.ident,
        file: module.file,
    }
}

/// The file of a kind's fields in a version.
pub fn types_path(group: &Group, kind: &Kind, version: &str) -> String {
    format!("src/apis/{}/{version}/{}.rs", Module::of(&group.name).file, Module::of(&kind.kind).file)
}

/// The sample of a kind in a version: that of its first is called after the kind alone.
pub fn version_sample_path(project: &Project, group: &Group, kind: &Kind, version: &str) -> String {
    let first = sample_path(project, group, kind);
    if version == kind.first() { first } else { first.replace(".yaml", &format!("-{version}.yaml")) }
}

/// The name of a kind's sample: `sample/bird.yaml`, or `sample/crew-bird.yaml` when an earlier kind has that.
pub fn sample_path(project: &Project, group: &Group, kind: &Kind) -> String {
    let plain = names::singular(&kind.kind);
    if first_of_its_name(project, group, kind) {
        format!("sample/{plain}.yaml")
    } else {
        format!("sample/{}-{plain}.yaml", group.name.replace('.', "-"))
    }
}

fn subresource_module(kind: &Kind, own: &Subresource) -> Module {
    Module::of(&names::subresource_kind(&kind.kind, &own.name))
}

fn handler(kind: &Kind, own: &Subresource) -> String {
    let object = names::subresource_kind(&kind.kind, &own.name);
    match own.answers {
        Answers::Arbitrary => format!("{object}Subresource"),
        Answers::Connect => format!("{object}Connect"),
    }
}

/// The name of a test, without extension.
fn test_stem(project: &Project, group: &Group, kind: &Kind) -> String {
    let plain = names::test_name(&Module::of(&kind.kind));
    if first_of_its_name(project, group, kind) { plain } else { format!("{}_{plain}", Module::of(&group.name).file) }
}

/// Whether no earlier kind of another group has the same file name.
fn first_of_its_name(project: &Project, group: &Group, kind: &Kind) -> bool {
    let file = Module::of(&kind.kind).file;
    let first = project.kinds().find(|(_, other)| Module::of(&other.kind).file == file);
    first.is_none_or(|(other_group, _)| other_group.name == group.name)
}

/// The type of what a kind has beside what all kinds have.
fn spec_name(kind: &Kind) -> String {
    format!("{}{}", kind.kind, if kind.schemaless { "Fields" } else { "Spec" })
}

fn type_names(kind: &Kind) -> Vec<String> {
    let mut names = vec![kind.type_name()];
    if kind.status && !kind.from_crd {
        names.push(format!("{}Status", kind.kind));
    }
    names
}

/// What gives a kind its scale.
pub const SCALE_ARGUMENT: &str = r#"scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    )"#;

/// What gives a kind its status.
pub fn status_argument(kind: &Kind) -> String {
    format!("status = \"{}Status\"", kind.kind)
}

/// Arguments of `#[kube(…)]` after group, version and kind.
pub fn kube_arguments(kind: &Kind) -> Vec<String> {
    let mut arguments = Vec::new();
    if kind.plural != names::plural(&kind.kind) {
        arguments.push(format!("plural = {:?}", kind.plural));
    }
    if kind.scope == Scope::Namespaced {
        arguments.push("namespaced".into());
    }
    if kind.status {
        arguments.push(status_argument(kind));
    }
    if kind.scale {
        arguments.push(SCALE_ARGUMENT.to_owned());
    }
    arguments.extend(kind.short_names.iter().map(|name| format!("shortname = {name:?}")));
    arguments.extend(kind.categories.iter().map(|name| format!("category = {name:?}")));
    arguments
}
