//! Numbers that look random and depend on a seed, on what they are for, and on how many were drawn for that before.

use std::collections::HashMap;
use std::sync::Mutex;

/// A seed, and how often was drawn for what.
pub(in crate::testing) struct Dice {
    seed: u64,
    drawn: Mutex<HashMap<String, u64>>,
}

impl Dice {
    pub(in crate::testing) fn new(seed: u64) -> Self {
        Self { seed, drawn: Mutex::default() }
    }

    /// The next number for a purpose.
    pub(in crate::testing) fn draw(&self, purpose: &str) -> u64 {
        let mut drawn = self.drawn.lock().unwrap_or_else(|broken| broken.into_inner());
        let count = drawn.entry(purpose.to_owned()).or_default();
        *count += 1;
        mixed(mixed(self.seed ^ hashed(purpose)).wrapping_add(*count))
    }

    /// Whether it happens this time, for a share of the times from 0 to 1.
    pub(in crate::testing) fn happens(&self, purpose: &str, share: f64) -> bool {
        // Not drawn where it never happens: one fault more in a test leaves the others where they were in any case.
        share > 0.0 && self.fraction(purpose) < share
    }

    /// The next number from 0 to below 1.
    pub(in crate::testing) fn fraction(&self, purpose: &str) -> f64 {
        // As many bits as the mantissa has.
        (self.draw(purpose) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// FNV-1a: <http://www.isthe.com/chongo/tech/comp/fnv/>. The standard library's hashes are not the same everywhere.
fn hashed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The finalizer of SplitMix64: <https://prng.di.unimi.it/splitmix64.c>.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rolls(seed: u64, purpose: &str, others: &[&str]) -> Vec<u64> {
        let dice = Dice::new(seed);
        let roll = |_| {
            for other in others {
                let _ = dice.draw(other);
            }
            dice.draw(purpose)
        };
        (0..20).map(roll).collect()
    }

    #[test]
    fn what_is_drawn_depends_on_seed_and_purpose_and_count_alone() {
        assert_eq!(rolls(1, "get", &[]), rolls(1, "get", &["list", "watch"]));
        assert_ne!(rolls(1, "get", &[]), rolls(2, "get", &[]));
        assert_ne!(rolls(1, "get", &[]), rolls(1, "list", &[]));
    }

    #[test]
    fn a_share_is_about_that_share() {
        for (share, range) in [(0.0, 0..=0), (0.1, 800..=1200), (0.5, 4700..=5300), (1.0, 10_000..=10_000)] {
            let dice = Dice::new(3);
            let count = (0..10_000).filter(|_| dice.happens("get", share)).count();
            assert!(range.contains(&count), "{share} happened {count} times in 10,000");
        }
    }
}
