//! `/healthz`, `/livez` and `/readyz`: whether the server is well, alive, ready. Source:
//! <https://kubernetes.io/docs/reference/using-api/health-checks/>

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Response, StatusCode};

use super::{query, refusal};
use crate::body::Body;

/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// One thing that must be well.
pub struct Check {
    name: &'static str,
    readiness_only: bool,
    probe: Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

/// All checks, in the order in which they are shown.
pub struct Health(Vec<Check>);

/// Which of the three questions is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Healthz,
    Livez,
    Readyz,
}

impl Check {
    /// A check for all three questions.
    pub fn new<F, Fut>(name: &'static str, probe: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, readiness_only: false, probe: Box::new(move || Box::pin(probe())) }
    }

    /// The same, for readiness only: a server that fails it is alive, and no better after a restart.
    pub fn readiness_only(mut self) -> Self {
        self.readiness_only = true;
        self
    }

    async fn run(&self) -> Result<(), String> {
        let probed = tokio::time::timeout(CHECK_TIMEOUT, (self.probe)()).await;
        probed.unwrap_or_else(|_| Err(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())))
    }
}

impl Health {
    /// These checks after `ping`, which never fails: whoever is answered at all has reached the server.
    pub fn new(checks: impl IntoIterator<Item = Check>) -> Self {
        let ping = Check::new("ping", || async { Ok(()) });
        Self(std::iter::once(ping).chain(checks).collect())
    }

    /// Whether a path is for [`answer`](Self::answer).
    pub fn is_path(path: &str) -> bool {
        Question::of(path).is_some()
    }

    /// Answers a request to one of the paths; `None` for a check that does not exist.
    pub async fn answer(&self, path: &str, query: &str) -> Option<Response<Body>> {
        let (question, rest) = Question::of(path)?;
        match rest.strip_prefix('/') {
            None | Some("") => Some(self.all(question, query).await),
            Some(name) => {
                let check = self.of(question).find(|check| check.name == name)?;
                Some(match check.run().await {
                    Ok(()) => refusal::text(StatusCode::OK, "ok"),
                    Err(error) => failed(format!("internal server error: {error}\n")),
                })
            }
        }
    }

    /// The paths that are answered, for the index.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        [Question::Healthz, Question::Livez, Question::Readyz].into_iter().flat_map(|question| {
            let one = move |check: &Check| format!("/{}/{}", question.name(), check.name);
            std::iter::once(format!("/{}", question.name())).chain(self.of(question).map(one))
        })
    }

    async fn all(&self, question: Question, query: &str) -> Response<Body> {
        let excluded: BTreeSet<_> = query::values(query, "exclude").collect();
        let mut unknown = excluded.clone();
        let mut text = String::new();
        let mut failures = Vec::new();
        // Writing to a String cannot fail.
        for check in self.of(question) {
            if excluded.contains(check.name) {
                unknown.remove(check.name);
                let _ = writeln!(text, "[+]{} excluded: ok", check.name);
                continue;
            }
            match check.run().await {
                Ok(()) => {
                    let _ = writeln!(text, "[+]{} ok", check.name);
                }
                Err(error) => {
                    // Anyone may ask, so the reason goes to the log only.
                    let _ = writeln!(text, "[-]{} failed: reason withheld", check.name);
                    failures.push(format!("{}: {error}", check.name));
                }
            }
        }
        if !unknown.is_empty() {
            let names: Vec<String> = unknown.iter().map(|name| format!("{name:?}")).collect();
            let _ = writeln!(text, "warn: some health checks cannot be excluded: no matches for {}", names.join(","));
        }
        let name = question.name();
        if !failures.is_empty() {
            tracing::info!(check = name, failed = failures.join("; "), "not healthy");
            return failed(format!("{text}{name} check failed\n"));
        }
        if query::first(query, "verbose").is_none() {
            return refusal::text(StatusCode::OK, "ok");
        }
        refusal::text(StatusCode::OK, format!("{text}{name} check passed\n"))
    }

    fn of(&self, question: Question) -> impl Iterator<Item = &Check> {
        self.0.iter().filter(move |check| question == Question::Readyz || !check.readiness_only)
    }
}

impl Question {
    /// The question that a path asks, and what follows it.
    fn of(path: &str) -> Option<(Self, &str)> {
        [Self::Healthz, Self::Livez, Self::Readyz].into_iter().find_map(|question| {
            let rest = path.strip_prefix('/')?.strip_prefix(question.name())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((question, rest))
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Healthz => "healthz",
            Self::Livez => "livez",
            Self::Readyz => "readyz",
        }
    }
}

fn failed(text: String) -> Response<Body> {
    refusal::text(StatusCode::INTERNAL_SERVER_ERROR, text)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn the_short_form_says_ok() {
        for path in ["/healthz", "/livez", "/readyz", "/readyz/"] {
            check(true, path, "", "200 ok").await;
        }
        check(true, "/readyz/ping", "", "200 ok").await;
        check(true, "/livez/shutdown", "", "none").await;
        check(true, "/readyz/birds", "", "none").await;
        check(true, "/readyzz", "", "none").await;
    }

    #[tokio::test]
    async fn the_verbose_form_lists_every_check() {
        check(true, "/livez", "verbose", "200 [+]ping ok\n[+]store ok\nlivez check passed\n").await;
        check(true, "/readyz", "verbose", "200 [+]ping ok\n[+]store ok\n[+]shutdown ok\nreadyz check passed\n").await;
        check(
            true,
            "/readyz",
            "verbose=&exclude=store&exclude=y&exclude=x",
            "200 [+]ping ok\n[+]store excluded: ok\n[+]shutdown ok\n\
             warn: some health checks cannot be excluded: no matches for \"x\",\"y\"\nreadyz check passed\n",
        )
        .await;
    }

    #[tokio::test]
    async fn a_failure_is_verbose_and_keeps_its_reason() {
        let text = "[+]ping ok\n[-]store failed: reason withheld\n";
        check(false, "/healthz", "", &format!("500 {text}healthz check failed\n")).await;
        check(false, "/readyz", "", &format!("500 {text}[+]shutdown ok\nreadyz check failed\n")).await;
        check(false, "/readyz", "exclude=store", "200 ok").await;
        check(false, "/readyz/store", "", "500 internal server error: on fire\n").await;
    }

    #[test]
    fn every_check_has_a_path() {
        let paths: Vec<String> = health(true).paths().collect();
        assert_eq!(paths[..3], ["/healthz", "/healthz/ping", "/healthz/store"]);
        assert_eq!(paths.last().map(String::as_str), Some("/readyz/shutdown"));
    }

    fn health(well: bool) -> Health {
        Health::new([
            Check::new("store", move || async move { if well { Ok(()) } else { Err("on fire".to_owned()) } }),
            Check::new("shutdown", || async { Ok(()) }).readiness_only(),
        ])
    }

    async fn check(well: bool, path: &str, query: &str, expected: &str) {
        let found = match health(well).answer(path, query).await {
            None => "none".to_owned(),
            Some(response) => {
                let code = response.status().as_u16();
                let body = response.into_body().collect().await.expect("a body").to_bytes();
                format!("{code} {}", String::from_utf8_lossy(&body))
            }
        };
        assert_eq!(found, expected, "{path}?{query}");
    }
}
