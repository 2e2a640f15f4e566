//! Who asks.

use std::collections::BTreeMap;

/// A user as authentication found it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// The unique name, for example `alice` or `system:serviceaccount:default:robin`.
    pub username: String,
    /// An identifier that outlives the name; often empty.
    pub uid: String,
    /// The groups the user is in, `system:authenticated` among them.
    pub groups: Vec<String>,
    /// What else the authenticator knows; keys in lower case.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// A user with no rights of its own: the one that is meant when nobody says who they are.
    pub fn anonymous() -> Self {
        Self { username: "system:anonymous".into(), groups: vec!["system:unauthenticated".into()], ..Self::default() }
    }

    /// A user in the given groups and in `system:authenticated`.
    pub fn authenticated(username: &str, groups: impl IntoIterator<Item = String>) -> Self {
        let mut groups: Vec<String> = groups.into_iter().collect();
        if !groups.iter().any(|group| group == "system:authenticated") {
            groups.push("system:authenticated".into());
        }
        Self { username: username.into(), groups, ..Self::default() }
    }

    /// Whether nobody said who they are.
    pub fn is_anonymous(&self) -> bool {
        self.username == "system:anonymous"
    }
}
