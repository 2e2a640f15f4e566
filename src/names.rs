//! Which names are legal, and what follows from a name: plural, module, file, label. Pure functions; what clashes with
//! what is already in a project is decided in `additions.rs`.

use heck::{ToKebabCase, ToSnakeCase, ToUpperCamelCase};

use crate::error::{Failure, usage};

/// A name that may be looked up in DNS is at most this long.
const SUBDOMAIN_MAX: usize = 253;

/// Kubernetes holds labels, kinds and plurals to this length.
const LABEL_MAX: usize = 63;

/// Shorter than a label, because a kind's plural, and the names of its types, are longer than the kind.
const KIND_MAX: usize = 50;

/// Rust's keywords, those reserved for later included.
/// Source: <https://doc.rust-lang.org/reference/keywords.html>
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Modules that need another name: keywords that cannot be raw identifiers, `mod`, whose file would be the `mod.rs` of
/// the folder, and `apiserver`, which would hide the library from the file that declares the module.
const MODULES_TAKEN: &[&str] = &["self", "super", "crate", "mod", "apiserver"];

/// Types and traits that Rust has in scope everywhere: the prelude of the 2024 edition, and the keyword.
const TYPES_OF_RUST: &[&str] = &[
    "AsMut",
    "AsRef",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Hash",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Self",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

/// Types and traits that scaffolded files import. A kind of such a name would hide one.
const TYPES_IMPORTED: &[&str] = &[
    "Action",
    "AnyFields",
    "Api",
    "ApiResource",
    "Arc",
    "BTreeMap",
    "Body",
    "Client",
    "Condition",
    "Connect",
    "ConnectRequest",
    "Context",
    "Controller",
    "CustomResource",
    "CustomResourceExt",
    "DeleteParams",
    "Deserialize",
    "Duration",
    "DynamicObject",
    "Error",
    "Event",
    "EventType",
    "Faults",
    "JsonSchema",
    "ListParams",
    "Lister",
    "Manager",
    "Mutex",
    "MutexGuard",
    "ObjectMeta",
    "ObjectRef",
    "Parent",
    "Patch",
    "PatchParams",
    "PoisonError",
    "PostParams",
    "Recorder",
    "RequestContext",
    "Resource",
    "ResourceExt",
    "Serialize",
    "Strategy",
    "StreamExt",
    "Subresource",
    "TestServer",
    "Time",
    "Verb",
    "WatchEvent",
    "WatchParams",
    "WatchStreamExt",
    "WebSocket",
];

/// Words that mean something else in the place of a resource in a Kubernetes path.
const PLURALS_TAKEN: &[&str] = &["namespaces", "proxy", "watch"];

/// Subresources that are made by other types than that of their own, or that mean something else: `proxy` to
/// Kubernetes' own servers, `finalizers` to its authorization.
const SUBRESOURCES_TAKEN: &[&str] = &["finalizers", "proxy"];

/// Crates that a project's code names, and those of Rust itself.
const CRATES_TAKEN: &[&str] = &["alloc", "apiserver", "core", "proc_macro", "std", "test"];

/// What cargo does not take as the name of a binary.
const BINARIES_TAKEN: &[&str] = &["build", "deps", "examples", "incremental", "con", "prn", "aux", "nul"];

/// Checks a domain, such as `example.com`.
pub fn check_domain(domain: &str) -> Result<(), Failure> {
    subdomain("domain", domain, "example.com")?;
    if domain.contains('.') {
        return Ok(());
    }
    Err(usage(format!("the domain {domain:?} has no dot"))
        .hint("Kubernetes keeps groups without a dot to itself; use a domain such as `example.com`"))
}

/// Checks the name of a group, such as `demo`, in this domain.
pub fn check_group(group: &str, domain: &str) -> Result<(), Failure> {
    subdomain("group", group, "demo")?;
    if group == domain || group.ends_with(&format!(".{domain}")) {
        let short = group.strip_suffix(domain).unwrap_or_default().trim_end_matches('.');
        let short = if short.is_empty() { "demo" } else { short };
        return Err(usage(format!("the group {group:?} ends in the project's domain, which is added to it anyway"))
            .hint(format!("use `--group {short}`, which is served as {short}.{domain}")));
    }
    let full = format!("{group}.{domain}");
    if full.len() > SUBDOMAIN_MAX {
        return Err(usage(format!("the group {full:?} has {} characters", full.len()))
            .hint(format!("with the domain it may have {SUBDOMAIN_MAX}; use a shorter --group")));
    }
    Ok(())
}

/// Checks a group that clients see by another name than its own in the project's domain, such as `cert-manager.io`.
pub fn check_api_group(name: &str, api_group: &str) -> Result<(), Failure> {
    subdomain("group", name, "demo")?;
    subdomain("API group", api_group, "demo.example.com")?;
    if api_group.contains('.') {
        return Ok(());
    }
    Err(usage(format!("the API group {api_group:?} has no dot"))
        .hint("Kubernetes keeps groups without a dot to itself; choose one such as `demo.example.com`"))
}

/// Checks a version: `v1`, `v1alpha1`, `v2beta3` and so on.
pub fn check_version(version: &str) -> Result<(), Failure> {
    if is_version(version) && version.len() <= LABEL_MAX {
        return Ok(());
    }
    Err(usage(format!("{version:?} is not a version of an API"))
        .hint("versions look like `v1alpha1`, `v1beta1`, `v1` and `v2`"))
}

/// Checks the name of a kind, such as `Bird`.
pub fn check_kind(kind: &str) -> Result<(), Failure> {
    let starts_upper = kind.starts_with(|c: char| c.is_ascii_uppercase());
    if !starts_upper || !kind.chars().all(|c| c.is_ascii_alphanumeric()) {
        let ascii: String = kind.chars().filter(char::is_ascii).collect();
        let camel = ascii.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).to_upper_camel_case();
        let better = if camel.is_empty() { "Bird" } else { camel.as_str() };
        return Err(usage(format!("{kind:?} is not a name for a kind"))
            .hint(format!("kinds are letters and digits in UpperCamelCase; try `--kind {better}`")));
    }
    if kind.len() > KIND_MAX {
        return Err(usage(format!("the kind {kind:?} has {} characters", kind.len()))
            .hint(format!("kinds have at most {KIND_MAX} characters")));
    }
    if is_type_taken(kind) {
        return Err(usage(format!("a kind {kind:?} would hide the {kind} that its own files use"))
            .hint(format!("choose another name, such as `--kind My{kind}` or `--kind {kind}Claim`")));
    }
    Ok(())
}

