//! Controllers: what keeps the objects of a kind true, one of the project's or one of others.

use std::fmt;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::external::ExternalKind;
use super::{Kind, Project, Scope};

/// A controller.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Controller {
    /// For example `bird`: unique in the project.
    pub name: String,
    /// The kinds of what it makes for each object.
    pub owns: Vec<KindRef>,
    /// The kinds that it goes by besides.
    pub watches: Vec<KindRef>,
    /// The cluster in which all these are, if that is another one than that of its kind.
    pub cluster: Option<String>,
}

/// The controllers of a kind that is not the project's.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalControllers {
    /// Kubernetes' own group by its short name, such as `apps`, or the group without `domain`.
    pub group: String,
    /// What the group ends in, for a kind that is not Kubernetes' own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    pub version: String,
    pub kind: String,
    /// The name in paths.
    pub plural: String,
    pub scope: Scope,
    /// Where code finds the type, if another crate has it.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_path: Option<String>,
    pub controllers: Vec<Controller>,
}

/// A kind as objects name theirs, `v1/ConfigMap` or `apps/v1/StatefulSet`: apiVersion, a slash and the kind.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct KindRef {
    /// As clients see it; empty for the core group.
    pub api_group: String,
    pub version: String,
    pub kind: String,
}

/// Of which kind a controller is.
#[derive(Clone, Copy, Debug)]
pub enum Controlled<'a> {
    /// One of the project.
    Own(&'a super::Group, &'a Kind),
    /// One of others.
    External(&'a ExternalControllers),
}

impl Controller {
    /// A controller of which nothing is known but its name.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), owns: Vec::new(), watches: Vec::new(), cluster: None }
    }
}

impl ExternalControllers {
    /// The kind, apart from its controllers.
    pub fn named(&self) -> ExternalKind<'_> {
        ExternalKind {
            group: &self.group,
            domain: self.domain.as_deref(),
            version: &self.version,
            kind: &self.kind,
            plural: &self.plural,
            scope: self.scope,
            type_path: self.type_path.as_deref(),
        }
    }
}

impl Controlled<'_> {
    /// The kind's name.
    pub fn kind(&self) -> &str {
        match self {
            Self::Own(_, kind) => &kind.kind,
            Self::External(external) => &external.kind,
        }
    }

    /// The group as clients see it; empty for the core group.
    pub fn api_group(&self, project: &Project) -> String {
        match self {
            Self::Own(group, _) => project.api_group(&group.name),
            Self::External(external) => external.named().api_group(),
        }
    }

    /// The group's name in the project.
    pub fn group(&self) -> &str {
        match self {
            Self::Own(group, _) => &group.name,
            Self::External(external) => &external.group,
        }
    }

    /// Where the objects live.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Own(_, kind) => kind.scope,
            Self::External(external) => external.scope,
        }
    }

    /// Its controllers.
    pub fn controllers(&self) -> &[Controller] {
        match self {
            Self::Own(_, kind) => &kind.controllers,
            Self::External(external) => &external.controllers,
        }
    }
}

impl Project {
    /// All controllers, each with its kind.
    pub fn controllers(&self) -> impl Iterator<Item = (Controlled<'_>, &Controller)> {
        let own = self.kinds().flat_map(|(group, kind)| {
            kind.controllers.iter().map(move |controller| (Controlled::Own(group, kind), controller))
        });
        let others = self.external_controllers.iter().flat_map(|external| {
            external.controllers.iter().map(move |controller| (Controlled::External(external), controller))
        });
        own.chain(others)
    }

    /// The names of the clusters in which controllers act besides their own, each once.
    pub fn clusters(&self) -> Vec<&str> {
        let mut clusters: Vec<&str> = Vec::new();
        for cluster in self.controllers().filter_map(|(_, controller)| controller.cluster.as_deref()) {
            if !clusters.contains(&cluster) {
                clusters.push(cluster);
            }
        }
        clusters
    }
}

impl fmt::Display for KindRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api_group, version, kind } = self;
        if api_group.is_empty() { write!(f, "{version}/{kind}") } else { write!(f, "{api_group}/{version}/{kind}") }
    }
}

impl FromStr for KindRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (api_group, version, kind) = match parts[..] {
            [version, kind] => ("", version, kind),
            [group, version, kind] if !group.is_empty() => (group, version, kind),
            _ => return Err(format!("{text:?} is not a kind: it looks like `v1/ConfigMap` or `apps/v1/StatefulSet`")),
        };
        Ok(Self { api_group: api_group.into(), version: version.into(), kind: kind.into() })
    }
}

impl Serialize for KindRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KindRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A controller with all that is known of it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Full {
    name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    owns: Vec<KindRef>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    watches: Vec<KindRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
}

impl Serialize for Controller {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::named(&self.name) {
            return self.name.serialize(serializer);
        }
        let Self { name, owns, watches, cluster } = self.clone();
        Full { name, owns, watches, cluster }.serialize(serializer)
    }
}

/// Of a file from before more was known, a controller is but its name.
impl<'de> Deserialize<'de> for Controller {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrMore;

        impl<'de> Visitor<'de> for NameOrMore {
            type Value = Controller;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a controller, or a map with its `name`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Controller, E> {
                Ok(Controller::named(name))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Controller, A::Error> {
                let Full { name, owns, watches, cluster } = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Controller { name, owns, watches, cluster })
            }
        }

        deserializer.deserialize_any(NameOrMore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, written: &str) {
        let read: Result<Vec<Controller>, _> = serde_yaml::from_str(text);
        let told = read.map_or_else(|error| error.to_string(), |read| serde_yaml::to_string(&read).unwrap());
        assert!(told.contains(written), "{told}");
    }

    #[test]
    fn a_controller_is_a_name_or_more() {
        check("- bird", "- bird\n");
        check("- name: bird", "- bird\n");
        check(
            "- {name: bird, owns: [v1/ConfigMap, apps/v1/StatefulSet], cluster: prod}",
            "- name: bird\n  owns:\n  - v1/ConfigMap\n  - apps/v1/StatefulSet\n  cluster: prod\n",
        );
        check("- {owns: [v1/ConfigMap]}", "missing field `name`");
        check("- {name: bird, colour: red}", "unknown field `colour`");
        check("- {name: bird, owns: [ConfigMap]}", "\"ConfigMap\" is not a kind");
        check("- [bird]", "the name of a controller, or a map");
    }
}
