//! A server that is part of a cluster knows no users: it asks the cluster who is behind a token, believes the cluster's
//! proxy and its client certificates, and asks again what the user may do. Sources:
//! <https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/>,
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/server/options/authentication.go>

mod access_review;
mod ask;
mod remembered;
mod token_review;
mod trust;

pub use self::access_review::AccessReviews;
pub use self::token_review::TokenReviews;
pub use self::trust::{ClusterTrust, Following, TrustError};

#[cfg(test)]
mod tests;
