//! Acting as another: `kubectl --as`. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation>
//!
//! A server that ignored these headers would do with the rights of an administrator what was meant to be tried with
//! those of another.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::authorization::{Attributes, AuthorizationError, Authorizer, Decision, Reason};
use crate::request::info::RequestInfo;
use crate::request::query::decode;
use crate::request::user::UserInfo;

const PREFIX: &str = "impersonate-";
const USER: &str = "impersonate-user";
const UID: &str = "impersonate-uid";
const GROUP: &str = "impersonate-group";
const EXTRA: &str = "impersonate-extra-";

/// Why a request may not act as another.
#[derive(Debug, thiserror::Error)]
pub enum ImpersonationError {
    /// The headers make no sense. Answered 400.
    #[error("{0}")]
    Headers(String),
    /// The user may not act as this user, in this group, with this uid or extra. Answered 403.
    #[error("the user may not act as {:?}", .0.name)]
    Forbidden(Box<RequestInfo>, Reason),
    /// Nothing could be decided. Answered 500.
    #[error(transparent)]
    Undecided(#[from] AuthorizationError),
}

/// The user to act as, and the headers without the wish to do so. The user itself when it has no such wish.
///
/// # Errors
/// The wish makes no sense, or the user may not have it.
pub async fn acting_user(
    headers: &mut HeaderMap,
    user: Arc<UserInfo>,
    authorizer: &dyn Authorizer,
) -> Result<Arc<UserInfo>, ImpersonationError> {
    if !headers.keys().any(|name| name.as_str().starts_with(PREFIX)) {
        return Ok(user);
    }
    let wish = wish(headers)?;
    for info in permissions(&wish) {
        match authorizer.authorize(Attributes { user: &user, info: &info }).await? {
            Decision::Allow(_) => {}
            Decision::Deny(reason) | Decision::NoOpinion(reason) => {
                return Err(ImpersonationError::Forbidden(Box::new(info), reason));
            }
        }
    }
    let names: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(PREFIX)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
    tracing::debug!(user = user.username, acting_as = wish.username, "impersonation");
    Ok(Arc::new(with_standing_groups(wish)))
}

/// What the headers ask for.
fn wish(headers: &HeaderMap) -> Result<UserInfo, ImpersonationError> {
    let text = |value: &http::HeaderValue| {
        let bad = |_| ImpersonationError::Headers("an impersonation header is not text".into());
        value.to_str().map(str::to_owned).map_err(bad)
    };
    let one = |name: &str| headers.get(name).map(text).transpose().map(Option::unwrap_or_default);
    let mut wish = UserInfo { username: one(USER)?, uid: one(UID)?, ..UserInfo::default() };
    wish.groups = headers.get_all(GROUP).iter().map(text).collect::<Result<_, _>>()?;
    for (name, value) in headers {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            wish.extra.entry(decode(key).to_lowercase()).or_default().push(text(value)?);
        }
    }
    if wish.username.is_empty() {
        return Err(ImpersonationError::Headers("a group, uid or extra is impersonated without a user".into()));
    }
    Ok(wish)
}

/// What one must be allowed to do for a wish.
fn permissions(wish: &UserInfo) -> Vec<RequestInfo> {
    let to = |group: &str, resource: &str, name: &str| RequestInfo {
        is_resource: true,
        verb: "impersonate".into(),
        group: group.into(),
        version: if group.is_empty() { "" } else { "v1" }.into(),
        resource: resource.into(),
        name: name.into(),
        ..RequestInfo::default()
    };
    let mut all = vec![match service_account(&wish.username) {
        Some((namespace, name)) => RequestInfo { namespace: namespace.into(), ..to("", "serviceaccounts", name) },
        None => to("", "users", &wish.username),
    }];
    all.extend(wish.groups.iter().map(|group| to("", "groups", group)));
    for (key, values) in &wish.extra {
        let one = |value| to("authentication.k8s.io", "userextras", value);
        all.extend(values.iter().map(|value| RequestInfo { subresource: key.clone(), ..one(value) }));
    }
    if !wish.uid.is_empty() {
        all.push(to("authentication.k8s.io", "uids", &wish.uid));
    }
    all
}

/// The groups that one is in for being who one is.
fn with_standing_groups(mut user: UserInfo) -> UserInfo {
    if user.groups.is_empty()
        && let Some((namespace, _)) = service_account(&user.username)
    {
        user.groups = vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")];
    }
    let standing = if user.is_anonymous() { "system:unauthenticated" } else { "system:authenticated" };
    let settled = |group: &String| group == "system:authenticated" || group == "system:unauthenticated";
    if !user.groups.iter().any(settled) {
        user.groups.push(standing.into());
    }
    user
}

/// Namespace and name of a service account.
fn service_account(username: &str) -> Option<(&str, &str)> {
    let (namespace, name) = username.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    #[tokio::test]
    async fn acting_as_another_takes_a_permission_for_each_part() {
        check(&[], "root in []").await;
        check(&[("impersonate-user", "alice")], "alice in [system:authenticated] by users/alice").await;
        check(
            &[("impersonate-user", "alice"), ("impersonate-group", "crew"), ("impersonate-group", "deck")],
            "alice in [crew,deck,system:authenticated] by users/alice groups/crew groups/deck",
        )
        .await;
        check(
            &[
                ("impersonate-user", "alice"),
                ("impersonate-extra-example.com%2fscopes", "view"),
                ("impersonate-uid", "7"),
            ],
            "alice in [system:authenticated] by users/alice userextras/example.com/scopes/view uids/7",
        )
        .await;
        check(
            &[("impersonate-user", "system:serviceaccount:deck:robin")],
            "system:serviceaccount:deck:robin in \
             [system:serviceaccounts,system:serviceaccounts:deck,system:authenticated] by serviceaccounts/robin",
        )
        .await;
        check(
            &[("impersonate-user", "system:anonymous")],
            "system:anonymous in [system:unauthenticated] by users/system:anonymous",
        )
        .await;
    }

    #[tokio::test]
    async fn who_may_not_is_told_what() {
        check(&[("impersonate-group", "crew")], "a group, uid or extra is impersonated without a user").await;
        check(&[("impersonate-user", "mallory")], "the user may not act as \"mallory\"").await;
    }

    /// Allows all but to be mallory, and notes what it was asked.
    #[derive(Default)]
    struct Notes(std::sync::Mutex<Vec<String>>);

    #[async_trait]
    impl Authorizer for Notes {
        async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError> {
            let info = attributes.info;
            assert_eq!((attributes.user.username.as_str(), &*info.verb), ("root", "impersonate"));
            let parts = [&info.resource, &info.subresource, &info.name];
            let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).filter(|part| !part.is_empty()).collect();
            self.0.lock().expect("a lock").push(parts.join("/"));
            Ok(if info.name == "mallory" { Decision::NoOpinion("".into()) } else { Decision::Allow("".into()) })
        }
    }

    async fn check(wish: &[(&'static str, &str)], expected: &str) {
        let mut headers = HeaderMap::new();
        for (name, value) in wish {
            headers.append(*name, value.parse().expect("a value"));
        }
        let notes = Notes::default();
        let root = Arc::new(UserInfo { username: "root".into(), ..UserInfo::default() });
        let found = match acting_user(&mut headers, root, &notes).await {
            Ok(user) => {
                assert!(headers.is_empty(), "{headers:?}");
                let by = notes.0.lock().expect("a lock").join(" ");
                let by = if by.is_empty() { by } else { format!(" by {by}") };
                format!("{} in [{}]{by}", user.username, user.groups.join(","))
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }
}
