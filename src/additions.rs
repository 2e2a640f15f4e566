//! What may be added to a project. Each function checks one addition against the names' own rules and against what is
//! there; adding what is there already in the same form is fine and changes nothing. A `PROJECT` file that is read
//! goes through the same functions, so that one edited by hand cannot bring what a command would have refused.

use crate::error::{Failure, usage};
use crate::kind_versions;
use crate::names::{self, Module};
use crate::project::{Backend, Group, Kind, Project, Subresource, Webhooks};
use crate::scaffold::{pair, schedulers, views};

impl Project {
    /// Adds a group, unless it is there.
    pub fn add_group(&mut self, name: &str) -> Result<(), Failure> {
        if self.group(name).is_some() {
            return Ok(());
        }
        self.add_group_as(name, None)
    }

    /// Adds a group that clients see as `api_group` instead of its name before the project's domain, unless it is there.
    pub fn add_group_as(&mut self, name: &str, api_group: Option<&str>) -> Result<(), Failure> {
        match api_group {
            Some(api_group) => names::check_api_group(name, api_group)?,
            None => names::check_group(name, &self.domain)?,
        }
        let default = format!("{name}.{}", self.domain);
        let api_group = api_group.filter(|api_group| *api_group != default);
        let served_as = api_group.unwrap_or(&default);
        if self.group(name).is_some() {
            let there = self.api_group(name);
            if there == served_as {
                return Ok(());
            }
            return Err(usage(format!("the group {name:?} is served as {there}, not as {served_as}"))
                .hint("choose another name for the group in this project with `--group`"));
        }
        if let Some(other) = self.groups.iter().find(|group| self.api_group(&group.name) == served_as) {
            return Err(usage(format!("the group {served_as} is there already, as {:?}", other.name))
                .hint(format!("use `--group {}`", other.name)));
        }
        let module = Module::of(name);
        if let Some(other) = self.groups.iter().find(|group| Module::of(&group.name) == module) {
            return Err(usage(format!(
                "the groups {name:?} and {:?} would both be the module `{}`",
                other.name, module.ident
            ))
            .hint("choose a group that differs in more than `-` and `.`"));
        }
        let api_group = api_group.map(str::to_owned);
        self.groups.push(Group { name: name.into(), api_group, versions: Vec::new(), kinds: Vec::new() });
        Ok(())
    }

    /// Adds a version to a group, unless it is there.
    pub fn add_version(&mut self, group: &str, version: &str) -> Result<(), Failure> {
        names::check_version(version)?;
        let group = self.group_mut(group)?;
        if !group.versions.iter().any(|v| v == version) {
            group.versions.push(version.into());
        }
        Ok(())
    }

    /// Adds a kind to a group, unless it is there in the same form. Its controllers are added one by one.
    pub fn add_kind(&mut self, group: &str, kind: Kind) -> Result<(), Failure> {
        // A kind that somebody else has named gets a type of another name where need be.
        if !(kind.from_crd && names::is_type_taken(&kind.kind)) {
            names::check_kind(&kind.kind)?;
        }
        names::check_plural(&kind.plural)?;
        kind.short_names.iter().try_for_each(|name| names::check_short_name(name))?;
        kind.categories.iter().try_for_each(|name| names::check_category(name))?;
        shape(&kind)?;
        let api_group = self.api_group(group);
        let mut next = self.clone();
        let group = next.group_mut(group)?;
        if let Some(there) = group.kind(&kind.kind) {
            return same(there, &kind, &api_group);
        }
        kind_versions::check(&kind)?;
        if let Some(version) = kind.versions.iter().find(|version| !group.versions.contains(&version.name)) {
            return Err(usage(format!("the group {:?} has no version {:?}", group.name, version.name)).hint(format!(
                "add it with `apiserver-boot create group version --group {} --version {}`",
                group.name, version.name
            )));
        }
        for other in &group.kinds {
            distinct(other, &kind, &api_group)?;
        }
        let full = format!("{}.{api_group}", kind.plural);
        if full.len() > 253 {
            return Err(usage(format!("{full:?} has {} characters", full.len()))
                .hint("plural and group may have 253 together; choose a shorter group"));
        }
        if let Some(name) = own_clash(&kind) {
            return Err(
                usage(format!("{name:?} is named twice for the kind {:?}", kind.kind)).hint("leave the second one out")
            );
        }
        let name = kind.kind.clone();
        let webhooks = Webhooks::default();
        group.kinds.push(Kind { controllers: Vec::new(), subresources: Vec::new(), webhooks, ..kind });
        next.check_files().map_err(|clash| clash.hint(format!("choose another kind than {name}")))?;
        *self = next;
        Ok(())
    }

