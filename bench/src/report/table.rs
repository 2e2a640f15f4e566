//! The report for a terminal.

use std::fmt::Write;

use super::{BARE, Figure, Line, Report};
use crate::plan::Goal;

/// One line per measure: figures, ratios, goals.
pub fn table(report: &Report) -> String {
    let mut rows = vec![header(report)];
    rows.extend(report.lines.iter().map(|line| row(report, line)));
    let mut text = aligned(&rows);
    for line in &report.lines {
        for (peer, figure) in &line.figures {
            if let Some(error) = &figure.first_error {
                let _ = writeln!(text, "ERROR: {} on {peer}: {} times, first: {error}", line.name, figure.errors);
            }
        }
    }
    text
}

/// What else was seen: throughput, latency, memory.
pub fn details(report: &Report) -> String {
    let header = [
        "measure", "server", "requests", "per s", "p50 µs", "p99 µs", "max µs", "bytes", "CPU µs", "etcd µs", "MiB",
        "peak", "more",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for line in &report.lines {
        for peer in &report.peers {
            let Some(figure) = line.figures.get(peer) else { continue };
            let mut row = vec![line.name.clone(), peer.clone(), figure.requests.to_string()];
            row.push(number(figure.per_second));
            row.extend([figure.p50_us, figure.p99_us, figure.max_us, figure.bytes].map(|number| number.to_string()));
            row.extend([figure.cpu_us, figure.storage_cpu_us, figure.memory_mib, figure.peak_mib].map(number));
            let extra = figure.extra.iter().map(|(name, value)| format!("{name}={}", number(*value)));
            row.push(extra.collect::<Vec<_>>().join(" "));
            rows.push(row);
        }
    }
    aligned(&rows)
}

fn header(report: &Report) -> Vec<String> {
    let mut row = vec!["measure".to_owned(), String::new(), "unit".to_owned()];
    for peer in &report.peers {
        row.push(peer.clone());
        if peer != BARE {
            row.push("×bare".to_owned());
        }
    }
    row.extend(["goal".to_owned(), "met".to_owned()]);
    row
}

fn row(report: &Report, line: &Line) -> Vec<String> {
    let mut row = vec![line.name.clone(), line.about.clone(), line.unit.symbol().to_owned()];
    let mut met = Vec::new();
    for peer in &report.peers {
        row.push(line.figures.get(peer).map(cell).unwrap_or_default());
        if peer != BARE {
            row.push(line.ratio(peer).map(|ratio| format!("{ratio:.1}")).unwrap_or_default());
            met.extend(line.meets_goal(peer).map(|met| if met { "yes" } else { "NO" }));
        }
    }
    row.push(match line.goal {
        Some(Goal::TimesBare(most)) => format!("≤ {most} × bare"),
        Some(Goal::AtMost(most)) => format!("≤ {most} {}", line.unit.symbol()),
        None => String::new(),
    });
    row.push(met.join(" "));
    row
}

fn cell(figure: &Figure) -> String {
    let value = figure.value.map(number).unwrap_or_else(|| "?".to_owned());
    if figure.errors > 0 { format!("{value} !") } else { value }
}

/// With three significant digits.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// The first two columns to the left, numbers to the right.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let length = |text: &str| text.chars().count();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| length(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = width - length(cell);
            let (before, after) = if column < 2 || column + 1 == columns { (0, gap) } else { (gap, 0) };
            let _ = write!(line, "{:before$}{cell}{:after$}  ", "", "");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
