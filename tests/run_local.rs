//! `run local` as a user sees it: what it prints, what it leaves, how it ends.
//!
//! The tests in `small` use a project without dependencies whose parts only pretend, so that they take no time. Those in
//! `whole` use a scaffolded project; they are run by `scripts/test`, or by `cargo test --test run_local -- --ignored`.

mod local;

/// Parts that pretend: how processes are started, watched over and stopped.
mod small {
    use std::fs;
    use std::net::TcpListener;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    use super::local::common::PROGRAM;
    use super::local::{RunLocal, eventually, mode, runs, text};

    const MAIN: &str = r#"
        fn main() {
            let part = std::env::args().nth(1).unwrap();
            println!("{part} speaks");
            match std::env::var("FAKE").as_deref() {
                Ok("dies") => {
                    eprintln!("thread 'main' panicked: no birds");
                    std::process::exit(7);
                }
                Ok("stubborn grandchild") => {
                    let child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
                    println!("grandchild {}", child.id());
                }
                _ => {}
            }
            loop {
                std::thread::park();
            }
        }
    "#;

    const PROJECT: &str = "version: 1\nname: aviary\ndomain: example.com\nvendor: 0.1.0\n";

    /// A project whose binary pretends to be an API server or a controller manager.
    struct Fake {
        _dir: tempfile::TempDir,
        root: PathBuf,
    }

    impl Fake {
        fn new() -> Fake {
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path().join("eigene vögel");
            fs::create_dir_all(root.join("src")).unwrap();
            let manifest = "[workspace]\n[package]\nname = \"aviary\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
            for (file, text) in [("Cargo.toml", manifest), ("PROJECT", PROJECT), ("src/main.rs", MAIN)] {
                fs::write(root.join(file), text).unwrap();
            }
            Fake { _dir: dir, root }
        }

        fn command(&self, flags: &[&str]) -> Command {
            let mut command = Command::new(PROGRAM);
            command.args(["run", "local"]).args(flags).current_dir(&self.root);
            command.env_remove("CARGO_TARGET_DIR").env_remove("FAKE");
            command
        }

        fn run(&self, flags: &[&str]) -> Output {
            self.command(flags).output().unwrap()
        }

        /// Only the controller manager: an API server that pretends could not get ready.
        fn start(&self, flags: &[&str], fake: &str) -> RunLocal {
            fs::write(self.root.join("kubeconfig"), "").unwrap();
            let mut command = self.command(&["--run", "controller-manager"]);
            command.args(flags).env("FAKE", fake);
            RunLocal::start(command, self.root.clone())
        }
    }

    #[track_caller]
    fn refused(output: &Output, message: &str, hint: &str) {
        let text = text(output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(message), "{text}");
        assert!(text.contains(&format!("hint: {hint}")), "{text}");
    }

    #[test]
    fn what_cannot_work_is_said_before_the_build() {
        let fake = Fake::new();
        let elsewhere = Command::new(PROGRAM).args(["run", "local"]).current_dir("/").output().unwrap();
        refused(&elsewhere, "no project", "change into a project");

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let output = fake.run(&["--secure-port", &port.to_string()]);
        refused(&output, &format!("port {port} is in use"), "`--secure-port 0` picks a free one");

        let output = fake.run(&["--build=false", "--secure-port=0"]);
        refused(&output, "target/debug/aviary", "leave `--build=false` away, or run `cargo build` first");
        let output = fake.run(&["--run=controller-manager"]);
        refused(&output, "there is no kubeconfig", "start the API server first");

        let no_path = fake.command(&["--storage=etcd", "--secure-port=0"]).env("PATH", "/nowhere").output().unwrap();
        refused(
            &no_path,
            "there is none on the PATH",
            "install it (Debian, Ubuntu: `sudo apt-get install etcd-server`",
        );

        let foreign = "apiVersion: v1\nkind: Config\nclusters: []\n";
        fs::write(fake.root.join("mine"), foreign).unwrap();
        let output = fake.run(&["--config", "mine", "--secure-port=0"]);
        refused(&output, "was not written by apiserver-boot", "choose another file with `--config FILE`");
        assert_eq!(fs::read_to_string(fake.root.join("mine")).unwrap(), foreign);
        assert!(!fake.root.join("target").exists(), "nothing was built");
    }