    /// Adds a subresource that the user's own code answers for, unless it is there in the same form.
    pub fn add_subresource(&mut self, group: &str, kind: &str, subresource: Subresource) -> Result<(), Failure> {
        names::check_subresource(kind, &subresource.name)?;
        let mut next = self.clone();
        let owner = next.kind_mut(group, kind)?;
        if let Some(there) = owner.subresources.iter().find(|there| there.name == subresource.name) {
            if there.answers == subresource.answers {
                return Ok(());
            }
            return Err(usage(format!(
                "{kind} in {group} has a subresource {:?} already, of the type {}",
                there.name,
                there.answers.name()
            ))
            .hint(format!("use `--type {}`, or choose another `--subresource`", there.answers.name())));
        }
        owner.subresources.push(subresource);
        next.check_files().map_err(|clash| clash.hint("choose another name with `--subresource`"))?;
        *self = next;
        Ok(())
    }

    /// Checks a whole project by building it again, one addition after the other.
    pub fn check(&self) -> Result<(), Failure> {
        names::check_domain(&self.domain)?;
        names::check_package(&self.name)?;
        let mut built = Self {
            groups: Vec::new(),
            external_webhooks: Vec::new(),
            external_controllers: Vec::new(),
            admission: Vec::new(),
            schedulers: Vec::new(),
            ..self.clone()
        };
        for group in &self.groups {
            built.add_group_as(&group.name, group.api_group.as_deref())?;
            for version in &group.versions {
                built.add_version(&group.name, version)?;
            }
            for kind in &group.kinds {
                built.add_kind(&group.name, kind.clone())?;
                for subresource in &kind.subresources {
                    built.add_subresource(&group.name, &kind.kind, subresource.clone())?;
                }
                if !kind.webhooks.is_empty() {
                    built.add_webhooks(&group.name, &kind.kind, kind.webhooks)?;
                }
            }
        }
        // Once all kinds are there: a controller may be told of any.
        for (group, kind) in self.kinds() {
            for controller in &kind.controllers {
                built.add_controller(&group.name, &kind.kind, controller.clone())?;
            }
        }
        for controllers in &self.external_controllers {
            built.add_external_controllers(controllers.clone())?;
        }
        for webhooks in &self.external_webhooks {
            built.add_external_webhooks(webhooks.clone())?;
        }
        for plugin in &self.admission {
            built.add_plugin(plugin.clone())?;
        }
        for name in &self.schedulers {
            built.add_scheduler(name)?;
        }
        if built == *self {
            Ok(())
        } else {
            Err(usage(
                "a group, a version, a subresource, a controller, a webhook, a plugin or a scheduler is listed twice",
            )
            .hint("leave the second one out"))
        }
    }

    /// The kind of this name, to be changed.
    pub fn kind_mut(&mut self, group: &str, kind: &str) -> Result<&mut Kind, Failure> {
        if !self.kinds().any(|(there, k)| there.name == group && k.kind == kind) {
            return Err(usage(format!("the group {group:?} has no kind {kind:?}")).hint(known_kinds(self)));
        }
        let group = self.group_mut(group)?;
        let missing = || usage(format!("there is no kind {kind:?}"));
        group.kinds.iter_mut().find(|there| there.kind == kind).ok_or_else(missing)
    }

