//! `create webhook`: what another API server asks the project about a kind. The kind may be the project's, Kubernetes'
//! own, or that of somebody's CRD.

use std::path::Path;

use clap::{ArgAction, ArgGroup, Args};

use super::changes::WriteArgs;
use super::main_file;
use crate::additions::known_kinds;
use crate::builtin_kinds;
use crate::error::{Failure, usage};
use crate::names;
use crate::project::{Certificates, ExternalWebhooks, Project, Scope, Webhooks};
use crate::scaffold::webhooks;

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("others").args(["external_api_domain", "external_api_version"]).multiple(true)))]
#[command(after_help = "\
Examples:
  apiserver-boot create webhook --group demo --version v1 --kind Bird --defaulting \\
    --programmatic-validation
  apiserver-boot create webhook --group demo --version v1 --kind Bird --conversion
  apiserver-boot create webhook --group apps --version v1 --kind Deployment \\
    --programmatic-validation
  apiserver-boot create webhook --group cert-manager --external-api-domain io --version v1 \\
    --kind Certificate --defaulting
  apiserver-boot create webhook --group cert-manager.io --external-api-version v1 \\
    --kind Certificate --defaulting")]
pub struct WebhookArgs {
    /// The kind's group: one of the project's without its domain, one of Kubernetes' own (core, apps, batch …), or with
    /// --external-api-domain any
    #[arg(long)]
    group: String,

    /// The kind's version
    #[arg(long, required_unless_present = "external_api_version")]
    version: Option<String>,

    /// The kind
    #[arg(long)]
    kind: String,

    /// Fill in what clients leave out
    #[arg(long)]
    defaulting: bool,

    /// Refuse objects that may not be as they are
    #[arg(long)]
    programmatic_validation: bool,

    /// Convert objects between the versions of a kind of the project
    #[arg(long)]
    conversion: bool,

    /// What the group ends in, for a kind of somebody else's CRD
    #[arg(long, value_name = "DOMAIN")]
    external_api_domain: Option<String>,

    /// The version of a kind of somebody else's CRD, in place of --version; without --external-api-domain the group is
    /// given in full
    #[arg(long, value_name = "VERSION", conflicts_with = "version")]
    external_api_version: Option<String>,

    /// The type of somebody else's kind, if a crate has it, as code writes it [default: one in the webhook's own file]
    #[arg(long, value_name = "PATH", requires = "others")]
    external_api_path: Option<String>,

    /// The name in paths of somebody else's kind [default: the kind's plural]
    #[arg(long, value_name = "PLURAL", requires = "others")]
    resource: Option<String>,

    /// The objects of somebody else's kind live in no namespace
    #[arg(long, requires = "others")]
    non_namespaced: bool,

    /// Whether cert-manager makes the certificate of all webhooks in a cluster, in place of the program itself
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    cert_manager: Option<bool>,

    #[command(flatten)]
    pub write: WriteArgs,
}

/// Adds webhooks for a kind.
pub fn add(project: &mut Project, args: WebhookArgs) -> anyhow::Result<()> {
    let args = args.of_others()?;
    let version = args.version.clone().unwrap_or_default();
    let asked =
        Webhooks { defaulting: args.defaulting, validation: args.programmatic_validation, conversion: args.conversion };
    match args.cert_manager {
        Some(true) => project.webhook_certificates = Certificates::CertManager,
        Some(false) => project.webhook_certificates = Certificates::SelfSigned,
        None => {}
    }
    match whose(project, &args)? {
        Whose::Own => {
            check_version(project, &args, &version)?;
            Ok(project.add_webhooks(&args.group, &args.kind, asked)?)
        }
        Whose::Builtin(group) => {
            let found = builtin_kinds::find(group, &version, &args.kind)?;
            Ok(project.add_external_webhooks(ExternalWebhooks {
                group: group.to_owned(),
                domain: None,
                version,
                kind: args.kind,
                plural: found.plural.to_owned(),
                scope: found.scope,
                type_path: None,
                webhooks: asked,
            })?)
        }
        Whose::Others(domain) => Ok(project.add_external_webhooks(ExternalWebhooks {
            plural: args.resource.unwrap_or_else(|| names::plural(&args.kind)),
            group: args.group,
            domain: Some(domain),
            version,
            kind: args.kind,
            scope: if args.non_namespaced { Scope::Cluster } else { Scope::Namespaced },
            type_path: args.external_api_path,
            webhooks: asked,
        })?),
    }
}

impl WebhookArgs {
    /// Brings the two ways of naming somebody else's kind into one.
    fn of_others(mut self) -> Result<Self, Failure> {
        let Some(version) = self.external_api_version.take() else { return Ok(self) };
        self.version = Some(version);
        if self.external_api_domain.is_none() {
            let Some((group, domain)) = self.group.split_once('.') else {
                return Err(usage(format!("{:?} is not the full name of a group", self.group)).hint(
                    "`--external-api-version` is for kinds of somebody else's CRD, whose group is given in full, such as \
                     `--group cert-manager.io`; others have `--version`",
                ));
            };
            let (group, domain) = (group.to_owned(), domain.to_owned());
            (self.group, self.external_api_domain) = (group, Some(domain));
        }
        Ok(self)
    }
}

