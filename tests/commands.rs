//! What commands promise beside the files that they write.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{PROGRAM, fail, folder, program, run, scaffold, succeed, tree};

const CREATE: &str = "create group version resource --group demo --version v1alpha1 --kind Bird";

#[test]
fn a_dry_run_tells_the_plan_and_writes_nothing() {
    let (_temporary, project) = folder("aviary");
    let told = succeed(&project, "init repo --domain example.com --dry-run");
    assert!(told.contains("create   PROJECT\n"), "{told}");
    assert!(told.contains("create   vendor/apiserver/ ("), "{told}");
    assert!(tree(&project).is_empty());

    succeed(&project, "init repo --domain example.com");
    let before = tree(&project);
    for line in [CREATE, "create group --group demo", "generate", "update vendor"] {
        succeed(&project, &format!("{line} --dry-run"));
        assert!(tree(&project) == before, "{line}");
    }
    let told = succeed(&project, &format!("{CREATE} --dry-run"));
    assert!(told.contains("replace  src/apis/mod.rs\n"), "{told}");
    assert!(told.contains("create   src/apis/demo/bird.rs\n"), "{told}");
    assert!(told.contains("leave    src/lib.rs\n"), "{told}");
}

#[test]
fn the_diff_is_one_that_patch_takes() {
    let (_temporary, project) = scaffold("fresh");
    let (_other, patched) = scaffold("fresh");
    let diff = succeed(&project, &format!("{CREATE} --dry-run --diff --quiet"));
    let lines: String = diff.lines().skip_while(|line| !line.starts_with("--- ")).map(|l| format!("{l}\n")).collect();
    assert!(lines.contains("+pub mod demo;\n"), "{lines}");
    let file = patched.join("../diff");
    std::fs::write(&file, lines).unwrap();
    let patch = Command::new("patch").args(["-p1", "-i"]).arg(&file).current_dir(&patched).output();
    let Ok(patch) = patch else { return eprintln!("skipped: there is no `patch` here") };
    assert!(patch.status.success(), "{}", String::from_utf8_lossy(&patch.stdout));
    succeed(&project, CREATE);
    assert!(tree(&project) == tree(&patched));
}

#[test]
fn quiet_leaves_what_was_asked_for() {
    let (_temporary, project) = folder("aviary");
    assert_eq!(succeed(&project, "--quiet init repo --domain example.com"), "");
    assert_eq!(succeed(&project, &format!("{CREATE} --quiet")), "");
    assert_eq!(succeed(&project, &format!("{CREATE} --quiet")), "");
    assert!(succeed(&project, "show --quiet").contains("Bird"));
    let output = run(&project, "--quiet update vendor");
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
}

#[test]
fn without_a_terminal_there_is_no_colour() {
    let (_temporary, project) = folder("aviary");
    let output = program(&project, &["init", "repo", "--domain", "example.com"]).env("TERM", "xterm").output().unwrap();
    assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b));
}

#[test]
fn commands_work_below_the_root_of_a_project() {
    let (_temporary, project) = scaffold("fresh");
    succeed(&project.join("src/apis"), CREATE);
    assert!(project.join("src/apis/demo/bird.rs").is_file());
}

#[test]
fn a_path_may_have_spaces_and_letters_of_any_kind() {
    let (_temporary, project) = folder("Mein Vogelhaus – 鳥");
    let told = succeed(&project, "init repo --domain example.com");
    assert!(told.contains("The project is called mein-vogelhaus"), "{told}");
    succeed(&project, CREATE);
    assert!(succeed(&project, "show").contains("Bird"));
    succeed(&project, "generate --check");
}

