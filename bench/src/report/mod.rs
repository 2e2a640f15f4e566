//! The outcome: one line per measure, one figure per server.

pub mod compare;
pub mod svg;
pub mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::phase::Sample;
use crate::plan::{Goal, Measure, Unit};

/// What the bare server is called.
pub const BARE: &str = "bare";

/// A whole run, as it is written to a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    pub machine: Machine,
    /// The servers in the order in which they are shown.
    pub peers: Vec<String>,
    pub lines: Vec<Line>,
}

/// Grows when older files can no longer be read.
pub const FORMAT: u32 = 1;

/// Where and when it was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
    /// RFC 3339.
    pub time: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub name: String,
    pub about: String,
    pub unit: Unit,
    pub objects: usize,
    pub connections: usize,
    pub watchers: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// By server.
    pub figures: BTreeMap<String, Figure>,
}

/// What one line came to on one server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Figure {
    /// In the line's unit; absent where it could not be read.
    pub value: Option<f64>,
    /// Of each round.
    pub rounds: Vec<f64>,
    /// All rounds together.
    pub requests: u64,
    pub per_second: f64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
    /// Of bodies, per request.
    pub bytes: u64,
    /// The server's own, per request.
    pub cpu_us: f64,
    /// etcd's, per request.
    pub storage_cpu_us: f64,
    pub memory_mib: f64,
    pub peak_mib: f64,
    pub errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, f64>,
}

impl Report {
    pub fn new(peers: Vec<String>, lines: Vec<Line>) -> Report {
        Report { format: FORMAT, machine: Machine::this(), peers, lines }
    }

    pub fn read(path: &Path) -> Result<Report> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let report: Report =
            serde_json::from_str(&text).with_context(|| format!("{} is no report of this program", path.display()))?;
        ensure!(report.format == FORMAT, "{} has format {}, not {FORMAT}", path.display(), report.format);
        Ok(report)
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// How many lines had errors on some server.
    pub fn failed_lines(&self) -> usize {
        self.lines.iter().filter(|line| line.figures.values().any(|figure| figure.errors > 0)).count()
    }
}

impl Machine {
    fn this() -> Machine {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let now = time::OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        Machine {
            processor: model.map(|(_, model)| model.to_owned()).unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: kernel.trim().to_owned(),
            time: now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default(),
        }
    }
}

impl Line {
    pub fn new(measure: &Measure) -> Line {
        Line {
            name: measure.name.clone(),
            about: measure.about.to_owned(),
            unit: measure.unit,
            objects: measure.objects,
            connections: measure.connections,
            watchers: measure.watchers,
            goal: measure.goal,
            figures: BTreeMap::new(),
        }
    }

    pub fn value(&self, peer: &str) -> Option<f64> {
        self.figures.get(peer)?.value
    }

    /// How many times the bare server's figure a server's is, of those that the bare server can have.
    pub fn ratio(&self, peer: &str) -> Option<f64> {
        let bare = self.value(BARE).filter(|bare| *bare > 0.0)?;
        (peer != BARE).then(|| self.value(peer).map(|value| value / bare)).flatten()
    }

    /// Whether a server's figure is as the design asks; absent without a goal, or without a figure.
    pub fn meets_goal(&self, peer: &str) -> Option<bool> {
        match self.goal? {
            Goal::TimesBare(most) => self.ratio(peer).map(|ratio| ratio <= most),
            Goal::AtMost(most) => self.value(peer).filter(|_| peer != BARE).map(|value| value <= most),
        }
    }
}

impl Figure {
    /// What several rounds come to; nothing if there were none.
    pub fn of(unit: Unit, samples: &[Sample]) -> Option<Figure> {
        if samples.is_empty() {
            return None;
        }
        let mut figure =
            Figure { rounds: samples.iter().filter_map(|sample| value(unit, sample)).collect(), ..Figure::default() };
        figure.value = match unit {
            // What disturbs a server can only make it dearer.
            Unit::CpuPerRequest | Unit::CpuPerDelivery => figure.rounds.iter().copied().reduce(f64::min),
            _ => median(&figure.rounds),
        };
        let of = |read: fn(&Sample) -> f64| median(&samples.iter().map(read).collect::<Vec<_>>()).unwrap_or_default();
        let requests = |sample: &Sample| sample.tally.requests.max(1) as f64;
        figure.per_second = of(|sample| sample.tally.requests as f64 / sample.tally.seconds.max(1e-9));
        figure.p50_us = of(|sample| sample.tally.latency.value_at_quantile(0.5) as f64) as u64;
        figure.p99_us = of(|sample| sample.tally.latency.value_at_quantile(0.99) as f64) as u64;
        figure.max_us = samples.iter().map(|sample| sample.tally.latency.max()).max().unwrap_or_default();
        let least = |values: Vec<f64>| values.into_iter().reduce(f64::min).unwrap_or_default();
        let cpu = |read: fn(&crate::peer::Cpu) -> f64| {
            least(samples.iter().filter_map(|sample| Some(read(sample.cpu.as_ref()?) / requests(sample))).collect())
        };
        figure.cpu_us = cpu(|cpu| cpu.server.as_secs_f64() * 1e6);
        figure.storage_cpu_us = cpu(|cpu| cpu.storage.as_secs_f64() * 1e6);
        let memory = samples.iter().filter_map(|sample| sample.memory);
        figure.memory_mib = memory.clone().map(|memory| mib(memory.now)).fold(0.0, f64::max);
        figure.peak_mib = memory.map(|memory| mib(memory.peak)).fold(0.0, f64::max);
        for sample in samples {
            figure.requests += sample.tally.requests;
            figure.bytes += sample.tally.bytes;
            figure.errors += sample.tally.errors;
            figure.first_error = figure.first_error.or(sample.tally.first_error.clone());
            // The last round's.
            figure.extra.extend(sample.extra.iter().map(|(name, value)| ((*name).to_owned(), *value)));
        }
        figure.bytes /= figure.requests.max(1);
        Some(figure)
    }

