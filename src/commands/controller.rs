//! `create controller`: what keeps the objects of a kind true. The kind may be the project's, Kubernetes' own, or that of
//! somebody's CRD.

use std::path::Path;

use clap::{ArgGroup, Args};

use super::changes::WriteArgs;
use super::create;
use super::main_file;
use crate::builtin_kinds;
use crate::controller_additions::NewController;
use crate::error::{Failure, usage};
use crate::names;
use crate::project::{Controlled, ExternalControllers, Project, Scope};
use crate::scaffold::controllers;

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("others").args(["external", "external_api_domain"]).multiple(true)))]
#[command(after_help = "\
Examples:
  apiserver-boot create controller --group demo --version v1alpha1 --kind Bird
  apiserver-boot create controller --group demo --version v1 --kind Bird --name bird-counter
  apiserver-boot create controller --group demo --version v1 --kind Redis \\
    --owns StatefulSet,Service,ConfigMap --watches Secret
  apiserver-boot create controller --group demo --version v1 --kind Bird --name exporter \\
    --owns apps/v1/Deployment --cluster prod
  apiserver-boot create controller --external --group apps --version v1 --kind Deployment
  apiserver-boot create controller --external --group cert-manager.io --version v1 \\
    --kind Certificate --watches Secret")]
pub struct ControllerArgs {
    /// The kind's group: one of the project's without its domain, or with --external any
    #[arg(long)]
    group: String,

    /// The kind's version
    #[arg(long)]
    version: String,

    /// The kind
    #[arg(long)]
    kind: String,

    /// The controller's name [default: the kind's]
    #[arg(long)]
    name: Option<String>,

    /// Kinds of what it makes for each object, of the project or of Kubernetes: StatefulSet, apps/v1/StatefulSet
    /// [default: ConfigMap]
    #[arg(long, value_name = "KIND", value_delimiter = ',', num_args = 1..)]
    owns: Vec<String>,

    /// Kinds that it goes by besides, of the project or of Kubernetes
    #[arg(long, value_name = "KIND", value_delimiter = ',', num_args = 1..)]
    watches: Vec<String>,

    /// What it owns and watches is in another cluster: `--cluster NAME=KUBECONFIG` tells which one when it runs
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,

    /// The kind is Kubernetes' own or that of somebody else's CRD, not the project's
    #[arg(long)]
    external: bool,

    /// What the group ends in, for a kind of somebody else's CRD; without it, the group may be given in full
    #[arg(long, value_name = "DOMAIN")]
    external_api_domain: Option<String>,

    /// The type of somebody else's kind, if a crate has it, as code writes it [default: one in the controller's own file]
    #[arg(long, value_name = "PATH", requires = "others")]
    external_api_path: Option<String>,

    /// The name in paths of somebody else's kind [default: the kind's plural]
    #[arg(long, value_name = "PLURAL", requires = "others")]
    resource: Option<String>,

    /// The objects of somebody else's kind live in no namespace
    #[arg(long, requires = "others")]
    non_namespaced: bool,

    #[command(flatten)]
    pub write: WriteArgs,
}

/// Adds a controller.
pub fn add(project: &mut Project, args: ControllerArgs) -> anyhow::Result<()> {
    let asked = NewController {
        name: args.name.clone(),
        owns: args.owns.clone(),
        watches: args.watches.clone(),
        cluster: args.cluster.clone(),
    };
    if args.external || args.external_api_domain.is_some() {
        return Ok(project.create_external_controller(of_others(project, args)?, &asked)?);
    }
    if let Err(failure) = project.check_kind_has(&args.group, &args.version, &args.kind) {
        return Err(is_builtin(project, &args).unwrap_or(failure).into());
    }
    let before = project.clone();
    project.create_controller(&args.group, &args.kind, &asked)?;
    create::check_version_is_stored(&before, project, (&args.group, &args.version, &args.kind))
}

/// What to say of a kind that is not the project's, but Kubernetes'.
fn is_builtin(project: &Project, args: &ControllerArgs) -> Option<Failure> {
    let group = builtin_kinds::group(&args.group)?;
    let own = project.group(&args.group).is_some_and(|group| group.kind(&args.kind).is_some());
    let found = builtin_kinds::find(group, &args.version, &args.kind).ok().filter(|_| !own)?;
    let message = format!("{} in {} is no kind of this project, but Kubernetes' own", found.kind, args.group);
    Some(usage(message).hint("add `--external`"))
}