#[test]
fn documents_that_were_there_first_are_left_as_they_are() {
    let (_temporary, project) = folder("aviary");
    std::fs::write(project.join("README.md"), "mine").unwrap();
    std::fs::write(project.join("LICENSE"), "mine").unwrap();
    std::fs::create_dir(project.join(".git")).unwrap();
    std::fs::write(project.join(".git/config"), "mine").unwrap();
    succeed(&project, "init repo --domain example.com");
    for path in ["README.md", "LICENSE", ".git/config"] {
        assert_eq!(std::fs::read_to_string(project.join(path)).unwrap(), "mine");
    }
}

#[test]
fn show_tells_what_is_in_a_project() {
    let (_temporary, project) = scaffold("aviary");
    let told: serde_json::Value = serde_json::from_str(&succeed(&project, "show --output json")).unwrap();
    let bird = &told["groups"][0]["kinds"][0];
    assert_eq!(bird["kind"], "Bird");
    assert_eq!(bird["plural"], "birds");
    assert_eq!(bird["files"]["types"]["path"], "src/apis/demo/v1alpha1/bird.rs");
    assert_eq!(bird["controllers"][0]["name"], "bird");
    let hooks = ["defaulting", "prepare_for_create", "validate", "validate_update", "canonicalize"];
    assert_eq!(bird["hooks"], serde_json::json!(hooks));
    std::fs::remove_file(project.join("sample/bird.yaml")).unwrap();
    let tree = succeed(&project, "show");
    assert!(tree.contains("sample/bird.yaml (missing)"), "{tree}");
}

#[test]
fn show_tells_of_subresources_and_of_who_keeps_the_objects() {
    let (_temporary, project) = scaffold("special");
    let told: serde_json::Value = serde_json::from_str(&succeed(&project, "show --output json")).unwrap();
    let [bird, sighting, flock, note] = told["groups"][0]["kinds"].as_array().unwrap().as_slice() else {
        panic!("{told}");
    };
    assert_eq!((&bird["backend"], &bird["scale"]), (&"storage".into(), &true.into()));
    assert_eq!((&bird["verbs"], &bird["schemaless"]), (&serde_json::json!([]), &false.into()));
    let [feeding, song] = bird["subresources"].as_array().unwrap().as_slice() else { panic!("{bird}") };
    assert_eq!((&feeding["name"], &feeding["type"]), (&"feeding".into(), &"arbitrary".into()));
    assert_eq!(feeding["file"], serde_json::json!({ "path": "src/apis/demo/bird_feeding.rs", "exists": true }));
    assert_eq!((&song["type"], &song["test"]["path"]), (&"connect".into(), &"tests/bird_song.rs".into()));
    assert_eq!((&sighting["backend"], &sighting["status"]), (&"custom".into(), &false.into()));
    assert_eq!(sighting["verbs"], serde_json::json!(["create", "delete", "get", "list", "watch"]));
    assert_eq!(sighting["files"]["backend"]["path"], "src/apis/demo/sighting.rs");
    assert!(sighting["files"]["strategy"].is_null());
    assert_eq!(flock["verbs"], serde_json::json!(["create", "delete", "get", "list", "update", "watch"]));
    assert_eq!((&note["schemaless"], &note["status"]), (&true.into(), &false.into()));
    std::fs::remove_file(project.join("src/apis/demo/bird_song.rs")).unwrap();
    let tree = succeed(&project, "show");
    for line in [
        "Bird (birds), namespaced, status, scale",
        "subresource src/apis/demo/bird_feeding.rs (feeding, arbitrary)",
        "subresource src/apis/demo/bird_song.rs (missing) (song, connect)",
        "backend     src/apis/demo/sighting.rs",
        "Note (notes), namespaced, schemaless",
    ] {
        assert!(tree.contains(line), "{line}: {tree}");
    }
}

