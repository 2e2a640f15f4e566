//! The documents name files that exist, and link to pages that exist.

use std::path::{Path, PathBuf};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| repository().join(name));
    let guides = std::fs::read_dir(repository().join("docs")).expect("docs/ can be read");
    let guides = guides
        .map(|entry| entry.expect("an entry of docs/").path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"));
    top.into_iter().chain(guides).collect()
}

#[test]
fn every_path_in_the_architecture_exists() {
    let text = std::fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let roots = ["apiserver/", "src/", "templates/", "testdata/", "scripts/", "docs/", "tests/", "examples/"];
    let paths: Vec<&str> =
        text.split('`').skip(1).step_by(2).filter(|code| roots.iter().any(|root| code.starts_with(root))).collect();
    assert!(paths.len() > 20, "the map has only {} paths: is it still read?", paths.len());
    let missing: Vec<&&str> = paths.iter().filter(|path| !repository().join(path).exists()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what does not exist: {missing:?}");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap_or_else(|error| panic!("{}: {error}", document.display()));
        let folder = document.parent().expect("a document is in a folder");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !target.contains("://") && !folder.join(path).exists() {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

const CONFORMANCE: &str = "docs/conformance.md";

/// The rules of the conformance page: the number of each, and what is said about who holds it.
fn rules(text: &str) -> Vec<(usize, &str)> {
    let mut rules = Vec::new();
    for line in text.lines() {
        let Some((number, rest)) = line.strip_prefix("| ").and_then(|line| line.split_once(" | ")) else { continue };
        let (Ok(number), Some((_, holds))) = (number.parse(), rest.split_once(" | ")) else { continue };
        rules.push((number, holds));
    }
    rules
}

#[test]
fn every_rule_of_the_api_is_met_or_is_said_not_to_be() {
    let text = std::fs::read_to_string(repository().join(CONFORMANCE)).expect(CONFORMANCE);
    let rules = rules(&text);
    let numbers: Vec<usize> = rules.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=390).collect::<Vec<_>>(), "each rule once, in its order");
    let counted = |mark: &str| rules.iter().filter(|(_, holds)| holds.starts_with(mark)).count();
    let (not_met, not_shown) = (counted("**not met**: "), counted("**not shown**: "));
    for (number, holds) in &rules {
        assert!(holds.starts_with("**not ") || holds.starts_with('`'), "rule {number} names no test and no reason");
    }
    let met = rules.len() - not_met - not_shown;
    let sum = format!("Of the 390 rules {met} are met, {not_met} are not met, and {not_shown} are not shown.");
    assert!(text.contains(&sum), "{CONFORMANCE} should say: {sum}");
}

#[test]
fn every_test_that_stands_for_a_rule_exists() {
    let text = std::fs::read_to_string(repository().join(CONFORMANCE)).expect(CONFORMANCE);
    let mut missing = Vec::new();
    for (number, holds) in rules(&text) {
        for name in holds.split('`').skip(1).step_by(2) {
            let exists = match (name.strip_prefix("rec:"), name.split_once("::")) {
                (Some(recording), _) => {
                    repository().join(format!("testdata/recordings/demo/{recording}.yaml")).exists()
                }
                (None, Some((file, function))) => {
                    let places = [
                        format!("apiserver/tests/conformance/{file}.rs"),
                        format!("apiserver/tests/{file}.rs"),
                        format!("apiserver/src/{file}.rs"),
                    ];
                    let has = |place: &String| {
                        let source = std::fs::read_to_string(repository().join(place)).unwrap_or_default();
                        source.contains(&format!("fn {function}("))
                    };
                    places.iter().any(has)
                }
                // Not the name of a test.
                (None, None) => continue,
            };
            if !exists {
                missing.push(format!("{number}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{CONFORMANCE} names tests that do not exist: {missing:#?}");
}
