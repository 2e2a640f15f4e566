//! The report as a chart: bars of what has a goal, and curves of what should not grow.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::table::number;
use super::{BARE, Line, Report};
use crate::plan::{Goal, Unit};

const WIDTH: f64 = 960.0;
/// Where bars begin; their names stand before.
const LEFT: f64 = 330.0;
/// Where the goal is: every bar is drawn as a share of its own goal.
const GOAL: f64 = LEFT + 200.0;
/// The longest bar, in goals; what is longer is cut off.
const GOALS_MAX: f64 = 2.2;
const BAR: f64 = 11.0;

/// The whole chart. Colours follow the reader's preference for light or dark.
pub fn svg(report: &Report) -> String {
    let mut body = String::new();
    let mut y = 34.0;
    bars(report, &mut body, &mut y);
    curves(report, &mut body, &mut y);
    let machine = &report.machine;
    let day = machine.time.split('T').next().unwrap_or_default();
    let note = format!(
        "{} × {}, Linux {}, {day}; TLS, HTTP/2, 1 KiB objects",
        machine.cores, machine.processor, machine.kernel
    );
    text(&mut body, 16.0, y + 8.0, "note", "start", &note);
    y += 22.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" width=\"{WIDTH}\" height=\"{y:.0}\" role=\"img\" aria-label=\"What requests cost beside a bare HTTPS server\">\n<style>{}</style>\n<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n",
        style()
    )
}

