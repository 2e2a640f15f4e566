//! What templates see of controllers: of each one, and of the folders that they are in.

use heck::{ToSnakeCase, ToUpperCamelCase};
use serde::Serialize;

use super::children::{self, Child};
use super::imports::Imports;
use super::{layout, views};
use crate::kind_refs::{self, Target};
use crate::names::{self, Module};
use crate::project::{Controlled, Controller, KindRef, Project, Scope};

/// All controllers of a project.
#[derive(Debug, Serialize)]
pub struct ControllersView {
    /// `pub mod` lines of `src/controllers`.
    pub modules: Vec<String>,
    /// Statements that register every controller.
    pub calls: Vec<String>,
    /// The names of the clusters that controllers act in besides their own.
    pub clusters: Vec<String>,
}

/// The controllers of the kinds of one group, or of several whose names make one folder.
#[derive(Clone, Debug, Serialize)]
pub struct ControllerFolder {
    pub folder: String,
    /// The groups as clients see them, in words.
    pub api_groups: String,
    /// `pub mod` lines of `src/controllers/<group>`.
    pub modules: Vec<String>,
}

/// A controller.
#[derive(Clone, Debug, Serialize)]
pub struct ControllerView {
    /// As the manager knows it: `nest-box`.
    pub name: String,
    pub folder: String,
    pub file: String,
    /// Relative to the root.
    pub path: String,
    /// What code calls the type of its objects.
    pub kind: String,
    pub namespaced: bool,
    /// Whether it is a kind of others: its objects get no finalizer and no status from here.
    pub external: bool,
    /// `use` lines by where they are sorted: before `apiserver`, before `kube`, after it, and those of the project itself.
    pub use_first: Vec<String>,
    pub use_before_kube: Vec<String>,
    pub use_after_kube: Vec<String>,
    pub use_own: Vec<String>,
    /// The `#[kube(…)]` of a type that is in the controller's own file.
    pub defines_type: Option<String>,
    /// The type of the status that it writes, if any: `BirdStatus`.
    pub status: Option<String>,
    /// The type of the condition that it keeps: `Ready` for a kind's first controller.
    pub condition: String,
    /// Whether it also keeps what is not a condition: a kind's first controller does.
    pub is_main: bool,
    pub scale: bool,
    /// Keeps a deleted object until the controller has cleaned up; none for kinds of others.
    pub finalizer: Option<String>,
    /// The statement in `run`, and in that of the test that fails at first.
    pub run: String,
    pub run_failing: String,
    /// First lines of functions.
    pub reconcile: String,
    pub apply: String,
    pub cleanup: String,
    pub metadata: String,
    pub is_ready: String,
    pub owned: Vec<Child>,
    pub watched: Vec<WatchedView>,
    /// The function that tells whose an object in another cluster is.
    pub cluster: Option<String>,
    pub owner_functions: Vec<String>,
    /// How an object that belongs to another begins its name: `bird-`.
    pub prefix: String,
    /// Whether templates need labels that select pods.
    pub labels: bool,
    /// What an example of the kind is read from.
    pub sample: Sample,
    /// What the test server must serve besides the project's kinds.
    pub natives: Vec<String>,
    pub crds: Vec<String>,
    /// The statement that adds it to the manager of its test.
    pub test_call: String,
}

/// A kind that a controller goes by.
#[derive(Clone, Debug, Serialize)]
pub struct WatchedView {
    /// What code calls the type.
    pub kind: String,
    pub namespaced: bool,
    /// The first line of the function that tells whom a change concerns.
    pub concerned: String,
    /// The annotation that tells what the controller went by.
    pub annotation: String,
}

/// An example of a kind.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sample {
    /// The statement that reads the sample, for a kind of the project.
    pub include: String,
}

