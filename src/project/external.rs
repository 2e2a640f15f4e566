//! Kinds that are not the project's.

use super::Scope;
use crate::builtin_kinds;

/// What `PROJECT` says of a kind that is not the project's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExternalKind<'a> {
    /// Kubernetes' own group by its short name, such as `apps`, or the group without `domain`.
    pub group: &'a str,
    /// What the group ends in, for a kind that is not Kubernetes' own.
    pub domain: Option<&'a str>,
    pub version: &'a str,
    pub kind: &'a str,
    /// The name in paths.
    pub plural: &'a str,
    pub scope: Scope,
    /// Where code finds the type, if another crate has it.
    pub type_path: Option<&'a str>,
}

impl ExternalKind<'_> {
    /// The group as clients see it: `cert-manager.io`; empty for the core group.
    pub fn api_group(&self) -> String {
        match self.domain {
            Some(domain) => format!("{}.{domain}", self.group),
            None => builtin_kinds::api_group(self.group).unwrap_or(self.group).to_owned(),
        }
    }

    /// Whether the other is the same kind.
    pub fn is_same_kind(&self, other: &ExternalKind<'_>) -> bool {
        self.kind == other.kind && self.api_group() == other.api_group()
    }
}
