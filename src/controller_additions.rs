//! What controllers may be added to a project, as `additions.rs` has it for kinds: each function checks one addition, and a
//! `PROJECT` file that is read goes through the same functions.

use crate::error::{Failure, usage};
use crate::external_additions;
use crate::kind_refs::{self, Target};
use crate::names::{self, Module};
use crate::project::{Controlled, Controller, ExternalControllers, KindRef, Project, Scope};
use crate::scaffold::controllers::path;

/// What a controller makes for each object unless it is told otherwise: the first that it has nothing else to do with. A server
/// that stands alone keeps these as a cluster does.
const CHILDREN: [&str; 3] = ["v1/ConfigMap", "v1/Secret", "v1/ServiceAccount"];

/// A controller as a command asks for it.
#[derive(Clone, Debug, Default)]
pub struct NewController {
    /// Without one it is called after its kind.
    pub name: Option<String>,
    /// Kinds as users type them; without any it owns ConfigMaps.
    pub owns: Vec<String>,
    pub watches: Vec<String>,
    pub cluster: Option<String>,
}

impl Project {
    /// Adds a controller to a kind of the project, unless it is there.
    pub fn create_controller(&mut self, group: &str, kind: &str, asked: &NewController) -> Result<(), Failure> {
        self.kind_mut(group, kind)?;
        let Some(controller) = self.asked(group, &self.api_group(group), kind, asked)? else { return Ok(()) };
        self.add_controller(group, kind, controller)
    }

    /// Adds a controller to a kind of others, unless it is there.
    pub fn create_external_controller(
        &mut self,
        of: ExternalControllers,
        asked: &NewController,
    ) -> Result<(), Failure> {
        external_additions::check_names(&of.named())?;
        external_additions::check_is_of_others(self, &of.named())?;
        let Some(controller) = self.asked(&of.group, &of.named().api_group(), &of.kind, asked)? else { return Ok(()) };
        self.add_external_controllers(ExternalControllers { controllers: vec![controller], ..of })
    }

    /// Adds a controller to a kind of the project.
    pub fn add_controller(&mut self, group: &str, kind: &str, controller: Controller) -> Result<(), Failure> {
        let mut next = self.clone();
        next.kind_mut(group, kind)?.controllers.push(controller);
        next.check_controllers()?;
        *self = next;
        Ok(())
    }

    /// Adds controllers to a kind of others, beside those that it has.
    pub fn add_external_controllers(&mut self, of: ExternalControllers) -> Result<(), Failure> {
        external_additions::check_names(&of.named())?;
        external_additions::check_is_of_others(self, &of.named())?;
        let mut next = self.clone();
        match next.external_controllers.iter_mut().find(|there| there.named().is_same_kind(&of.named())) {
            Some(there) => {
                let told = format!("there are controllers for {} in {} already", there.kind, there.named().api_group());
                external_additions::same(&told, &there.named(), &of.named())?;
                there.controllers.extend(of.controllers);
            }
            None => next.external_controllers.push(of),
        }
        next.check_controllers()?;
        *self = next;
        Ok(())
    }