#[test]
fn a_status_and_a_scale_are_noted_and_the_users_file_is_left() {
    let (_temporary, project) = scaffold("aviary");
    let flags = "--group demo --version v1alpha1 --kind Bird";
    let types = project.join("src/apis/demo/v1alpha1/bird.rs");
    let before = std::fs::read_to_string(&types).unwrap();
    fail(&project, &format!("create subresource {flags} --subresource scale"), 1);
    assert_eq!(std::fs::read_to_string(&types).unwrap(), before);
    // What the error says is enough.
    let scale = "scale(spec_replicas_path = \".spec.replicas\", status_replicas_path = \".status.replicas\")";
    let edited = before.replacen("    namespaced,\n", &format!("    namespaced,\n    {scale},\n"), 1);
    std::fs::write(&types, &edited).unwrap();
    let told = succeed(&project, &format!("create subresource {flags} --subresource scale"));
    assert!(told.starts_with("replace  PROJECT\n\nThe subresource birds/scale: Bird has it in src/"), "{told}");
    assert_eq!(std::fs::read_to_string(&types).unwrap(), edited);
    let told = succeed(&project, &format!("create subresource {flags} --subresource scale"));
    assert!(told.starts_with("Nothing to do"), "{told}");
    assert!(succeed(&project, "show").contains("namespaced, status, scale"));
    succeed(&project, "generate --check");
}

#[test]
fn a_subresource_is_planned_before_it_is_made() {
    let (_temporary, project) = scaffold("aviary");
    let line = "create subresource --group demo --version v1alpha1 --kind Bird --subresource feeding";
    let before = tree(&project);
    let told = succeed(&project, &format!("{line} --dry-run --diff"));
    assert!(told.contains("create   tests/bird_feeding.rs\n"), "{told}");
    assert!(told.contains("+        .subresource(bird_feeding::BirdFeedingSubresource);\n"), "{told}");
    assert!(tree(&project) == before);
    let told = succeed(&project, line);
    assert!(
        told.contains("A new subresource: birds/feeding. Yours to edit:\n  src/apis/demo/bird_feeding.rs"),
        "{told}"
    );
    std::fs::write(project.join("src/apis/demo/bird_feeding.rs"), "// mine\n").unwrap();
    succeed(&project, "generate --check");
    succeed(&project, line);
    assert_eq!(std::fs::read_to_string(project.join("src/apis/demo/bird_feeding.rs")).unwrap(), "// mine\n");
}

#[test]
fn show_tells_of_webhooks_and_of_plugins() {
    let (_temporary, project) = scaffold("guarded");
    let told: serde_json::Value = serde_json::from_str(&succeed(&project, "show --output json")).unwrap();
    let bird = &told["groups"][0]["kinds"][0];
    assert_eq!(bird["webhooks"], serde_json::json!(["defaulting", "validation"]));
    assert_eq!(bird["files"]["webhooks"]["path"], "src/webhooks/demo/bird.rs");
    let [deployment, node, certificate] = told["externalWebhooks"].as_array().unwrap().as_slice() else {
        panic!("{told}");
    };
    assert_eq!((&deployment["apiGroup"], &deployment["kind"]), (&"apps".into(), &"Deployment".into()));
    assert_eq!((&node["apiGroup"], &node["webhooks"]), (&"".into(), &serde_json::json!(["validation"])));
    assert_eq!(certificate["apiGroup"], "cert-manager.io");
    assert_eq!(told["admission"][0]["file"]["path"], "src/admission/ban_flunder.rs");
    std::fs::remove_file(project.join("src/admission/notary.rs")).unwrap();
    let tree = succeed(&project, "show");
    for line in [
        "webhooks    src/webhooks/demo/bird.rs (defaulting, validation)",
        "v1 Node: src/webhooks/core/node.rs (validation)",
        "cert-manager.io/v1 Certificate: src/webhooks/cert_manager/certificate.rs (defaulting, validation)",
        "ban-flunder: src/admission/ban_flunder.rs (Bird in demo/v1)",
        "notary: src/admission/notary.rs (missing)",
    ] {
        assert!(tree.contains(line), "{line}: {tree}");
    }
}

