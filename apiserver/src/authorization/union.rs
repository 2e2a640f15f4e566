//! Several authorizers, one decision.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;

use super::{Attributes, AuthorizationError, Authorizer, Decision};
use crate::request::user::UserInfo;

/// Asks one after the other; the first that says yes or no has decided. When none does, the answer is no, with the last
/// reason given.
#[derive(Clone)]
pub struct Authorization(Vec<Arc<dyn Authorizer>>);

impl Authorization {
    /// In this order. What costs nothing to ask goes first.
    pub fn new(authorizers: Vec<Arc<dyn Authorizer>>) -> Self {
        Self(authorizers)
    }
}

#[async_trait]
impl Authorizer for Authorization {
    async fn authorize(&self, attributes: Attributes<'_>) -> Result<Decision, AuthorizationError> {
        let mut reason = "".into();
        let mut error = None;
        for authorizer in &self.0 {
            match authorizer.authorize(attributes).await {
                Ok(Decision::NoOpinion(because)) if because.is_empty() => {}
                Ok(Decision::NoOpinion(because)) => reason = because,
                Ok(decided) => return Ok(decided),
                // Another may still know; if none does, "no" would be a guess.
                Err(failed) => error = Some(failed),
            }
        }
        error.map_or(Ok(Decision::NoOpinion(reason)), Err)
    }

    async fn rules(&self, user: &UserInfo, namespace: &str) -> Result<SubjectRulesReviewStatus, AuthorizationError> {
        let mut all = SubjectRulesReviewStatus::default();
        for authorizer in &self.0 {
            let found = authorizer.rules(user, namespace).await?;
            add(&mut all.resource_rules, found.resource_rules);
            add(&mut all.non_resource_rules, found.non_resource_rules);
            all.incomplete |= found.incomplete;
            all.evaluation_error = all.evaluation_error.or(found.evaluation_error);
        }
        Ok(all)
    }
}

/// What one rule of one authorizer says already is not said again.
fn add<R: PartialEq>(all: &mut Vec<R>, more: Vec<R>) {
    for rule in more {
        if !all.contains(&rule) {
            all.push(rule);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AllowAuthenticated, AllowGroups, AllowPaths};
    use super::*;
    use crate::request::info::RequestInfo;

    #[tokio::test]
    async fn a_server_that_runs_alone_is_open_to_whom_it_knows() {
        let masters = UserInfo { groups: vec!["system:masters".into()], ..UserInfo::default() };
        check(
            &UserInfo::authenticated("alice", []),
            "/apis/demo.example.com/v1/birds",
            Decision::Allow("authenticated".into()),
        )
        .await;
        check(&masters, "/metrics", Decision::Allow("privileged group".into())).await;
        check(&UserInfo::anonymous(), "/readyz", Decision::Allow("open path".into())).await;
        check(&UserInfo::anonymous(), "/metrics", Decision::NoOpinion("".into())).await;
        check(&UserInfo::anonymous(), "/apis/demo.example.com/v1/birds", Decision::NoOpinion("".into())).await;
        let pretender = UserInfo { groups: vec!["system:authenticated".into()], ..UserInfo::anonymous() };
        check(&pretender, "/metrics", Decision::NoOpinion("".into())).await;
    }

    #[tokio::test]
    async fn the_first_decision_counts() {
        union(
            vec![no_opinion(), says(Decision::Deny("never".into())), says(yes())],
            Ok(Decision::Deny("never".into())),
        )
        .await;
        union(vec![no_opinion(), says(yes()), says(Decision::Deny("never".into()))], Ok(yes())).await;
        union(vec![no_opinion(), says(Decision::NoOpinion("".into()))], Ok(Decision::NoOpinion("not mine".into())))
            .await;
        union(vec![Arc::new(Fails), says(yes())], Ok(yes())).await;
        union(vec![Arc::new(Fails), no_opinion()], Err(())).await;
        union(vec![], Ok(Decision::NoOpinion("".into()))).await;
    }

    struct Says(Decision);
    struct Fails;

    #[async_trait]
    impl Authorizer for Says {
        async fn authorize(&self, _: Attributes<'_>) -> Result<Decision, AuthorizationError> {
            Ok(self.0.clone())
        }
    }

    #[async_trait]
    impl Authorizer for Fails {
        async fn authorize(&self, _: Attributes<'_>) -> Result<Decision, AuthorizationError> {
            Err(AuthorizationError("unreachable".into()))
        }
    }

    fn says(decision: Decision) -> Arc<dyn Authorizer> {
        Arc::new(Says(decision))
    }

    fn no_opinion() -> Arc<dyn Authorizer> {
        says(Decision::NoOpinion("not mine".into()))
    }

    fn yes() -> Decision {
        Decision::Allow("yes".into())
    }

    async fn union(authorizers: Vec<Arc<dyn Authorizer>>, expected: Result<Decision, ()>) {
        let (user, info) = (UserInfo::anonymous(), RequestInfo::default());
        let decision = Authorization::new(authorizers).authorize(Attributes { user: &user, info: &info }).await;
        assert_eq!(decision.map_err(|_| ()), expected);
    }

    async fn check(user: &UserInfo, path: &str, expected: Decision) {
        let info = RequestInfo::new(&http::Method::GET, path, "").expect("a path");
        let all = Authorization::new(vec![
            Arc::new(AllowGroups::masters()),
            Arc::new(AllowPaths::health_and_version()),
            Arc::new(AllowAuthenticated),
        ]);
        assert_eq!(all.authorize(Attributes { user, info: &info }).await.expect("decided"), expected, "{path}");
    }
}