    #[test]
    fn a_build_that_fails_shows_what_the_compiler_says() {
        let fake = Fake::new();
        fs::write(fake.root.join("src/main.rs"), "fn main() { let x: u8 = \"ü\"; }").unwrap();
        let output = fake.run(&["--secure-port=0"]);
        refused(&output, "error[E0308]: mismatched types", "mend what the compiler names above");
        assert!(text(&output).contains("expected `u8`, found `&str`"), "{}", text(&output));
        assert!(!text(&output).contains('\x1b'), "no colours without a terminal");
    }

    #[test]
    fn a_part_that_dies_takes_the_rest_with_it() {
        let fake = Fake::new();
        let output = fake.command(&["--secure-port=0"]).env("FAKE", "dies").output().unwrap();
        let text = text(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("error: apiserver ended by itself (exit code 7); its last lines:\n"), "{text}");
        assert!(text.contains("  | thread 'main' panicked: no birds\n"), "{text}");
        assert!(text.contains("apiserver          | apiserver speaks\n"), "{text}");
        // Whoever can read these can be anybody.
        let state = fake.root.join(".apiserver-boot");
        assert_eq!((mode(&state), mode(&state.join("pki")), mode(&state.join("pki/ca.key"))), (0o700, 0o700, 0o600));
    }

    #[test]
    fn webhooks_are_a_part_of_their_own() {
        let fake = Fake::new();
        let webhooks = "externalWebhooks:\n- group: core\n  version: v1\n  kind: Pod\n  plural: pods\n  scope: Namespaced\n  \
                        webhooks:\n    defaulting: true\n";
        fs::write(fake.root.join("PROJECT"), format!("{PROJECT}{webhooks}")).unwrap();
        refused(
            &fake.run(&["--secure-port=0"]),
            "the webhooks cannot be run",
            "src/main.rs is yours and does not serve",
        );
        assert!(!fake.root.join("target").exists(), "nothing was built");
        let main = MAIN.replacen("fn main() {", "fn main() { let _ = \".webhooks(\";", 1);
        fs::write(fake.root.join("src/main.rs"), main).unwrap();

        fs::write(fake.root.join("kubeconfig"), "").unwrap();
        let output = fake.command(&["--run=webhook"]).env("FAKE", "dies").output().unwrap();
        let seen = text(&output);
        assert_eq!(output.status.code(), Some(1), "{seen}");
        assert!(seen.contains("webhook            | webhook speaks\n"), "{seen}");
        assert!(seen.contains("error: webhook ended by itself (exit code 7); its last lines:\n"), "{seen}");
        // The others do without them.
        fake.start(&[], "").ready().stop();
    }

    #[test]
    fn ctrl_c_and_sigterm_stop_everything_and_are_no_failure() {
        let fake = Fake::new();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            let mut run = fake.start(&[], "stubborn grandchild").ready();
            let told = || Some(run.seen().split_once("grandchild ")?.1.split_once('\n')?.0.to_owned());
            eventually("the grandchild is known", || told().is_some());
            let grandchild: i32 = told().unwrap().parse().unwrap();
            // On a busy machine the build that went before takes a moment to be gone.
            eventually("only the controller manager runs", || run.parts().len() == 1);
            let parts = run.parts();
            run.signal(signal);
            assert_eq!(run.end().code(), Some(0), "{}", run.seen());
            assert!(!runs(parts[0]), "{}", run.seen());
            eventually("the grandchild is gone", || !runs(grandchild));
        }
    }

    #[test]
    fn no_part_survives_a_kill() {
        let fake = Fake::new();
        let mut run = fake.start(&[], "").ready();
        let part = run.part("controller-manager");
        assert!(runs(part));
        run.signal(libc::SIGKILL);
        run.end();
        eventually("the controller manager is gone", || !runs(part));
        // Nor does its lock.
        fake.start(&[], "").ready().stop();
    }

    #[test]
    fn a_project_runs_once() {
        let fake = Fake::new();
        let run = fake.start(&[], "").ready();
        let second = fake.run(&["--run=controller-manager"]);
        let pid = run.pid();
        let message = format!("another `run local` runs this project's controller-manager already, as process {pid}");
        refused(&second, &message, &format!("stop it with Ctrl-C in its terminal, or with `kill {pid}`"));
        run.stop();
    }

    #[test]
    fn a_changed_source_is_built_and_run() {
        let fake = Fake::new();
        let edit = |from: &str, to: &str| {
            let main = fake.root.join("src/main.rs");
            fs::write(&main, fs::read_to_string(&main).unwrap().replace(from, to)).unwrap();
        };
        let run = fake.start(&["--watch"], "").ready();
        let first = run.part("controller-manager");
        edit("speaks", "sings");
        run.wait_for("src/main.rs changed: building");
        run.wait_for("restarted");
        eventually("the new part speaks", || run.seen().contains("controller-manager sings"));
        let second = run.part("controller-manager");
        assert!(first != second && !runs(first));

        edit("fn main() {", "fn main() { oops");
        run.wait_for("what was built before runs on");
        assert_eq!(run.part("controller-manager"), second);
        assert!(run.seen().contains("error"), "{}", run.seen());

        edit("{ oops", "{ panic!(\"at once\");");
        run.wait_for("controller-manager ended by itself");
        run.wait_for("waiting for a change in the sources");
        edit("panic!(\"at once\");", "");
        run.wait_for("restarted");
        run.stop();
    }

    #[test]
    fn quiet_leaves_what_is_asked_for_and_what_is_wrong() {
        let fake = Fake::new();
        let mut command = fake.command(&["--secure-port=0", "--quiet"]);
        let text = text(&command.env("FAKE", "dies").output().unwrap());
        assert!(text.starts_with("error: apiserver ended by itself"), "{text}");
    }

    #[test]
    fn the_flags_paths_are_those_of_the_users_folder() {
        let fake = Fake::new();
        fs::write(fake.root.join("src/mine"), "").unwrap();
        let mut command = fake.command(&["--run=controller-manager", "--config=mine"]);
        command.current_dir(fake.root.join("src"));
        let run = RunLocal::start(command, fake.root.clone()).ready();
        run.wait_for("kubectl --kubeconfig mine ");
        run.stop();
        assert!(Path::new(&fake.root.join(".apiserver-boot/controller-manager.lock")).is_file());
    }
}

