//! The collector's decisions against a world in memory: random owners, random deletions, changes that are seen late and,
//! between kinds, out of order. In the end there is what Kubernetes' rules leave.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use super::decide::{self, Owner, Step};
use super::facts::{FOREGROUND, Facts, ORPHAN, OwnerReference};
use super::graph::{Graph, Id, Owners, Seen, Task};
use crate::registry::delete::Propagation;

const KINDS: usize = 3;
/// The uid of an owner that is not there.
const STALE: &str = "stale";

/// What is stored, and the changes that the collector has not seen yet. A place is the kind's number and a name.
#[derive(Default)]
struct World {
    objects: BTreeMap<String, Facts>,
    changes: [VecDeque<Change>; KINDS],
    graph: Graph,
    tasks: Vec<Task>,
    /// The kind that is to be looked at next, and whether all of those before were looked at whole.
    look: (usize, bool),
}

struct Change {
    place: String,
    created: bool,
    object: Option<Facts>,
}

fn uid(place: &str) -> String {
    format!("uid-{place}")
}

impl World {
    fn create(&mut self, place: &str, owners: Vec<OwnerReference>) {
        self.store(place, Facts { uid: uid(place), owners, ..Facts::default() });
    }

    fn store(&mut self, place: &str, facts: Facts) {
        if facts.terminating && facts.finalizers.is_empty() {
            return self.remove(place);
        }
        let created = self.objects.insert(place.to_owned(), facts.clone()).is_none();
        self.change(place, created, Some(facts));
    }

    fn remove(&mut self, place: &str) {
        self.objects.remove(place);
        self.change(place, false, None);
    }

    fn change(&mut self, place: &str, created: bool, object: Option<Facts>) {
        let kind = usize::from(place.as_bytes()[0] - b'0');
        self.changes[kind].push_back(Change { place: place.to_owned(), created, object });
    }

    fn delete(&mut self, place: &str, propagation: Propagation) {
        let Some(mut facts) = self.objects.get(place).cloned() else { return };
        facts.finalizers.retain(|finalizer| finalizer != FOREGROUND && finalizer != ORPHAN);
        match propagation {
            Propagation::Background => {}
            Propagation::Foreground => facts.finalizers.push(FOREGROUND.into()),
            Propagation::Orphan => facts.finalizers.push(ORPHAN.into()),
        }
        facts.terminating = true;
        self.store(place, facts);
    }

    /// The collector sees the next change of a kind, as [`Followed`](super::follow::Followed) tells the graph.
    fn see(&mut self, kind: usize) {
        let Some(change) = self.changes[kind].pop_front() else { return };
        match &change.object {
            None => self.graph.gone(&change.place),
            Some(facts) => {
                let plain = facts.owners.is_empty() && !facts.terminating;
                let known = match change.created {
                    true => self.graph.knows(&change.place),
                    false => !self.graph.is_indifferent_to(&change.place),
                };
                if known || !plain {
                    let owners = owners(facts);
                    let (foreground, orphaning) = (facts.is_foreground(), facts.is_orphaning());
                    self.graph.seen(&change.place, Seen { uid: &facts.uid, owners, foreground, orphaning });
                }
            }
        }
    }

    /// The collector looks at another kind, sometimes not to the end.
    fn look(&mut self, rng: &mut StdRng) {
        let (kind, whole) = self.look;
        if kind == 0 {
            self.graph.begin_look();
        }
        let whole = if rng.random_bool(0.1) {
            self.see(kind);
            false
        } else {
            while !self.changes[kind].is_empty() {
                self.see(kind);
            }
            whole
        };
        self.look = (kind + 1, whole);
        if kind + 1 == KINDS {
            self.graph.end_look(whole);
            self.tasks.extend(self.graph.take_tasks());
            self.look = (0, true);
        }
    }

    /// Works off one of the tasks.
    fn work(&mut self, index: usize) {
        match self.tasks.swap_remove(index) {
            Task::Examine(id) => self.examine(&id),
            Task::Orphan(id) => {
                for dependent in self.graph.dependents(&id) {
                    self.edit(&dependent, |facts| facts.owners.retain(|owner| *owner.uid != *id.uid));
                }
                self.edit(&id, |facts| facts.finalizers.retain(|finalizer| finalizer != ORPHAN));
            }
        }
    }