    /// What is asked for, in full; nothing if it is there.
    fn asked(
        &self,
        group: &str,
        api_group: &str,
        kind: &str,
        asked: &NewController,
    ) -> Result<Option<Controller>, Failure> {
        let is_of = |of: &Controlled<'_>| of.kind() == kind && of.api_group(self) == api_group;
        let name = match &asked.name {
            Some(name) => name.clone(),
            // `bird`, or `crew-bird` when another group's Bird has the name.
            None => {
                let name = names::controller("", kind);
                let taken = self.controllers().any(|(of, there)| there.name == name && !is_of(&of));
                if taken { names::controller(group, kind) } else { name }
            }
        };
        let refs = |flag, texts: &[String]| {
            texts.iter().map(|text| kind_refs::resolve(self, flag, text, group)).collect::<Result<Vec<_>, _>>()
        };
        let owns = refs("--owns", &asked.owns)?;
        if let Some((Target::Own(_, imported), reference)) = owns
            .iter()
            .filter_map(|one| Some((kind_refs::find(self, one)?, one)))
            .find(|(target, _)| target.is_imported())
        {
            return Err(usage(format!(
                "the fields of {} were made from a CustomResourceDefinition: nothing is known here that could be made of it",
                imported.kind
            ))
            .hint(format!("leave it out, add `.owns::<…>()` in the controller's file, and {reference} in PROJECT")));
        }
        let mut controller =
            Controller { owns, watches: refs("--watches", &asked.watches)?, cluster: asked.cluster.clone(), name };
        let there = self.controllers().find(|(_, there)| there.name == controller.name);
        match there {
            Some((of, there)) if is_of(&of) => return is_as_asked(there, &controller, &path(of.group(), &there.name)),
            Some((of, there)) => {
                return Err(usage(format!(
                    "there is a controller {:?} already: that of {} in {}",
                    there.name,
                    of.kind(),
                    of.group()
                ))
                .hint("choose another with `apiserver-boot create controller --name`"));
            }
            None => {}
        }
        if controller.owns.is_empty() {
            let is_free = |child: &KindRef| {
                let is_itself = child.api_group == api_group && child.kind == kind;
                !controller.watches.contains(child) && (!is_itself || controller.cluster.is_some())
            };
            let mut children = CHILDREN.iter().filter_map(|child| child.parse().ok());
            let Some(child) = children.find(is_free) else {
                return Err(usage("there is nothing left that a controller owns unless told otherwise")
                    .hint("say what it makes for each object: `--owns KIND`"));
            };
            controller.owns.push(child);
        }
        Ok(Some(controller))
    }

