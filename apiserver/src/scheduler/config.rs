//! What a scheduler is told when it starts: whose pods it schedules, and by which algorithm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use super::algorithm::Algorithm;

/// The configuration of a scheduler, a file of YAML:
///
/// ```yaml
/// profiles:
///   - schedulerName: packer          # pods with this spec.schedulerName …
///     algorithm: packer-by-zone      # … are scheduled by this algorithm; by default that of the same name
///     weights:                       # other weights than the algorithm's own, by the names of its scores
///       MostAllocated: 3
/// percentageOfNodesToScore: 0        # 0: by the size of the cluster, as kube-scheduler does
/// podInitialBackoffSeconds: 1
/// podMaxBackoffSeconds: 10
/// concurrentBindings: 64
/// ```
///
/// Everything may be left out. Without profiles each algorithm schedules the pods whose `schedulerName` is its name.
/// Fields that kube-scheduler has are called and mean what they do there. Source:
/// <https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/>
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Whose pods are scheduled how.
    pub profiles: Vec<Profile>,
    /// How many of a hundred nodes have to be able to run a pod before the search ends; 0 chooses by the number of nodes.
    pub percentage_of_nodes_to_score: u8,
    /// How long a pod that failed waits, in seconds.
    pub pod_initial_backoff_seconds: u64,
    /// How long it waits at most, in seconds.
    pub pod_max_backoff_seconds: u64,
    /// How many pods are being bound at a time.
    pub concurrent_bindings: usize,
}

/// Pods of one `schedulerName`, and how they are scheduled.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// The `spec.schedulerName` of its pods.
    pub scheduler_name: String,
    /// The name of its algorithm; that of the scheduler, unless set.
    #[serde(default)]
    pub algorithm: Option<String>,
    /// Other weights than the algorithm's own, by the names of its scores.
    #[serde(default)]
    pub weights: BTreeMap<String, u32>,
    /// As for all profiles, unless set.
    #[serde(default)]
    pub percentage_of_nodes_to_score: Option<u8>,
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not of the form of a [`Config`].
    #[error("the configuration is not understood: {0}")]
    Malformed(String),
    /// A field has a value that makes no sense.
    #[error("{field} is {value}, which should be {expected}")]
    Value {
        /// Its path.
        field: String,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// There are no algorithms.
    #[error("this project has no schedulers")]
    None,
    /// Two algorithms have one name.
    #[error("two algorithms are registered as {0:?}")]
    Duplicate(String),
    /// Two profiles are for the same pods.
    #[error("two profiles are for the scheduler {0:?}")]
    DuplicateProfile(String),
    /// A profile names an algorithm that nobody registered.
    #[error("there is no algorithm {name:?}, which the profile of {scheduler:?} names; there are {}", known.join(", "))]
    UnknownAlgorithm {
        /// The profile.
        scheduler: String,
        /// What it names.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A profile gives a weight to a score that its algorithm does not have.
    #[error("the algorithm {algorithm:?} has no score {name:?}; it has {}", if known.is_empty() { "none".into() } else { known.join(", ") })]
    UnknownScore {
        /// The algorithm.
        algorithm: String,
        /// What the profile names.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
}

/// A profile, ready to be used.
#[derive(Clone)]
pub(super) struct Ready {
    pub algorithm: Algorithm,
    pub percentage: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            profiles: Vec::new(),
            percentage_of_nodes_to_score: 0,
            pod_initial_backoff_seconds: 1,
            pod_max_backoff_seconds: 10,
            concurrent_bindings: 64,
        }
    }
}

impl Config {
    /// Reads a configuration, YAML or JSON. An empty text is the default.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`]: fields are told that do not exist.
    pub fn read(text: &str) -> Result<Self, ConfigError> {
        let blank = text.lines().all(|line| matches!(line.trim(), "" | "---") || line.trim_start().starts_with('#'));
        if blank {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| ConfigError::Malformed(error.to_string()))
    }

    /// How long a pod that failed waits first, and at most.
    pub(super) fn backoff(&self) -> (Duration, Duration) {
        (Duration::from_secs(self.pod_initial_backoff_seconds), Duration::from_secs(self.pod_max_backoff_seconds))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |field: &str, value: &dyn ToString, expected| {
            Err(ConfigError::Value { field: field.into(), value: value.to_string(), expected })
        };
        let percentages = self.profiles.iter().filter_map(|profile| profile.percentage_of_nodes_to_score);
        if let Some(percentage) = percentages.chain([self.percentage_of_nodes_to_score]).find(|it| *it > 100) {
            return wrong("percentageOfNodesToScore", &percentage, "at most 100");
        }
        if self.pod_initial_backoff_seconds == 0 {
            return wrong("podInitialBackoffSeconds", &0, "at least 1");
        }
        if self.pod_max_backoff_seconds < self.pod_initial_backoff_seconds {
            return wrong("podMaxBackoffSeconds", &self.pod_max_backoff_seconds, "at least podInitialBackoffSeconds");
        }
        if self.concurrent_bindings == 0 {
            return wrong("concurrentBindings", &0, "at least 1");
        }
        match self.profiles.iter().find(|profile| profile.scheduler_name.is_empty()) {
            Some(_) => wrong("profiles.schedulerName", &"empty", "the schedulerName of pods"),
            None => Ok(()),
        }
    }