#[test]
fn show_tells_of_controllers() {
    let (_temporary, project) = scaffold("keepers");
    let told: serde_json::Value = serde_json::from_str(&succeed(&project, "show --output json")).unwrap();
    let [bird, housekeeper, exporter] = told["groups"][0]["kinds"][0]["controllers"].as_array().unwrap().as_slice()
    else {
        panic!("{told}");
    };
    assert_eq!((&bird["name"], &bird["owns"]), (&"bird".into(), &serde_json::json!(["v1/ConfigMap"])));
    let owns = serde_json::json!(["apps/v1/StatefulSet", "v1/Service", "demo.keepers.example.com/v1/Note"]);
    assert_eq!(housekeeper["owns"], owns);
    assert_eq!((&exporter["cluster"], &exporter["watches"][0]), (&"prod".into(), &"v1/Secret".into()));
    let [deployment, certificate] = told["externalControllers"].as_array().unwrap().as_slice() else {
        panic!("{told}");
    };
    assert_eq!((&deployment["apiGroup"], &deployment["kind"]), (&"apps".into(), &"Deployment".into()));
    assert_eq!(certificate["controllers"][1]["file"]["path"], "src/controllers/cert_manager/certificate_counter.rs");
    std::fs::remove_file(project.join("src/controllers/apps/deployment.rs")).unwrap();
    let tree = succeed(&project, "show");
    for line in [
        "controller  src/controllers/demo/bird.rs (owns v1/ConfigMap)\n",
        "controller  src/controllers/demo/exporter.rs (exporter; owns v1/ConfigMap; watches v1/Secret; in the cluster prod)\n",
        "apps/v1 Deployment: src/controllers/apps/deployment.rs (missing) (deployment; owns v1/ConfigMap)\n",
    ] {
        assert!(tree.contains(line), "{line}: {tree}");
    }
}

#[test]
fn a_controller_is_planned_before_it_is_made_and_its_file_is_the_users() {
    let (_temporary, project) = scaffold("aviary");
    let line = "create controller --group demo --version v1alpha1 --kind Bird --name keeper --owns Service";
    let before = tree(&project);
    let told = succeed(&project, &format!("{line} --dry-run --diff"));
    assert!(told.contains("create   src/controllers/demo/keeper.rs\n"), "{told}");
    assert!(told.contains("+    manager.add(\"keeper\", demo::keeper::run);\n"), "{told}");
    assert!(told.contains("+      - v1/Service\n"), "{told}");
    assert!(tree(&project) == before);
    let told = succeed(&project, line);
    assert!(told.contains("A new controller. Yours to edit:\n  src/controllers/demo/keeper.rs"), "{told}");
    let file = project.join("src/controllers/demo/keeper.rs");
    std::fs::write(&file, "// mine\n").unwrap();
    assert!(succeed(&project, line).starts_with("Nothing to do"));
    succeed(&project, "generate --check");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "// mine\n");
}

/// A controller of a file from before more was known of it is but a name.
#[test]
fn an_older_file_is_read_and_its_controllers_stay_as_they_are() {
    let (_temporary, project) = scaffold("aviary");
    let path = project.join("PROJECT");
    let text = std::fs::read_to_string(&path).unwrap();
    let older = text.replace("    - name: bird\n      owns:\n      - v1/ConfigMap\n", "    - bird\n");
    assert_ne!(older, text);
    std::fs::write(&path, &older).unwrap();
    let before = tree(&project);
    succeed(&project, "generate --check");
    assert!(succeed(&project, CREATE).starts_with("Nothing to do"));
    assert!(tree(&project) == before);
    succeed(&project, "create controller --group demo --version v1alpha1 --kind Bird --name keeper");
    assert!(std::fs::read_to_string(&path).unwrap().contains("    - bird\n    - name: keeper\n"));
}

