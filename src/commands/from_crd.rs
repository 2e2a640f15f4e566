//! `create resource --from-crd`: a kind whose types are made from somebody's CustomResourceDefinition.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::changes::{self, Workspace};
use super::create::{self, ResourceArgs};
use crate::controller_additions::NewController;
use crate::error::{WithHint, usage};
use crate::from_crd::{self, Definition, DefinitionVersion};
use crate::project::{Backend, Kind, KindVersion, Project, Scope, Webhooks};
use crate::scaffold::render::Import;
use crate::ui::Ui;

pub fn create(file: &Path, args: ResourceArgs, ui: &Ui) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::open()?;
    let told = if file == Path::new("-") { "stdin".to_owned() } else { file.display().to_string() };
    let failed = || format!("could not use {told}");
    let text = read(file).with_context(failed)?;
    let definition = Definition::read(&text, args.kind.as_deref()).with_context(failed)?;
    let (version, _) = definition.version(args.version.as_deref()).with_context(failed)?;
    let kind = &definition.names.kind;

    let mut next = workspace.project.clone();
    let group = group(&next, &definition.group, args.group.as_deref());
    next.add_group_as(&group, Some(&definition.group))?;
    next.add_version(&group, &version.name)?;
    if let Some(there) =
        next.group(&group).and_then(|group| group.kind(kind)).filter(|kind| kind.version(&version.name).is_none())
    {
        let message = format!("{kind} in {group} is there already, in {}", there.stored());
        let command =
            format!("apiserver-boot create resource --group {group} --version {} --kind {kind}", version.name);
        return Err(usage(message).hint(format!("`{command}` adds a further version, which starts as a copy")).into());
    }
    next.add_kind(&group, kind_of(&definition, version))?;
    if !args.skip_controller {
        next.create_controller(&group, kind, &NewController::default())?;
    }

    let is_new = workspace.project.group(&group).is_none_or(|group| group.kind(kind).is_none());
    let files = from_crd::write(&definition, Some(&version.name)).with_context(failed)?;
    let import = is_new.then(|| Import { group: group.clone(), kind: kind.clone(), files });
    let plan = workspace.plan_with(&next, import.as_ref(), Vec::new(), args.write)?;
    let changed = changes::carry_out(&workspace.root, &plan, args.write, ui)?;
    match &import {
        Some(import) => warn(&definition, version, import, ui),
        None => ui.warn(format_args!("{kind} is there already: its files are yours, and were left as they are")),
    }
    if changed && !args.write.dry_run {
        ui.say(create::next_steps(&workspace.project, &next, &workspace.root, ui));
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file)
            .with_hint(|| "`kubectl get crd NAME -o yaml` prints the definition of a kind that a cluster has");
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// The group's name in this project: that of the group if it is there, else the one given, else what stands before the
/// project's domain, else the first part of it.
fn group(project: &Project, api_group: &str, given: Option<&str>) -> String {
    if let Some(given) = given {
        return given.to_owned();
    }
    if let Some(there) = project.groups.iter().find(|group| project.api_group(&group.name) == api_group) {
        return there.name.clone();
    }
    if let Some(name) = api_group.strip_suffix(&format!(".{}", project.domain)) {
        return name.to_owned();
    }
    let mut parts = api_group.split('.');
    let first = parts.next().unwrap_or_default();
    match (project.group(first), parts.next()) {
        (Some(_), Some(second)) => format!("{first}-{second}"),
        _ => first.to_owned(),
    }
}

fn kind_of(definition: &Definition, version: &DefinitionVersion) -> Kind {
    Kind {
        kind: definition.names.kind.clone(),
        plural: definition.names.plural.clone(),
        scope: if definition.scope == "Namespaced" { Scope::Namespaced } else { Scope::Cluster },
        versions: vec![KindVersion::stored(&version.name)],
        short_names: definition.names.short_names.clone(),
        categories: definition.names.categories.clone(),
        backend: Backend::Storage,
        schemaless: false,
        from_crd: true,
        status: version.has_status(),
        scale: version.subresources.scale.is_some(),
        subresources: Vec::new(),
        controllers: Vec::new(),
        webhooks: Webhooks::default(),
    }
}

/// Says what did not become what one might expect.
fn warn(definition: &Definition, version: &DefinitionVersion, import: &Import, ui: &Ui) {
    let others = definition.versions.iter().filter(|other| other.name != version.name);
    let others: Vec<&str> = others.map(|other| other.name.as_str()).collect();
    if !others.is_empty() {
        let (others, taken) = (others.join(", "), &version.name);
        ui.warn(format_args!("the types are those of {taken}; left out: {others}"));
    }
    let list_kind = definition.names.list_kind.as_deref().unwrap_or_default();
    if !list_kind.is_empty() && list_kind != format!("{}List", definition.names.kind) {
        ui.warn(format_args!("lists are of the kind {}List, not {list_kind}", definition.names.kind));
    }
    for (path, why) in &import.files.untyped {
        ui.warn(format_args!("{path} has no type of its own, and is checked as before: {why}"));
    }
    if !import.files.untried.is_empty() {
        let paths = import.files.untried.join(", ");
        ui.warn(format_args!("the sample may break rules in CEL, which nobody tried: those of {paths}"));
    }
}
