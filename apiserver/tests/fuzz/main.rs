//! The targets of `fuzz/`, each for a few seconds: mutations of what is known to be interesting, above all the requests
//! of `testdata/recordings`.
//!
//! `FUZZ_SECONDS` says how long each runs, three seconds unless told; `FUZZ_SEED` repeats what a run did that told its
//! seed. The input under test is in `fuzz-TARGET` in the folder for temporary files below `target`, should a target not
//! come back; `FUZZ_INPUT` names a file with the one input to try.

mod corpus;
#[path = "../../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, missing_docs, dead_code, reason = "a crate of its own elsewhere")]
mod fuzz;
mod mutate;

use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What takes longer hangs, or as good as.
const INPUT_SECONDS_MAX: u64 = 30;

macro_rules! targets {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            run(stringify!($target), fuzz::$target);
        })*

        #[test]
        fn every_target_is_run() {
            let names: Vec<&str> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($target)),*]);
        }
    };
}

targets! { path query selectors media json_patch merge_patch body schema rules json_path requests }

fn run(name: &str, target: fn(&[u8])) {
    if let Some(input) = std::env::var_os("FUZZ_INPUT") {
        return target(&std::fs::read(input).expect("an input"));
    }
    let seconds = std::env::var("FUZZ_SECONDS").map_or(3, |text| text.parse().expect("seconds"));
    let seed = std::env::var("FUZZ_SEED").map_or_else(|_| rand::rng().random(), |text| text.parse().expect("a seed"));
    // Shown when the test fails.
    println!("{name}: FUZZ_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let corpus = corpus::of(name);
    let input_file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut inputs, mut slowest) = (0, Duration::ZERO);
    // What is known first, as it is.
    let mut known = corpus.inputs.iter();
    while Instant::now() < end {
        let input = known.next().cloned().unwrap_or_else(|| corpus.mutated(&mut random));
        // Only a file outlives a stack that overflows.
        std::fs::write(&input_file, &input).expect("a file");
        let started = Instant::now();
        if let Err(panic) = std::panic::catch_unwind(|| target(&input)) {
            println!("the input: {}", String::from_utf8_lossy(&input));
            std::panic::resume_unwind(panic);
        }
        let took = started.elapsed();
        assert!(took.as_secs() < INPUT_SECONDS_MAX, "{took:?} for {}", String::from_utf8_lossy(&input));
        if took > slowest {
            slowest = took;
            // To be looked at after a long run.
            let _ = std::fs::copy(&input_file, input_file.with_extension("slowest"));
        }
        inputs += 1;
    }
    println!("{name}: {inputs} inputs, the slowest took {slowest:?}");
    let _ = std::fs::remove_file(input_file);
}
