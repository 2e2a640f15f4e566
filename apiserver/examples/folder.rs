//! Notes that are files: a kind whose objects the server does not store. Each `NAME.txt` of a folder is a note.
//!
//! ```text
//! NOTES=/tmp/notes cargo run --example folder -- apiserver --standalone --storage memory --secure-port 6443
//! kubectl get notes
//! kubectl edit note shopping
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use apiserver::registry::backend::{Filter, List};
use apiserver::{Backend, Error, RequestContext, Verb, field};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::{CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A note.
#[derive(Clone, CustomResource, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(group = "demo.example.com", version = "v1", kind = "Note", no_spec)]
#[kube(printcolumn = r#"{"name": "Text", "type": "string", "jsonPath": ".text"}"#)]
struct NoteFields {
    /// What it says.
    text: String,
}

struct Folder(PathBuf);

impl Folder {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.txt"))
    }

    /// A file's time of change stands for its version: it grows with every write.
    fn read(&self, name: &str) -> std::io::Result<Note> {
        let path = self.path(name);
        let changed = std::fs::metadata(&path)?.modified()?;
        let version = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mut note = Note::new(name, NoteFields { text: std::fs::read_to_string(&path)? });
        note.metadata.resource_version = Some(version.to_string());
        note.metadata.creation_timestamp = Timestamp::try_from(changed).ok().map(Time);
        Ok(note)
    }

    fn write(&self, cx: &RequestContext, note: Note) -> Result<Note, Error> {
        if cx.dry_run {
            return Ok(note);
        }
        std::fs::write(self.path(&note.name_any()), &note.spec.text).map_err(Error::internal)?;
        self.read(&note.name_any()).map_err(Error::internal)
    }
}

impl Backend for Folder {
    type Object = Note;
    const VERBS: &'static [Verb] = &[Verb::Get, Verb::List, Verb::Create, Verb::Update, Verb::Delete];

    async fn get(&self, _: &RequestContext, name: &str) -> Result<Note, Error> {
        self.read(name).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::not_found(name),
            _ => Error::internal(error),
        })
    }

    async fn list(&self, _: &RequestContext, _: &Filter) -> Result<List<Note>, Error> {
        let entries = std::fs::read_dir(&self.0).map_err(Error::internal)?;
        let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        // A file that goes away meanwhile is no note any more.
        let notes = files.filter_map(|file| self.read(file.strip_suffix(".txt")?).ok()).collect::<Vec<_>>();
        Ok(notes.into())
    }

    async fn create(&self, cx: &RequestContext, note: Note) -> Result<Note, Error> {
        if self.path(&note.name_any()).exists() {
            return Err(Error::already_exists(note.name_any()));
        }
        self.write(cx, note)
    }

    async fn update(&self, cx: &RequestContext, new: Note, old: &Note) -> Result<Note, Error> {
        let now = self.get(cx, &old.name_any()).await?;
        if now.metadata.resource_version != old.metadata.resource_version {
            return Err(Error::conflict("the file has changed"));
        }
        self.write(cx, new)
    }

    async fn delete(&self, cx: &RequestContext, note: &Note) -> Result<(), Error> {
        if cx.dry_run {
            return Ok(());
        }
        std::fs::remove_file(self.path(&note.name_any())).map_err(Error::internal)
    }

    fn validate(&self, _: &RequestContext, note: &Note, errors: &mut field::Errors) {
        if note.spec.text.trim().is_empty() {
            errors.required("text", "a note says something");
        }
    }
}

fn main() -> ExitCode {
    let folder = std::env::var_os("NOTES").map_or_else(|| std::env::temp_dir().join("notes"), PathBuf::from);
    if let Err(error) = std::fs::create_dir_all(&folder) {
        eprintln!("error: {}: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    apiserver::App::new("folder", env!("CARGO_PKG_VERSION"))
        .apis(|apis| {
            apis.add_backend(Folder(folder));
        })
        .main()
}
