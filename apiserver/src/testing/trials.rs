//! One scenario, tried again and again with other faults each time.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use super::Faults;
use super::faults::Dice;

/// Set to a seed, trials try that one alone.
const SEED_VARIABLE: &str = "APISERVER_TRIAL_SEED";

/// One run of a scenario, under a seed of its own.
pub struct Trial {
    faults: Faults,
    dice: Dice,
}

impl Trial {
    fn new(seed: u64) -> Self {
        Self { faults: Faults::all(seed), dice: Dice::new(seed) }
    }

    /// What decides about everything in this run.
    pub fn seed(&self) -> u64 {
        self.faults.seed()
    }

    /// All faults, of this run's seed. Fewer are had with [`Faults::seeded`] and [`seed`](Self::seed).
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    /// A number below `end` that this run's seed decides, for what the scenario itself leaves to chance.
    ///
    /// # Panics
    /// If `end` is 0.
    pub fn below(&self, end: u64) -> u64 {
        self.dice.draw("scenario") % end
    }
}

/// Runs a scenario once for each seed. One that panics ends the trials; the seed is told, and how to try it alone:
/// with that seed in the environment variable `APISERVER_TRIAL_SEED`, no other is tried.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// apiserver::testing::trials(0..20, async |trial| {
///     let birds = 1 + trial.below(5);
///     assert!(birds <= 5);
/// })
/// .await;
/// # });
/// ```
///
/// # Panics
/// As the scenario does.
pub async fn trials(seeds: impl IntoIterator<Item = u64>, scenario: impl AsyncFn(Trial)) {
    let alone = std::env::var(SEED_VARIABLE).ok();
    let alone: Option<u64> = alone.map(|seed| match seed.parse() {
        Ok(seed) => seed,
        Err(error) => panic!("{SEED_VARIABLE} is no seed: {error}"),
    });
    let wanted = seeds.into_iter().take(if alone.is_some() { 0 } else { usize::MAX });
    for seed in alone.into_iter().chain(wanted) {
        let trial = Trial::new(seed);
        let faults = trial.faults();
        if let Err(panic) = AssertUnwindSafe(scenario(trial)).catch_unwind().await {
            eprintln!("{}", story(&faults, std::thread::current().name()));
            std::panic::resume_unwind(panic);
        }
    }
}

/// What is told of a trial that failed.
fn story(faults: &Faults, test: Option<&str>) -> String {
    let seed = faults.seed();
    let test = test.filter(|name| *name != "main").unwrap_or_default();
    let met: Vec<String> = faults.injected().iter().map(|(fault, count)| format!("{fault} {count}")).collect();
    let met = if met.is_empty() { "none".to_owned() } else { met.join(", ") };
    format!(
        "the trial with seed {seed} failed; faults met: {met}\nto try it alone: {SEED_VARIABLE}={seed} RUST_LOG=warn,apiserver::testing=info \
         cargo test {test}"
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn each_seed_is_a_run_of_its_own() {
        let seen = Mutex::new(Vec::new());
        trials(3..6, async |trial| seen.lock().unwrap().push((trial.seed(), trial.below(1000)))).await;
        let first: Vec<u64> = seen.lock().unwrap().iter().map(|(seed, _)| *seed).collect();
        assert_eq!(first, [3, 4, 5]);
        let before = std::mem::take(&mut *seen.lock().unwrap());
        trials(3..6, async |trial| seen.lock().unwrap().push((trial.seed(), trial.below(1000)))).await;
        assert_eq!(*seen.lock().unwrap(), before);
    }

    #[tokio::test]
    #[should_panic(expected = "seed 4 is unlucky")]
    async fn a_run_that_fails_ends_them() {
        trials(3.., async |trial| assert_ne!(trial.seed(), 4, "seed 4 is unlucky")).await;
    }

    #[test]
    fn a_failure_tells_how_to_have_it_again() {
        let faults = Faults::seeded(17);
        let alone = "to try it alone: APISERVER_TRIAL_SEED=17 RUST_LOG=warn,apiserver::testing=info cargo test robins";
        let expect = format!("the trial with seed 17 failed; faults met: none\n{alone}");
        assert_eq!(story(&faults, Some("robins")), expect);
    }
}