    /// Kinds, their versions and subresources become types, modules, samples and tests: no two may be the same one.
    pub fn check_files(&self) -> Result<(), Failure> {
        let mut tests: Vec<(String, String)> = Vec::new();
        let mut files: Vec<(String, String)> = Vec::new();
        for name in &self.schedulers {
            tests.push((schedulers::scheduler(name).test_path, format!("the scheduler {name}")));
        }
        for group in &self.groups {
            let mut types: Vec<(String, String)> = Vec::new();
            for kind in &group.kinds {
                let owners = kind.subresources.iter().map(|subresource| {
                    let view = views::subresource(self, group, kind, subresource);
                    (view.kind, view.test_path, format!("the subresource {} of {}", subresource.name, kind.kind))
                });
                let own =
                    (kind.type_name(), views::kind(self, group, kind).test_path, format!("the kind {}", kind.kind));
                for (name, test, owner) in std::iter::once(own).chain(owners) {
                    let lower = name.to_ascii_lowercase();
                    if let Some((_, other)) = types.iter().find(|(taken, _)| *taken == lower) {
                        return Err(usage(format!("{other} and {owner} would both be the type {name}")));
                    }
                    if let Some((_, other)) = tests.iter().find(|(taken, _)| *taken == test) {
                        return Err(usage(format!("{other} and {owner} would both be tested by {test}")));
                    }
                    types.push((lower, owner.clone()));
                    tests.push((test, owner));
                }
                for version in &kind.versions {
                    let owner = format!("{} in {}/{}", kind.kind, group.name, version.name);
                    let own = views::types_path(group, kind, &version.name);
                    let pairs = pair::of_version(kind, &version.name).map(|pair| pair.path(group));
                    let sample = views::version_sample_path(self, group, kind, &version.name);
                    if let Some(further) = views::further(self, group, kind, &version.name) {
                        let test = format!("tests/{}.rs", further.test);
                        if let Some((_, other)) = tests.iter().find(|(taken, _)| *taken == test) {
                            return Err(usage(format!("{other} and {owner} would both be tested by {test}")));
                        }
                        tests.push((test, owner.clone()));
                    }
                    for path in [own, sample].into_iter().chain(pairs) {
                        if let Some((_, other)) = files.iter().find(|(taken, _)| *taken == path) {
                            return Err(usage(format!("{other} and {owner} would both need the file {path}")));
                        }
                        files.push((path, owner.clone()));
                    }
                }
            }
        }
        Ok(())
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group, Failure> {
        let known = self.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(", ");
        self.groups.iter_mut().find(|group| group.name == name).ok_or_else(|| {
            let there =
                if known.is_empty() { "there are no groups yet".into() } else { format!("the groups are {known}") };
            usage(format!("there is no group {name:?}"))
                .hint(format!("{there}; add one with `apiserver-boot create group --group {name}`"))
        })
    }
}

/// What a user may mean by a kind that is not there.
pub fn known_kinds(project: &Project) -> String {
    let known: Vec<String> = project.kinds().map(|(group, kind)| format!("{} in {}", kind.kind, group.name)).collect();
    if known.is_empty() {
        return "there are no kinds yet; add one with `apiserver-boot create group version resource`".into();
    }
    format!("the kinds are {}; add another with `apiserver-boot create resource`", known.join(", "))
}

/// Whether what a kind is made of goes together.
fn shape(kind: &Kind) -> Result<(), Failure> {
    if kind.schemaless && kind.backend == Backend::Custom {
        return Err(usage("a kind with a backend of your own has a schema")
            .hint("leave out `--schemaless`: what objects look like can be changed in the file of their fields"));
    }
    if kind.schemaless && (kind.status || kind.scale) {
        return Err(usage("a kind without a schema has no status and no scale: it keeps all fields as they come")
            .hint("leave out `--schemaless`, or what asks for the subresource"));
    }
    if kind.scale && !kind.status {
        return Err(usage("a scale needs a status: it tells how many there are")
            .hint("leave out `--with-status-subresource=false`"));
    }
    Ok(())
}

fn same(there: &Kind, asked: &Kind, api_group: &str) -> Result<(), Failure> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, there: String, asked: String| {
        if there != asked {
            differences.push(format!("its {what} is {there}, not {asked}"));
        }
    };
    let list = |names: &[String]| if names.is_empty() { "none".into() } else { names.join(", ") };
    let versions =
        |kind: &Kind| kind.versions.iter().map(|version| version.name.clone()).collect::<Vec<_>>().join(", ");
    compare("version", versions(there), versions(asked));
    compare("plural", there.plural.clone(), asked.plural.clone());
    compare("scope", format!("{:?}", there.scope), format!("{:?}", asked.scope));
    compare("list of short names", list(&there.short_names), list(&asked.short_names));
    compare("list of categories", list(&there.categories), list(&asked.categories));
    compare("backend", there.backend.name().into(), asked.backend.name().into());
    let schema = |kind: &Kind| match (kind.schemaless, kind.from_crd) {
        (true, _) => "any JSON".to_owned(),
        (_, true) => "made from a CustomResourceDefinition".to_owned(),
        _ => "typed".to_owned(),
    };
    compare("form", schema(there), schema(asked));
    compare("status subresource", there.status.to_string(), asked.status.to_string());
    compare("scale subresource", there.scale.to_string(), asked.scale.to_string());
    if differences.is_empty() {
        return Ok(());
    }
    Err(usage(format!("{} is in {api_group} already, in another form: {}", there.kind, differences.join("; "))).hint(
        format!(
            "to change it, edit its files and its entry in PROJECT; `apiserver-boot show` lists them. To have both, choose \
             another kind than {}",
            there.kind
        ),
    ))
}