    fn examine(&mut self, id: &Id) {
        let Some(view) = self.graph.view(id) else { return };
        let stored = self.objects.get(&*id.place).cloned();
        let step = decide::at_once(&view, &id.uid, stored.as_ref()).unwrap_or_else(|| {
            let stored = stored.as_ref().expect("it is there");
            let owners: Vec<Owner> = stored.owners.iter().map(|owner| self.owner(owner)).collect();
            decide::by_owners(&view, stored, &owners)
        });
        match step {
            Step::Absent => return self.graph.absent(id),
            Step::Nothing => {}
            Step::Release => {
                let blocks = |facts: &Facts| facts.owners.iter().any(|owner| *owner.uid == *id.uid && owner.blocks);
                let blocking = self.objects.iter().find(|(place, facts)| **place != *id.place && blocks(facts));
                assert!(blocking.is_none(), "{id:?} does not wait for {blocking:?}");
                self.edit(id, |facts| facts.finalizers.retain(|finalizer| finalizer != FOREGROUND));
            }
            Step::Unblock => {
                self.edit(id, |facts| facts.owners.iter_mut().for_each(|owner| owner.blocks = false));
                self.tasks.push(Task::Examine(id.clone()));
            }
            Step::Forget(owners) => self.edit(id, |facts| facts.owners.retain(|owner| !owners.contains(owner))),
            Step::Delete(propagation) => self.delete(&id.place, propagation),
        }
        self.graph.found(id);
    }

    fn owner(&self, reference: &OwnerReference) -> Owner {
        match self.objects.get(&reference.name).filter(|facts| facts.uid == reference.uid) {
            None => Owner::Absent,
            Some(facts) if facts.is_foreground() => Owner::Waiting,
            Some(_) => Owner::Solid,
        }
    }

    fn edit(&mut self, id: &Id, change: impl Fn(&mut Facts)) {
        if let Some(before) = self.objects.get(&*id.place).filter(|facts| *facts.uid == *id.uid) {
            let mut after = before.clone();
            change(&mut after);
            if after != *before {
                self.store(&id.place, after);
            }
        }
    }

    /// Does something that is to be done, if there is anything.
    fn act(&mut self, rng: &mut StdRng) -> bool {
        let rests = self.look.0 == 0 && self.changes.iter().all(VecDeque::is_empty) && !self.graph.has_tasks();
        match self.tasks.len() {
            0 if rests => return false,
            0 => self.look(rng),
            _ if rng.random() => self.look(rng),
            tasks => self.work(rng.random_range(0..tasks)),
        }
        true
    }

    fn settle(&mut self, rng: &mut StdRng) {
        for _ in 0..200_000 {
            if !self.act(rng) {
                return;
            }
        }
        panic!("it does not come to rest");
    }
}

fn owners(facts: &Facts) -> Owners {
    let mut owners = Owners::new();
    for reference in &facts.owners {
        let id = Id { place: reference.name.as_str().into(), uid: reference.uid.as_str().into() };
        *owners.entry(id).or_default() |= reference.blocks;
    }
    owners
}

fn reference(place: &str, blocks: bool) -> OwnerReference {
    OwnerReference { name: place.into(), uid: uid(place), blocks, ..OwnerReference::default() }
}

/// What must have become of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Alive,
    Gone,
    /// It depends on what came first.
    Either,
}

/// What Kubernetes' rules leave, where no object owns itself by way of others; owners come before their dependents.
fn fates(objects: &[(String, Vec<OwnerReference>)], deleted: &BTreeMap<String, Propagation>) -> BTreeMap<String, Fate> {
    let mut fates: BTreeMap<String, Fate> = BTreeMap::new();
    // Whether those who name a deleted object forget it before it is gone.
    let mut forgotten: BTreeMap<String, bool> = BTreeMap::new();
    for (place, owners) in objects {
        let by_owners = {
            let of = |owner: &OwnerReference| (owner.uid != STALE).then(|| fates[&owner.name]);
            let lost = |owner: &OwnerReference| match of(owner) {
                None => true,
                Some(fate) => fate == Fate::Gone && forgotten.get(&owner.name) == Some(&false),
            };
            let is_forgotten =
                |owner: &OwnerReference| of(owner) == Some(Fate::Gone) && forgotten.get(&owner.name) == Some(&true);
            match owners {
                owners if owners.iter().any(|owner| of(owner) == Some(Fate::Alive)) => Fate::Alive,
                owners if owners.iter().all(is_forgotten) => Fate::Alive,
                owners if owners.iter().all(lost) => Fate::Gone,
                _ => Fate::Either,
            }
        };
        let fate = match deleted.get(place) {
            Some(propagation) => {
                // The collector may have been first, and does not let dependents go.
                if *propagation != Propagation::Orphan {
                    forgotten.insert(place.clone(), false);
                } else if by_owners == Fate::Alive {
                    forgotten.insert(place.clone(), true);
                }
                Fate::Gone
            }
            None => {
                if by_owners == Fate::Gone {
                    forgotten.insert(place.clone(), false);
                }
                by_owners
            }
        };
        fates.insert(place.clone(), fate);
    }
    fates
}

fn places(rng: &mut StdRng, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{}/{number}", rng.random_range(0..KINDS))).collect()
}

