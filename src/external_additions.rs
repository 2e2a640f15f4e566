//! What is checked of a kind that is not the project's, whatever is added for it.

use crate::builtin_kinds;
use crate::error::{Failure, usage};
use crate::names;
use crate::project::{ExternalKind, Project};
use crate::webhook_names;

/// Checks the names of a kind of others: one of Kubernetes' own is as Kubernetes has it.
pub fn check_names(asked: &ExternalKind<'_>) -> Result<(), Failure> {
    let Some(domain) = asked.domain else {
        let found = builtin_kinds::find(asked.group, asked.version, asked.kind)?;
        if (found.plural, found.scope) != (asked.plural, asked.scope) {
            return Err(usage(format!("{} is Kubernetes' own: its plural is {}", asked.kind, found.plural))
                .hint("leave out `--resource` and `--non-namespaced`: they are known"));
        }
        if asked.type_path.is_some() {
            return Err(usage(format!("{} is Kubernetes' own: its type is that of k8s-openapi", asked.kind))
                .hint("leave out `--external-api-path`, or name the group's domain with `--external-api-domain`"));
        }
        return Ok(());
    };
    webhook_names::check_group(asked.group, domain)?;
    names::check_version(asked.version)?;
    names::check_plural(asked.plural)?;
    match asked.type_path {
        Some(path) => webhook_names::check_type_path(path, asked.kind),
        None => webhook_names::check_kind(asked.kind),
    }
}

/// Checks that a kind of others is none of the project.
pub fn check_is_of_others(project: &Project, asked: &ExternalKind<'_>) -> Result<(), Failure> {
    let api_group = asked.api_group();
    let is_same = |(own, kind): &(&crate::project::Group, &crate::project::Kind)| {
        project.api_group(&own.name) == api_group && kind.kind == asked.kind
    };
    match project.kinds().find(is_same) {
        None => Ok(()),
        Some((own, _)) => Err(usage(format!("{} in {api_group} is a kind of this project", asked.kind))
            .hint(format!("leave out what says that it is of others, and use `--group {}`", own.name))),
    }
}

/// Whether a kind of others is asked for in the form in which it is there; `told` begins what is said otherwise.
pub fn same(told: &str, there: &ExternalKind<'_>, asked: &ExternalKind<'_>) -> Result<(), Failure> {
    let differs = |what: &str, is: &str, asked: &str| {
        Err(usage(format!("{told}: its {what} is {is}, not {asked}"))
            .hint("type the flags as you did the first time, or mend its entry in PROJECT"))
    };
    if there.version != asked.version {
        return differs("version", there.version, asked.version);
    }
    if there.plural != asked.plural {
        return differs("plural", there.plural, asked.plural);
    }
    if there.scope != asked.scope {
        return differs("scope", &format!("{:?}", there.scope), &format!("{:?}", asked.scope));
    }
    if there.type_path != asked.type_path {
        let path = |path: Option<&str>| path.unwrap_or("in its own file").to_owned();
        return differs("type", &path(there.type_path), &path(asked.type_path));
    }
    Ok(())
}