#[test]
fn a_webhook_is_planned_before_it_is_made() {
    let (_temporary, project) = scaffold("aviary");
    let line = "create webhook --group demo --version v1alpha1 --kind Bird --defaulting";
    let before = tree(&project);
    let told = succeed(&project, &format!("{line} --dry-run --diff"));
    assert!(told.contains("create   src/webhooks/demo/bird.rs\n"), "{told}");
    assert!(told.contains("+    webhooks.kind(demo::bird::strategy()).defaulting();\n"), "{told}");
    assert!(tree(&project) == before);
    let told = succeed(&project, line);
    let title = "New webhooks of Bird in demo.demo.alibaba.com/v1alpha1: defaulting. Yours to edit:\n  src/webhooks/demo/bird.rs";
    assert!(told.contains(title), "{told}");
    assert!(!told.contains("main.rs"), "{told}");
    // A project from before there were webhooks.
    let main = project.join("src/main.rs");
    let text = std::fs::read_to_string(&main).unwrap();
    let text: String = text.lines().filter(|line| !line.contains(".webhooks(")).map(|l| format!("{l}\n")).collect();
    std::fs::write(&main, &text).unwrap();
    let told = succeed(&project, &format!("{line} --programmatic-validation"));
    assert!(told.contains("More webhooks of Bird"), "{told}");
    assert!(told.contains("\n        .webhooks(aviary::webhooks::install)\n"), "{told}");
    assert_eq!(std::fs::read_to_string(&main).unwrap(), text);
    succeed(&project, "generate --check");
}

#[test]
fn a_scheduler_is_planned_before_it_is_made_and_needs_no_kinds() {
    let (_temporary, project) = scaffold("fresh");
    let line = "create scheduler --name packer";
    let before = tree(&project);
    let told = succeed(&project, &format!("{line} --dry-run --diff"));
    assert!(told.contains("create   src/schedulers/packer/headroom.rs\n"), "{told}");
    assert!(told.contains("+    packer::install(schedulers);\n"), "{told}");
    assert!(told.contains("+schedulers:\n+- packer\n"), "{told}");
    assert!(tree(&project) == before);
    let told = succeed(&project, line);
    assert!(told.contains("A new scheduler: packer. Yours to edit:\n  src/schedulers/packer/mod.rs"), "{told}");
    assert!(!told.contains("main.rs"), "{told}");
    assert!(succeed(&project, line).starts_with("Nothing to do"));
    // A project from before there were schedulers.
    let main = project.join("src/main.rs");
    let text = std::fs::read_to_string(&main).unwrap();
    let text: String = text.lines().filter(|line| !line.contains(".schedulers(")).map(|l| format!("{l}\n")).collect();
    std::fs::write(&main, &text).unwrap();
    let told = succeed(&project, "create scheduler --name spreader");
    assert!(told.contains("is yours and does not run schedulers yet"), "{told}");
    assert!(told.contains("::schedulers::install)\n"), "{told}");
    assert_eq!(std::fs::read_to_string(&main).unwrap(), text);
    let shown: serde_json::Value = serde_json::from_str(&succeed(&project, "show --output json")).unwrap();
    assert_eq!(shown["schedulers"][0]["file"]["path"], "src/schedulers/packer/mod.rs");
    assert!(succeed(&project, "show").contains("spreader: src/schedulers/spreader/mod.rs"), "{shown}");
    succeed(&project, "generate --check");
}

#[test]
fn every_shell_gets_its_completions() {
    let (_temporary, anywhere) = folder("anywhere");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeed(&anywhere, &format!("completion {shell}"));
        for word in [
            "skip-controller",
            "with-scale-subresource",
            "schemaless",
            "programmatic-validation",
            "admission",
            "watches",
        ] {
            assert!(script.contains(word), "{shell} {word}");
        }
    }
    // What a flag takes is completed where the shell can.
    assert!(succeed(&anywhere, "completion fish").contains("arbitrary\\t"));
    let script = anywhere.join("completion");
    std::fs::write(&script, succeed(&anywhere, "completion bash")).unwrap();
    let ask = format!(
        "source '{}'; COMP_WORDS=(apiserver-boot create gr); COMP_CWORD=2; \
         _apiserver__boot apiserver-boot gr create; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let Ok(bash) = Command::new("bash").args(["-c", &ask]).output() else { return };
    assert_eq!(String::from_utf8_lossy(&bash.stdout).trim(), "group", "{}", String::from_utf8_lossy(&bash.stderr));
}

