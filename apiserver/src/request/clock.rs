//! What time it is, for all that is written down or compared with what was.
//!
//! It is the machine's time, but where a test has paused tokio's clock it stands still with that, and goes on with it.
//! Timeouts and intervals are tokio's in any case, so that in such a test all that has to do with time agrees.

use jiff::{SignedDuration, Timestamp};

/// Now.
pub fn now() -> Timestamp {
    let (tokio, machine) = (tokio::time::Instant::now().into_std(), std::time::Instant::now());
    let ahead = tokio.saturating_duration_since(machine);
    let behind = machine.saturating_duration_since(tokio);
    let difference = SignedDuration::try_from(ahead).ok().zip(SignedDuration::try_from(behind).ok());
    let difference = difference.map_or(SignedDuration::ZERO, |(ahead, behind)| ahead - behind);
    let wall = Timestamp::now();
    wall.checked_add(difference).unwrap_or(wall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_nobody_paused_is_that_of_the_machine() {
        let (before, now, after) = (Timestamp::now(), now(), Timestamp::now());
        let slack = SignedDuration::from_secs(1);
        assert!(before - slack <= now && now <= after, "{before} {now} {after}");
    }
}