/// What is the same for all series.
const STYLE: &str = "
text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}
.ground{fill:#fff}.title{font-weight:600;font-size:14px}.note,.tick{fill:#59636e;font-size:11px}
.value{font-size:10.5px;stroke:#fff;stroke-width:3px;paint-order:stroke}.s{font-size:11px}polyline{fill:none;stroke-width:2}
.axis{stroke:#d1d9e0;stroke-width:1}.goal{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:4 3}.goal-name{fill:#cf222e;font-size:11px}
.dashed{stroke-dasharray:5 4}
";

const DARK: &str = "text{fill:#e6edf3}.ground{fill:#0d1117}.note,.tick{fill:#9198a1}.axis{stroke:#3d444d}
.value{stroke:#0d1117}.goal{stroke:#ff7b72}.goal-name{fill:#ff7b72}
";

/// Series that can be told apart by those who do not see all colours, on light ground and on dark. After Okabe and Ito:
/// <https://jfly.uni-koeln.de/color/>.
const COLOURS: [(&str, &str, &str); 7] = [
    ("s0", "#0072b2", "#56b4e9"),
    ("s1", "#c46200", "#e69f00"),
    ("s2", "#00805c", "#2fc49a"),
    ("s3", "#a8457f", "#e08fc0"),
    ("s4", "#7a6a00", "#f0e442"),
    ("s5", "#2f8fc4", "#8ecdf2"),
    (BARE, "#8b949e", "#7d8590"),
];

fn style() -> String {
    let rules = |colour: fn(&(&str, &'static str, &'static str)) -> &'static str| -> String {
        let rule = |series: &(&str, &'static str, &'static str)| {
            let (name, colour) = (series.0, colour(series));
            format!("rect.{name},circle.{name},text.{name}{{fill:{colour}}}polyline.{name}{{stroke:{colour}}}\n")
        };
        COLOURS.iter().map(rule).collect()
    };
    let (light, dark) = (rules(|series| series.1), rules(|series| series.2));
    format!("{STYLE}{light}@media (prefers-color-scheme:dark){{{DARK}{dark}}}")
}

/// One group per line with a goal: a bar per server.
fn bars(report: &Report, body: &mut String, y: &mut f64) {
    let groups: Vec<(&Line, f64)> = report.lines.iter().filter_map(|line| Some((line, goal(line)?))).collect();
    if groups.is_empty() {
        return;
    }
    text(body, 16.0, *y - 10.0, "title", "start", "Each line beside its goal (shorter is better)");
    let mut at = WIDTH - 16.0;
    for (index, peer) in report.peers.iter().enumerate().rev() {
        let class = class(peer, index);
        text(body, at, *y - 10.0, "note", "end", peer);
        at -= 8.0 + peer.chars().count() as f64 * 7.0;
        let _ = writeln!(
            body,
            "<rect class=\"s {class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\"/>",
            at - 10.0,
            *y - 19.0
        );
        at -= 26.0;
    }
    let top = *y + 6.0;
    *y += 22.0;
    // Below the figures, wherever these end.
    let mut rows = String::new();
    for (line, goal) in groups {
        let shown: Vec<(usize, &String, f64)> = report
            .peers
            .iter()
            .enumerate()
            .filter_map(|(index, peer)| Some((index, peer, line.value(peer)?)))
            .collect();
        let height = shown.len().max(1) as f64 * (BAR + 2.0);
        text(&mut rows, 16.0, *y + height / 2.0 + 3.0, "name", "start", &line.name);
        text(&mut rows, LEFT - 10.0, *y + height / 2.0 + 3.0, "note", "end", &line.about);
        for (index, peer, value) in shown {
            let share = value / goal;
            let cut = share > GOALS_MAX;
            let width = (share.min(GOALS_MAX) * (GOAL - LEFT)).max(1.0);
            let class = class(peer, index);
            let _ = writeln!(
                rows,
                "<rect class=\"s {class}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{BAR}\"/>",
                *y
            );
            let unit = line.unit.symbol();
            let ratio = line.ratio(peer).map(|ratio| format!(" ({ratio:.1} × bare)")).unwrap_or_default();
            let arrow = if cut { "→ " } else { "" };
            let label = format!("{arrow}{} {unit}{ratio}", number(value));
            text(&mut rows, LEFT + width + 5.0, *y + BAR - 2.0, "value", "start", &label);
            *y += BAR + 2.0;
        }
        *y += 9.0;
    }
    let _ = writeln!(body, "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{top:.1}\" x2=\"{LEFT}\" y2=\"{:.1}\"/>", *y);
    let _ = writeln!(body, "<line class=\"goal\" x1=\"{GOAL}\" y1=\"{top:.1}\" x2=\"{GOAL}\" y2=\"{:.1}\"/>", *y);
    text(body, GOAL, top - 3.0, "goal-name", "middle", "goal");
    body.push_str(&rows);
    *y += 34.0;
}

/// A goal in the line's unit.
fn goal(line: &Line) -> Option<f64> {
    match line.goal? {
        Goal::AtMost(most) => Some(most),
        Goal::TimesBare(most) => line.value(BARE).filter(|bare| *bare > 0.0).map(|bare| bare * most),
    }
}

fn class(peer: &str, index: usize) -> String {
    if peer == BARE { BARE.to_owned() } else { format!("s{}", index % 6) }
}

/// One line: its name, its class, whether it is dashed, and its points.
type Series = (String, String, bool, Vec<(f64, f64)>);

/// Lines through points; x and y grow by factors.
struct Curve {
    title: &'static str,
    below: &'static str,
    series: Vec<Series>,
}

fn curves(report: &Report, body: &mut String, y: &mut f64) {
    let plots: Vec<Curve> =
        [over_objects(report), over_watchers(report), over_connections(report)].into_iter().flatten().collect();
    let (width, height) = (430.0, 230.0);
    for pair in plots.chunks(2) {
        for (column, curve) in pair.iter().enumerate() {
            plot(body, curve, (60.0 + column as f64 * (width + 30.0), *y + 14.0), (width - 160.0, height - 60.0));
        }
        *y += height + 20.0;
    }
}

fn over_objects(report: &Report) -> Option<Curve> {
    let families = ["get", "list-page", "list", "create", "patch", "apply"];
    let mut series = Vec::new();
    for (index, family) in families.iter().enumerate() {
        let of_family = |line: &&Line| line.name.split('@').next() == Some(*family) && line.unit == Unit::CpuPerRequest;
        for (dashed, peer) in report.peers.iter().filter(|peer| *peer != BARE).enumerate() {
            let mut points: Vec<(f64, f64)> = report
                .lines
                .iter()
                .filter(of_family)
                .filter_map(|line| Some((line.objects as f64, line.value(peer)?)))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let name = if dashed == 0 { (*family).to_owned() } else { String::new() };
            series.push((name, format!("s{index}"), dashed > 0, points));
        }
    }
    Curve { title: "CPU per request, µs (dashed: the second storage)", below: "objects stored", series }.with_points()
}

fn over_watchers(report: &Report) -> Option<Curve> {
    let lines = report.lines.iter().filter(|line| line.name.split('/').next() == Some("watch"));
    by_peer(report, "CPU per event and watcher, µs", "watchers", lines.map(|line| (line.watchers, line)).collect())
}

fn over_connections(report: &Report) -> Option<Curve> {
    let lines = report.lines.iter().filter(|line| line.name.split('/').next() == Some("get"));
    by_peer(report, "CPU per GET, µs", "connections", lines.map(|line| (line.connections, line)).collect())
}

fn by_peer(report: &Report, title: &'static str, below: &'static str, lines: Vec<(usize, &Line)>) -> Option<Curve> {
    let series = report.peers.iter().enumerate().map(|(index, peer)| {
        let points: BTreeMap<usize, f64> = lines.iter().filter_map(|(x, line)| Some((*x, line.value(peer)?))).collect();
        (peer.clone(), class(peer, index), false, points.into_iter().map(|(x, y)| (x as f64, y)).collect())
    });
    Curve { title, below, series: series.collect() }.with_points()
}

impl Curve {
    /// Nothing, unless there is something to draw.
    fn with_points(mut self) -> Option<Curve> {
        self.series.retain(|(.., points)| points.len() > 1);
        (!self.series.is_empty()).then_some(self)
    }
}

fn plot(body: &mut String, curve: &Curve, (left, top): (f64, f64), (width, height): (f64, f64)) {
    let points = || curve.series.iter().flat_map(|(.., points)| points.iter().copied());
    let log = |value: f64| value.max(1e-3).log10();
    let (x_least, x_most) = bounds(points().map(|point| log(point.0)));
    let (y_least, y_most) = bounds(points().map(|point| log(point.1)));
    let (y_least, y_most) = (y_least.floor(), y_most.ceil().max(y_least.floor() + 1.0));
    let x_of = |x: f64| left + (log(x) - x_least) / (x_most - x_least).max(0.1) * width;
    let y_of = |y: f64| top + height - (log(y) - y_least) / (y_most - y_least) * height;
    text(body, left - 44.0, top - 12.0, "title", "start", curve.title);
    for power in y_least as i32..=y_most as i32 {
        let value = 10f64.powi(power);
        let y = y_of(value);
        let _ = writeln!(
            body,
            "<line class=\"axis\" x1=\"{left:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>",
            left + width
        );
        text(body, left - 6.0, y + 4.0, "tick", "end", &format!("{value}"));
    }
    let mut ticks: Vec<f64> = points().map(|point| point.0).collect();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    for x in ticks {
        text(body, x_of(x), top + height + 15.0, "tick", "middle", &format!("{x}"));
    }
    text(body, left + width / 2.0, top + height + 31.0, "note", "middle", curve.below);
    // Names stand at the ends of their curves, and move apart where these meet.
    let mut names: Vec<(f64, &str, &str)> = Vec::new();
    for (name, class, dashed, points) in &curve.series {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{:.1},{:.1}", x_of(*x), y_of(*y))).collect();
        let dashed = if *dashed { " dashed" } else { "" };
        let _ = writeln!(body, "<polyline class=\"s {class}{dashed}\" points=\"{}\"/>", path.join(" "));
        for (x, y) in points {
            let _ =
                writeln!(body, "<circle class=\"s {class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>", x_of(*x), y_of(*y));
        }
        if let Some((_, y)) = points.last().filter(|_| !name.is_empty()) {
            names.push((y_of(*y), name, class));
        }
    }
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest = f64::NEG_INFINITY;
    for (y, name, class) in names {
        let y = y.max(lowest + 12.0);
        lowest = y;
        text(body, left + width + 8.0, y + 4.0, &format!("s {class}"), "start", name);
    }
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)))
}

fn text(body: &mut String, x: f64, y: f64, class: &str, anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(body, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;

    #[test]
    fn a_chart_has_a_bar_for_each_server_and_the_goal() {
        let text = svg(&report("get", &[("ours", &[25.0]), (BARE, &[10.0])]));
        assert_eq!(text.matches("width=\"250.0\"").count(), 1, "25 of 20, which are 200 wide: {text}");
        assert!(text.contains("25.0 µs (2.5 × bare)") && text.contains(">goal<"), "{text}");
    }

    #[test]
    fn a_curve_needs_two_points() {
        let mut report = report("get", &[("ours", &[25.0])]);
        assert!(!svg(&report).contains("<polyline"));
        let mut more = report.lines[0].clone();
        (more.name, more.objects) = ("get@20000".to_owned(), 20_000);
        report.lines.push(more);
        assert_eq!(svg(&report).matches("<polyline").count(), 1);
    }

    #[test]
    fn words_are_escaped() {
        let mut report = report("get", &[("ours", &[25.0]), (BARE, &[10.0])]);
        report.lines[0].about = "a < b & c".to_owned();
        assert!(svg(&report).contains("a &lt; b &amp; c"));
    }
}
