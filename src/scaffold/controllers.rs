//! What templates see of controllers: of each one, and of the folders that they are in.

use heck::{ToSnakeCase, ToUpperCamelCase};
use serde::Serialize;

use super::children::{self, Child};
use super::imports::Imports;
use super::{layout, views};
use crate::kind_refs::{self, Target};
use crate::names::Module;
use crate::project::{Backend, Controlled, Controller, Kind, KindRef, Project, Scope};

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
    /// What code calls the type of its objects, and what they call their kind themselves.
    pub kind: String,
    pub kind_name: String,
    pub api_version: String,
    pub namespaced: bool,
    /// Whether it is a kind of others.
    pub external: bool,
    /// What is imported from the library's manager.
    pub use_manager: &'static str,
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
    /// The constant with the finalizer. Objects of others get one only where nothing else would clean up after them, and those that
    /// cannot be changed get none.
    pub finalizer: Option<String>,
    /// Whether it names objects that shall be reconciled.
    pub refers: bool,
    /// The statement in `run`.
    pub run: String,
    /// First lines of functions.
    pub reconcile: String,
    pub apply: String,
    pub cleanup: String,
    pub metadata: String,
    pub seen: String,
    pub owner_of: String,
    /// That of labels by which parts are found, if anything needs them.
    pub labels: Option<String>,
    pub owned: Vec<Child>,
    pub watched: Vec<WatchedView>,
    /// Where all that is, if that is another cluster.
    pub cluster: Option<String>,
    /// How the name begins of what belongs to an object: `bird-`.
    pub prefix: String,
    pub test: TestView,
}

/// What the tests of a controller need.
#[derive(Clone, Debug, Serialize)]
pub struct TestView {
    /// The type that they look at: of the first kind that it owns.
    pub child: String,
    pub child_namespaced: bool,
    /// Whether it has data that can be changed.
    pub drifts: bool,
    /// The server, or it and the one of the other cluster, as a pattern, as arguments and as parameters.
    pub servers: &'static str,
    pub refs: &'static str,
    pub parameters: &'static str,
    /// The server that has what belongs to the objects.
    pub there: &'static str,
    /// How many writes there were.
    pub writes: &'static str,
    /// Starts of servers.
    pub serve: String,
    pub serve_there: String,
    pub start_controllers: &'static str,
    /// Whether objects are lost when the server is started again.
    pub forgets: bool,
    /// Whether the test serves somebody else's CRD.
    pub crds: bool,
    /// The statement that adds the controller to a manager.
    pub add: String,
    /// The statement that reads the sample of a kind of the project.
    pub include_sample: String,
}

