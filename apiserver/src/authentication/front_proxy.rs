//! Users that a proxy in front has found out: the aggregator of a cluster, which says so in headers and proves by its
//! certificate that it may. Source:
//! <https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#authentication-flow>

use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use http::HeaderMap;
use http::request::Parts;

use super::client_certificate::{AuthoritiesError, ClientCertificates};
use super::connection::ConnectionInfo;
use super::{AuthenticationError, Authenticator};
use crate::request::query::decode;
use crate::request::user::UserInfo;

/// Believes the headers of a proxy that shows the right certificate. Without such a certificate they count for nothing.
#[derive(Default)]
pub struct FrontProxy {
    /// Nobody while it is not known whom to trust.
    trust: RwLock<Option<Arc<Trust>>>,
}

struct Trust {
    certificates: ClientCertificates,
    headers: FrontProxyHeaders,
}

/// Which proxies are believed, and in which headers they tell of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontProxyHeaders {
    /// The common names of certificates that are believed; all where there is none.
    pub allowed_names: Vec<String>,
    /// The first of these that is there holds the name.
    pub username: Vec<String>,
    /// The first of these that is there holds the uid.
    pub uid: Vec<String>,
    /// Each holds a group, as often as it is there.
    pub group: Vec<String>,
    /// What follows one of these is the key of an extra, percent-encoded.
    pub extra_prefix: Vec<String>,
}

impl Default for FrontProxyHeaders {
    fn default() -> Self {
        let one = |name: &str| vec![name.to_owned()];
        Self {
            allowed_names: Vec::new(),
            username: one("x-remote-user"),
            uid: one("x-remote-uid"),
            group: one("x-remote-group"),
            extra_prefix: one("x-remote-extra-"),
        }
    }
}

impl FrontProxy {
    /// Believes proxies whose certificates these authorities have signed.
    ///
    /// # Errors
    /// The PEM does not hold certificates of authorities; whoever was believed before still is.
    pub fn trust(&self, authorities: &[u8], headers: FrontProxyHeaders) -> Result<(), AuthoritiesError> {
        let trust = Trust { certificates: ClientCertificates::from_pem(authorities)?, headers };
        *self.trust.write().unwrap_or_else(|broken| broken.into_inner()) = Some(Arc::new(trust));
        Ok(())
    }
}

#[async_trait]
impl Authenticator for FrontProxy {
    async fn authenticate(
        &self,
        request: &Parts,
        connection: &ConnectionInfo,
    ) -> Result<Option<Arc<UserInfo>>, AuthenticationError> {
        let trust = self.trust.read().unwrap_or_else(|broken| broken.into_inner()).clone();
        let Some(trust) = trust else { return Ok(None) };
        let Some(proxy) = trust.certificates.authenticate(request, connection).await? else { return Ok(None) };
        let allowed = &trust.headers.allowed_names;
        if !allowed.is_empty() && !allowed.contains(&proxy.username) {
            return Err(AuthenticationError::Proxy(proxy.username.clone()));
        }
        Ok(trust.headers.user(&request.headers).map(Arc::new))
    }
}

impl FrontProxyHeaders {
    /// Of whom the headers tell; nobody where no header has a name.
    fn user(&self, headers: &HeaderMap) -> Option<UserInfo> {
        let username = first(headers, &self.username)?;
        let mut user = UserInfo { username, uid: first(headers, &self.uid).unwrap_or_default(), ..UserInfo::default() };
        let values = |name: &String| headers.get_all(name.as_str()).iter().filter_map(|value| text(value.as_bytes()));
        user.groups = self.group.iter().flat_map(values).collect();
        for (name, value) in headers {
            let name = name.as_str();
            let key = |prefix: &String| Some(name.get(prefix.len()..)?).filter(|_| starts_with(name, prefix));
            if let (Some(key), Some(value)) = (self.extra_prefix.iter().find_map(key), text(value.as_bytes())) {
                user.extra.entry(decode(key).to_lowercase()).or_default().push(value);
            }
        }
        Some(user)
    }
}

