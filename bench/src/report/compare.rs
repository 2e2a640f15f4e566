//! What changed since an earlier run.

use std::fmt::Write;

use super::table::{aligned, number};
use super::{BARE, Line, Report};

/// A change smaller than this says nothing, however well the rounds agree.
const NOISE: f64 = 0.05;

/// One line per measure and server that both runs have. Where both had a bare server, the change is that of the ratio to
/// it, which another machine, or another day on the same one, changes least.
pub fn compare(old: &Report, new: &Report) -> String {
    let header = ["measure", "server", "unit", "old", "new", "×bare old", "×bare new", "change", ""];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for line in &new.lines {
        let Some(before) = old.lines.iter().find(|before| before.name == line.name && before.unit == line.unit) else {
            continue;
        };
        for peer in new.peers.iter().filter(|peer| *peer != BARE) {
            rows.extend(row(before, line, peer));
        }
    }
    if rows.len() == 1 {
        return "there is nothing to compare: the runs have no measure of a server in common\n".to_owned();
    }
    let mut text = aligned(&rows);
    if old.machine.processor != new.machine.processor || old.machine.cores != new.machine.cores {
        let (old, new) = (&old.machine, &new.machine);
        let _ = writeln!(
            text,
            "Different machines: {} ({} cores) and {} ({} cores). Only the ratios to the bare server can be compared.",
            old.processor, old.cores, new.processor, new.cores
        );
    }
    text
}

fn row(old: &Line, new: &Line, peer: &str) -> Option<Vec<String>> {
    let (before, after) = (old.value(peer)?, new.value(peer)?);
    let ratios = old.ratio(peer).zip(new.ratio(peer));
    let (from, to) = ratios.unwrap_or((before, after));
    let change = if from > 0.0 { to / from - 1.0 } else { 0.0 };
    let mut row = vec![new.name.clone(), peer.to_owned(), new.unit.symbol().to_owned(), number(before), number(after)];
    row.extend(match ratios {
        Some((old, new)) => [number(old), number(new)],
        None => [String::new(), String::new()],
    });
    row.push(format!("{:+.0} %", change * 100.0));
    row.push(verdict(change, noise(old, new, peer, ratios.is_some())).to_owned());
    Some(row)
}

/// How far the rounds of all figures that were compared lie apart.
fn noise(old: &Line, new: &Line, peer: &str, with_bare: bool) -> f64 {
    let peers = [Some(peer), with_bare.then_some(BARE)];
    let figures =
        [old, new].into_iter().flat_map(|line| peers.iter().flatten().filter_map(|peer| line.figures.get(*peer)));
    figures.map(super::Figure::spread).fold(NOISE, f64::max)
}

fn verdict(change: f64, noise: f64) -> &'static str {
    match change {
        change if change.abs() <= noise => "(noise)",
        change if change < 0.0 => "better",
        _ => "WORSE",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;

    #[test]
    fn changes_are_told_apart_from_noise() {
        let check = |old: &[f64], new: &[f64], expected: &str| {
            let text = compare(&report("get", &[("ours", old)]), &report("get", &[("ours", new)]));
            assert!(text.lines().nth(1).unwrap_or_default().ends_with(expected), "{expected}: {text}");
        };
        check(&[100.0, 101.0], &[80.0, 81.0], "-20 %  better");
        check(&[100.0, 101.0], &[130.0, 131.0], "+30 %  WORSE");
        check(&[100.0, 101.0], &[103.0, 104.0], "+3 %  (noise)");
        check(&[100.0, 150.0], &[130.0, 131.0], "+30 %  (noise)");
    }

    #[test]
    fn where_there_is_a_bare_server_ratios_are_compared() {
        let old = report("get", &[("ours", &[100.0]), (BARE, &[10.0])]);
        let new = report("get", &[("ours", &[200.0]), (BARE, &[20.0])]);
        let text = compare(&old, &new);
        assert!(text.contains("10.0") && text.contains("+0 %  (noise)"), "{text}");
        let other = compare(&report("list", &[("ours", &[1.0])]), &new);
        assert!(other.contains("nothing to compare"), "{other}");
    }
}
