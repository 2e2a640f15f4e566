//! Guides that are played as they stand: each command in a `console` block is run, each `diff` block is made as an edit,
//! each block that names a file is written there, one after the other in a new project, and what the guide shows of an
//! answer must be in it. Builds a project: run by `scripts/test`, or by `cargo test --test guides -- --ignored`.
//!
//! In an answer a line of `…` stands for any lines, and at the end of a line for any rest of it. `apiserver-boot run local` runs until the next command that does not
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

#[test]
#[ignore = "builds a project and needs kubectl: ./scripts/test"]
fn the_operator_guide_works() {
    play("operator-guide.md", "redis-operator");
}

/// Plays what makes and edits files, builds nothing, and compares them with those of the example.
#[test]
fn the_operator_guide_makes_its_example() {
    let (_temporary, root) = local::common::folder("redis-operator");
    let guide = read("operator-guide.md");
    for block in blocks(&guide) {
        let place = format!("docs/operator-guide.md, line {}", block.line);
        if block.language == "console" {
            let commands = block.lines.iter().filter_map(|line| line.strip_prefix("$ "));
            let made = ["apiserver-boot init", "apiserver-boot create"];
            commands
                .filter(|command| made.iter().any(|start| command.starts_with(start)))
                .for_each(|command| drop(local::common::succeed(&root, command)));
        } else {
            change(&root, &block, &place);
        }
    }
    let example = local::common::repository("examples/redis-operator");
    let mut files = local::common::tree(&root);
    // What the example says of itself; the library, which it has from here.
    let own = |path: &str| path.starts_with("vendor/") || ["README.md", "Cargo.lock"].contains(&path);
    files.retain(|path, _| !own(path));
    for path in local::common::tree(&example).keys().filter(|path| !own(path) && !path.starts_with("target/")) {
        assert!(files.contains_key(path), "the guide does not make examples/redis-operator/{path}");
    }
    for (path, made) in files {
        let mut made = String::from_utf8(made).expect("text");
        if path == "Cargo.toml" {
            made = made.replace("\"vendor/apiserver\"", "\"../../apiserver\"").replace("exclude = [\"vendor\"]\n", "");
        }
        if local::common::update_golden() {
            fs::create_dir_all(example.join(&path).parent().expect("a folder")).expect("a folder");
            fs::write(example.join(&path), &made).expect("the file can be written");
        }
        let there = fs::read_to_string(example.join(&path)).unwrap_or_default();
        let how = local::common::UPDATE;
        assert!(
            there == made,
            "examples/redis-operator/{path} is not what the guide makes; to accept: {how} --test guides"
        );
    }
}

/// A block of a guide, with the line on which it starts.
struct Block<'a> {
    line: usize,
    language: &'a str,
    /// The file that is shown as a whole, if it is one.
    path: Option<&'a str>,
    lines: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            let (language, path) = language.split_once(' ').map_or((language, None), |(one, two)| (one, Some(two)));
            blocks.push(Block { line: index + 1, language, path, lines: body });
        }
    }
    blocks
}

fn read(guide: &str) -> String {
    fs::read_to_string(local::common::repository("docs").join(guide)).expect(guide)
}

/// Makes the change that a block shows, if it shows one.
#[track_caller]
fn change(root: &Path, block: &Block, place: &str) {
    match (block.language, block.path) {
        ("diff", None) => edit(root, &block.lines, place),
        ("rust" | "yaml", Some(path)) => {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, block.lines.join("\n") + "\n").expect("the file can be written");
        }
        // What is shown to be read.
        ("rust" | "yaml" | "text", None) => {}
        (other, _) => panic!("{place}: nobody knows how to play `{other}`"),
    }
}

/// Plays a guide in a project of this name.
fn play(guide: &str, name: &str) {
    let text = read(guide);
    let mut player = Player::new(name);
    let mut played = 0;
    for block in blocks(&text) {
        let place = format!("docs/{guide}, line {}", block.line);
        match block.language {
            "console" => played += player.console(&block, &place),
            _ => change(&player.project.root, &block, &place),
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
        let fits = |line: &str| match wanted.trim_end().strip_suffix('…') {
            Some(beginning) => line.starts_with(beginning.trim_end()),
            None => line.trim_end() == wanted.trim_end(),
        };
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
    assert_told("a 7m\nb\n", &["a …", "b"], "");
    let missing = std::panic::catch_unwind(|| assert_told("a\nb\nc\n", &["a", "c"], ""));
    assert!(missing.is_err());
}
