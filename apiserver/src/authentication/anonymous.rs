//! Those who do not say who they are.

use std::sync::Arc;

use crate::request::user::UserInfo;

/// Lets requests without credentials through, as `system:anonymous`; what that user may do is for authorization to say.
pub struct Anonymous {
    user: Arc<UserInfo>,
    paths: Option<Vec<String>>,
}

impl Anonymous {
    /// On every path.
    pub fn everywhere() -> Self {
        Self { user: Arc::new(UserInfo::anonymous()), paths: None }
    }

    /// On these paths and on no other, where a request without credentials is answered 401.
    pub fn only_on(paths: impl IntoIterator<Item = String>) -> Self {
        Self { paths: Some(paths.into_iter().collect()), ..Self::everywhere() }
    }

    /// The anonymous user, where it is let through.
    pub fn on(&self, path: &str) -> Option<Arc<UserInfo>> {
        let open = self.paths.as_ref().is_none_or(|paths| paths.iter().any(|open| open == path));
        open.then(|| self.user.clone())
    }
}