    /// How far the rounds lie apart, as a share of the smallest.
    pub fn spread(&self) -> f64 {
        let least = self.rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.rounds.iter().copied().fold(0.0, f64::max);
        if least > 0.0 && least.is_finite() { most / least - 1.0 } else { 0.0 }
    }
}

/// A sample in a unit.
fn value(unit: Unit, sample: &Sample) -> Option<f64> {
    let tally = &sample.tally;
    match unit {
        Unit::CpuPerRequest | Unit::CpuPerDelivery => {
            let cpu = sample.cpu.filter(|_| tally.requests > 0)?;
            Some(cpu.server.as_secs_f64() * 1e6 / tally.requests as f64)
        }
        Unit::P99 => match sample.reading {
            Some(micros) => Some(micros / 1e3),
            None => (!tally.latency.is_empty()).then(|| tally.latency.value_at_quantile(0.99) as f64 / 1e3),
        },
        Unit::Time => sample.reading.map(|micros| micros / 1e3),
        Unit::Seconds => sample.reading.map(|micros| micros / 1e6),
        Unit::Memory => sample.reading.map(|bytes| bytes / MIB),
    }
}

const MIB: f64 = (1 << 20) as f64;

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

/// The one in the middle; of an even number the smaller of the two.
fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report of one line about CPU per request.
    pub fn report(name: &str, figures: &[(&str, &[f64])]) -> Report {
        let figures = figures.iter().map(|(peer, rounds)| {
            let value = rounds.iter().copied().reduce(f64::min);
            ((*peer).to_owned(), Figure { value, rounds: rounds.to_vec(), requests: 1, ..Figure::default() })
        });
        let line = Line {
            name: name.to_owned(),
            about: "a measure".to_owned(),
            unit: Unit::CpuPerRequest,
            objects: 2000,
            connections: 16,
            watchers: 0,
            goal: Some(Goal::TimesBare(2.0)),
            figures: figures.collect(),
        };
        let peers = line.figures.keys().rev().cloned().collect();
        Report::new(peers, vec![line])
    }

    #[test]
    fn a_goal_is_met_or_not_or_nobody_knows() {
        let check = |ours: &[f64], bare: &[f64], expected: Option<bool>| {
            let report = report("get", &[("ours", ours), (BARE, bare)]);
            assert_eq!(report.lines[0].meets_goal("ours"), expected, "{ours:?} {bare:?}");
        };
        check(&[19.0, 30.0], &[10.0], Some(true));
        check(&[21.0], &[10.0], Some(false));
        check(&[], &[10.0], None);
        check(&[21.0], &[], None);
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let report = report("get", &[("ours", &[19.0]), (BARE, &[10.0])]);
        report.write(&path).unwrap();
        let read = Report::read(&path).unwrap();
        assert_eq!(read.lines[0].value("ours"), Some(19.0));
        fs::write(&path, "{}").unwrap();
        assert!(Report::read(&path).is_err());
    }

    #[test]
    fn the_table_shows_ratios_and_goals() {
        let text = table::table(&report("get", &[("ours", &[25.0]), (BARE, &[10.0])]));
        let row = text.lines().nth(1).unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words, ["get", "a", "measure", "µs", "25.0", "2.5", "10.0", "≤", "2", "×", "bare", "NO"], "{text}");
    }

    #[test]
    fn the_one_in_the_middle() {
        for (values, expected) in [(&[][..], None), (&[3.0][..], Some(3.0)), (&[9.0, 1.0, 5.0][..], Some(5.0))] {
            assert_eq!(median(values), expected);
        }
    }
}