/// Two kinds of one group must differ in every name by which kubectl or a path knows them.
fn distinct(other: &Kind, kind: &Kind, api_group: &str) -> Result<(), Failure> {
    if kind.kind == format!("{}List", other.kind) || other.kind == format!("{}List", kind.kind) {
        let (list, item) = if kind.kind.len() > other.kind.len() { (kind, other) } else { (other, kind) };
        return Err(usage(format!(
            "{} and {} clash in {api_group}: {} is what a list of {} is called",
            other.kind, kind.kind, list.kind, item.kind
        ))
        .hint("choose a kind that does not end in `List`"));
    }
    let there = names_of(other);
    for (what, flag, name) in names_of(kind) {
        let Some((what_there, _, _)) = there.iter().find(|(_, _, taken)| *taken == name) else { continue };
        return Err(usage(format!(
            "{} and {} clash in {api_group}: {name:?} is the {what_there} of {} and the {what} of {}",
            other.kind, kind.kind, other.kind, kind.kind
        ))
        .hint(format!("choose another {flag}")));
    }
    Ok(())
}

/// The names by which kubectl knows a kind, with what they are and the flag that changes them.
fn names_of(kind: &Kind) -> Vec<(&'static str, &'static str, String)> {
    let mut names = vec![
        ("singular", "`--kind`", names::singular(&kind.kind)),
        ("plural", "plural with `--resource`", kind.plural.clone()),
    ];
    names.extend(kind.short_names.iter().map(|name| ("short name", "`--short-name`", name.clone())));
    names
}