/// Checks a plural, such as `birds`.
pub fn check_plural(plural: &str) -> Result<(), Failure> {
    label("plural", plural, "birds")?;
    if PLURALS_TAKEN.contains(&plural) {
        return Err(usage(format!("the plural {plural:?} means something else in Kubernetes' paths"))
            .hint("choose another with `--resource`, or another kind"));
    }
    Ok(())
}

/// Checks a short name, such as `bd`.
pub fn check_short_name(name: &str) -> Result<(), Failure> {
    label("short name", name, "bd")
}

/// Checks a category, such as `all`.
pub fn check_category(name: &str) -> Result<(), Failure> {
    label("category", name, "all")
}

/// Checks the name of a subresource of one's own, such as `feeding`, of this kind.
pub fn check_subresource(kind: &str, name: &str) -> Result<(), Failure> {
    label("subresource", name, "feeding")?;
    if ["status", "scale"].contains(&name) {
        return Err(usage(format!("the subresource {name:?} is one of Kubernetes' own"))
            .hint(format!("add it with `--subresource {name} --type {name}`, or choose another name")));
    }
    if SUBRESOURCES_TAKEN.contains(&name) {
        return Err(usage(format!("the subresource {name:?} means something else to Kubernetes"))
            .hint("choose another name with `--subresource`"));
    }
    let object = subresource_kind(kind, name);
    if object.len() > LABEL_MAX {
        return Err(usage(format!("the kind {object:?} of the subresource's object has {} characters", object.len()))
            .hint(format!("kind and subresource may have {LABEL_MAX} together; choose a shorter `--subresource`")));
    }
    Ok(())
}

/// The kind of what a subresource of one's own takes and gives: `BirdFeeding`. With the kind before it, because two kinds
/// may have subresources of the same name.
pub fn subresource_kind(kind: &str, name: &str) -> String {
    format!("{kind}{}", name.to_upper_camel_case())
}

/// Checks the name of a controller, such as `bird`.
pub fn check_controller(name: &str) -> Result<(), Failure> {
    label("controller name", name, "bird")
}

