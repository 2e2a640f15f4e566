//! What templates see of schedulers.

use serde::Serialize;

use super::layout;
use crate::names::Module;
use crate::project::Project;

/// All schedulers of a project.
#[derive(Debug, Serialize)]
pub struct SchedulersView {
    /// `pub mod` lines of `src/schedulers`.
    pub modules: Vec<String>,
    /// Statements that register the algorithms of each.
    pub calls: Vec<String>,
}

/// A scheduler.
#[derive(Clone, Debug, Serialize)]
pub struct SchedulerView {
    /// For example `packer`.
    pub name: String,
    /// The name of its second algorithm: `packer-packed`.
    pub packed: String,
    /// The folder, and its path from the root.
    pub folder: String,
    pub path: String,
    /// The test's name, and its path from the root.
    pub test: String,
    pub test_path: String,
    /// Its configuration, without the ending, and its path from the root.
    pub config: String,
    pub config_path: String,
    /// The statements that register its algorithms.
    pub register_spread: String,
    pub register_packed: String,
}

/// All schedulers as templates see them.
pub fn schedulers(project: &Project) -> SchedulersView {
    let module = |name: &String| Module::of(name).ident;
    let call = |name: &String| layout::call(4, &format!("{}::install", module(name)), &["schedulers".into()]);
    SchedulersView {
        modules: layout::modules("schedulers", project.schedulers.iter().map(module).collect()),
        calls: project.schedulers.iter().map(call).collect(),
    }
}

/// A scheduler as templates see it.
pub fn scheduler(name: &str) -> SchedulerView {
    let folder = Module::of(name).file;
    let test = format!("scheduler_{folder}");
    let packed = packed(name);
    let register = |name: &str, algorithm: &str| {
        layout::call(4, "schedulers.algorithm", &[format!("{name:?}"), algorithm.to_owned()])
    };
    SchedulerView {
        name: name.to_owned(),
        path: format!("src/schedulers/{folder}"),
        test_path: format!("tests/{test}.rs"),
        config: format!("scheduler-{name}"),
        config_path: format!("config/scheduler-{name}.yaml"),
        register_spread: register(name, "spread"),
        register_packed: register(&packed, "packed"),
        folder,
        test,
        packed,
    }
}

/// The name of the second algorithm that a scheduler is scaffolded with.
pub fn packed(name: &str) -> String {
    format!("{name}-packed")
}
