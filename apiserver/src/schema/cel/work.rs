//! How much an evaluation may do.
//!
//! Two things are counted. The cost is Kubernetes' own measure: rules that it refuses are refused here, and no others.
//! It takes some operations for free that are not (adding lists, comparing what is nested), and Go's server does them
//! lazily or suffers; so steps are counted beside it, with a limit that no reasonable rule comes near.
//! Source: <https://github.com/kubernetes/apiserver/blob/master/pkg/apis/cel/config.go>

use std::collections::HashMap;

use regex::Regex;

use super::error::{Error, Result};
use crate::schema::regexes;

/// Items, characters and bytes that one evaluation may copy, compare or make.
const STEPS_MAX: usize = 10_000_000;

/// What an evaluation has done so far.
pub(crate) struct Work {
    cost: u64,
    cost_max: u64,
    steps: usize,
    /// Those that the expression makes itself.
    regexes: HashMap<String, Regex>,
}

impl Work {
    pub(super) fn new(cost_max: u64) -> Self {
        Self { cost: 0, cost_max, steps: 0, regexes: HashMap::new() }
    }

    pub(super) fn cost(&self) -> u64 {
        self.cost
    }

    /// Pays for a step in Kubernetes' measure.
    pub(super) fn charge(&mut self, cost: u64) -> Result<()> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.cost_max { Err(Error::Cost) } else { Ok(()) }
    }

    /// Pays for what is copied, compared or made.
    pub(super) fn steps(&mut self, count: usize) -> Result<()> {
        self.steps = self.steps.saturating_add(count);
        if self.steps > STEPS_MAX { Err(Error::Cost) } else { Ok(()) }
    }

    /// A regular expression that was not known before.
    pub(super) fn regex(&mut self, pattern: &str) -> Result<Regex> {
        if let Some(regex) = self.regexes.get(pattern) {
            return Ok(regex.clone());
        }
        // Repetitions and classes make programs many times as long as they are.
        let long = pattern.contains(['{', '\\']);
        self.steps(if long { 100_000 } else { 1_000 } + pattern.len() * 100)?;
        let regex = regexes::compile(pattern).map_err(Error::failed)?;
        self.regexes.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    }
}
