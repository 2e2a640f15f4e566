//! What is measured, as data: a list of measures in stages, one stage per number of objects.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::phase::{Extent, Phase, Query};

/// One line of the report.
#[derive(Clone, Debug)]
pub struct Measure {
    /// `get`, `get/128c` with another number of connections, `watch/2000w` of watchers, `get@20000` of objects.
    pub name: String,
    pub about: &'static str,
    pub phase: Phase,
    pub objects: usize,
    pub connections: usize,
    pub watchers: usize,
    pub unit: Unit,
    pub goal: Option<Goal>,
}

/// What the figure of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Microseconds of the server's CPU time per request.
    CpuPerRequest,
    /// Microseconds of the server's CPU time per event and watcher.
    CpuPerDelivery,
    /// The 99th percentile of latency, in milliseconds.
    P99,
    /// Milliseconds.
    Time,
    /// MiB.
    Memory,
    /// Seconds, of CPU or of the wall clock.
    Seconds,
}

/// What the design must reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// At most this many times the bare server's figure.
    TimesBare(f64),
    /// At most this, in the line's unit.
    AtMost(f64),
}

impl Unit {
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::CpuPerRequest | Unit::CpuPerDelivery => "µs",
            Unit::P99 | Unit::Time => "ms",
            Unit::Memory => "MiB",
            Unit::Seconds => "s",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Unit::CpuPerRequest => "CPU per request",
            Unit::CpuPerDelivery => "CPU per event and watcher",
            Unit::P99 => "p99",
            Unit::Time | Unit::Seconds => "time",
            Unit::Memory => "memory",
        }
    }
}

/// How much of the plan is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A few requests of each, to see that all works.
    Smoke,
    /// About a minute.
    Quick,
    /// At most ten minutes: what the README shows.
    Standard,
    /// Everything.
    Full,
}

impl Size {
    pub fn rounds(self) -> usize {
        match self {
            Size::Smoke => 1,
            Size::Quick | Size::Standard => 2,
            Size::Full => 3,
        }
    }

    pub fn time(self) -> Duration {
        Duration::from_millis(match self {
            Size::Smoke => 100,
            Size::Quick => 500,
            Size::Standard => 1000,
            Size::Full => 2000,
        })
    }

    fn writes(self) -> usize {
        match self {
            Size::Smoke => 40,
            Size::Quick => 1000,
            Size::Standard => 2000,
            Size::Full => 5000,
        }
    }

    fn deliveries(self) -> usize {
        match self {
            Size::Smoke => 500,
            Size::Quick => 30_000,
            Size::Standard => 50_000,
            Size::Full => 100_000,
        }
    }

    /// How many objects the lines of the table are about.
    fn table(self) -> usize {
        if self == Size::Smoke { 200 } else { 2000 }
    }

    fn objects(self) -> &'static [usize] {
        match self {
            Size::Smoke | Size::Quick => &[],
            Size::Standard => &[100, 20_000],
            Size::Full => &[100, 20_000, 100_000],
        }
    }
}

impl Measure {
    fn new(name: &str, about: &'static str, phase: Phase, unit: Unit) -> Measure {
        let name = name.to_owned();
        Measure { name, about, phase, objects: 2000, connections: 16, watchers: 0, unit, goal: None }
    }

    /// What is read once, of no server under load.
    pub fn reading(name: &str, about: &'static str, unit: Unit, goal: Option<Goal>) -> Measure {
        Measure { objects: 0, connections: 0, goal, ..Measure::new(name, about, Phase::Start, unit) }
    }

    fn goal(mut self, goal: Goal) -> Measure {
        self.goal = Some(goal);
        self
    }

    /// A variant, which has no goal of its own.
    fn connections(mut self, connections: usize) -> Measure {
        self.connections = connections;
        self.name = format!("{}/{connections}c", self.name);
        self.goal = None;
        self
    }

    fn watchers(mut self, watchers: usize) -> Measure {
        self.watchers = watchers;
        self
    }

    fn objects(mut self, objects: usize) -> Measure {
        self.objects = objects;
        self.name = format!("{}@{objects}", self.name);
        self
    }