/// A short name or category that is given twice, or a short name that is the singular or the plural.
fn own_clash(kind: &Kind) -> Option<String> {
    let mut seen = vec![names::singular(&kind.kind), kind.plural.clone()];
    for name in &kind.short_names {
        if seen.contains(name) {
            return Some(name.clone());
        }
        seen.push(name.clone());
    }
    let twice = |(index, name): &(usize, &String)| kind.categories[..*index].contains(*name);
    kind.categories.iter().enumerate().find(twice).map(|(_, name)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Answers, KindVersion, Scope};

    fn kind(name: &str) -> Kind {
        Kind {
            kind: name.into(),
            plural: names::plural(name),
            scope: Scope::Namespaced,
            versions: vec![KindVersion::stored("v1")],
            short_names: Vec::new(),
            categories: Vec::new(),
            backend: Backend::Storage,
            schemaless: false,
            from_crd: false,
            status: true,
            scale: false,
            subresources: Vec::new(),
            controllers: Vec::new(),
            webhooks: Webhooks::default(),
        }
    }

    /// A project with the group `demo`, its version `v1` and this kind, short name `x`.
    fn with(name: &str) -> Project {
        let mut project = Project::new("aviary".into(), "example.com".into(), "0.1.0".into(), None);
        project.add_group("demo").unwrap();
        project.add_version("demo", "v1").unwrap();
        project.add_kind("demo", Kind { short_names: vec!["x".into()], ..kind(name) }).unwrap();
        project
    }

    #[track_caller]
    fn check(result: Result<(), Failure>, expected: &str) {
        let text = result.err().map(|failure| crate::error::report(&failure.into())).unwrap_or_default();
        assert!(if expected.is_empty() { text.is_empty() } else { text.contains(expected) }, "{text:?}");
    }

    /// Adds a second kind, with these changes, to a project that has the first.
    #[track_caller]
    fn second(first: &str, second: &str, change: fn(&mut Kind), expected: &str) {
        let mut asked = kind(second);
        change(&mut asked);
        check(with(first).add_kind("demo", asked), expected);
    }

    const FINE: &str = "";

    #[test]
    fn two_kinds_of_a_group_share_no_name() {
        second("Bird", "Nest", |_| {}, FINE);
        second("Bird", "BirdSpec", |_| {}, FINE);
        second("Bird", "BirdStatus", |_| {}, FINE);
        second("Bird", "BirdStrategy", |_| {}, FINE);
        second("Bird", "BirdList", |_| {}, "BirdList is what a list of Bird is called");
        second("BirdList", "Bird", |_| {}, "BirdList is what a list of Bird is called");
        second("NestBox", "Nestbox", |_| {}, "\"nestbox\" is the singular of NestBox and the singular of Nestbox");
        second("Nest", "Bird", |k| k.plural = "nests".into(), "the plural of Nest and the plural of Bird");
        second("Nest", "Bird", |k| k.plural = "nest".into(), "the singular of Nest and the plural of Bird");
        second("Bird", "Birds", |_| {}, "the plural of Bird and the singular of Birds");
        second(
            "Bird",
            "Nest",
            |k| k.short_names = vec!["x".into()],
            "the short name of Bird and the short name of Nest",
        );
        second(
            "Bird",
            "Nest",
            |k| k.short_names = vec!["birds".into()],
            "the plural of Bird and the short name of Nest",
        );
        second("Bird", "X", |_| {}, "the short name of Bird and the singular of X");
        second("Bird", "Nest", |k| k.short_names = vec!["n".into(), "n".into()], "\"n\" is named twice");
        second("Bird", "Nest", |k| k.short_names = vec!["nests".into()], "\"nests\" is named twice");
        second("Bird", "Nest", |k| k.categories = vec!["a".into(), "a".into()], "\"a\" is named twice");
        second("Bird", "Nest", |k| k.versions = vec![KindVersion::stored("v2")], "has no version \"v2\"");
    }

    #[test]
    fn a_kind_is_added_once() {
        second("Bird", "Bird", |k| k.short_names = vec!["x".into()], FINE);
        second("Bird", "Bird", |_| {}, "its list of short names is x, not none");
        second("Bird", "Bird", |k| k.versions = vec![KindVersion::stored("v2")], "its version is v1, not v2");
        second("Bird", "Bird", |k| k.status = false, "its status subresource is true, not false");
        second("Bird", "Bird", |k| k.scope = Scope::Cluster, "its scope is Namespaced, not Cluster");
    }

    #[test]
    fn kinds_are_made_of_what_goes_together() {
        second("Bird", "Nest", |k| k.scale = true, FINE);
        second("Bird", "Nest", |k| k.backend = Backend::Custom, FINE);
        second("Bird", "Nest", |k| (k.schemaless, k.status) = (true, false), FINE);
        second("Bird", "Nest", |k| k.schemaless = true, "has no status and no scale");
        second("Bird", "Nest", |k| (k.scale, k.status) = (true, false), "a scale needs a status");
        second(
            "Bird",
            "Nest",
            |k| (k.schemaless, k.status, k.backend) = (true, false, Backend::Custom),
            "a backend of your own has a schema",
        );
    }

    #[test]
    fn subresources_have_types_of_their_own() {
        let own = |name: &str, answers| Subresource { name: name.into(), answers };
        let mut project = with("Bird");
        check(project.add_subresource("demo", "Bird", own("feeding", Answers::Arbitrary)), FINE);
        check(project.add_subresource("demo", "Bird", own("feeding", Answers::Arbitrary)), FINE);
        check(project.add_subresource("demo", "Bird", own("feeding", Answers::Connect)), "of the type arbitrary");
        check(project.add_subresource("demo", "Bird", own("a-b", Answers::Connect)), FINE);
        check(project.add_subresource("demo", "Bird", own("ab", Answers::Connect)), "both be the type BirdAb");
        check(project.add_subresource("demo", "Nest", own("feeding", Answers::Connect)), "the kinds are Bird in demo");
        check(project.add_kind("demo", kind("BirdFeeding")), "both be the type BirdFeeding");
        assert_eq!(project.groups[0].kinds.len(), 1);
        assert_eq!(project.groups[0].kinds[0].subresources.len(), 2);
        check(project.check(), FINE);
    }

    #[test]
    fn groups_need_modules_of_their_own() {
        check(with("Bird").add_group("demo"), FINE);
        check(with("Bird").add_group("crew"), FINE);
        let mut project = with("Bird");
        check(project.add_group("my-crew"), FINE);
        check(project.add_group("my.crew"), "would both be the module `my_crew`");
        check(project.add_version("birds", "v1"), "the groups are demo, my-crew");
    }
}