/// Checks the name of a project, which becomes the name of its package, its library and its binary.
pub fn check_package(name: &str) -> Result<(), Failure> {
    let starts_lower = name.starts_with(|c: char| c.is_ascii_lowercase());
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !starts_lower || !name.chars().all(legal) || name.len() > LABEL_MAX {
        return Err(usage(format!("{name:?} is not a name for a project"))
            .hint("a project's name starts with a lower-case letter; then letters, digits, `-` and `_`; 63 at most"));
    }
    if package_is_taken(name) {
        return Err(usage(format!("a project {name:?} would clash with Rust, cargo or a package that projects use"))
            .hint(format!("choose another name, such as `--name {name}-server`")));
    }
    Ok(())
}

/// The project's name from that of its folder: the name itself where it is legal, else the nearest one that is, if any.
pub fn package_from_folder(folder: &str) -> Option<String> {
    let mut name: String = folder
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' { c } else { '-' })
        .collect();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name = name.get(..LABEL_MAX - "-server".len()).unwrap_or(name).trim_end_matches(['-', '_']);
    let name = if package_is_taken(name) { format!("{name}-server") } else { name.to_owned() };
    check_package(&name).is_ok().then_some(name)
}

/// The name of a package as code writes it.
pub fn crate_name(package: &str) -> String {
    package.replace('-', "_")
}

/// The plural of a kind by the rule of kube-derive, so that the attribute in the types and the path agree.
/// Source: `to_plural` in kube-derive's `custom_resource` module.
pub fn plural(kind: &str) -> String {
    let word = singular(kind);
    let before_y = word.strip_suffix('y').and_then(|stem| stem.chars().next_back());
    if ["s", "x", "z", "ch", "sh"].iter().any(|end| word.ends_with(end)) {
        format!("{word}es")
    } else if before_y.is_some_and(|letter| !"aeiou".contains(letter)) {
        format!("{}ies", &word[..word.len() - 1])
    } else {
        format!("{word}s")
    }
}

/// The singular of a kind, as kube-derive has it.
pub fn singular(kind: &str) -> String {
    kind.to_ascii_lowercase()
}

/// The name of a controller for a kind: `NestBox` gives `nest-box`, or `crew-nest-box` with a group before it. What is
/// too long for a label is cut.
pub fn controller(group: &str, kind: &str) -> String {
    let name = format!("{}-{}", group.replace('.', "-"), kind.to_kebab_case());
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    name.get(..LABEL_MAX).unwrap_or(name).trim_end_matches('-').to_owned()
}

/// A module for something of this name, which may be a kind, a group or a controller.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Module {
    /// How code writes it: `bird`, `r#type`.
    pub ident: String,
    /// The name of its file or folder: `bird`, `type`.
    pub file: String,
}

impl Module {
    /// The module for a kind, a group or a controller of this name.
    pub fn of(name: &str) -> Self {
        let mut snake = name.to_snake_case();
        if snake.starts_with(|c: char| c.is_ascii_digit()) {
            snake.insert(0, '_');
        }
        // A kind `V1` must not meet the version `v1`, whose module is its neighbour.
        if MODULES_TAKEN.contains(&snake.as_str()) || is_version(&snake) {
            snake.push('_');
        }
        Self { ident: ident(&snake), file: snake }
    }
}

/// The name of an integration test, which is a crate of its own: no keyword, and none of Rust's own crates.
pub fn test_name(module: &Module) -> String {
    let file = &module.file;
    if module.ident != *file || CRATES_TAKEN.contains(&file.as_str()) { format!("{file}_") } else { file.clone() }
}

/// How code writes the name of a field or a module. The four keywords that cannot be raw get an underscore.
pub fn ident(snake: &str) -> String {
    if ["self", "super", "crate", "_"].contains(&snake) {
        format!("{snake}_")
    } else if KEYWORDS.contains(&snake) {
        format!("r#{snake}")
    } else {
        snake.to_owned()
    }
}

/// The type of a kind in Rust: of the same name, unless Rust or a scaffolded file has one already.
pub fn type_of_kind(kind: &str) -> String {
    format!("{kind}{}", if is_type_taken(kind) { "Kind" } else { "" })
}

/// Whether Rust or a scaffolded file has a type or trait of this name in scope.
pub fn is_type_taken(name: &str) -> bool {
    is_type_of_rust(name) || TYPES_IMPORTED.contains(&name)
}

/// Whether Rust has a type or trait of this name in scope everywhere.
pub fn is_type_of_rust(name: &str) -> bool {
    TYPES_OF_RUST.contains(&name)
}

