//! Tells cargo which folders the program embeds, so that a new file in one of them reaches the next build.

fn main() {
    for folder in ["apiserver", "templates"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