#[test]
fn a_newer_or_older_library_is_left_until_it_is_asked_for() {
    let (_temporary, project) = scaffold("aviary");
    let file = project.join("PROJECT");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("vendor: 0.1.0", "vendor: 0.0.9")).unwrap();
    std::fs::remove_file(project.join("vendor/apiserver/src/lib.rs")).unwrap();
    let output = run(&project, "generate --check");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("`apiserver-boot update vendor` brings 0.1.0"));
    assert!(!project.join("vendor/apiserver/src/lib.rs").exists());
    succeed(&project, "update vendor");
    assert!(project.join("vendor/apiserver/src/lib.rs").exists());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[cfg(unix)]
#[test]
fn commands_take_less_than_a_tenth_of_a_second() {
    // The best of a few: the file system is slow to give out what tests beside this one have just deleted.
    let best = |run: &dyn Fn() -> Duration| (0..5).map(|_| run()).min().unwrap();
    // Without optimisation everything takes twice as long, and on a processor that is shared half as long again.
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 300 } else { 100 });
    let (_temporary, project) = scaffold("aviary");
    for line in [CREATE, "show", "generate --check", "update vendor", "version"] {
        let took = best(&|| processor_time(&project, line));
        assert!(took < limit, "`{line}` took {took:?}");
    }
    for line in ["init repo --domain example.com", CREATE] {
        let took = best(&|| {
            let (_temporary, project) = folder("aviary");
            if line == CREATE {
                succeed(&project, "init repo --domain example.com");
            }
            processor_time(&project, line)
        });
        assert!(took < limit, "`{line}` took {took:?}");
    }
}

/// How long a command keeps a processor busy. Unlike the time on the clock, that is the same on a busy machine.
#[cfg(unix)]
#[allow(clippy::zombie_processes, reason = "wait4 waits for it, and tells what it used")]
fn processor_time(folder: &Path, line: &str) -> Duration {
    let words: Vec<&str> = line.split_whitespace().collect();
    let child = program(folder, &words).stdout(Stdio::null()).spawn().unwrap();
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let mut status = 0;
    let pid = unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, &mut usage) };
    assert_eq!((pid, status), (child.id() as libc::pid_t, 0));
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

#[test]
fn a_kill_at_any_time_leaves_whole_files_and_the_next_run_completes_them() {
    let (_temporary, complete) = folder("aviary");
    succeed(&complete, "init repo --domain example.com");
    let after_init = tree(&complete);
    succeed(&complete, CREATE);
    let after_create = tree(&complete);
    let mut killed = 0;
    for round in 0..20u64 {
        let (_temporary, project) = folder("aviary");
        killed += kill_after(&project, "init repo --domain example.com", Duration::from_micros(round * 1800));
        for (path, content) in tree(&project) {
            assert!(path.starts_with(".apiserver-boot/staging/") || after_init[&path] == content, "{path}");
        }
        succeed(&project, "init repo --domain example.com");
        assert!(without_staging(&project) == after_init, "round {round}");
        killed += kill_after(&project, CREATE, Duration::from_micros(round * 1000));
        for (path, content) in tree(&project) {
            let is_old = after_init.get(&path) == Some(&content);
            let is_new = after_create.get(&path) == Some(&content);
            assert!(path.starts_with(".apiserver-boot/staging/") || is_old || is_new, "{path}");
        }
        succeed(&project, CREATE);
        assert!(without_staging(&project) == after_create, "round {round}");
    }
    assert!(killed > 10, "only {killed} commands were killed before they ended");
}

