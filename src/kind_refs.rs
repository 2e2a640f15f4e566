//! Kinds that a controller owns or watches: those of the project and of Kubernetes itself, found by what users type.

use crate::builtin_kinds::{self, BuiltinKind};
use crate::error::{Failure, usage};
use crate::names;
use crate::project::{Group, Kind, KindRef, Project, Scope};

/// A kind that a reference names.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// One of the project.
    Own(&'a Group, &'a Kind),
    /// One of Kubernetes.
    Builtin(&'static BuiltinKind),
}

impl Target<'_> {
    /// Where its objects live.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Own(_, kind) => kind.scope,
            Self::Builtin(builtin) => builtin.scope,
        }
    }

    /// Whether it is one of the project of whose fields nothing is known.
    pub fn is_imported(&self) -> bool {
        matches!(self, Self::Own(_, kind) if kind.from_crd)
    }

    /// The name in paths.
    pub fn plural(&self) -> &str {
        match self {
            Self::Own(_, kind) => &kind.plural,
            Self::Builtin(builtin) => builtin.plural,
        }
    }
}

/// The kind that a reference names, if there is one.
pub fn find<'a>(project: &'a Project, reference: &KindRef) -> Option<Target<'a>> {
    let own = project.kinds().find(|(group, kind)| {
        project.api_group(&group.name) == reference.api_group
            && kind.kind == reference.kind
            && kind.version(&reference.version).is_some()
    });
    let builtin = || builtin_kinds::all().iter().find(|builtin| reference_of(builtin) == *reference);
    own.map(|(group, kind)| Target::Own(group, kind)).or_else(|| builtin().map(Target::Builtin))
}

/// The kind that a user means by `StatefulSet`, `apps/StatefulSet`, `v1/ConfigMap` or `apps/v1/StatefulSet`; of several
/// that of the project, and there that of the group `near`.
///
/// # Errors
/// There is none, or there are several; the hint tells what to type after `flag`.
pub fn resolve(project: &Project, flag: &str, text: &str, near: &str) -> Result<KindRef, Failure> {
    let asked = Asked::parse(text).ok_or_else(|| {
        usage(format!("{text:?} is not a kind"))
            .hint(format!("it looks like `{flag} StatefulSet` or `{flag} apps/v1/StatefulSet`"))
    })?;
    let own: Vec<(&Group, KindRef)> = project
        .kinds()
        .filter(|(_, kind)| kind.kind == asked.kind)
        .map(|(group, kind)| {
            let version = asked.version.unwrap_or_else(|| kind.stored()).to_owned();
            (group, KindRef { api_group: project.api_group(&group.name), version, kind: kind.kind.clone() })
        })
        .filter(|(group, reference)| asked.is_in(&[&group.name, &reference.api_group]))
        .filter(|(_, reference)| find(project, reference).is_some())
        .collect();
    if let Some((_, found)) = own.iter().find(|(group, _)| group.name == near) {
        return Ok(found.clone());
    }
    let mut candidates: Vec<KindRef> = own.into_iter().map(|(_, reference)| reference).collect();
    if candidates.is_empty() {
        candidates = builtin(&asked);
    }
    match &candidates[..] {
        [found] => Ok(found.clone()),
        [] => Err(unknown(project, flag, text, &asked)),
        several => {
            let several: Vec<String> = several.iter().map(|one| format!("`{flag} {one}`")).collect();
            Err(usage(format!("{text:?} may be one of several kinds")).hint(format!("use {}", several.join(" or "))))
        }
    }
}

/// What was typed, in its parts.
struct Asked<'a> {
    group: Option<&'a str>,
    version: Option<&'a str>,
    kind: &'a str,
}

impl<'a> Asked<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        match parts[..] {
            [kind] => Some(Self { group: None, version: None, kind }),
            // As apiVersion has the core group.
            [version, kind] if names::check_version(version).is_ok() => {
                Some(Self { group: Some(""), version: Some(version), kind })
            }
            [group, kind] => Some(Self { group: Some(group), version: None, kind }),
            [group, version, kind] => Some(Self { group: Some(group), version: Some(version), kind }),
            _ => None,
        }
    }

    /// Whether a group of these names is meant.
    fn is_in(&self, names: &[&str]) -> bool {
        self.group.is_none_or(|group| names.contains(&group))
    }
}

