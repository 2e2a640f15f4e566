//! Real kubectls against real projects: each file in `testdata/kubectl` is played, command by command, against a server of
//! its own, with every kubectl that `scripts/install-tools` got. `UPDATE_GOLDEN=1 cargo test --test kubectl -- --ignored` rewrites the files;
//! `git diff` is the review.

#[path = "../local/mod.rs"]
mod local;
mod transcript;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use local::{Project, kubectls};
use transcript::Transcript;

/// A golden project, or the example, made once.
fn project(name: &'static str) -> &'static Project {
    static PROJECTS: Mutex<BTreeMap<&str, &Project>> = Mutex::new(BTreeMap::new());
    let mut projects = local::lock(&PROJECTS);
    let make = || if name == EXAMPLE { Project::example("aviary") } else { Project::scaffold(name) };
    // Kept until the process ends.
    let project: &Project = projects.entry(name).or_insert_with(|| Box::leak(Box::new(make())));
    // Built every time, which is quick: two of them are called aviary, and in the target folder that they share there is
    // only the program of the one that was built last.
    let output = project.cargo(&["build"]);
    assert!(output.status.success(), "{}", local::text(&output));
    project
}

/// Stands for `examples/aviary`, which is run without its controllers: the transcripts say what each status is.
const EXAMPLE: &str = "example";

/// Plays a transcript in `project` with every kubectl.
fn play(project: &Project, flags: &[&str], name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kubectl").join(name).with_extension("txt");
    let update = local::common::update_golden();
    let mut failures = String::new();
    // The newest first: it is the one that rewrites.
    for (index, (version, kubectl)) in kubectls().into_iter().rev().enumerate() {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut transcript = Transcript::parse(&text);
        project.clean();
        let run = project.start(&[&["--build=false", "--secure-port=0", "--storage=memory"], flags].concat()).ready();
        let shell = Shell::new(project, &kubectl);
        let failures_before = failures.len();
        for step in &mut transcript.steps {
            let actual = shell.run(&step.command);
            if step.fits(&version, &actual) {
                continue;
            }
            if update && index == 0 {
                step.output = actual;
            } else {
                let (expected, actual) = (step.output.join("\n"), actual.join("\n"));
                failures.push_str(&format!(
                    "\n--- kubectl {version}: $ {}\nexpected:\n{expected}\nactual:\n{actual}\n",
                    step.command
                ));
            }
        }
        if update && index == 0 {
            fs::write(&path, transcript.to_text()).expect("the transcript can be written");
        }
        let log = run.stop();
        if failures.len() > failures_before {
            failures.push_str(&format!("\nthe server's log:\n{log}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} differs; to accept: UPDATE_GOLDEN=1 cargo test --test kubectl -- --ignored\n{failures}",
        path.display()
    );
}

/// Where the commands of a transcript run: the project's folder, with `kubectl` and its kubeconfig set.
struct Shell<'a> {
    project: &'a Project,
    /// Holds a link `kubectl` to the one under test, and files that the commands make.
    work: tempfile::TempDir,
    path: std::ffi::OsString,
}

impl<'a> Shell<'a> {
    fn new(project: &'a Project, kubectl: &Path) -> Self {
        let work = tempfile::tempdir().expect("a folder");
        let bin = work.path().join("bin");
        fs::create_dir(&bin).expect("a folder");
        std::os::unix::fs::symlink(kubectl, bin.join("kubectl")).expect("a link");
        let old = std::env::var_os("PATH").unwrap_or_default();
        let paths: Vec<PathBuf> = std::iter::once(bin).chain(std::env::split_paths(&old)).collect();
        let path = std::env::join_paths(paths).expect("a path");
        Shell { project, work, path }
    }

    fn run(&self, command: &str) -> Vec<String> {
        let mut bash = Command::new("bash");
        bash.args(["-c", command]).current_dir(&self.project.root).stdin(Stdio::null());
        bash.env("PATH", &self.path).env("KUBECONFIG", self.project.root.join("kubeconfig"));
        // A cache of its own: kubectl remembers discovery by address, and ports come back.
        bash.env("KUBECACHEDIR", self.work.path().join("cache")).env("HOME", self.work.path());
        transcript::output(&bash.output().expect("bash runs"))
    }
}

macro_rules! transcripts {
    ($($name:ident: $golden:ident,)*) => {$(
        #[test]
        #[ignore = "builds a project and needs kubectl: ./scripts/test"]
        fn $name() {
            let _turn = local::lock(&TURN);
            let golden = stringify!($golden);
            let flags: &[&str] = match (golden, stringify!($name)) {
                (EXAMPLE, _) => &["--run=apiserver"],
                (_, "users_and_rights") => &["--run=apiserver", "--authorization-mode=RBAC"],
                _ => &[],
            };
            play(project(golden), flags, stringify!($name));
        }
    )*};
}

/// One `run local` per project at a time.
static TURN: Mutex<()> = Mutex::new(());

transcripts! {
    discovery: aviary,
    create_get_delete: aviary,
    apply_edit_patch: aviary,
    watch_and_wait: aviary,
    describe_and_events: aviary,
    mistakes: aviary,
    nothing_yet: fresh,
    odd_names: odd,
    special_kinds: special,
    webhooks: guarded,
    ways_to_look: example,
    ways_to_change: example,
    ways_to_delete: example,
    server_side_apply: example,
    two_versions: example,
    further_versions: versions,
    users_and_rights: aviary,
}

#[test]
fn every_transcript_is_played() {
    let this = include_str!("main.rs");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kubectl");
    for entry in fs::read_dir(dir).expect("transcripts").flatten() {
        let name = entry.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        assert!(this.contains(&format!("    {name}: ")), "testdata/kubectl/{name}.txt is played by no test");
    }
}