/// A kind that a controller goes by.
#[derive(Clone, Debug, Serialize)]
pub struct WatchedView {
    /// What code calls the type.
    pub kind: String,
    pub namespaced: bool,
    /// Whether an object of it has no namespace, and may so concern objects in all of them.
    pub everywhere: bool,
    /// The first line of the function that tells whom a change concerns.
    pub concerned: String,
    /// What knows all objects, where that function needs it.
    pub objects: String,
    /// The constant with the annotation that tells of it, and its name.
    pub constant: String,
    pub constant_name: String,
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

/// A controller as templates see it.
pub fn controller(project: &Project, of: Controlled<'_>, controller: &Controller) -> ControllerView {
    let name = &controller.name;
    let (own, external) = match of {
        Controlled::Own(group, kind) => (Some((group, kind)), None),
        Controlled::External(external) => (None, Some(external)),
    };
    let cluster = controller.cluster.clone();
    let mut imports = Imports::default();
    let (kind, defines_type) = imports.controlled(project, of, name);
    let status = own.filter(|(_, kind)| kind.status && !kind.from_crd);
    let (is_main, condition) = condition(of, name);
    let status = status.map(|(_, kind)| imports.status(&kind.kind, !is_main));
    let namespaced = of.scope() == Scope::Namespaced;
    let api_group = of.api_group(project);
    let domain = if own.is_some() { &api_group } else { &project.domain };
    let has_spec = own.is_some_and(|(_, kind)| !kind.schemaless && !kind.from_crd);
    let parameter = format!("object: &{kind}");

    let target = |one| Some((one, kind_refs::find(project, one)?));
    let mut owned = Vec::new();
    for (reference, target) in controller.owns.iter().filter_map(target) {
        let local = imports.target(&target, reference);
        let function = format!("fn desired_{}", local.to_snake_case());
        let signature = layout::signature(&function, std::slice::from_ref(&parameter), &local);
        let mut child = children::child(&target, &local, signature, has_spec, &mut imports);
        let receiver = if controller.cluster.is_some() { "cluster" } else { "cx" };
        let links = [format!(".delete(&{}(object))", child.function), ".await?".to_owned()];
        child.deletion = layout::await_chain(4, receiver, &links);
        owned.push(child);
    }
    let mut watched = Vec::new();
    for (reference, target) in controller.watches.iter().filter_map(target) {
        let local = imports.target(&target, reference);
        let everywhere = namespaced && target.scope() == Scope::Cluster;
        let snake = local.to_snake_case();
        let changed = if everywhere {
            vec![format!("objects: &Lister<{kind}>"), format!("changed: &{local}")]
        } else {
            vec![format!("changed: Arc<{local}>")]
        };
        let head = format!("fn concerned_by_{snake}");
        let constant_name = format!("SEEN_{}", snake.to_uppercase());
        watched.push(WatchedView {
            namespaced: target.scope() == Scope::Namespaced,
            everywhere,
            concerned: layout::signature(&head, &changed, &format!("Vec<ObjectRef<{kind}>>")),
            objects: format!("objects_of_{snake}"),
            constant: layout::constant(&constant_name, &format!("{domain}/{}", local.to_lowercase())),
            constant_name,
            kind: local,
        });
    }
    let natives = natives(project, of, controller, &kind, &owned, &watched);
    let lister = watched.iter().any(|one| one.everywhere);
    let labels = owned.iter().any(|child| child.body.contains("labels(object)"));
    // A backend that is the user's keeps no changes unless it has a status to keep.
    let updates = |kind: &Kind| kind.backend == Backend::Storage || kind.status;
    let finalizer = own.map_or(cluster.is_some(), |(_, kind)| updates(kind));
    let uses = imports.lines();
    let function =
        |head: &str, result: &str| layout::signature(head, &[parameter.clone(), "cx: &Context".to_owned()], result);
    ControllerView {
        folder: Module::of(of.group()).file,
        file: Module::of(name).file,
        kind_name: of.kind().to_owned(),
        api_version: match (own, external) {
            (Some((_, kind)), _) => format!("{api_group}/{}", kind.stored()),
            (_, Some(external)) if api_group.is_empty() => external.version.clone(),
            (_, external) => format!("{api_group}/{}", external.map_or("", |external| &external.version)),
        },
        namespaced,
        external: own.is_none(),
        use_manager: match (status.is_some(), lister) {
            (true, true) => "{Context, Lister, conditions}",
            (true, false) => "{Context, conditions}",
            (false, true) => "{Context, Lister}",
            (false, false) => "Context",
        },
        use_first: uses.first,
        use_before_kube: uses.before_kube,
        use_after_kube: uses.after_kube,
        use_own: uses.own,
        defines_type,
        condition,
        is_main,
        scale: own.is_some_and(|(_, kind)| kind.scale),
        finalizer: finalizer.then(|| layout::constant("FINALIZER", &format!("{domain}/{name}"))),
        refers: !watched.is_empty() || cluster.is_some(),
        run: layout::await_chain(4, "cx", &links(&kind, &owned, &watched, cluster.is_some())),
        reconcile: layout::signature(
            "async fn reconcile",
            &[format!("object: Arc<{kind}>"), "cx: Context".into()],
            if finalizer { "Result<Action, Error<kube::Error>>" } else { "kube::Result<Action>" },
        ),
        apply: function("async fn apply", "kube::Result<Action>"),
        cleanup: function("async fn cleanup", "kube::Result<Action>"),
        metadata: layout::signature("fn metadata", std::slice::from_ref(&parameter), "ObjectMeta"),
        seen: function("fn seen", "BTreeMap<String, String>"),
        owner_of: layout::signature(
            "fn owner_of<K: ResourceExt>",
            &["child: Arc<K>".to_owned()],
            &format!("Option<ObjectRef<{kind}>>"),
        ),
        labels: labels
            .then(|| layout::signature("fn labels", std::slice::from_ref(&parameter), "BTreeMap<String, String>")),
        prefix: format!("{name}-"),
        test: test(project, of, controller, &owned, natives, status.is_some()),
        name: name.clone(),
        kind,
        status,
        owned,
        watched,
        cluster,
    }
}

/// Whether a controller is the first of its kind, and the condition that it keeps: two must not write the same one.
fn condition(of: Controlled<'_>, name: &str) -> (bool, String) {
    let is_main = of.controllers().first().is_none_or(|first| first.name == *name);
    (is_main, if is_main { "Ready".to_owned() } else { format!("{}Ready", name.to_upper_camel_case()) })
}

/// What is said after `cx` in `run`.
fn links(kind: &str, owned: &[Child], watched: &[WatchedView], elsewhere: bool) -> Vec<String> {
    let mut links = vec![format!(".controller::<{kind}>()")];
    links.extend(owned.iter().map(|child| match elsewhere {
        false => format!(".owns::<{}>()", child.kind),
        true => format!(".watches_in::<{}, _, _>(&cluster, owner_of)", child.kind),
    }));
    links.extend(watched.iter().map(|one| {
        let function = format!("concerned_by_{}", one.kind.to_snake_case());
        let mapper = match one.everywhere {
            true => format!("move |changed| {function}(&{}, &changed)", one.objects),
            false => function,
        };
        match elsewhere {
            false => format!(".watches::<{}, _, _>({mapper})", one.kind),
            true => format!(".watches_in::<{}, _, _>(&cluster, {mapper})", one.kind),
        }
    }));
    links.extend([".run(reconcile)".to_owned(), ".await".to_owned()]);
    links
}

/// The types that a test server does not serve by itself: those of the cluster of the objects, and those where the rest is.
fn natives(
    project: &Project,
    of: Controlled<'_>,
    controller: &Controller,
    kind: &str,
    owned: &[Child],
    watched: &[WatchedView],
) -> (Vec<String>, Vec<String>) {
    let needed = |reference: &KindRef| {
        matches!(kind_refs::find(project, reference), Some(Target::Builtin(_))) && !children::is_served_alone(reference)
    };
    let own = match of {
        Controlled::External(external) if external.domain.is_none() => {
            let api_group = external.named().api_group();
            let (version, kind) = (external.version.clone(), external.kind.clone());
            Some(KindRef { api_group, version, kind })
        }
        _ => None,
    };
    let here: Vec<String> = own.filter(needed).map(|_| kind.to_owned()).into_iter().collect();
    let references = controller.owns.iter().chain(&controller.watches);
    let locals = owned.iter().map(|child| &child.kind).chain(watched.iter().map(|one| &one.kind));
    let there: Vec<String> =
        references.zip(locals).filter(|(reference, _)| needed(reference)).map(|(_, local)| local.clone()).collect();
    match controller.cluster {
        Some(_) => (here, there),
        None => (here.into_iter().chain(there).collect(), Vec::new()),
    }
}

fn test(
    project: &Project,
    of: Controlled<'_>,
    controller: &Controller,
    owned: &[Child],
    (here, there): (Vec<String>, Vec<String>),
    has_status: bool,
) -> TestView {
    let elsewhere = controller.cluster.is_some();
    let (refs, parameters) = match (elsewhere, has_status) {
        (false, _) => ("&server", "server: &TestServer"),
        (true, true) => ("&server, &there", "server: &TestServer, there: &TestServer"),
        (true, false) => ("&there", "there: &TestServer"),
    };
    let crd = match of {
        Controlled::External(external) if external.domain.is_some() => Some(external.kind.clone()),
        _ => None,
    };
    let first = owned.first();
    // Kinds of the project that are in the other cluster are served there by the project too.
    let serve = |natives: &[String], crd: Option<&String>| {
        let mut links: Vec<String> = natives.iter().map(|native| format!(".native::<{native}>()")).collect();
        links.extend(crd.map(|kind| format!(".crd({kind}::crd())")));
        if links.is_empty() {
            return "TestServer::start(crate::apis::install).await".to_owned();
        }
        links.push(".start(crate::apis::install)".to_owned());
        layout::chain_text(
            8,
            8 + "let server = ".len(),
            "TestServer::builder()",
            &[links, vec![".await".into()]].concat(),
        )
    };
    let sample = match of {
        Controlled::Own(group, kind) => {
            let path = views::version_sample_path(project, group, kind, kind.stored());
            layout::let_call_at(8, "sample", "include_str!", &format!("\"../../../{path}\""))
        }
        Controlled::External(_) => String::new(),
    };
    TestView {
        child: first.map(|child| child.kind.clone()).unwrap_or_default(),
        child_namespaced: first.is_some_and(|child| child.namespaced),
        drifts: first.is_some_and(|child| child.kind == "ConfigMap" || child.kind == "Secret"),
        servers: if elsewhere { "(server, there)" } else { "server" },
        refs,
        parameters,
        there: if elsewhere { "there" } else { "server" },
        writes: if elsewhere { "server.writes() + there.writes()" } else { "server.writes()" },
        serve: serve(&here, crd.as_ref()),
        serve_there: serve(&there, None),
        start_controllers: if elsewhere {
            "server.start_controllers(|manager| controllers(manager, &there))"
        } else {
            "server.start_controllers(controllers)"
        },
        forgets: matches!(of, Controlled::Own(_, kind) if kind.backend == Backend::Custom),
        crds: crd.is_some(),
        add: layout::call(8, "manager.add", &[format!("{:?}", controller.name), "run".into()]),
        include_sample: sample,
    }
}
