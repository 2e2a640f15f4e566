//! All ways to find out who asks, in their fixed order.

use std::sync::Arc;

use async_trait::async_trait;

use super::anonymous::Anonymous;
use super::connection::ConnectionInfo;
use super::{AuthenticationError, Authenticator};
use crate::request::user::UserInfo;

/// Asks a front proxy's headers, the client certificate, the bearer token, in this order; the first that accepts wins.
/// Only a request that carries nothing to judge is anonymous: bad credentials are never worth as much as none.
#[derive(Default)]
pub struct Authentication {
    front_proxy: Option<Arc<dyn Authenticator>>,
    client_certificates: Option<Arc<dyn Authenticator>>,
    tokens: Option<Arc<dyn Authenticator>>,
    anonymous: Option<Anonymous>,
}

impl Authentication {
    /// Trusts the user headers of a proxy that shows the right certificate.
    pub fn front_proxy(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.front_proxy = Some(authenticator);
        self
    }

    /// Accepts client certificates.
    pub fn client_certificates(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.client_certificates = Some(authenticator);
        self
    }

    /// Accepts bearer tokens.
    pub fn tokens(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.tokens = Some(authenticator);
        self
    }

    /// Lets those in who bring no credentials. Without this they are answered 401.
    pub fn anonymous(mut self, anonymous: Anonymous) -> Self {
        self.anonymous = Some(anonymous);
        self
    }
}

#[async_trait]
impl Authenticator for Authentication {
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        connection: &ConnectionInfo,
    ) -> Result<Option<Arc<UserInfo>>, AuthenticationError> {
        let mut first_error = None;
        for authenticator in [&self.front_proxy, &self.client_certificates, &self.tokens].into_iter().flatten() {
            match authenticator.authenticate(request, connection).await {
                Ok(Some(user)) => return Ok(Some(in_authenticated(user))),
                Ok(None) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => Ok(self.anonymous.as_ref().and_then(|anonymous| anonymous.on(request.uri.path()))),
        }
    }
}

/// Everyone who said who they are is in `system:authenticated`, except whom a proxy calls anonymous.
fn in_authenticated(user: Arc<UserInfo>) -> Arc<UserInfo> {
    let settled = |group: &String| group == "system:authenticated" || group == "system:unauthenticated";
    if user.is_anonymous() || user.groups.iter().any(settled) {
        return user;
    }
    let mut user = Arc::unwrap_or_clone(user);
    user.groups.push("system:authenticated".into());
    Arc::new(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_that_accepts_wins_and_bad_credentials_are_not_anonymous() {
        check([Accepts("proxy"), Accepts("alice"), Accepts("token")], "proxy").await;
        check([Refuses, Accepts("alice"), Nothing], "alice").await;
        check([Nothing, Refuses, Accepts("token")], "token").await;
        check([Nothing, Nothing, Nothing], "system:anonymous").await;
        check([Refuses, Nothing, Nothing], "401").await;
        check([Nothing, Nothing, Refuses], "401").await;
    }

    #[tokio::test]
    async fn anonymous_requests_can_be_kept_to_some_paths() {
        let some = || Authentication::default().anonymous(Anonymous::only_on(["/readyz".to_owned()]));
        assert_eq!(ask(&some(), "/readyz").await, "system:anonymous");
        assert_eq!(ask(&some(), "/readyz/ping").await, "401");
        assert_eq!(ask(&some(), "/apis").await, "401");
        assert_eq!(ask(&Authentication::default(), "/readyz").await, "401");
    }

    #[test]
    fn who_is_authenticated_is_in_the_group_of_those() {
        let groups = |user: UserInfo| in_authenticated(Arc::new(user)).groups.join(",");
        assert_eq!(groups(UserInfo { username: "a".into(), ..UserInfo::default() }), "system:authenticated");
        assert_eq!(groups(UserInfo::authenticated("a", [])), "system:authenticated");
        assert_eq!(groups(UserInfo::anonymous()), "system:unauthenticated");
    }

    #[derive(Clone, Copy)]
    enum Stand {
        Accepts(&'static str),
        Nothing,
        Refuses,
    }
    use Stand::*;

    #[async_trait]
    impl Authenticator for Stand {
        async fn authenticate(
            &self,
            _: &http::request::Parts,
            _: &ConnectionInfo,
        ) -> Result<Option<Arc<UserInfo>>, AuthenticationError> {
            match self {
                Accepts(name) => Ok(Some(Arc::new(UserInfo { username: (*name).into(), ..UserInfo::default() }))),
                Nothing => Ok(None),
                Refuses => Err(AuthenticationError::Unreadable("no".into())),
            }
        }
    }

    async fn check([proxy, certificate, token]: [Stand; 3], expected: &str) {
        let all = Authentication::default()
            .front_proxy(Arc::new(proxy))
            .client_certificates(Arc::new(certificate))
            .tokens(Arc::new(token))
            .anonymous(Anonymous::everywhere());
        assert_eq!(ask(&all, "/apis").await, expected);
    }

    async fn ask(authentication: &Authentication, path: &str) -> String {
        let (parts, ()) = http::Request::builder().uri(path).body(()).expect("a request").into_parts();
        match authentication.authenticate(&parts, &ConnectionInfo::default()).await {
            Ok(Some(user)) => user.username.clone(),
            Ok(None) | Err(_) => "401".into(),
        }
    }
}
