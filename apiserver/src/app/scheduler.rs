//! `scheduler`: puts pods on nodes, with an endpoint that tells how it does.

use super::command_line::Scheduler;
use super::error::AppError;
use super::{controller_manager, in_runtime};
use crate::manager::Manager;
use crate::scheduler::{Config, Schedulers};

/// Schedules pods until a signal says stop.
pub fn run(flags: Scheduler, program: &str, schedulers: Schedulers) -> Result<(), AppError> {
    let config = match &flags.config {
        None => Config::default(),
        Some(path) => {
            let failed = |source| AppError::Read { path: path.clone(), flag: "--config", source };
            Config::read(&std::fs::read_to_string(path).map_err(failed)?).map_err(AppError::Scheduler)?
        }
    };
    let scheduler = schedulers.scheduler(&config).map_err(AppError::Scheduler)?;
    tracing::info!(
        names = scheduler.names().collect::<Vec<_>>().join(","),
        "pods of these schedulerNames are scheduled"
    );
    let metrics = scheduler.metrics();
    let mut manager = Manager::new();
    manager.add("scheduler", |cx| scheduler.run(cx));
    let lease = format!("{program}-scheduler");
    in_runtime(controller_manager::run(flags.manager, &lease, manager, |registry| metrics.register(registry)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::command_line::{self, Command};
    use crate::scheduler::Algorithm;

    #[test]
    fn what_cannot_be_run_is_told_before_anything_is_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        let check = |config: Option<&str>, names: &[&str], expected: &str| {
            let file = folder.path().join("scheduler.yaml");
            let mut arguments = vec!["test".to_owned(), "scheduler".to_owned()];
            if let Some(config) = config {
                std::fs::write(&file, config).expect("a file");
                arguments.extend(["--config".to_owned(), file.display().to_string()]);
            }
            let parsed = command_line::parse("test", "1.0.0", arguments.into_iter().map(Into::into)).expect("flags");
            let Command::Scheduler(flags) = parsed.command else { panic!("another command") };
            let mut schedulers = Schedulers::default();
            for name in names {
                schedulers.algorithm(name, Algorithm::new());
            }
            let error = run(*flags, "test", schedulers).expect_err("an error");
            let report = crate::app::error::report(&error);
            assert!(report.contains(expected), "{report}");
        };
        check(None, &[], "this project has no schedulers\nhint: make one with `apiserver-boot create scheduler");
        check(
            Some("profiles: [{schedulerName: owl}]"),
            &["pack"],
            "there are pack\nhint: check the file given with --config",
        );
        check(Some("profils: []"), &["pack"], "profils");
    }
}