/// Kinds of Kubernetes: of each group the best version, if none was asked for.
fn builtin(asked: &Asked<'_>) -> Vec<KindRef> {
    let fits = |there: &&&BuiltinKind| {
        there.kind == asked.kind
            && asked.is_in(&[there.group, there.api_group])
            && asked.version.is_none_or(|version| version == there.version)
    };
    let mut best: Vec<&BuiltinKind> = Vec::new();
    for there in builtin_kinds::all().iter().collect::<Vec<_>>().iter().filter(fits) {
        match best.iter_mut().find(|other| other.group == there.group) {
            Some(other) if rank(there.version) > rank(other.version) => *other = there,
            Some(_) => {}
            None => best.push(there),
        }
    }
    best.into_iter().map(reference_of).collect()
}

/// Stable versions before others, then the newer one.
fn rank(version: &str) -> (bool, String, u64, u64) {
    let (major, stage, minor) = names::version_order(version);
    (stage.is_empty(), stage, major, minor)
}

fn reference_of(builtin: &BuiltinKind) -> KindRef {
    KindRef { api_group: builtin.api_group.into(), version: builtin.version.into(), kind: builtin.kind.into() }
}

fn unknown(project: &Project, flag: &str, text: &str, asked: &Asked<'_>) -> Failure {
    let anywhere = Asked { group: None, version: None, kind: asked.kind };
    let own = project.kinds().filter(|(_, kind)| kind.kind == asked.kind);
    let own = own.map(|(group, kind)| KindRef {
        api_group: project.api_group(&group.name),
        version: kind.stored().to_owned(),
        kind: kind.kind.clone(),
    });
    let elsewhere: Vec<String> = own.chain(builtin(&anywhere)).map(|there| format!("`{flag} {there}`")).collect();
    let mut known: Vec<&str> = project.kinds().map(|(_, kind)| kind.kind.as_str()).collect();
    known.extend(builtin_kinds::all().iter().map(|there| there.kind));
    let hint = match builtin_kinds::nearest(asked.kind, &known) {
        _ if !elsewhere.is_empty() => format!("use {}", elsewhere.join(" or ")),
        Some(near) => format!("did you mean `{flag} {near}`?"),
        None => "for a kind of somebody else's CRD add a line to the controller's own file, once it is there: \
                 `run` names its kinds there"
            .to_owned(),
    };
    usage(format!("there is no kind {text:?}, neither here nor in Kubernetes")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Project {
        let text = "version: 1\nname: aviary\ndomain: example.com\nvendor: 0.1.0\ngroups:\n- name: demo\n  versions: [v1, v2]\n  \
                    kinds:\n  - {kind: Bird, plural: birds, scope: Namespaced, status: false, versions: \
                    [{name: v1, conversions: [v2]}, {name: v2, storage: true}]}\n  \
                    - {kind: Service, plural: services, scope: Namespaced, version: v1, status: false}\n\
                    - name: crew\n  versions: [v1]\n  kinds:\n  \
                    - {kind: Bird, plural: birds, scope: Cluster, version: v1, status: false}\n  \
                    - {kind: Ship, plural: ships, scope: Namespaced, version: v1, status: false}\n";
        Project::parse(text).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let told = match resolve(&project(), "--owns", text, "demo") {
            Ok(found) => found.to_string(),
            Err(failure) => crate::error::report(&failure.into()),
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn kinds_are_found_by_as_much_of_their_name_as_it_takes() {
        check("Bird", "demo.example.com/v2/Bird");
        check("crew/Bird", "crew.example.com/v1/Bird");
        check("demo/v1/Bird", "demo.example.com/v1/Bird");
        check("crew.example.com/v1/Ship", "crew.example.com/v1/Ship");
        check("Ship", "crew.example.com/v1/Ship");
        check("Service", "demo.example.com/v1/Service");
        check("v1/Service", "v1/Service");
        check("core/Service", "v1/Service");
        check("StatefulSet", "apps/v1/StatefulSet");
        check("networking/Ingress", "networking.k8s.io/v1/Ingress");
        check("HorizontalPodAutoscaler", "autoscaling/v2/HorizontalPodAutoscaler");
        check("ResourceClaim", "resource.k8s.io/v1/ResourceClaim");
    }

    #[test]
    fn what_is_no_kind_is_told_what_comes_nearest() {
        check("Event", "use `--owns v1/Event` or `--owns events.k8s.io/v1/Event`");
        check("Deploymnet", "did you mean `--owns Deployment`?");
        check("bird", "did you mean `--owns Bird`?");
        check("crew/Service", "use `--owns demo.example.com/v1/Service` or `--owns v1/Service`");
        check("apps/v1beta1/Deployment", "use `--owns apps/v1/Deployment`");
        check("Certificate", "add a line to the controller's own file");
        check("a//b", "is not a kind");
        check("", "is not a kind");
    }
}