/// A kill after the last file but before the cleaning up leaves the staging folder until the next change.
fn without_staging(project: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    tree(project).into_iter().filter(|(path, _)| !path.starts_with(".apiserver-boot/staging/")).collect()
}

/// Starts a command and kills it. Gives 1 if it had not ended by itself.
fn kill_after(project: &Path, line: &str, time: Duration) -> u32 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut child = program(project, &words).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(time);
    child.kill().unwrap();
    u32::from(!child.wait().unwrap().success())
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_tree_as_it_was() {
    use std::os::unix::process::CommandExt;

    let limited = |project: &Path, line: &str, bytes: u64| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut command = program(project, &words);
        // A file that grows beyond the limit meets an error, as it would on a full disk.
        unsafe {
            command.pre_exec(move || {
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
                match libc::setrlimit(libc::RLIMIT_FSIZE, &limit) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        command.output().unwrap()
    };
    let (_temporary, project) = folder("aviary");
    for bytes in [0, 100, 1000, 10_000] {
        let output = limited(&project, "init repo --domain example.com", bytes);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("error: could not write ") && stderr.contains("File too large"), "{stderr}");
        assert!(stderr.contains("hint: nothing was changed; check"), "{stderr}");
        assert_eq!(std::fs::read_dir(&project).unwrap().count(), 0);
    }
    succeed(&project, "init repo --domain example.com");
    let before = tree(&project);
    for bytes in [0, 100, 1000] {
        let output = limited(&project, CREATE, bytes);
        assert_eq!(output.status.code(), Some(1));
        assert!(tree(&project) == before);
    }
    succeed(&project, CREATE);
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_told_and_left() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    // Root may write everywhere, so that as root the program runs as somebody else, from where anybody may run it.
    let (temporary, project) = folder("aviary");
    let root = unsafe { libc::geteuid() } == 0;
    let copy = temporary.path().join("apiserver-boot");
    // By another process: while this one holds it open for writing, a test beside this one may start a child that
    // inherits it, and Linux runs no program that somebody has open for writing.
    assert!(Command::new("cp").arg(PROGRAM).arg(&copy).status().unwrap().success());
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(temporary.path(), 0o755);
    let attempt = |line: &str| {
        let mut command = Command::new(&copy);
        command.args(line.split_whitespace()).current_dir(&project);
        if root {
            command.uid(65534).gid(65534);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    mode(&project, 0o555);
    let told = attempt("init repo --domain example.com");
    assert!(told.contains("Permission denied") && told.contains("hint: nothing was changed; check"), "{told}");
    mode(&project, 0o755);
    succeed(&project, "init repo --domain example.com");
    let before = tree(&project);
    for path in walkdir::WalkDir::new(&project).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_dir()) {
        mode(path.path(), 0o555);
    }
    let told = attempt(CREATE);
    assert!(told.contains("Permission denied"), "{told}");
    assert!(tree(&project) == before);
    for path in walkdir::WalkDir::new(&project).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_dir()) {
        mode(path.path(), 0o755);
    }
    assert_eq!(fail(&project, "create group --group Demo", 2).lines().count(), 2);
}

#[test]
fn two_commands_at_once_wait_for_each_other() {
    let (_temporary, project) = scaffold("fresh");
    let kinds: Vec<String> = (0..8).map(|number| format!("Bird{number}")).collect();
    let children: Vec<_> = kinds
        .iter()
        .map(|kind| {
            let arguments = ["create", "resource", "--group", "demo", "--version", "v1", "--kind", kind];
            program(&project, &arguments).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let told = succeed(&project, "show");
    assert!(kinds.iter().all(|kind| told.contains(kind)), "{told}");
    succeed(&project, "generate --check");
}