    /// Names, files and kinds of all controllers.
    fn check_controllers(&self) -> Result<(), Failure> {
        let mut seen: Vec<(Controlled<'_>, &Controller)> = Vec::new();
        for (of, controller) in self.controllers() {
            names::check_controller(&controller.name)?;
            let (folder, module) = (Module::of(of.group()), Module::of(&controller.name));
            for (other_of, other) in &seen {
                if other.name == controller.name {
                    return Err(usage(format!("there are two controllers {:?}", other.name))
                        .hint("choose another with `apiserver-boot create controller --name`"));
                }
                if Module::of(other_of.group()) == folder && Module::of(&other.name) == module {
                    return Err(usage(format!(
                        "the controllers {:?} and {:?} would both be the module `{}`",
                        controller.name, other.name, module.ident
                    ))
                    .hint("choose another with `--name`"));
                }
            }
            self.check_refs(&of, controller)?;
            if let Some(cluster) = &controller.cluster {
                names::label("name of a cluster", cluster, "prod")?;
            }
            seen.push((of, controller));
        }
        Ok(())
    }

    fn check_refs(&self, of: &Controlled<'_>, controller: &Controller) -> Result<(), Failure> {
        let name = &controller.name;
        let api_group = of.api_group(self);
        for (index, reference) in controller.owns.iter().chain(&controller.watches).enumerate() {
            let owned = index < controller.owns.len();
            let verb = if owned { "owns" } else { "watches" };
            let Some(target) = kind_refs::find(self, reference) else {
                return Err(usage(format!(
                    "the controller {name:?} {verb} {reference}, which is no kind here nor in Kubernetes"
                ))
                .hint(format!("mend `{verb}` of {name} in PROJECT")));
            };
            let is_itself = reference.kind == of.kind() && reference.api_group == api_group;
            if is_itself && controller.cluster.is_none() {
                let hint = if owned {
                    "what belongs to an object is of another kind, or `reconcile` would never come to an end"
                } else {
                    "leave it out: a controller is told of every object of its own kind anyway"
                };
                return Err(
                    usage(format!("the controller {name:?} of {} {verb} {} itself", of.kind(), of.kind())).hint(hint)
                );
            }
            let is_same = |other: &&KindRef| other.kind == reference.kind && other.api_group == reference.api_group;
            if controller.owns.iter().chain(&controller.watches).take(index).any(|other| is_same(&other)) {
                return Err(usage(format!("the controller {name:?} is told of {reference} twice"))
                    .hint("name each kind once, with `--owns` or with `--watches`: what is owned is watched too"));
            }
            let here = controller.cluster.is_none();
            if owned && here && of.scope() == Scope::Namespaced && target.scope() == Scope::Cluster {
                return Err(usage(format!(
                    "{} lives in a namespace, and what it owns lives in the same one: {} has none",
                    of.kind(),
                    reference.kind
                ))
                .hint(format!("use `--watches {reference}`, or own a kind with a namespace")));
            }
        }
        Ok(())
    }
}

/// A controller that is there is the one that is asked for, if nothing more is asked of it than it does. Its file is the user's.
fn is_as_asked(there: &Controller, asked: &Controller, path: &str) -> Result<Option<Controller>, Failure> {
    let has_all = |there: &[KindRef], asked: &[KindRef]| asked.iter().all(|one| there.contains(one));
    let same_cluster = asked.cluster.is_none() || there.cluster == asked.cluster;
    if has_all(&there.owns, &asked.owns) && has_all(&there.watches, &asked.watches) && same_cluster {
        return Ok(None);
    }
    Err(usage(format!("there is a controller {:?} already, which does other things", there.name)).hint(format!(
        "its file is yours: name further kinds in `run` of {path}, and note them in PROJECT. For another controller of \
         the kind, choose a `--name`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: &str = "";

    /// A project with Bird and Nest in demo, Tree without a namespace, and Bird and Oak, whose fields nobody knows, in crew.
    fn project() -> Project {
        let text = "version: 1\nname: aviary\ndomain: example.com\nvendor: 0.1.0\ngroups:\n- name: demo\n  versions: [v1]\n  \
                    kinds:\n  - {kind: Bird, plural: birds, scope: Namespaced, version: v1, status: true}\n  \
                    - {kind: Nest, plural: nests, scope: Namespaced, version: v1, status: true}\n  \
                    - {kind: Tree, plural: trees, scope: Cluster, version: v1, status: true}\n\
                    - name: crew\n  versions: [v1]\n  kinds:\n  \
                    - {kind: Bird, plural: birds, scope: Namespaced, version: v1, status: true}\n  \
                    - {kind: Oak, plural: oaks, scope: Namespaced, version: v1, status: true, fromCrd: true}\n";
        Project::parse(text).unwrap()
    }

    fn named(name: &str) -> NewController {
        NewController { name: Some(name.into()), ..NewController::default() }
    }

    fn kinds(owns: &[&str], watches: &[&str]) -> NewController {
        let list = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect();
        NewController { owns: list(owns), watches: list(watches), ..NewController::default() }
    }

    fn of(group: &str, kind: &str, plural: &str, scope: Scope) -> ExternalControllers {
        ExternalControllers {
            group: group.into(),
            domain: None,
            version: "v1".into(),
            kind: kind.into(),
            plural: plural.into(),
            scope,
            type_path: None,
            controllers: Vec::new(),
        }
    }

    #[track_caller]
    fn check(result: Result<(), Failure>, expected: &str) {
        let text = result.err().map(|failure| crate::error::report(&failure.into())).unwrap_or_default();
        assert!(if expected.is_empty() { text.is_empty() } else { text.contains(expected) }, "{text:?}");
    }

    /// Adds a controller of a kind in demo to a new project, and gives what it is told of.
    #[track_caller]
    fn told(kind: &str, asked: &NewController, expected: &str) {
        let mut project = project();
        let told = match project.create_controller("demo", kind, asked) {
            Ok(()) => {
                check(project.check(), FINE);
                let (_, controller) = project.controllers().next().unwrap();
                let list = |kinds: &[KindRef]| kinds.iter().map(KindRef::to_string).collect::<Vec<_>>().join(" ");
                format!("{}; {}", list(&controller.owns), list(&controller.watches))
            }
            Err(failure) => crate::error::report(&failure.into()),
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn controllers_have_names_of_their_own() {
        let mut project = project();
        let mut create = |group: &str, kind: &str, asked: &NewController, expected: &str| {
            check(project.create_controller(group, kind, asked), expected);
        };
        let default = NewController::default();
        create("demo", "Bird", &default, FINE);
        create("demo", "Bird", &default, FINE);
        create("demo", "Bird", &named("nest-counter"), FINE);
        create("demo", "Bird", &named("nest--counter"), "would both be the module `nest_counter`");
        create("demo", "Egg", &default, "the kinds are Bird in demo");
        create("demo", "Bird", &named("Bird"), "is not a controller name");
        create("crew", "Bird", &named("bird"), "that of Bird in demo");
        create("crew", "Bird", &default, FINE);
        let names: Vec<String> = project.controllers().map(|(_, controller)| controller.name.clone()).collect();
        assert_eq!(names, ["bird", "nest-counter", "crew-bird"]);
        check(project.check(), FINE);
    }

    #[test]
    fn controllers_are_told_of_kinds_once() {
        told("Bird", &NewController::default(), "v1/ConfigMap; ");
        told(
            "Bird",
            &kinds(&["Nest", "StatefulSet"], &["Secret", "Tree"]),
            "demo.example.com/v1/Nest apps/v1/StatefulSet; v1/S",
        );
        told("Bird", &kinds(&[], &["ConfigMap"]), "v1/Secret; v1/ConfigMap");
        told("Bird", &kinds(&[], &["ConfigMap", "Secret", "ServiceAccount"]), "say what it makes");
        told("Bird", &kinds(&["Bird"], &[]), "owns Bird itself");
        told("Bird", &kinds(&["crew/Bird"], &[]), "crew.example.com/v1/Bird; ");
        told("Bird", &kinds(&[], &["Bird"]), "is told of every object of its own kind anyway");
        told("Bird", &kinds(&["Nest", "demo/v1/Nest"], &[]), "is told of demo.example.com/v1/Nest twice");
        told("Bird", &kinds(&["Nest"], &["Nest"]), "what is owned is watched too");
        told("Bird", &kinds(&["Tree"], &[]), "use `--watches demo.example.com/v1/Tree`");
        told(
            "Tree",
            &kinds(&["Nest", "ClusterRole"], &[]),
            "demo.example.com/v1/Nest rbac.authorization.k8s.io/v1/ClusterRole",
        );
        told("Bird", &kinds(&["crew/Oak"], &[]), "made from a CustomResourceDefinition");
        told("Bird", &kinds(&["Sparow"], &[]), "neither here nor in Kubernetes");
        let there = NewController { cluster: Some("prod".into()), ..kinds(&["Bird", "Tree"], &[]) };
        told("Bird", &there, "demo.example.com/v1/Bird demo.example.com/v1/Tree");
        told("Bird", &NewController { cluster: Some("P=".into()), ..there }, "is not a name of a cluster");
    }

    #[test]
    fn a_controller_that_is_there_stays_as_it_is() {
        let mut project = project();
        check(project.create_controller("demo", "Bird", &kinds(&["Nest"], &["Secret"])), FINE);
        let before = project.clone();
        check(project.create_controller("demo", "Bird", &kinds(&[], &[])), FINE);
        check(project.create_controller("demo", "Bird", &kinds(&["Nest"], &[])), FINE);
        assert!(project == before);
        let other = "name further kinds in `run` of src/controllers/demo/bird.rs";
        check(project.create_controller("demo", "Bird", &kinds(&["Service"], &[])), other);
    }

    #[test]
    fn kinds_of_others_have_controllers_too() {
        let mut project = project();
        let mut create = |of: ExternalControllers, asked: &NewController, expected: &str| {
            check(project.create_external_controller(of, asked), expected);
        };
        let deployments = || of("apps", "Deployment", "deployments", Scope::Namespaced);
        create(deployments(), &NewController::default(), FINE);
        create(deployments(), &NewController::default(), FINE);
        create(deployments(), &named("labeler"), FINE);
        create(of("core", "ConfigMap", "configmaps", Scope::Namespaced), &NewController::default(), FINE);
        create(of("core", "Node", "knots", Scope::Cluster), &NewController::default(), "its plural is nodes");
        let certificates = ExternalControllers {
            domain: Some("io".into()),
            ..of("cert-manager", "Certificate", "certificates", Scope::Namespaced)
        };
        create(certificates.clone(), &NewController::default(), FINE);
        create(ExternalControllers { version: "v2".into(), ..certificates }, &named("b"), "its version is v1, not v2");
        let own = ExternalControllers {
            domain: Some("example.com".into()),
            ..of("demo", "Bird", "birds", Scope::Namespaced)
        };
        create(own, &named("c"), "is a kind of this project");
        let controllers: Vec<usize> =
            project.external_controllers.iter().map(|there| there.controllers.len()).collect();
        assert_eq!(controllers, [2, 1, 1]);
        assert_eq!(project.external_controllers[1].controllers[0].owns[0].kind, "Secret");
        check(project.check(), FINE);
    }
}
