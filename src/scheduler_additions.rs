//! What schedulers may be added to a project, as `additions.rs` has it for kinds.

use crate::error::{Failure, usage};
use crate::names::{self, Module};
use crate::project::Project;
use crate::scaffold::schedulers;

/// What kube-scheduler is called, and pods that say nothing ask for.
const DEFAULT: &str = "default-scheduler";

impl Project {
    /// Adds a scheduler, unless it is there.
    pub fn add_scheduler(&mut self, name: &str) -> Result<(), Failure> {
        names::label("name for a scheduler", name, "packer")?;
        if name == DEFAULT {
            return Err(usage(format!(
                "{DEFAULT:?} is the scheduler of the cluster itself, and both would bind its pods"
            ))
            .hint("choose another name: pods ask for it by `schedulerName` in their spec"));
        }
        if self.schedulers.iter().any(|there| there == name) {
            return Ok(());
        }
        for other in &self.schedulers {
            if Module::of(other) == Module::of(name) {
                let module = Module::of(name).ident;
                return Err(usage(format!(
                    "the schedulers {other:?} and {name:?} would both be the module `{module}`"
                ))
                .hint("choose another `--name`"));
            }
            if schedulers::packed(other) == name || schedulers::packed(name) == *other {
                let both = format!("the schedulers {other:?} and {name:?} would both have an algorithm of one name");
                return Err(usage(both).hint("choose another `--name`, one that does not end in `-packed`"));
            }
        }
        let mut next = self.clone();
        next.schedulers.push(name.to_owned());
        next.check_files().map_err(|clash| clash.hint("choose another `--name`"))?;
        *self = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedulers_have_names_of_their_own() {
        let mut project = Project::new("aviary".into(), "example.com".into(), "0.1.0".into(), None);
        let mut check = |name: &str, expected: &str| {
            let result = project.add_scheduler(name);
            let text = result.err().map(|failure| crate::error::report(&failure.into())).unwrap_or_default();
            assert!(if expected.is_empty() { text.is_empty() } else { text.contains(expected) }, "{text:?}");
        };
        check("packer", "");
        check("packer", "");
        check("mod", "");
        check("self", "");
        check("Packer", "\"Packer\" is not a name for a scheduler");
        check("", "is not a name for a scheduler");
        check("a.b", "is not a name for a scheduler");
        check("9-lives", "is not a name for a scheduler");
        check("default-scheduler", "is the scheduler of the cluster itself");
        check("packer-packed", "would both have an algorithm of one name");
        check("my-pods", "");
        check("my--pods", "would both be the module `my_pods`");
        assert_eq!(project.schedulers, ["packer", "mod", "self", "my-pods"]);
        assert!(project.check().is_ok());
    }
}