/// A scaffolded project with its real parts.
mod whole {
    use std::fs;
    use std::net::TcpListener;
    use std::process::Command;
    use std::sync::{Mutex, MutexGuard, OnceLock};

    use super::local::{Project, RunLocal, eventually, kill, kubectls, lock, mode, runs, text};

    /// The one project of these tests, for one test at a time.
    fn project() -> MutexGuard<'static, Project> {
        static PROJECT: OnceLock<Mutex<Project>> = OnceLock::new();
        let project = PROJECT.get_or_init(|| Mutex::new(Project::scaffold("aviary").build()));
        let project = lock(project);
        project.clean();
        project
    }

    fn kubectl(project: &Project, arguments: &str) -> String {
        let (_, program) = kubectls().pop().unwrap();
        let mut command = Command::new(program);
        command.args(["--kubeconfig", "kubeconfig"]).args(arguments.split(' ')).current_dir(&project.root);
        let output = command.env_remove("KUBECONFIG").output().unwrap();
        text(&output).trim().to_owned()
    }

    fn start(project: &Project, flags: &[&str]) -> RunLocal {
        project.start(&[&["--secure-port=0"], flags].concat()).ready()
    }

    /// What a second run with the same flags finds of the first one's objects.
    #[track_caller]
    fn after_a_restart(flags: &[&str], expected: &str) {
        let project = project();
        let run = start(&project, flags);
        assert_eq!(kubectl(&project, "create -f sample/bird.yaml -o name"), "bird.demo.demo.alibaba.com/bird-example");
        let before = kubectl(&project, "get birds -o jsonpath={.items[*].metadata.uid}");
        assert!(!before.is_empty());
        run.stop();
        let run = start(&project, &[flags, &["--build=false"]].concat());
        let after = kubectl(&project, "get birds -o jsonpath={.items[*].metadata.uid}");
        assert_eq!(after, expected.replace("the same", &before));
        run.stop();
    }

    #[test]
    #[ignore = "builds a project: ./scripts/test"]
    fn embedded_storage_keeps_its_data() {
        after_a_restart(&[], "the same");
        after_a_restart(&["--data-dir", "/tmp/../tmp/eigene daten"], "the same");
        let _ = fs::remove_dir_all("/tmp/eigene daten");
    }

    #[test]
    #[ignore = "builds a project: ./scripts/test"]
    fn etcd_keeps_its_data() {
        after_a_restart(&["--storage=etcd"], "the same");
    }

    #[test]
    #[ignore = "builds a project: ./scripts/test"]
    fn an_etcd_that_runs_is_used_and_left_running() {
        let dir = tempfile::tempdir().unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (client, peer) = (format!("http://127.0.0.1:{}", free()), format!("http://127.0.0.1:{}", free()));
        let mut etcd = Command::new("etcd");
        etcd.arg("--data-dir").arg(dir.path()).args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ]);
        etcd.args(["--listen-peer-urls", &peer, "--logger=zap", "--log-level=error"]);
        let mut etcd = etcd.spawn().unwrap();
        after_a_restart(&["--etcd-servers", &client], "the same");
        assert!(etcd.try_wait().unwrap().is_none());
        etcd.kill().unwrap();
        etcd.wait().unwrap();
    }

    #[test]
    #[ignore = "builds a project: ./scripts/test"]
    fn memory_forgets() {
        after_a_restart(&["--storage=memory"], "");
    }

    #[test]
    #[ignore = "builds a project: ./scripts/test"]
    fn the_parts_stop_in_order_and_leave_nothing() {
        let project = project();
        let run = start(&project, &["--storage=etcd"]);
        let parts = run.parts();
        assert_eq!(parts.len(), 3, "{}", run.seen());
        let seen = run.stop();
        let order: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("stopping ")).collect();
        assert_eq!(order, ["controller-manager", "apiserver", "etcd"]);
        assert!(parts.into_iter().all(|part| !runs(part)));
    }

    #[test]
    #[ignore = "builds a project: ./scripts/test"]
    fn webhooks_take_back_what_they_said_when_they_stop() {
        let project = Project::scaffold("guarded").build();
        let configurations = "get mutatingwebhookconfigurations,validatingwebhookconfigurations -o name";
        let run = start(&project, &[]);
        assert_eq!(kubectl(&project, configurations).lines().count(), 2, "{}", run.seen());
        assert!(run.seen().contains("webhook            | "), "{}", run.seen());
        let order = run.stop();
        let order: Vec<&str> = order.lines().filter_map(|line| line.strip_prefix("stopping ")).collect();
        assert_eq!(order, ["controller-manager", "webhook", "apiserver"]);
        let run = start(&project, &["--build=false", "--run=apiserver"]);
        assert_eq!(kubectl(&project, configurations), "");
        run.stop();
    }

    #[test]
    #[ignore = "builds a project: ./scripts/test"]
    fn no_part_survives_a_kill() {
        let project = project();
        let mut run = start(&project, &["--storage=etcd"]);
        let parts = run.parts();
        run.signal(libc::SIGKILL);
        run.end();
        eventually("all parts are gone", || parts.iter().all(|part| !runs(*part)));
    }

    #[test]
    #[ignore = "builds a project: ./scripts/test"]
    fn a_part_that_dies_takes_the_rest_with_it() {
        let project = project();
        for part in ["apiserver", "controller-manager"] {
            let mut run = start(&project, &[]);
            let parts = run.parts();
            kill(run.part(part), libc::SIGKILL);
            assert_eq!(run.end().code(), Some(1), "{}", run.seen());
            assert!(run.seen().contains(&format!("error: {part} ended by itself (signal 9)")), "{}", run.seen());
            assert!(parts.into_iter().all(|part| !runs(part)));
        }
    }

    #[test]
    #[ignore = "builds a project: ./scripts/test"]
    fn nobody_gets_in_without_the_kubeconfig() {
        let project = project();
        let run = start(&project, &["--storage=memory"]);
        assert_eq!(mode(&project.root.join("kubeconfig")), 0o600);
        for path in ["/healthz", "/livez", "/readyz", "/version"] {
            assert_eq!(run.get_anonymously(path).0, 200, "{path}");
        }
        for path in ["/api", "/apis", "/openapi/v3", "/metrics", "/apis/demo.demo.alibaba.com/v1alpha1/birds"] {
            let (status, body) = run.get_anonymously(path);
            assert!(status == 401 || status == 403, "{path}: {status} {body}");
        }
        run.stop();
    }

    #[test]
    #[ignore = "builds a project: ./scripts/test"]
    fn an_edit_is_served_and_the_data_stays() {
        let project = project();
        let run = start(&project, &["--watch"]);
        kubectl(&project, "create -f sample/bird.yaml");
        let strategy = project.root.join("src/apis/demo/bird.rs");
        let before = fs::read_to_string(&strategy).unwrap();
        let edited = before.replace("replicas.get_or_insert(1)", "replicas.get_or_insert(5)");
        assert_ne!(edited, before);
        fs::write(&strategy, edited).unwrap();
        run.wait_for("src/apis/demo/bird.rs changed: building");
        run.wait_for("restarted");
        kubectl(&project, "patch bird bird-example --type=merge -p {\"spec\":{\"replicas\":null}}");
        assert_eq!(kubectl(&project, "get birds -o jsonpath={.items[*].spec.replicas}"), "5");
        fs::write(&strategy, before).unwrap();
        run.wait_for("restarted");
        run.stop();
    }
}