    /// The name without what it varies in.
    pub fn family(&self) -> &str {
        self.name.split(['/', '@']).next().unwrap_or_default()
    }

    pub fn extent(&self, size: Size, time: Duration) -> Extent {
        Extent {
            objects: self.objects,
            connections: self.connections,
            watchers: self.watchers,
            time,
            writes: size.writes(),
            deliveries: size.deliveries(),
        }
    }
}

/// The measures in the order they are made in: the number of objects only grows.
pub fn measures(size: Size) -> Vec<Measure> {
    let mut measures = empty();
    let table = size.table();
    for objects in size.objects().iter().copied().filter(|objects| *objects < table) {
        measures.extend(curve(objects));
    }
    measures.extend(lines(size).into_iter().map(|measure| Measure { objects: table, ..measure }));
    for objects in size.objects().iter().copied().filter(|objects| *objects > table) {
        measures.extend(curve(objects));
    }
    measures
}

/// The measures whose names, or families, are among these; all if there are none.
///
/// # Errors
/// A name that no measure has.
pub fn select(measures: Vec<Measure>, only: &[String]) -> Result<Vec<Measure>, String> {
    let fits = |measure: &Measure, name: &String| measure.name == *name || measure.family() == name;
    if let Some(unknown) = only.iter().find(|name| !measures.iter().any(|measure| fits(measure, name))) {
        return Err(unknown.clone());
    }
    let wanted = |measure: &Measure| only.is_empty() || only.iter().any(|name| fits(measure, name));
    Ok(measures.into_iter().filter(wanted).collect())
}

/// Without objects.
fn empty() -> Vec<Measure> {
    let start = Measure::new("start", "from exec to ready, nothing stored", Phase::Start, Unit::Time);
    let idle = Measure::new("memory-idle", "resident when ready", Phase::Memory, Unit::Memory);
    [start.goal(Goal::AtMost(100.0)), idle.goal(Goal::AtMost(15.0))]
        .map(|measure| Measure { objects: 0, ..measure })
        .into()
}

/// The lines of the design's table, and what varies in connections and watchers.
fn lines(size: Size) -> Vec<Measure> {
    use Unit::{CpuPerDelivery, CpuPerRequest, Memory, P99, Time};
    let new = Measure::new;
    let cpu = |name, about, phase| Measure::new(name, about, phase, CpuPerRequest);
    let twice = Goal::TimesBare(2.0);
    let watch = |name: &str, about, watchers| {
        new(name, about, Phase::Watch { stalled: 0, pace: None }, CpuPerDelivery).watchers(watchers)
    };
    let get = || cpu("get", "GET of one object", Phase::Get).goal(twice);
    let list = || cpu("list", "all objects", Phase::List(Query::All)).goal(twice);
    let slow = Phase::Watch { stalled: if size == Size::Smoke { 5 } else { 100 }, pace: None };
    let paced = Phase::Watch { stalled: 0, pace: Some(Duration::from_millis(20)) };
    let many = if size == Size::Smoke { 5 } else { 100 };
    let mut measures = vec![
        get(),
        get().connections(1),
        get().connections(128),
        list(),
        list().connections(1),
        cpu("list-page", "limit=500, the first page", Phase::List(Query::Page)),
        cpu("list-cached", "all objects, resourceVersion=0", Phase::List(Query::Cached)),
        cpu("list-label", "1 % of them, by label", Phase::List(Query::Label)),
        cpu("list-field", "1 % of them, by field", Phase::List(Query::Field)),
        cpu("create", "POST", Phase::Create).goal(Goal::AtMost(120.0)),
        cpu("update", "PUT with a resourceVersion", Phase::Update).goal(Goal::AtMost(150.0)),
        cpu("patch", "merge patch of one field", Phase::MergePatch).goal(Goal::AtMost(150.0)),
        cpu("apply", "server-side apply that changes a field", Phase::ApplyChange).goal(Goal::AtMost(200.0)),
        cpu("apply-create", "server-side apply that creates", Phase::ApplyCreate).goal(Goal::AtMost(200.0)),
        cpu("apply-same", "server-side apply that changes nothing", Phase::ApplySame),
        cpu("delete", "DELETE", Phase::Delete),
        watch("watch/1w", "1 watcher; the write is included", 1),
        watch("watch", "100 watchers", many).goal(Goal::AtMost(5.0)),
        new("watch-latency", "100 watchers, 50 writes/s: from write to event", paced, P99).watchers(many),
        new("memory-list", "growth while all are listed", Phase::MemoryOfList, Memory),
        new("memory-loaded", "resident after all of the above", Phase::Memory, Memory).goal(Goal::AtMost(60.0)),
        new("slow-watchers", "100 watchers beside 100 that never read", slow, CpuPerDelivery).watchers(many),
        Measure {
            connections: if size == Size::Smoke { 8 } else { 128 },
            ..new("fairness", "gets while 128 connections list all", Phase::Fairness, P99).goal(Goal::AtMost(20.0))
        },
        Measure {
            connections: 100,
            ..new("overload", "1,000 lists at a time: p99 of refusals", Phase::Overload, Time)
        },
        new("start-stored", "from exec to ready, objects stored", Phase::Start, Time),
    ];
    if size == Size::Full {
        let at = measures.iter().position(|measure| measure.name == "watch-latency").unwrap_or(measures.len());
        measures.insert(at, watch("watch/2000w", "2,000 watchers", 2000));
        let cut_off = new("cut-off", "growth by 100 watchers that never read", Phase::CutOff, Memory);
        measures.push(Measure { connections: 64, ..cut_off.watchers(100) });
    }
    measures
}

