//! `create subresource`. Status and scale are what the derive in the user's file of the kind's fields says: that file is
//! read, and where it does not say so, the user is shown the lines that it takes. All others are files of their own.

use std::path::Path;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::changes::WriteArgs;
use crate::error::{WithHint, failure, usage};
use crate::project::{Answers, Group, Kind, Project, Subresource};
use crate::scaffold::{render, views};
use crate::types_file::TypesFile;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  apiserver-boot create subresource --group demo --version v1 --kind Bird --subresource feeding
  apiserver-boot create subresource --group demo --version v1 --kind Bird --subresource song \\
    --type connect
  apiserver-boot create subresource --group demo --version v1 --kind Bird --subresource scale")]
pub struct SubresourceArgs {
    /// The kind's group, without the project's domain
    #[arg(long)]
    pub group: String,

    /// The kind's version
    #[arg(long)]
    pub version: String,

    /// The kind
    #[arg(long)]
    pub kind: String,

    /// The subresource: the last segment of its path
    #[arg(long, value_name = "NAME")]
    subresource: String,

    /// What it is [default: status and scale as they are called, all others arbitrary]
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    of_type: Option<Type>,

    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Type {
    /// What is known of an object, written apart from what is asked of it
    Status,
    /// How many of it there are, for `kubectl scale` and autoscalers
    Scale,
    /// An object of a type of its own, which is read and written
    Arbitrary,
    /// Any method and any path below it: streams and WebSockets too
    Connect,
}

/// Adds a subresource to a kind that is there.
pub fn add(project: &mut Project, root: &Path, args: &SubresourceArgs) -> anyhow::Result<()> {
    let name = args.subresource.as_str();
    let by_name = match name {
        "status" => Some(Type::Status),
        "scale" => Some(Type::Scale),
        _ => None,
    };
    let of_type = args.of_type.or(by_name).unwrap_or(Type::Arbitrary);
    let answers = match of_type {
        Type::Status | Type::Scale if by_name == Some(of_type) => {
            return derived(project, root, args, of_type);
        }
        Type::Status | Type::Scale => {
            let only = if of_type == Type::Status { "status" } else { "scale" };
            return Err(usage(format!("a subresource of the type {only} is called {only}, not {name:?}"))
                .hint(format!("use `--subresource {only}`, or `--type arbitrary` for one of your own"))
                .into());
        }
        Type::Arbitrary => Answers::Arbitrary,
        Type::Connect => Answers::Connect,
    };
    Ok(project.add_subresource(&args.group, &args.kind, Subresource { name: name.to_owned(), answers })?)
}

/// Notes a status or a scale that the user's file has.
fn derived(project: &mut Project, root: &Path, args: &SubresourceArgs, of_type: Type) -> anyhow::Result<()> {
    let (Some(group), Some(kind)) =
        (project.group(&args.group), project.group(&args.group).and_then(|group| group.kind(&args.kind)))
    else {
        return Ok(());
    };
    let name = &kind.kind;
    if kind.schemaless {
        return Err(usage(format!(
            "{name} has no schema, and so no status and no scale: it keeps all fields as they come"
        ))
        .hint("make another kind without `--schemaless`, or a subresource of your own with `--type arbitrary`")
        .into());
    }
    // Each version has its own: one without them would hide what the others have.
    for version in &kind.versions {
        check_types(project, root, (group, kind, &version.name), of_type)?;
    }
    let kind = project.kind_mut(&args.group, &args.kind)?;
    kind.status = true;
    kind.scale |= of_type == Type::Scale;
    Ok(())
}

/// Checks that the user's file of a version has what it takes.
fn check_types(
    project: &Project,
    root: &Path,
    (group, kind, version): (&Group, &Kind, &str),
    of_type: Type,
) -> anyhow::Result<()> {
    let name = &kind.kind;
    let path = views::types_path(group, kind, version);
    let full = root.join(&path);
    let text = std::fs::read_to_string(&full)
        .with_hint(|| format!("restore the file of {name}'s fields: it says what the kind has"))
        .with_context(|| format!("could not read {}", full.display()))?;
    let file = TypesFile::parse(&text, name, version).with_context(|| format!("could not read {}", full.display()))?;
    if !file.derives {
        let message = format!("there is no `#[kube(…)]` for {name} in {path}");
        return Err(failure(message)
            .hint(format!("the derive of {name} in {version} must be in this file: move it there"))
            .into());
    }
    let missing = Missing::new(project, group, kind, &file, of_type)?;
    if !missing.is_empty() {
        let what = if of_type == Type::Scale { "scale" } else { "status" };
        return Err(failure(format!("{path} does not give {name} a {what} yet"))
            .hint(format!("the file is yours: {missing}\n\nthen type the command again"))
            .into());
    }
    Ok(())
}

/// What a file of fields lacks for a status or a scale, as the lines to add to it.
#[derive(Default)]
struct Missing {
    arguments: Vec<String>,
    imports: Vec<String>,
    /// Fields, by the struct that they belong to.
    fields: Vec<(String, Vec<String>)>,
    structs: Vec<String>,
}

impl Missing {
    fn new(project: &Project, group: &Group, kind: &Kind, file: &TypesFile, of_type: Type) -> anyhow::Result<Self> {
        let mut missing = Self::default();
        let (spec, status) = (format!("{}Spec", kind.kind), format!("{}Status", kind.kind));
        let lines = as_new(project, group, kind, of_type)?;
        if !file.status {
            missing.arguments.push(views::status_argument(kind));
            if !file.has_struct(&status) {
                missing.imports.extend(lines.lines().find(|line| line.ends_with("::Condition;")).map(str::to_owned));
                missing.structs.push(block(&lines, &status));
            }
        }
        if of_type == Type::Scale && !file.scale {
            missing.arguments.push(views::SCALE_ARGUMENT.to_owned());
            for (owner, fields) in [(&spec, &["replicas"][..]), (&status, &["replicas", "selector"])] {
                let absent = fields.iter().filter(|field| file.has_struct(owner) && !file.has_field(owner, field));
                let absent: Vec<String> = absent.map(|field| self::field(&block(&lines, owner), field)).collect();
                if !absent.is_empty() {
                    missing.fields.push((owner.clone(), absent));
                }
            }
        }
        Ok(missing)
    }