/// Creates and deletes while the collector works, and lets it come to rest.
fn play(rng: &mut StdRng, objects: &[(String, Vec<OwnerReference>)], deleted: &BTreeMap<String, Propagation>) -> World {
    let mut world = World::default();
    for (place, owners) in objects {
        world.create(place, owners.clone());
    }
    let mut deletions: Vec<_> = deleted.iter().collect();
    deletions.shuffle(rng);
    for (place, propagation) in deletions {
        for _ in 0..rng.random_range(0..20) {
            world.act(rng);
        }
        world.delete(place, *propagation);
    }
    world.settle(rng);
    world
}

/// What is true in the end, whatever happened.
fn check_rest(seed: u64, world: &World) {
    for (place, facts) in &world.objects {
        assert!(!facts.terminating, "seed {seed}: {place} is stuck: {facts:?}");
        for owner in &facts.owners {
            assert_eq!(world.owner(owner), Owner::Solid, "seed {seed}: {place} has {owner:?}");
        }
    }
    for place in world.graph.places_under("") {
        assert!(world.objects.contains_key(&*place), "seed {seed}: {place} is still in the graph");
    }
}

#[test]
fn what_is_left_is_what_the_rules_leave() {
    for seed in 0..500 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let count = rng.random_range(1..25);
        let places = places(rng, count);
        let mut objects: Vec<(String, Vec<OwnerReference>)> = Vec::new();
        for (index, place) in places.iter().enumerate() {
            let mut owners = BTreeSet::new();
            for _ in 0..rng.random_range(0..3) {
                owners.extend(places[..index].choose(rng));
            }
            let mut owners: Vec<_> = owners.into_iter().map(|owner| reference(owner, rng.random())).collect();
            if rng.random_bool(0.1) {
                let place = places.choose(rng).expect("one");
                owners.push(OwnerReference { uid: STALE.into(), ..reference(place, rng.random()) });
            }
            objects.push((place.clone(), owners));
        }
        let mut deleted = BTreeMap::new();
        for place in &places {
            if rng.random_bool(0.2) {
                let all = [Propagation::Background, Propagation::Foreground, Propagation::Orphan];
                deleted.insert(place.clone(), *all.choose(rng).expect("one"));
            }
        }
        let world = play(rng, &objects, &deleted);
        check_rest(seed, &world);
        for (place, fate) in fates(&objects, &deleted) {
            let found = if world.objects.contains_key(&place) { Fate::Alive } else { Fate::Gone };
            assert!(
                fate == found || fate == Fate::Either,
                "seed {seed}: {place} is {found:?}: {objects:#?} {deleted:?}"
            );
        }
    }
}

#[test]
fn owners_in_rings_go_all_or_none() {
    for seed in 0..500 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let count = rng.random_range(1..12);
        let places = places(rng, count);
        let mut objects: Vec<(String, Vec<OwnerReference>)> = Vec::new();
        for place in &places {
            let owners: BTreeSet<&String> = (0..rng.random_range(0..3)).filter_map(|_| places.choose(rng)).collect();
            objects.push((place.clone(), owners.into_iter().map(|owner| reference(owner, rng.random())).collect()));
        }
        let mut deleted = BTreeMap::new();
        for place in &places {
            if rng.random_bool(0.3) {
                let propagation = if rng.random() { Propagation::Background } else { Propagation::Foreground };
                deleted.insert(place.clone(), propagation);
            }
        }
        let world = play(rng, &objects, &deleted);
        check_rest(seed, &world);
        let mut alive: BTreeSet<&String> = places.iter().filter(|place| !deleted.contains_key(*place)).collect();
        loop {
            let owned = |owners: &[OwnerReference]| owners.iter().any(|owner| alive.contains(&owner.name));
            let is_left = |(place, owners): &&(String, Vec<OwnerReference>)| {
                alive.contains(place) && (owners.is_empty() || owned(owners))
            };
            let left: BTreeSet<&String> = objects.iter().filter(is_left).map(|(place, _)| place).collect();
            if left == alive {
                break;
            }
            alive = left;
        }
        assert_eq!(world.objects.keys().collect::<BTreeSet<_>>(), alive, "seed {seed}: {objects:#?} {deleted:?}");
    }
}

#[test]
fn long_chains_take_no_stack() {
    for propagation in [Propagation::Background, Propagation::Foreground] {
        let rng = &mut StdRng::seed_from_u64(1);
        let place = |level: usize| format!("{}/{level}", level % KINDS);
        let owner = |level: usize| level.checked_sub(1).map(|above| reference(&place(above), true));
        let objects: Vec<_> = (0..2_000).map(|level| (place(level), owner(level).into_iter().collect())).collect();
        let world = play(rng, &objects, &BTreeMap::from([(place(0), propagation)]));
        assert_eq!(world.objects.len(), 0);
        check_rest(1, &world);
    }
}
