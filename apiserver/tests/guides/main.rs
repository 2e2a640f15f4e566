//! The code of the guides, compiled and run: every Rust block in them stands in one of these files, line by line.

mod admission;
mod any_json;
mod backends;
mod controllers;
mod hooks;
mod subresources;
mod testing;
mod versions;
mod webhooks;

/// The lines of a text without indentation and blank lines, which guides and files need not share.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[track_caller]
fn check(guide: &str, code: &str) {
    let path = format!("{}/../docs/{guide}", env!("CARGO_MANIFEST_DIR"));
    let guide_text = std::fs::read_to_string(&path).unwrap();
    let code = lines(code);
    let mut blocks = 0;
    for block in guide_text.split("```rust\n").skip(1) {
        let (block, _) = block.split_once("```").expect("a block ends");
        let wanted = lines(block);
        let found = code.windows(wanted.len()).any(|window| window == wanted);
        assert!(found, "{guide} has code that is not tested as it stands:\n{block}");
        blocks += 1;
    }
    assert!(blocks > 0, "{guide} has no code");
}

#[test]
fn the_code_of_the_guides_is_what_is_tested_here() {
    check("hooks.md", include_str!("hooks.rs"));
    check("controllers.md", include_str!("controllers.rs"));
    check("testing.md", include_str!("testing.rs"));
    let operator = [
        include_str!("../../../testdata/operator/src/lib.rs"),
        include_str!("../../../testdata/operator/tests/operator.rs"),
    ];
    check("testing-operators.md", &operator.concat());
    check("subresources.md", include_str!("subresources.rs"));
    check("backends.md", include_str!("backends.rs"));
    check("admission.md", include_str!("admission.rs"));
    check("any-json.md", include_str!("any_json.rs"));
    check("versions.md", include_str!("versions.rs"));
    check("webhooks.md", include_str!("webhooks.rs"));
}