    /// The profiles with their algorithms, by the name of the scheduler.
    pub(super) fn profiles(&self, algorithms: &[(String, Algorithm)]) -> Result<BTreeMap<String, Ready>, ConfigError> {
        self.check()?;
        let mut names = BTreeSet::new();
        if let Some((twice, _)) = algorithms.iter().find(|(name, _)| !names.insert(name)) {
            return Err(ConfigError::Duplicate(twice.clone()));
        }
        if algorithms.is_empty() {
            return Err(ConfigError::None);
        }
        let own = || algorithms.iter().map(|(name, _)| Profile { scheduler_name: name.clone(), ..Profile::default() });
        let profiles = if self.profiles.is_empty() { own().collect() } else { self.profiles.clone() };
        let mut ready = BTreeMap::new();
        for profile in profiles {
            let name = profile.algorithm.as_ref().unwrap_or(&profile.scheduler_name);
            let Some((_, algorithm)) = algorithms.iter().find(|(known, _)| known == name) else {
                return Err(ConfigError::UnknownAlgorithm {
                    name: name.clone(),
                    known: algorithms.iter().map(|(name, _)| name.clone()).collect(),
                    scheduler: profile.scheduler_name,
                });
            };
            let mut algorithm = algorithm.clone();
            for (score, weight) in &profile.weights {
                if !algorithm.weigh(score, *weight) {
                    let known = algorithm.score_names().collect();
                    return Err(ConfigError::UnknownScore { algorithm: name.clone(), name: score.clone(), known });
                }
            }
            let percentage = profile.percentage_of_nodes_to_score.unwrap_or(self.percentage_of_nodes_to_score);
            if ready.insert(profile.scheduler_name.clone(), Ready { algorithm, percentage }).is_some() {
                return Err(ConfigError::DuplicateProfile(profile.scheduler_name));
            }
        }
        Ok(ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::scores::{LeastAllocated, MostAllocated};

    fn algorithms() -> Vec<(String, Algorithm)> {
        let spread = Algorithm::new().score(LeastAllocated, 1);
        vec![("pack".into(), Algorithm::new().score(MostAllocated, 1)), ("spread".into(), spread)]
    }

    #[track_caller]
    fn check(text: &str, expected: Result<&[&str], &str>) {
        let ready = Config::read(text).and_then(|config| config.profiles(&algorithms()));
        let names = ready.map(|ready| ready.into_keys().collect::<Vec<_>>()).map_err(|error| error.to_string());
        match expected {
            Ok(expected) => {
                assert_eq!(names.as_deref(), Ok(&expected.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()[..]))
            }
            Err(expected) => {
                let error = names.expect_err("an error");
                assert!(error.contains(expected), "{error}");
            }
        }
    }

    #[test]
    fn without_profiles_each_algorithm_has_its_own_pods() {
        check("", Ok(&["pack", "spread"]));
        check("---\n# nothing\n", Ok(&["pack", "spread"]));
        check("podMaxBackoffSeconds: 60", Ok(&["pack", "spread"]));
    }

    #[test]
    fn profiles_choose_algorithms_and_weights() {
        check("profiles: [{schedulerName: pack}]", Ok(&["pack"]));
        check("profiles: [{schedulerName: owl, algorithm: pack, weights: {MostAllocated: 3}}]", Ok(&["owl"]));
        check("profiles: [{schedulerName: owl, algorithm: pack}, {schedulerName: pack}]", Ok(&["owl", "pack"]));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_there_is() {
        check(
            "profiles: [{schedulerName: owl}]",
            Err("no algorithm \"owl\", which the profile of \"owl\" names; there are pack, spread"),
        );
        check("profiles: [{schedulerName: pack, weights: {Pack: 1}}]", Err("no score \"Pack\"; it has MostAllocated"));
        check(
            "profiles: [{schedulerName: pack}, {schedulerName: pack}]",
            Err("two profiles are for the scheduler \"pack\""),
        );
        check("profiles: [{schedulerName: \"\"}]", Err("profiles.schedulerName is empty"));
        check("profiles: [{algorithm: pack}]", Err("schedulerName"));
        check("profils: []", Err("profils"));
        check("percentageOfNodesToScore: 101", Err("percentageOfNodesToScore is 101, which should be at most 100"));
        check("podInitialBackoffSeconds: 20", Err("podMaxBackoffSeconds is 10"));
        check("concurrentBindings: 0", Err("concurrentBindings is 0"));
        let twice = [algorithms(), algorithms()].concat();
        let error = Config::default().profiles(&twice).err();
        assert_eq!(error, Some(ConfigError::Duplicate("pack".into())));
        assert_eq!(Config::default().profiles(&[]).err(), Some(ConfigError::None));
    }
}
