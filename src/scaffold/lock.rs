//! `Cargo.lock` of a project: the versions that this repository is tested with, so that `cargo build --locked` works in
//! a project that is a second old. `scripts/update-lock` writes the template.

const LOCK: &str = include_str!("../../templates/Cargo.lock");

/// The name that the project's own package has in the template.
const PLACEHOLDER: &str = "apiserver-boot-project";

/// The lock file of a project of this name.
pub fn render(name: &str) -> String {
    let (head, packages) = LOCK.split_once("[[package]]\n").unwrap_or((LOCK, ""));
    let mut packages: Vec<String> = packages
        .split("[[package]]\n")
        .map(|package| package.trim_end().replace(&format!("\"{PLACEHOLDER}\""), &format!("\"{name}\"")))
        .collect();
    // Cargo sorts by name, and would write the file again if we did not.
    packages.sort_by(|a, b| name_of(a).cmp(name_of(b)));
    let mut text = head.to_owned();
    for (index, package) in packages.iter().enumerate() {
        text.push_str(if index == 0 { "[[package]]\n" } else { "\n[[package]]\n" });
        text.push_str(package);
        text.push('\n');
    }
    text
}

/// The names of all packages that a project depends on.
pub fn packages() -> impl Iterator<Item = &'static str> {
    LOCK.lines().filter_map(quoted_name).filter(|name| *name != PLACEHOLDER)
}

fn name_of(package: &str) -> &str {
    package.lines().find_map(quoted_name).unwrap_or_default()
}

fn quoted_name(line: &str) -> Option<&str> {
    line.strip_prefix("name = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_stands_where_cargo_would_put_it() {
        for name in ["aaa", "aviary", "zoo"] {
            let text = render(name);
            let names: Vec<&str> = text.lines().filter_map(quoted_name).collect();
            assert!(names.contains(&name));
            assert!(names.is_sorted(), "{names:?}");
            assert_eq!(names.len(), packages().count() + 1);
            assert!(!text.contains(PLACEHOLDER));
        }
    }

    #[test]
    fn its_versions_are_those_of_this_repository() {
        let ours = include_str!("../../Cargo.lock");
        for package in LOCK.split("[[package]]\n").skip(1) {
            let head: Vec<&str> = package.lines().take(2).collect();
            if name_of(package) != PLACEHOLDER {
                assert!(ours.contains(&head.join("\n")), "{head:?}: run scripts/update-lock");
            }
        }
    }
}