fn first(headers: &HeaderMap, names: &[String]) -> Option<String> {
    names.iter().filter_map(|name| text(headers.get(name.as_str())?.as_bytes())).find(|value| !value.is_empty())
}

/// Headers are written by the proxy as bytes; names are UTF-8 in Kubernetes.
fn text(value: &[u8]) -> Option<String> {
    String::from_utf8(value.to_vec()).ok()
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use http::Request;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;
    use crate::server::pki::{Authority, Subject};

    #[tokio::test]
    async fn a_proxy_with_the_right_certificate_is_believed() {
        let ca = Authority::new("proxies").expect("an authority");
        let proxy = Some((&ca, "front-proxy-client"));
        let headers = [("x-remote-user", "alice"), ("x-remote-group", "crew"), ("X-Remote-Group", "cooks")];
        check(&ca, &["front-proxy-client"], proxy, &headers, "alice in crew,cooks").await;
        check(&ca, &[], proxy, &headers, "alice in crew,cooks").await;
        let more = [("x-remote-user", "alice"), ("x-remote-uid", "7"), ("X-Remote-Extra-Acme.com%2FTeam", "blue")];
        check(&ca, &[], proxy, &more, r#"alice in  uid 7 {"acme.com/team": ["blue"]}"#).await;
    }

    #[tokio::test]
    async fn nobody_else_is() {
        let (ca, other) = (Authority::new("proxies").expect("one"), Authority::new("users").expect("another"));
        let headers = [("x-remote-user", "system:admin"), ("x-remote-group", "system:masters")];
        check(&ca, &[], None, &headers, "nobody").await;
        check(&ca, &["front-proxy-client"], Some((&ca, "alice")), &headers, "the proxy \"alice\" is not").await;
        check(&ca, &[], Some((&other, "front-proxy-client")), &headers, "the client certificate is not good").await;
        check(&ca, &[], Some((&ca, "front-proxy-client")), &headers[1..], "nobody").await;
    }

    #[tokio::test]
    async fn while_nobody_is_trusted_headers_count_for_nothing() {
        let request = Request::get("/").header("x-remote-user", "alice").body(()).expect("a request");
        let found = FrontProxy::default().authenticate(&request.into_parts().0, &ConnectionInfo::default()).await;
        assert!(matches!(found, Ok(None)));
    }

    async fn check(
        trusted: &Authority,
        allowed: &[&str],
        proxy: Option<(&Authority, &str)>,
        headers: &[(&str, &str)],
        expected: &str,
    ) {
        let front = FrontProxy::default();
        let allowed_names = allowed.iter().map(ToString::to_string).collect();
        let names = FrontProxyHeaders { allowed_names, ..FrontProxyHeaders::default() };
        front.trust(trusted.certificate().as_bytes(), names).expect("authorities");
        let certificates = proxy.map(|(ca, name)| {
            let pem = ca.issue(&Subject::client(name, None)).expect("a certificate").certificate;
            CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM")
        });
        let peer = ([127, 0, 0, 1], 1).into();
        let connection = ConnectionInfo::new(peer, certificates.into_iter().collect());
        let request = headers.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        let found = front.authenticate(&request.body(()).expect("a request").into_parts().0, &connection).await;
        let told = match found {
            Ok(None) => "nobody".into(),
            Ok(Some(user)) => {
                let uid = if user.uid.is_empty() { String::new() } else { format!(" uid {}", user.uid) };
                let extra = if user.extra.is_empty() { String::new() } else { format!(" {:?}", user.extra) };
                format!("{} in {}{uid}{extra}", user.username, user.groups.join(","))
            }
            Err(error) => error.to_string(),
        };
        assert!(told.starts_with(expected), "{told} is not {expected}");
    }
}
