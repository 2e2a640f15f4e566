//! What a Lease says, and whose turn it is. No IO, and time is given.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

/// Whose turn it is to hold a lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Ours: we hold it.
    Ours,
    /// Anyone's: nobody holds it, or whoever did has not been heard of for its duration.
    Free,
    /// Theirs.
    Theirs,
}

/// A Lease as it was seen, and when it was first seen so.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) lease: Lease,
    since: Instant,
}

impl Seen {
    /// `before` is what was seen last: a Lease that says the same as then was not renewed.
    pub(super) fn new(lease: Lease, before: Option<Self>, now: Instant) -> Self {
        let since = before.filter(|before| before.lease.spec == lease.spec).map_or(now, |before| before.since);
        Self { lease, since }
    }

    pub(super) fn holder(&self) -> &str {
        self.lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default()
    }

    /// Whose turn it is for one named `identity`. What the holder's Lease says of its duration counts; `fallback` where it
    /// says nothing.
    pub(super) fn turn(&self, identity: &str, fallback: Duration, now: Instant) -> Turn {
        let seconds = self.lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
        let duration = seconds.map_or(fallback, Duration::from_secs);
        match self.holder() {
            "" => Turn::Free,
            holder if holder == identity => Turn::Ours,
            _ if now.saturating_duration_since(self.since) >= duration => Turn::Free,
            _ => Turn::Theirs,
        }
    }
}

/// What the holder writes to take or to renew a lease.
pub(super) fn held(before: Option<&Seen>, identity: &str, duration: Duration, now: jiff::Timestamp) -> LeaseSpec {
    let old = before.and_then(|before| before.lease.spec.clone()).unwrap_or_default();
    let renews = old.holder_identity.as_deref() == Some(identity);
    let transitions = old.lease_transitions.unwrap_or_default();
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: Some(whole_seconds(duration)),
        acquire_time: old.acquire_time.filter(|_| renews).or(Some(MicroTime(now))),
        renew_time: Some(MicroTime(now)),
        // The first holder of a new Lease succeeds nobody.
        lease_transitions: Some(transitions.saturating_add(i32::from(!renews && before.is_some()))),
        ..old
    }
}

/// What the holder writes to let others have it at once.
pub(super) fn released(before: &Seen, now: jiff::Timestamp) -> LeaseSpec {
    let old = before.lease.spec.clone().unwrap_or_default();
    LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        ..old
    }
}

/// A Lease holds no fractions; less than we mean would let others in too early.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, renewed: i64, seconds: i32) -> Lease {
        let spec = LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            renew_time: Some(MicroTime(jiff::Timestamp::from_second(renewed).unwrap())),
            lease_duration_seconds: Some(seconds),
            ..LeaseSpec::default()
        };
        Lease { spec: Some(spec), ..Lease::default() }
    }

    /// What `us` makes of leases seen so many seconds after the first, `holder renewed duration`; at the last of them.
    #[track_caller]
    fn check(seen: &[(u64, &str, i64, i32)], expect: Turn) {
        let begin = Instant::now();
        let mut last = None;
        for (at, holder, renewed, seconds) in seen {
            last = Some(Seen::new(lease(holder, *renewed, *seconds), last, begin + Duration::from_secs(*at)));
        }
        let now = begin + Duration::from_secs(seen.last().unwrap().0);
        assert_eq!(last.unwrap().turn("us", Duration::from_secs(15), now), expect, "{seen:?}");
    }

    #[test]
    fn a_lease_is_taken_when_it_has_not_changed_for_its_duration() {
        check(&[(0, "", 1, 1)], Turn::Free);
        check(&[(0, "us", 1, 15)], Turn::Ours);
        check(&[(0, "them", 1, 15)], Turn::Theirs);
        check(&[(0, "them", 1, 15), (14, "them", 1, 15)], Turn::Theirs);
        check(&[(0, "them", 1, 15), (15, "them", 1, 15)], Turn::Free);
        check(&[(0, "them", 1, 15), (15, "them", 2, 15)], Turn::Theirs);
        check(&[(0, "them", 1, 15), (14, "them", 2, 15), (20, "them", 2, 15)], Turn::Theirs);
        check(&[(0, "them", 1, 15), (15, "others", 1, 15)], Turn::Theirs);
        // Their clock may say what it likes, their duration counts.
        check(&[(0, "them", 4_000_000_000, 15), (15, "them", 4_000_000_000, 15)], Turn::Free);
        check(&[(0, "them", 1, 60), (15, "them", 1, 60)], Turn::Theirs);
        check(&[(0, "them", 1, 0), (14, "them", 1, 0)], Turn::Theirs);
        check(&[(0, "them", 1, 0), (15, "them", 1, 0)], Turn::Free);
    }

    #[test]
    fn transitions_count_holders_and_the_time_of_acquiring_stays() {
        let (begin, second) = (Instant::now(), |second| jiff::Timestamp::from_second(second).unwrap());
        let told = |spec: &LeaseSpec| {
            let at = |time: &Option<MicroTime>| time.as_ref().map(|time| time.0.as_second());
            (spec.lease_transitions, at(&spec.acquire_time), at(&spec.renew_time), spec.lease_duration_seconds)
        };
        let duration = Duration::from_millis(1500);
        let first = held(None, "us", duration, second(1));
        assert_eq!(told(&first), (Some(0), Some(1), Some(1), Some(2)));
        let mut seen = Seen::new(Lease { spec: Some(first), ..Lease::default() }, None, begin);
        let again = held(Some(&seen), "us", duration, second(2));
        assert_eq!(told(&again), (Some(0), Some(1), Some(2), Some(2)));
        seen.lease.spec = Some(again);
        let free = released(&seen, second(3));
        assert_eq!((free.holder_identity.as_deref(), told(&free).3), (Some(""), Some(1)));
        seen.lease.spec = Some(free);
        assert_eq!(told(&held(Some(&seen), "them", duration, second(4))), (Some(1), Some(4), Some(4), Some(2)));
    }
}
