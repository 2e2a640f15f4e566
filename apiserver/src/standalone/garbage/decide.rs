//! What to do about an object: pure functions of what the graph says of it, of itself as it is stored now, and of its
//! owners as they are stored now. Source: `attemptToDeleteItem` in
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/garbagecollector/garbagecollector.go>

use super::facts::{FOREGROUND, Facts, ORPHAN, OwnerReference};
use super::graph::View;
use crate::registry::delete::Propagation;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Leave it as it is.
    Nothing,
    /// It is not there: whoever it owned is to be examined.
    Absent,
    /// It waited for its dependents to be deleted, and they are.
    Release,
    /// Its owners are no longer to wait for it, because they would wait for themselves. Then it is looked at again.
    Unblock,
    /// It has other owners: it is to forget these.
    Forget(Vec<OwnerReference>),
    /// Nobody owns it any more. With what becomes of its own dependents.
    Delete(Propagation),
}

/// An owner, as it is stored now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It is there.
    Solid,
    /// It is not.
    Absent,
    /// It waits for its dependents to be deleted.
    Waiting,
    /// Nobody can tell: its kind is not served here, or is one that cannot own this object.
    Unknown,
}

/// What to do, where that does not depend on the owners; `None` where it does.
pub fn at_once(view: &View, uid: &str, stored: Option<&Facts>) -> Option<Step> {
    let Some(stored) = stored.filter(|stored| stored.uid == uid) else { return Some(Step::Absent) };
    let step = match view {
        // What is stored may be ahead of the graph, which then does not know all dependents yet.
        View { foreground: true, .. } if view.settling || !stored.is_foreground() => Step::Nothing,
        View { foreground: true, blocked: false, .. } => Step::Release,
        View { foreground: true, in_ring: true, .. } if blocks(stored) => Step::Unblock,
        View { foreground: true, .. } => Step::Nothing,
        _ if stored.terminating || stored.owners.is_empty() => Step::Nothing,
        _ => return None,
    };
    Some(step)
}

/// What to do about an object with these owners.
pub fn by_owners(view: &View, stored: &Facts, owners: &[Owner]) -> Step {
    let any = |wanted| owners.contains(&wanted);
    if any(Owner::Unknown) {
        return Step::Nothing;
    }
    if any(Owner::Solid) {
        let left = stored.owners.iter().zip(owners).filter(|(_, owner)| **owner != Owner::Solid);
        let left: Vec<OwnerReference> = left.map(|(reference, _)| reference.clone()).collect();
        return if left.is_empty() { Step::Nothing } else { Step::Forget(left) };
    }
    Step::Delete(match stored {
        _ if any(Owner::Waiting) && view.has_dependents => {
            if view.dependent_waits && blocks(stored) {
                return Step::Unblock;
            }
            Propagation::Foreground
        }
        _ if stored.has_finalizer(ORPHAN) => Propagation::Orphan,
        _ if stored.has_finalizer(FOREGROUND) => Propagation::Foreground,
        _ => Propagation::Background,
    })
}

/// Whether an owner of an object may have to wait for it.
fn blocks(stored: &Facts) -> bool {
    stored.owners.iter().any(|owner| owner.blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(owners: usize) -> Facts {
        let owner =
            |number: usize| OwnerReference { uid: number.to_string(), blocks: true, ..OwnerReference::default() };
        Facts { uid: "u".into(), owners: (0..owners).map(owner).collect(), ..Facts::default() }
    }

    #[test]
    fn only_what_is_there_and_owned_depends_on_its_owners() {
        let view = View::default();
        let check = |stored: Option<&Facts>, expect: Option<Step>| assert_eq!(at_once(&view, "u", stored), expect);
        check(None, Some(Step::Absent));
        check(Some(&Facts { uid: "another".into(), ..owned(1) }), Some(Step::Absent));
        check(Some(&owned(0)), Some(Step::Nothing));
        check(Some(&Facts { terminating: true, ..owned(1) }), Some(Step::Nothing));
        check(Some(&owned(1)), None);
    }

    #[test]
    fn who_waits_is_released_when_nothing_blocks() {
        let stored = Facts { terminating: true, finalizers: vec![FOREGROUND.into()], ..owned(1) };
        let check = |blocked, in_ring, stored: &Facts, expect: Step| {
            let view = View { foreground: true, blocked, in_ring, ..View::default() };
            assert_eq!(at_once(&view, "u", Some(stored)), Some(expect));
        };
        check(false, false, &stored, Step::Release);
        check(true, false, &stored, Step::Nothing);
        check(true, true, &stored, Step::Unblock);
        check(true, true, &Facts { owners: Vec::new(), ..stored.clone() }, Step::Nothing);
        let settling = View { foreground: true, settling: true, ..View::default() };
        assert_eq!(at_once(&settling, "u", Some(&stored)), Some(Step::Nothing));
        check(false, false, &Facts { finalizers: Vec::new(), ..stored }, Step::Nothing);
        // The graph does not know yet that it waits.
        let stored = Facts { terminating: true, finalizers: vec![FOREGROUND.into()], ..owned(1) };
        assert_eq!(at_once(&View::default(), "u", Some(&stored)), Some(Step::Nothing));
    }

    #[test]
    fn owners_decide() {
        use Owner::{Absent, Solid, Unknown, Waiting};
        use Propagation::{Background, Foreground, Orphan};
        let leaf = View::default();
        let inner = View { has_dependents: true, ..leaf.clone() };
        let ring = View { dependent_waits: true, ..inner.clone() };
        let check = |view: &View, owners: &[Owner], expect: Step| {
            assert_eq!(by_owners(view, &owned(owners.len()), owners), expect, "{owners:?}");
        };
        let delete = Step::Delete;
        check(&leaf, &[Absent], delete(Background));
        check(&leaf, &[Absent, Absent], delete(Background));
        check(&leaf, &[Solid], Step::Nothing);
        check(&leaf, &[Solid, Absent], Step::Forget(owned(2).owners[1..].to_vec()));
        check(&leaf, &[Waiting, Solid], Step::Forget(owned(2).owners[..1].to_vec()));
        check(&leaf, &[Unknown, Absent], Step::Nothing);
        check(&leaf, &[Solid, Absent, Unknown], Step::Nothing);
        check(&leaf, &[Waiting], delete(Background));
        check(&inner, &[Waiting], delete(Foreground));
        check(&inner, &[Waiting, Absent], delete(Foreground));
        check(&inner, &[Absent], delete(Background));
        check(&ring, &[Waiting], Step::Unblock);
        let mut unblocked = owned(1);
        unblocked.owners[0].blocks = false;
        assert_eq!(by_owners(&ring, &unblocked, &[Waiting]), delete(Foreground));
        let with = |finalizer: &str| Facts { finalizers: vec![finalizer.into()], ..owned(1) };
        assert_eq!(by_owners(&inner, &with(ORPHAN), &[Absent]), delete(Orphan));
        assert_eq!(by_owners(&inner, &with(FOREGROUND), &[Absent]), delete(Foreground));
    }
}
