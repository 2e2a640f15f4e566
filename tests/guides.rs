//! Guides that are played as they stand: each command in a `console` block is run, each `diff` block is made as an edit,
//! one after the other in a new project, and what the guide shows of an answer must be in it. Builds a project: run by
//! `scripts/test`, or by `cargo test --test guides -- --ignored`.
//!
//! In an answer a line of `…` stands for any lines. `apiserver-boot run local` runs until the next command that does not
//! need it, which has no `--kubeconfig`: the reader stops it with Ctrl-C.

#[path = "local/mod.rs"]
mod local;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use local::{Project, RunLocal, kubectls};

#[test]
#[ignore = "builds a project and needs kubectl: ./scripts/test"]
fn the_multiversion_tutorial_works() {
    play("multiversion-tutorial.md", "cron");
}

/// A block of a guide, with the line on which it starts.
struct Block<'a> {
    line: usize,
    language: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            blocks.push(Block { line: index + 1, language, lines: body });
        }
    }
    blocks
}

/// Plays a guide in a project of this name.
fn play(guide: &str, name: &str) {
    let text = fs::read_to_string(local::common::repository("docs").join(guide)).expect(guide);
    let mut player = Player::new(name);
    let mut played = 0;
    for block in blocks(&text) {
        let place = format!("docs/{guide}, line {}", block.line);
        match block.language {
            "console" => played += player.console(&block, &place),
            "diff" => edit(&player.project.root, &block.lines, &place),
            // What is shown to be read.
            "rust" | "yaml" | "text" => {}
            other => panic!("{place}: nobody knows how to play `{other}`"),
        }
    }
    assert!(played > 5, "{guide} has only {played} commands: is it still read?");
}

struct Player {
    project: Project,
    /// Holds links to the programs that the commands name.
    programs: tempfile::TempDir,
    running: Option<RunLocal>,
}

impl Player {
    fn new(name: &str) -> Self {
        let project = Project::empty(name);
        let programs = tempfile::tempdir().expect("a folder");
        let (_, kubectl) = kubectls().pop().expect("a kubectl");
        for (name, program) in [("kubectl", kubectl.as_path()), ("apiserver-boot", Path::new(local::common::PROGRAM))] {
            std::os::unix::fs::symlink(program, programs.path().join(name)).expect("a link");
        }
        Self { project, programs, running: None }
    }

    /// Runs the commands of a block and gives how many there were.
    fn console(&mut self, block: &Block, place: &str) -> usize {
        let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in &block.lines {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command, Vec::new())),
                (None, Some((_, answer))) => answer.push(line),
                (None, None) => panic!("{place}: a block starts with a command"),
            }
        }
        for (command, answer) in &commands {
            let told = self.run(command, place);
            assert_told(&told, answer, &format!("{place}: $ {command}"));
        }
        commands.len()
    }

    fn run(&mut self, command: &str, place: &str) -> String {
        if !command.contains("--kubeconfig ")
            && let Some(running) = self.running.take()
        {
            running.stop();
        }
        if command.starts_with("apiserver-boot run local") {
            let running = self.project.start(&["--secure-port=0"]).ready();
            let told = running.seen();
            self.running = Some(running);
            return told;
        }
        let mut bash = Command::new("bash");
        // As readers see it: both streams in the order in which they are written.
        bash.args(["-c", &format!("exec 2>&1; {command}")]).current_dir(&self.project.root).stdin(Stdio::null());
        self.project.set_environment(&mut bash);
        let old = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.programs.path().to_owned()).chain(std::env::split_paths(&old));
        bash.env("PATH", std::env::join_paths(paths).expect("a path"));
        bash.env("KUBECACHEDIR", self.programs.path().join("cache"));
        let output = bash.output().expect("bash runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{place}: $ {command}\n{told}");
        told
    }
}

/// Each line that the guide shows is in the answer, in this order, and nothing else stands between two of them.
#[track_caller]
fn assert_told(told: &str, answer: &[&str], place: &str) {
    let lines: Vec<&str> = told.lines().collect();
    let mut at = 0;
    let mut anywhere = true;
    for wanted in answer {
        if *wanted == "…" {
            anywhere = true;
            continue;
        }
        let fits = |line: &str| line.trim_end() == wanted.trim_end();
        let found = if anywhere {
            lines[at..].iter().position(|line| fits(line))
        } else {
            lines[at..].first().filter(|line| fits(line)).map(|_| 0)
        };
        let Some(found) = found else { panic!("{place}\nthe guide shows: {wanted}\nthe answer is:\n{told}") };
        at += found + 1;
        anywhere = false;
    }
}

/// Makes the edits of a diff: in each hunk, the lines that stay and those that go must be found together, once.
#[track_caller]
fn edit(root: &Path, diff: &[&str], place: &str) {
    let mut path = None;
    let mut hunks: Vec<(&str, String, String)> = Vec::new();
    for line in diff {
        if let Some(name) = line.strip_prefix("+++ ") {
            path = Some(name);
        } else if line.starts_with("--- ") {
        } else if line.starts_with("@@") {
            let path = path.unwrap_or_else(|| panic!("{place}: whose hunk is this?"));
            hunks.push((path, String::new(), String::new()));
        } else {
            let (_, old, new) = hunks.last_mut().unwrap_or_else(|| panic!("{place}: a hunk starts with @@"));
            let (sign, text) = line.split_at_checked(1).unwrap_or((" ", ""));
            if sign != "+" {
                old.push_str(&format!("{text}\n"));
            }
            if sign != "-" {
                new.push_str(&format!("{text}\n"));
            }
        }
    }
    assert!(!hunks.is_empty(), "{place}: nothing is edited");
    for (path, old, new) in hunks {
        let file = root.join(path);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{place}: {path}: {error}"));
        assert_eq!(text.matches(&old).count(), 1, "{place}: not found once in {path}:\n{old}\nin:\n{text}");
        fs::write(&file, text.replace(&old, &new)).expect("the file can be written");
    }
}

#[test]
fn edits_are_made_where_they_belong() {
    let (_temporary, root) = local::common::folder("edits");
    fs::write(root.join("a"), "one\n\ntwo\nthree\n").expect("a file");
    edit(&root, &["--- a", "+++ a", "@@", " one", "", "-two", "+2", "@@", "+2.5", " three"], "here");
    assert_eq!(fs::read_to_string(root.join("a")).expect("a file"), "one\n\n2\n2.5\nthree\n");
}

#[test]
fn answers_are_compared_line_by_line() {
    assert_told("a\nb\nc\nd\n", &["b", "…", "d"], "");
    assert_told("a\n", &["…"], "");
    let missing = std::panic::catch_unwind(|| assert_told("a\nb\nc\n", &["a", "c"], ""));
    assert!(missing.is_err());
}