    fn is_empty(&self) -> bool {
        self.arguments.is_empty()
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("add to its `#[kube(…)]`\n")?;
        self.arguments.iter().try_for_each(|argument| write!(f, "\n    {argument},"))?;
        for (owner, fields) in &self.fields {
            write!(f, "\n\nto `struct {owner}`\n\n{}", fields.join("\n\n"))?;
        }
        if !self.imports.is_empty() {
            write!(f, "\n\nto its head\n\n{}", self.imports.join("\n"))?;
        }
        if !self.structs.is_empty() {
            write!(f, "\n\nand to its end\n\n{}", self.structs.join("\n\n"))?;
        }
        Ok(())
    }
}

/// The file of fields as it would be if the kind were made now with what it shall have.
fn as_new(project: &Project, group: &Group, kind: &Kind, of_type: Type) -> anyhow::Result<String> {
    let mut project = project.clone();
    let there = project.kind_mut(&group.name, &kind.kind)?;
    there.status = true;
    there.scale |= of_type == Type::Scale;
    let path = views::kind(&project, group, kind).types_path;
    let files = render::render(&project, None)?;
    let file = files.into_iter().find(|file| file.path == path);
    let content = file.map(|file| file.content.into_owned()).unwrap_or_default();
    String::from_utf8(content).context("could not show what is missing")
}

/// A struct with its comment and its attributes.
fn block(text: &str, name: &str) -> String {
    let Some(at) = text.find(&format!("pub struct {name} {{")) else { return String::new() };
    let start = text[..at].rfind("\n\n").map_or(0, |start| start + 2);
    let end = text[at..].find("\n}").map_or(text.len(), |end| at + end + 2);
    text[start..end].to_owned()
}

/// A field with its comment and its attributes.
fn field(block: &str, name: &str) -> String {
    let body = block.split_once("{\n").map_or(block, |(_, body)| body).trim_end_matches("\n}");
    let marker = format!("pub {name}: ");
    body.split("\n\n").find(|field| field.contains(&marker)).unwrap_or_default().to_owned()
}