/// What shows whether the cost grows with the number of objects.
fn curve(objects: usize) -> Vec<Measure> {
    use Unit::{CpuPerRequest, Memory, Time};
    let cpu = |name, about, phase| Measure::new(name, about, phase, CpuPerRequest).objects(objects);
    let other = |name, about, phase, unit| Measure::new(name, about, phase, unit).objects(objects);
    let mut list = cpu("list", "all objects", Phase::List(Query::All)).goal(Goal::TimesBare(2.0));
    // What 16 clients have in flight of a large list is gigabytes.
    list.connections = if objects > 2000 { 4 } else { 16 };
    let mut memory = other("memory-objects", "resident, objects stored", Phase::Memory, Memory);
    let mut growth = other("memory-list", "growth while all are listed", Phase::MemoryOfList, Memory);
    if objects == 100_000 {
        memory.goal = Some(Goal::AtMost(250.0));
        growth.goal = Some(Goal::AtMost(16.0));
    }
    vec![
        memory,
        growth,
        cpu("get", "GET of one object", Phase::Get).goal(Goal::TimesBare(2.0)),
        list,
        cpu("list-page", "limit=500, the first page", Phase::List(Query::Page)),
        cpu("list-label", "1 % of them, by label", Phase::List(Query::Label)),
        cpu("list-field", "1 % of them, by field", Phase::List(Query::Field)),
        cpu("create", "POST", Phase::Create).goal(Goal::AtMost(120.0)),
        cpu("patch", "merge patch of one field", Phase::MergePatch).goal(Goal::AtMost(150.0)),
        cpu("apply", "server-side apply that changes a field", Phase::ApplyChange).goal(Goal::AtMost(200.0)),
        other("start-stored", "from exec to ready, objects stored", Phase::Start, Time),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_objects_only_grow() {
        for size in [Size::Smoke, Size::Quick, Size::Standard, Size::Full] {
            let measures = measures(size);
            let mut names: Vec<&str> = measures.iter().map(|measure| measure.name.as_str()).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{size:?}: {names:?}");
            assert!(measures.is_sorted_by_key(|measure| measure.objects), "{size:?}");
        }
    }

    #[test]
    fn a_name_selects_a_measure_and_a_family_all_of_its_variants() {
        let check = |only: &[&str], expected: Result<&[&str], &str>| {
            let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
            let selected = select(measures(Size::Quick), &only);
            let names = selected.map(|measures| measures.into_iter().map(|measure| measure.name).collect::<Vec<_>>());
            assert_eq!(
                names,
                expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect()).map_err(str::to_owned)
            );
        };
        check(&["get"], Ok(&["get", "get/1c", "get/128c"]));
        check(&["get/1c", "delete"], Ok(&["get/1c", "delete"]));
        check(&["got"], Err("got"));
    }
}