/// All controllers as templates see them.
pub fn controllers(project: &Project) -> ControllersView {
    let mut modules: Vec<String> = Vec::new();
    for (of, _) in project.controllers() {
        let module = Module::of(of.group()).ident;
        if !modules.contains(&module) {
            modules.push(module);
        }
    }
    let call = |of: Controlled<'_>, controller: &Controller| {
        let run = format!("{}::{}::run", Module::of(of.group()).ident, Module::of(&controller.name).ident);
        layout::call(4, "manager.add", &[format!("{:?}", controller.name), run])
    };
    ControllersView {
        modules: layout::modules("controllers", modules),
        calls: project.controllers().map(|(of, controller)| call(of, controller)).collect(),
        clusters: project.clusters().into_iter().map(str::to_owned).collect(),
    }
}

/// The folders of the controllers, in the order of the first ones.
pub fn folders(project: &Project) -> Vec<ControllerFolder> {
    let mut folders: Vec<(Module, Vec<String>, Vec<String>)> = Vec::new();
    for (of, controller) in project.controllers() {
        let (folder, api_group) = (Module::of(of.group()), of.api_group(project));
        let api_group = if api_group.is_empty() { "Kubernetes' core group".to_owned() } else { api_group };
        let module = Module::of(&controller.name).ident;
        match folders.iter_mut().find(|(there, ..)| *there == folder) {
            Some((_, groups, modules)) => {
                if !groups.contains(&api_group) {
                    groups.push(api_group);
                }
                modules.push(module);
            }
            None => folders.push((folder, vec![api_group], vec![module])),
        }
    }
    let view = |(folder, groups, modules): (Module, Vec<String>, Vec<String>)| ControllerFolder {
        modules: layout::modules(&folder.ident, modules),
        api_groups: groups.join(" and "),
        folder: folder.file,
    };
    folders.into_iter().map(view).collect()
}

/// The file of a controller, relative to the root.
pub fn path(group: &str, name: &str) -> String {
    format!("src/controllers/{}/{}.rs", Module::of(group).file, Module::of(name).file)
}

