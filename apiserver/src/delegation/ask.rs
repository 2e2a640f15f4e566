//! A question to the cluster, asked again when the cluster is busy or away for a moment.

use std::time::Duration;

use kube::api::PostParams;
use kube::core::Status;
use kube::{Api, Client, Resource};
use rand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How often a question is asked, the wait after the first time, and how much longer each further one is. Source:
/// `DefaultRetryBackoff` in <https://github.com/kubernetes/apiserver/blob/master/pkg/util/webhook/webhook.go>
const TRIES: u32 = 5;
const WAIT: Duration = Duration::from_millis(500);
const WAIT_GROWTH: f64 = 1.5;

/// The longest that one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The cluster refuses to answer this server.
    #[error("the cluster does not let this server ask: {}; bind its user to the ClusterRole system:auth-delegator", .0.message)]
    Forbidden(Box<Status>),
    /// No answer in time.
    #[error("the cluster did not answer within {PATIENCE:?}")]
    Silent,
    /// Anything else.
    #[error("the cluster could not be asked")]
    Failed(#[source] kube::Error),
}

/// Posts a review, and gives what came back.
pub async fn ask<K>(client: &Client, review: &K) -> Result<K, AskError>
where
    K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + std::fmt::Debug,
{
    let api: Api<K> = Api::all(client.clone());
    let mut wait = WAIT;
    for tries in 1.. {
        let params = PostParams::default();
        let answer = tokio::time::timeout(PATIENCE, api.create(&params, review)).await;
        match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 401 | 403) => {
                return Err(AskError::Forbidden(status));
            }
            Ok(Err(error)) if tries >= TRIES || !passes(&error) => return Err(AskError::Failed(error)),
            Err(_) if tries >= TRIES => return Err(AskError::Silent),
            Ok(Err(_)) | Err(_) => {}
        }
        let jitter = rand::rng().random_range(1.0..1.2);
        tokio::time::sleep(wait.mul_f64(jitter)).await;
        wait = wait.mul_f64(WAIT_GROWTH);
    }
    Err(AskError::Silent)
}

/// Whether it may be otherwise a moment later.
fn passes(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 429 || status.code >= 500,
        kube::Error::Service(_) | kube::Error::HyperError(_) => true,
        _ => false,
    }
}