/// Whose a kind is.
enum Whose {
    /// The project's.
    Own,
    /// Kubernetes', in the group of this short name.
    Builtin(&'static str),
    /// Somebody else's, in a group that ends in this domain.
    Others(String),
}

fn whose(project: &Project, args: &WebhookArgs) -> Result<Whose, Failure> {
    if let Some(domain) = &args.external_api_domain {
        return Ok(Whose::Others(domain.clone()));
    }
    let own = project.group(&args.group);
    if own.is_some_and(|group| group.kind(&args.kind).is_some()) {
        return Ok(Whose::Own);
    }
    if let Some(group) = builtin_kinds::group(&args.group) {
        return Ok(Whose::Builtin(group));
    }
    if args.group == "admissionregistration" || args.group == "admissionregistration.k8s.io" {
        return Err(usage(format!("no cluster asks a webhook about a {}", args.kind))
            .hint("what decides about requests must not be able to keep itself from being repaired"));
    }
    match own {
        Some(group) => {
            let kinds: Vec<&str> = group.kinds.iter().map(|kind| kind.kind.as_str()).collect();
            let near = builtin_kinds::nearest(&args.kind, &kinds);
            let hint = near.map_or_else(|| known_kinds(project), |near| format!("did you mean `--kind {near}`?"));
            Err(usage(format!("the group {:?} has no kind {:?}", args.group, args.kind)).hint(hint))
        }
        None => Err(usage(format!("there is no group {:?}, neither here nor in Kubernetes", args.group))
            .hint(near_group(project, &args.group))),
    }
}

/// What a user may mean by a group that is nowhere.
fn near_group(project: &Project, group: &str) -> String {
    let own = group.strip_suffix(&format!(".{}", project.domain));
    if let Some(own) = own.filter(|own| project.group(own).is_some()) {
        return format!("groups of the project are named without its domain: use `--group {own}`");
    }
    let mut known: Vec<&str> = project.groups.iter().map(|group| group.name.as_str()).collect();
    known.extend(builtin_kinds::groups());
    match (builtin_kinds::nearest(group, &known), group.split_once('.')) {
        (Some(near), _) => format!("did you mean `--group {near}`?"),
        (None, Some((first, domain))) => {
            format!("for a kind of somebody else's CRD use `--group {first} --external-api-domain {domain}`")
        }
        (None, None) => format!(
            "the groups are {}; for a kind of somebody else's CRD, add `--external-api-domain` with what follows {group:?} \
             in the group's full name",
            known.join(", ")
        ),
    }
}

/// A kind's webhooks are asked about the version in which it is stored: a cluster converts what comes in others.
fn check_version(project: &Project, args: &WebhookArgs, version: &str) -> Result<(), Failure> {
    let Some(kind) = project.group(&args.group).and_then(|group| group.kind(&args.kind)) else { return Ok(()) };
    if kind.stored() == version {
        return Ok(());
    }
    let message = if kind.version_names().contains(&version) {
        format!("{} in {} is stored as {}: its webhooks see it so", args.kind, args.group, kind.stored())
    } else {
        format!("{} in {} has no version {version}", args.kind, args.group)
    };
    Err(usage(message).hint(format!(
        "use `--version {}`; a cluster converts objects of other versions before it asks",
        kind.stored()
    )))
}

/// What `main.rs`, which is the user's, lacks for webhooks, and how to add it.
pub fn missing_line(root: &Path, project: &Project) -> Option<String> {
    main_file::missing_line(root, project, "webhooks", "does not serve webhooks yet")
}

/// What is new in `next`: for each kind a title with what follows it, and the file to edit.
pub fn news(before: &Project, next: &Project) -> Vec<(String, String, Option<String>)> {
    let there = webhooks::all(before);
    let mut news = Vec::new();
    for hook in webhooks::all(next) {
        let old = there.iter().find(|old| old.path == hook.path);
        if old.is_some_and(|old| old.webhooks == hook.webhooks) {
            continue;
        }
        let group = if hook.api_group.is_empty() { "core" } else { &hook.api_group };
        let rest = format!(" of {} in {group}/{}: {}", hook.kind, hook.version, hook.webhooks.join(", "));
        let title = if old.is_none() { "New webhooks" } else { "More webhooks" };
        news.push((title.to_owned(), rest, old.is_none().then(|| hook.path.clone())));
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn missing(main: &str, expected: bool) {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("src")).unwrap();
        std::fs::write(root.path().join("src/main.rs"), main).unwrap();
        let project = Project::new("my-aviary".into(), "example.com".into(), "0.1.0".into(), None);
        let line = missing_line(root.path(), &project);
        assert_eq!(line.is_some(), expected, "{line:?}");
        assert!(line.is_none_or(|line| line.ends_with(".webhooks(my_aviary::webhooks::install)")));
    }

    #[test]
    fn a_main_without_webhooks_is_told_the_line() {
        missing("App::new().apis(a::apis::install).main()", true);
        missing("// .webhooks(a)\nApp::new().main()", true);
        missing("App::new()\n    .webhooks(a::webhooks::install)\n    .main()", false);
    }
}