/// A controller as templates see it. Of a kind that is as new as its controller the fields are known.
pub fn controller(project: &Project, of: Controlled<'_>, controller: &Controller, is_new: bool) -> ControllerView {
    let name = &controller.name;
    let own = match of {
        Controlled::Own(group, kind) => Some((group, kind)),
        Controlled::External(_) => None,
    };
    let mut imports = Imports::default();
    let (kind, defines_type) = imports.controlled(project, of, name);
    let is_main = of.controllers().first().is_none_or(|first| first.name == *name);
    // Two controllers of one kind must not write the same condition.
    let condition = if is_main { "Ready".to_owned() } else { format!("{}Ready", name.to_upper_camel_case()) };
    let status = own.filter(|(_, kind)| kind.status && !kind.from_crd);
    let status = status.map(|(_, kind)| imports.status(&kind.kind));
    let namespaced = of.scope() == Scope::Namespaced;
    let domain = if own.is_some() { of.api_group(project) } else { project.domain.clone() };
    let text = children::Text {
        // What the user may have changed is not taken for granted.
        message: is_new && own.is_some_and(|(_, kind)| !kind.schemaless && !kind.from_crd),
    };
    let object = format!("object: &{kind}");
    let mut natives: Vec<String> = Vec::new();
    let mut served = |target: &Target<'_>, reference: &KindRef, local: &str| {
        if matches!(target, Target::Builtin(_)) && !children::is_served_alone(reference) {
            natives.push(local.to_owned());
        }
    };
    let (mut owned, mut watched) = (Vec::new(), Vec::new());
    for (reference, target) in controller.owns.iter().filter_map(|one| Some((one, kind_refs::find(project, one)?))) {
        let local = imports.target(&target, reference);
        served(&target, reference, &local);
        let signature = layout::signature(
            &format!("fn desired_{}", local.to_snake_case()),
            std::slice::from_ref(&object),
            &local,
        );
        owned.push(children::child(&target, &local, signature, text, &mut imports));
    }
    for (reference, target) in controller.watches.iter().filter_map(|one| Some((one, kind_refs::find(project, one)?))) {
        let local = imports.target(&target, reference);
        served(&target, reference, &local);
        watched.push(WatchedView {
            concerned: layout::signature(
                &format!("fn concerned_by_{}", local.to_snake_case()),
                &[format!("changed: &{local}")],
                &format!("Vec<ObjectRef<{kind}>>"),
            ),
            annotation: format!("{domain}/{}", local.to_lowercase()),
            namespaced: target.scope() == Scope::Namespaced,
            kind: local,
        });
    }
    if let Controlled::External(external) = of
        && external.domain.is_none()
    {
        let reference = KindRef {
            api_group: external.named().api_group(),
            version: external.version.clone(),
            kind: external.kind.clone(),
        };
        if !children::is_served_alone(&reference) && !natives.contains(&kind) {
            natives.insert(0, kind.clone());
        }
    }
    let crds = match of {
        Controlled::External(external) if external.domain.is_some() => vec![kind.clone()],
        _ => Vec::new(),
    };
    let cluster = controller.cluster.clone();
    let links = |reconcile: &str| {
        let mut links = vec![format!(".controller::<{kind}>()")];
        for child in &owned {
            links.push(match &cluster {
                None => format!(".owns::<{}>()", child.kind),
                Some(_) => format!(".watches_in::<{}, _, _>(&cluster, owner_of)", child.kind),
            });
        }
        for one in &watched {
            let function = format!("concerned_by_{}", one.kind.to_snake_case());
            links.push(match &cluster {
                None => format!(".watches::<{}, _, _>({function})", one.kind),
                Some(_) => format!(".watches_in::<{}, _, _>(&cluster, {function})", one.kind),
            });
        }
        links.push(format!(".run({reconcile})"));
        links.push(".await".to_owned());
        links
    };
    let (run, run_failing) = (layout::await_chain(4, "cx", &links("reconcile")), String::new());
    let finalizer = own.is_some() || cluster.is_some();
    let uses = imports.lines();
    let labels = owned.iter().any(|child| child.body.contains("labels(object)"));
    let sample = own.map(|(group, kind)| Sample {
        include: layout::let_call_at(
            8,
            "sample",
            "include_str!",
            &format!("\"../../../{}\"", views::version_sample_path(project, group, kind, kind.stored())),
        ),
    });
    let function = |head: &str| {
        let parameters = [object.clone(), "cx: &Context".to_owned()];
        layout::signature(head, &parameters, "kube::Result<Action>")
    };
    ControllerView {
        path: path(of.group(), name),
        folder: Module::of(of.group()).file,
        file: Module::of(name).file,
        namespaced,
        external: own.is_none(),
        use_first: uses.first,
        use_before_kube: uses.before_kube,
        use_after_kube: uses.after_kube,
        use_own: uses.own,
        defines_type,
        status,
        condition,
        is_main,
        scale: own.is_some_and(|(_, kind)| kind.scale),
        finalizer: finalizer.then(|| format!("{domain}/{name}")),
        run,
        run_failing,
        reconcile: layout::signature(
            "async fn reconcile",
            &[format!("object: Arc<{kind}>"), "cx: Context".into()],
            if finalizer { "Result<Action, Error<kube::Error>>" } else { "kube::Result<Action>" },
        ),
        apply: function("async fn apply"),
        cleanup: function("async fn cleanup"),
        metadata: layout::signature("fn metadata", std::slice::from_ref(&object), "ObjectMeta"),
        is_ready: layout::signature("fn is_ready", &[format!("object: Option<&{kind}>")], "bool"),
        owner_functions: Vec::new(),
        prefix: format!("{name}-"),
        test_call: layout::call(12, "manager.add", &[format!("{name:?}"), "run".into()]),
        name: name.clone(),
        kind,
        owned,
        watched,
        cluster,
        labels,
        sample: sample.unwrap_or_default(),
        natives,
        crds,
    }
}
