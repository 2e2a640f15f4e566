//! The project's own measure of speed: that it measures everything and has no errors, and that a server bears all at once
//! for minutes. What the figures are is not tested: they are those of a debug build on a machine with other work. Run by
//! `scripts/test`, or by `cargo test --test bench -- --ignored`; `SOAK_SECONDS` says how long the soak takes.

mod local;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

use local::common::repository;
use local::{Project, lock, scaffold_target, text};

/// What is run: both built once.
struct Programs {
    bench: PathBuf,
    server: PathBuf,
}

fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        cargo(&["build"]);
        Project::example("aviary").build();
        let target = scaffold_target().join("debug");
        Programs { bench: target.join("bench"), server: target.join("aviary") }
    })
}

/// Runs cargo in `bench/`.
fn cargo(arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(repository("bench")).env("CARGO_TARGET_DIR", scaffold_target());
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}:\n{}", text(&output));
}

fn bench(arguments: &[&str]) -> Output {
    Command::new(&programs().bench).args(arguments).output().expect("bench runs")
}

/// One at a time: they would measure each other.
static TURN: Mutex<()> = Mutex::new(());

#[test]
#[ignore = "builds a project: ./scripts/test"]
fn every_measure_is_made_without_errors() {
    let _turn = lock(&TURN);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    let (json, svg) = (path("report.json"), path("chart.svg"));
    let server = programs().server.to_str().expect("a path");
    let storage = if has_etcd() { "both" } else { "embedded" };
    let run = ["--smoke", "--server", server, "--storage", storage, "--json", &json, "--svg", &svg];
    let output = bench(&run);
    assert!(output.status.success(), "{}", text(&output));

    let listed = bench(&["--smoke", "--list"]);
    let listed = String::from_utf8(listed.stdout).expect("text");
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 20, "{names:?}");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).expect("a file")).expect("JSON");
    let lines = report["lines"].as_array().expect("lines");
    let measured: Vec<&str> = lines.iter().filter_map(|line| line["name"].as_str()).collect();
    assert_eq!(measured, names);
    let servers: &[&str] = if storage == "both" { &["embedded", "etcd"] } else { &["embedded"] };
    for line in lines {
        for server in servers {
            let figure = &line["figures"][server];
            assert_eq!(figure["errors"], 0, "{line:#}");
            // So few requests are refused by nobody.
            assert!(figure["value"].is_number() || line["name"] == "overload", "{line:#}");
        }
    }
    check_xml(&std::fs::read_to_string(&svg).expect("a file"));

    let compared = bench(&["--read", &json, "--compare", &json]);
    let compared = String::from_utf8(compared.stdout).expect("text");
    let row = compared.lines().find(|line| line.starts_with("get ") && line.contains("(noise)"));
    assert!(row.is_some_and(|row| row.contains("+0 %")), "{compared}");
}

#[test]
#[ignore = "takes five minutes: ./scripts/test"]
fn a_server_bears_all_at_once_and_stops_growing() {
    let _turn = lock(&TURN);
    let seconds = std::env::var("SOAK_SECONDS").unwrap_or_else(|_| "300".to_owned());
    let server = programs().server.to_str().expect("a path");
    let output = bench(&["soak", "--server", server, "--seconds", &seconds]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
#[ignore = "builds: ./scripts/test"]
fn it_is_sound() {
    let _turn = lock(&TURN);
    cargo(&["fmt", "--check"]);
    cargo(&["clippy", "--all-targets", "--", "-D", "warnings"]);
    cargo(&["test", "--lib"]);
}

#[test]
fn what_cannot_be_measured_is_said() {
    let script = repository("scripts/bench");
    let output = Command::new(&script).arg("speed").output().expect("a script");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("error: there is no `speed` to measure\nhint: "), "{}", text(&output));
    let output = Command::new(&script).arg("--help").output().expect("a script");
    assert!(output.status.success() && text(&output).contains("usage: scripts/bench [WHAT]"), "{}", text(&output));
}

fn has_etcd() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::is_file(&folder.join("etcd")))
}

/// Elements that are closed in the order they were opened in, and attributes between quotes.
fn check_xml(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut elements: BTreeMap<&str, usize> = BTreeMap::new();
    for tag in text.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("an open tag: <{tag}"));
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        *elements.entry(name).or_default() += 1;
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    assert!(elements["svg"] == 1 && elements["rect"] > 10 && elements["polyline"] > 0, "{elements:?}");
}