fn of_others(project: &Project, args: ControllerArgs) -> Result<ExternalControllers, Failure> {
    if project.group(&args.group).is_some_and(|group| group.kind(&args.kind).is_some()) && !args.group.contains('.') {
        return Err(usage(format!("{} in {} is a kind of this project", args.kind, args.group))
            .hint("leave out what says that it is of others, such as `--external`"));
    }
    let (group, domain) = match (&args.external_api_domain, builtin_kinds::group(&args.group)) {
        (Some(domain), _) => (args.group.clone(), Some(domain.clone())),
        (None, Some(builtin)) => (builtin.to_owned(), None),
        (None, None) => match args.group.split_once('.') {
            Some((group, domain)) => (group.to_owned(), Some(domain.to_owned())),
            None => return Err(unknown_group(&args.group)),
        },
    };
    let builtin = match &domain {
        None => Some(builtin_kinds::find(&group, &args.version, &args.kind)?),
        Some(_) => None,
    };
    let scope = if args.non_namespaced { Scope::Cluster } else { Scope::Namespaced };
    Ok(ExternalControllers {
        plural: match (&args.resource, builtin) {
            (Some(plural), _) => plural.clone(),
            (None, Some(builtin)) => builtin.plural.to_owned(),
            (None, None) => names::plural(&args.kind),
        },
        scope: builtin.filter(|_| !args.non_namespaced).map_or(scope, |builtin| builtin.scope),
        group,
        domain,
        version: args.version,
        kind: args.kind,
        type_path: args.external_api_path,
        controllers: Vec::new(),
    })
}

fn unknown_group(group: &str) -> Failure {
    let known = builtin_kinds::groups();
    let hint = match builtin_kinds::nearest(group, &known) {
        Some(near) => format!("did you mean `--group {near}`?"),
        None => format!(
            "Kubernetes' groups are {}; that of somebody else's CRD is given in full, such as `--group cert-manager.io`",
            known.join(", ")
        ),
    };
    usage(format!("Kubernetes has no group {group:?}")).hint(hint)
}

/// Groups of Kubernetes of which a server alone serves the kinds that controllers lean on; of the core group it serves those
/// in [`ALONE_IN_CORE`].
const ALONE: [&str; 4] =
    ["admissionregistration.k8s.io", "coordination.k8s.io", "events.k8s.io", "rbac.authorization.k8s.io"];
const ALONE_IN_CORE: [&str; 5] = ["ConfigMap", "Event", "Namespace", "Secret", "ServiceAccount"];

/// What new controllers lean on and a server alone does not serve, and how to have it do so.
pub fn missing_alone(before: &Project, next: &Project, root: &Path) -> Option<String> {
    let is_new = |name: &str| !before.controllers().any(|(_, there)| there.name == name);
    let mut kinds: Vec<&builtin_kinds::BuiltinKind> = Vec::new();
    for (of, controller) in next.controllers().filter(|(_, controller)| is_new(&controller.name)) {
        let here = controller.owns.iter().chain(&controller.watches).filter(|_| controller.cluster.is_none());
        let here = here.map(|kind| (kind.api_group.as_str(), kind.version.as_str(), kind.kind.as_str()));
        let own = match of {
            Controlled::External(kind) if kind.domain.is_none() => builtin_kinds::api_group(&kind.group)
                .map(|api_group| (api_group, kind.version.as_str(), kind.kind.as_str())),
            _ => None,
        };
        for (api_group, version, kind) in here.chain(own) {
            let known = builtin_kinds::all().iter();
            kinds.extend(
                known.filter(|known| (known.api_group, known.version, known.kind) == (api_group, version, kind)),
            );
        }
    }
    kinds.retain(|kind| match kind.api_group {
        "" => !ALONE_IN_CORE.contains(&kind.kind),
        group => !ALONE.contains(&group),
    });
    kinds.sort_by_key(|kind| (kind.api_group, kind.kind));
    kinds.dedup_by_key(|kind| (kind.api_group, kind.version, kind.kind));
    main_file::missing_kinds(root, &kinds)
}

/// The new controllers of `next`: whether each came with its kind, and its file.
pub fn news(before: &Project, next: &Project) -> Vec<(bool, String)> {
    let is_new = |name: &str| !before.controllers().any(|(_, there)| there.name == name);
    let had_kind = |group: &str, kind: &str| before.group(group).is_some_and(|group| group.kind(kind).is_some());
    let mut news = Vec::new();
    for (of, controller) in next.controllers().filter(|(_, controller)| is_new(&controller.name)) {
        let came_with_kind = matches!(of, Controlled::Own(group, kind) if !had_kind(&group.name, &kind.kind));
        news.push((came_with_kind, controllers::path(of.group(), &controller.name)));
    }
    news
}
