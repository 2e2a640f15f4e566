//! The Kubernetes client for Python against `examples/aviary`: `tests/clients/dynamic.py`, over TLS and with the
//! kubeconfig that `run local` writes.

mod local;

use std::process::Command;

use local::common::repository;
use local::{Project, python_client, text};

#[test]
#[ignore = "builds a project and needs the client: ./scripts/test"]
fn the_client_for_python_works_with_the_example() {
    let Some(packages) = python_client() else {
        return eprintln!("skipped: the client for Python is not here; scripts/install-tools gets it");
    };
    let project = Project::example("aviary").build();
    let run = project.start(&["--build=false", "--secure-port=0", "--storage=memory", "--run=apiserver"]).ready();
    let mut python = Command::new("python3");
    // `-B`: it shall leave nothing beside the script.
    python.arg("-B").arg(repository("tests/clients/dynamic.py")).arg("-v");
    python.env("PYTHONPATH", packages).env("KUBECONFIG", project.root.join("kubeconfig"));
    let output = python.output().expect("python3 runs");
    let log = run.stop();
    assert!(output.status.success(), "{}\nthe server's log:\n{log}", text(&output));
}