/// What versions are sorted by where Rust's own tools sort them: `v2` before `v10`, and `v1` before `v1beta1`.
pub fn version_order(version: &str) -> (u64, String, u64) {
    let number = |text: &str| text.parse().unwrap_or_default();
    let rest = version.trim_start_matches('v');
    let (major, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let stage = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    (number(major), stage.to_owned(), number(&rest[stage.len()..]))
}

fn package_is_taken(name: &str) -> bool {
    let krate = crate_name(name);
    KEYWORDS.contains(&krate.as_str())
        || CRATES_TAKEN.contains(&krate.as_str())
        || BINARIES_TAKEN.contains(&name)
        // A package of the same name in Cargo.lock would need another spelling of every line that names it.
        || crate::scaffold::lock::packages().any(|package| package.replace('-', "_") == krate)
}

fn is_version(text: &str) -> bool {
    fn number(text: &str) -> Option<&str> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        (digits > 0 && !text.starts_with('0')).then(|| &text[digits..])
    }
    let Some(rest) = text.strip_prefix('v').and_then(number) else { return false };
    let stage = rest.strip_prefix("alpha").or_else(|| rest.strip_prefix("beta"));
    rest.is_empty() || stage.and_then(number).is_some_and(str::is_empty)
}

/// A DNS label that starts with a letter, as Kubernetes asks of the names of a CRD.
pub(crate) fn label(what: &str, name: &str, example: &str) -> Result<(), Failure> {
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && is_label(name) {
        return Ok(());
    }
    Err(usage(format!("{name:?} is not a {what}")).hint(format!(
        "it starts with a lower-case letter; then letters, digits and `-`; {LABEL_MAX} at most: for example `{example}`"
    )))
}

pub(crate) fn subdomain(what: &str, name: &str, example: &str) -> Result<(), Failure> {
    if name.len() <= SUBDOMAIN_MAX && name.split('.').all(is_label) {
        return Ok(());
    }
    Err(usage(format!("{name:?} is not a {what}"))
        .hint(format!("a {what} is made of lower-case letters, digits, `-` and `.`: for example `{example}`")))
}

