//! Webhooks: what other API servers ask the project about kinds, its own and those of others.

use serde::{Deserialize, Serialize};

use super::{ExternalKind, Kind, Project, Scope};

/// What is asked about a kind.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Webhooks {
    /// What a client left out.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub defaulting: bool,
    /// Whether an object may be as it is.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub validation: bool,
    /// What an object is in another version.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub conversion: bool,
}

/// Webhooks for a kind that is not the project's.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalWebhooks {
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
    pub webhooks: Webhooks,
}

/// Who makes the certificate that webhooks are served with in a cluster.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Certificates {
    /// The program itself, at each start.
    #[default]
    SelfSigned,
    /// cert-manager.
    CertManager,
}

impl Webhooks {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// With what another asks too.
    pub fn and(self, other: Self) -> Self {
        Self {
            defaulting: self.defaulting || other.defaulting,
            validation: self.validation || other.validation,
            conversion: self.conversion || other.conversion,
        }
    }

    /// What is asked, as `PROJECT`, `show` and the library have it.
    pub fn names(self) -> Vec<&'static str> {
        let all = [(self.defaulting, "defaulting"), (self.validation, "validation"), (self.conversion, "conversion")];
        all.into_iter().filter(|(asked, _)| *asked).map(|(_, name)| name).collect()
    }
}

impl ExternalWebhooks {
    /// The kind, apart from what is asked about it.
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

    /// The group as clients see it: `cert-manager.io`; empty for the core group.
    pub fn api_group(&self) -> String {
        self.named().api_group()
    }
}

impl Certificates {
    /// Whether it is what is meant unless said otherwise.
    pub fn is_self_signed(&self) -> bool {
        *self == Self::SelfSigned
    }
}

impl Project {
    /// Whether anything is asked at all.
    pub fn has_webhooks(&self) -> bool {
        !self.external_webhooks.is_empty() || self.kinds().any(|(_, kind)| !kind.webhooks.is_empty())
    }
}

impl Kind {
    /// The names of its versions.
    pub fn version_names(&self) -> Vec<&str> {
        self.versions.iter().map(|version| version.name.as_str()).collect()
    }

    /// The name of the version in which webhooks see its objects: that which is stored, unless no client may use it.
    pub fn reviewed(&self) -> &str {
        let served = self.versions.iter().filter(|version| version.served);
        let stored = served.clone().find(|version| version.storage);
        stored.or_else(|| served.into_iter().next()).map_or_else(|| self.stored(), |version| &version.name)
    }
}
