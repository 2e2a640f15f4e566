//! What the process costs, under the names that every Prometheus client uses. Known on Linux only.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Clock ticks in a second, in `/proc`: the same on every Linux that Rust's standard library supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads `/proc/self` at every scrape.
#[derive(Debug)]
pub struct Process {
    started: f64,
}

struct Usage {
    cpu_seconds: f64,
    virtual_bytes: u64,
    resident_bytes: u64,
    open_files: u64,
    open_files_max: Option<u64>,
}

impl Process {
    /// A process that starts now.
    pub fn new() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: started.as_secs_f64() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name, help, value| {
            let gauge = ConstGauge::<f64>::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", self.started)?;
        let Some(usage) = usage() else { return Ok(()) };
        gauge("process_resident_memory_bytes", "Resident memory size in bytes.", usage.resident_bytes as f64)?;
        gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", usage.virtual_bytes as f64)?;
        gauge("process_open_fds", "Number of open file descriptors.", usage.open_files as f64)?;
        if let Some(max) = usage.open_files_max {
            gauge("process_max_fds", "Maximum number of open file descriptors.", max as f64)?;
        }
        let cpu = ConstCounter::new(usage.cpu_seconds);
        let help = "Total user and system CPU time spent in seconds.";
        cpu.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, cpu.metric_type())?)
    }
}

fn usage() -> Option<Usage> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything; the fields count from after it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident_kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    Some(Usage {
        cpu_seconds: (number(11)? + number(12)?) as f64 / TICKS_PER_SECOND,
        virtual_bytes: number(20)?,
        resident_bytes: resident_kib.unwrap_or(0_u64) * 1024,
        open_files: std::fs::read_dir("/proc/self/fd").map(Iterator::count).unwrap_or_default() as u64,
        open_files_max: limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok()),
    })
}