fn is_label(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= LABEL_MAX
        && text.chars().all(legal)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(legal: Result<(), Failure>, expected: &str) {
        let text = legal.err().map(|failure| crate::error::report(&failure.into())).unwrap_or_default();
        assert!(if expected.is_empty() { text.is_empty() } else { text.contains(expected) }, "{text:?}");
    }

    const FINE: &str = "";

    #[test]
    fn domains_and_groups_are_dns_subdomains() {
        check(check_domain("example.com"), FINE);
        check(check_domain("example"), "has no dot");
        check(check_domain("Example.com"), "is not a domain");
        check(check_domain("example..com"), "is not a domain");
        check(check_domain("-a.com"), "is not a domain");
        check(check_domain(&format!("{}.com", "a".repeat(64))), "is not a domain");
        check(check_group("demo", "example.com"), FINE);
        check(check_group("3d.demo-2", "example.com"), FINE);
        check(check_group("", "example.com"), "is not a group");
        check(check_group("Demo", "example.com"), "is not a group");
        check(check_group("demo.example.com", "example.com"), "use `--group demo`");
        check(
            check_group(&["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60)].join("."), "example.com"),
            "has 255",
        );
    }

    #[test]
    fn versions_are_those_of_kubernetes() {
        for version in ["v1", "v10", "v1alpha1", "v2beta13"] {
            check(check_version(version), FINE);
        }
        for version in ["", "1", "v", "v0", "v01", "V1", "v1gamma1", "v1alpha", "v1alpha0", "v1alpha1 ", "v1.2"] {
            check(check_version(version), "versions look like");
        }
    }

    #[test]
    fn kinds_are_camel_case_and_hide_nothing() {
        for kind in ["Bird", "HTTPRoute", "V1", "Mod", "Type", "Lib", "Main", "B", "Bird2", "BirdList", "Spec", "Test"]
        {
            check(check_kind(kind), FINE);
        }
        check(check_kind("bird"), "try `--kind Bird`");
        check(check_kind("nest-box"), "try `--kind NestBox`");
        check(check_kind("2Birds"), "try `--kind Birds`");
        check(check_kind("Vögel"), "not a name for a kind");
        check(check_kind(""), "try `--kind Bird`");
        check(check_kind(&"A".repeat(51)), "has 51 characters");
        for kind in ["Result", "Option", "Vec", "Box", "String", "Default", "Some", "Ok", "Clone", "Self", "Condition"]
        {
            check(check_kind(kind), "would hide");
        }
    }

    #[test]
    fn what_scaffolded_files_import_is_no_kind() {
        let templates = walkdir::WalkDir::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates"));
        let mut imports = 0;
        let files = templates.into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        // The files of schedulers know no kinds of the project.
        for template in files.filter(|entry| !entry.path().to_string_lossy().contains("scheduler")) {
            let text = std::fs::read_to_string(template.path()).unwrap();
            for line in text.lines().map(str::trim).filter(|line| line.starts_with("use ") && !line.contains("{{")) {
                let names = line.split(|c: char| !c.is_ascii_alphanumeric());
                for name in names.filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase())) {
                    check(check_kind(name), "would hide");
                    imports += 1;
                }
            }
        }
        assert!(imports > 20, "{imports}");
    }

    #[test]
    fn plurals_follow_kube_derive() {
        for (kind, expected) in [
            ("Bird", "birds"),
            ("Fox", "foxes"),
            ("Class", "classes"),
            ("Waltz", "waltzes"),
            ("Branch", "branches"),
            ("Dish", "dishes"),
            ("Puppy", "puppies"),
            ("Day", "days"),
            ("Y", "ys"),
            ("HTTPRoute", "httproutes"),
        ] {
            assert_eq!(plural(kind), expected);
        }
    }

    #[test]
    fn controllers_have_names_that_are_labels() {
        assert_eq!(controller("", "NestBox"), "nest-box");
        assert_eq!(controller("3d.crew", "NestBox"), "d-crew-nest-box");
        check(check_controller(&controller(&"a".repeat(200), "Bird")), FINE);
        check(check_controller(&controller("", &"Ab".repeat(25))), FINE);
    }

    #[test]
    fn words_of_paths_are_no_plurals() {
        check(check_plural("sheep"), FINE);
        check(check_plural("namespaces"), "means something else");
        check(check_plural("watch"), "means something else");
        check(check_plural("Birds"), "is not a plural");
        check(check_short_name("b d"), "is not a short name");
        check(check_category("2all"), "is not a category");
    }

    #[test]
    fn subresources_are_labels_that_mean_nothing_else() {
        for name in ["feeding", "nest-box", "type", "exec", "v1"] {
            check(check_subresource("Bird", name), FINE);
        }
        for name in ["", "Feeding", "feeding_", "3d", "a/b", &"a".repeat(64)] {
            check(check_subresource("Bird", name), "is not a subresource");
        }
        check(check_subresource("Bird", "status"), "`--subresource status --type status`");
        check(check_subresource("Bird", "scale"), "one of Kubernetes' own");
        check(check_subresource("Bird", "proxy"), "means something else");
        check(check_subresource("Bird", &"a".repeat(60)), "has 64 characters");
        assert_eq!(subresource_kind("NestBox", "open-lid"), "NestBoxOpenLid");
    }

    #[test]
    fn modules_are_legal_and_meet_no_other_file() {
        for (name, ident, file, test) in [
            ("Bird", "bird", "bird", "bird"),
            ("NestBox", "nest_box", "nest_box", "nest_box"),
            ("crew.ships-2", "crew_ships_2", "crew_ships_2", "crew_ships_2"),
            ("3d", "_3d", "_3d", "_3d"),
            ("Type", "r#type", "type", "type_"),
            ("Gen", "r#gen", "gen", "gen_"),
            ("Mod", "mod_", "mod_", "mod_"),
            ("Super", "super_", "super_", "super_"),
            ("Crate", "crate_", "crate_", "crate_"),
            ("V1beta1", "v1beta1_", "v1beta1_", "v1beta1_"),
            ("Apiserver", "apiserver_", "apiserver_", "apiserver_"),
            ("Core", "core", "core", "core_"),
            ("Lib", "lib", "lib", "lib"),
        ] {
            let module = Module::of(name);
            assert_eq!((module.ident.as_str(), module.file.as_str()), (ident, file));
            assert_eq!(test_name(&module), test);
        }
    }

    #[test]
    fn a_folder_gives_a_legal_name() {
        for (folder, name) in [
            ("aviary", Some("aviary")),
            ("My Aviary (new)", Some("my-aviary-new")),
            ("Grüße", Some("gr-e")),
            ("2024-birds", Some("birds")),
            ("test", Some("test-server")),
            ("tokio", Some("tokio-server")),
            ("match", Some("match-server")),
            ("apiserver", Some("apiserver-server")),
            ("鳥", None),
        ] {
            assert_eq!(package_from_folder(folder).as_deref(), name, "{folder}");
        }
    }
}
