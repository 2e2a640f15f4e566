//! What is known of the connection that a request came by.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;

use crate::request::user::UserInfo;

/// A connection. Made once for each, and shared by its requests, so that a certificate is verified once and not with
/// every request.
#[derive(Default)]
pub struct ConnectionInfo {
    /// Where the client is; `None` for a client in this process.
    pub peer: Option<SocketAddr>,
    /// What the client presented in the handshake, its own certificate first. It has the key of that one; nothing else
    /// is verified.
    pub certificates: Vec<CertificateDer<'static>>,
    verified: Mutex<Vec<Verified>>,
}

/// The outcome of a verification that may be used again.
struct Verified {
    by: Arc<dyn Any + Send + Sync>,
    until: SystemTime,
    user: Arc<UserInfo>,
}

impl ConnectionInfo {
    /// A connection from outside this process.
    pub fn new(peer: SocketAddr, certificates: Vec<CertificateDer<'static>>) -> Self {
        Self { peer: Some(peer), certificates, verified: Mutex::default() }
    }

    /// The user that these authorities have found behind the certificates, while that holds.
    pub(super) fn remembered<T: Any + Send + Sync>(&self, by: &Arc<T>, now: SystemTime) -> Option<Arc<UserInfo>> {
        let verified = self.verified.lock().unwrap_or_else(|broken| broken.into_inner());
        let same = |entry: &&Verified| std::ptr::addr_eq(Arc::as_ptr(&entry.by), Arc::as_ptr(by));
        verified.iter().find(same).filter(|entry| now < entry.until).map(|entry| entry.user.clone())
    }

    /// Remembers a user until a moment, which is when a certificate expires.
    pub(super) fn remember<T: Any + Send + Sync>(&self, by: &Arc<T>, until: SystemTime, user: &Arc<UserInfo>) {
        let mut verified = self.verified.lock().unwrap_or_else(|broken| broken.into_inner());
        // What replaced authorities once said is of no use to anyone; there are two kinds of authorities at most.
        if verified.len() >= 2 {
            verified.remove(0);
        }
        verified.push(Verified { by: by.clone(), until, user: user.clone() });
    }
}
