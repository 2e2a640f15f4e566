//! `migrate-storage`: has a running server write every object anew that is stored in an older version of its kind.
//!
//! Everything goes through the API. An empty merge patch changes nothing, and the server stores what it is answered with in
//! the storage version; since it is the server that makes the patch of the present object, nobody else's write is lost,
//! and objects that are up to date already stay as they are. To do it twice does no harm, so that all there is to remember
//! of a migration that was cut short is the page at which it was.

mod api;
mod progress;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;
use kube::Client;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(super) use self::api::Failure;
use self::api::{Api, Item, Rewritten};
use self::progress::Progress;
use self::state::StateFile;
use super::client;
use super::command_line::{MigrateStorage, Output};
use super::error::AppError;
use crate::apis::Apis;
use crate::kind::Kind;
use crate::server::signals::StopSignals;

/// How many objects are written at a time: enough to hide the way to the server, too few to be in anybody's way.
const WRITES_MAX: usize = 8;
/// So many failures are told one by one.
const FAILURES_TOLD: usize = 10;

/// What became of the objects of a kind.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct Count {
    /// All that were looked at.
    objects: u64,
    /// Those that are stored anew.
    rewritten: u64,
    /// Those that were deleted meanwhile.
    gone: u64,
    /// Those that the server did not write.
    failed: u64,
}

/// Migrates until all is done or a signal says stop.
pub async fn run(flags: MigrateStorage, apis: Apis) -> Result<(), AppError> {
    let mut signals = StopSignals::new().map_err(AppError::Runtime)?;
    let kinds = wanted(&apis, &flags.resource)?;
    let client = client::connect(flags.kubeconfig.as_deref()).await?;
    let mut out = std::io::stdout();
    tokio::select! {
        done = migrate(client, &kinds, &flags, Progress::on_stderr(), &mut out) => done,
        () = signals.next() => Err(AppError::MigrationStopped { state_file: flags.state_file.clone() }),
    }
}

/// The kinds that the flags name, or all that the server stores.
fn wanted(apis: &Apis, names: &[String]) -> Result<Vec<Arc<Kind>>, AppError> {
    let mut kinds = apis.kinds().map_err(AppError::Build)?;
    kinds.retain(|kind| kind.stored);
    let known: Vec<String> = kinds.iter().map(|kind| kind.qualified_resource()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(AppError::Usage {
            message: format!("{unknown:?} is not a resource that this project stores"),
            hint: match known.is_empty() {
                true => "this project stores no kinds".into(),
                false => format!("--resource takes one of: {}", known.join(", ")),
            },
        });
    }
    kinds.retain(|kind| names.is_empty() || names.contains(&kind.qualified_resource()));
    Ok(kinds)
}

async fn migrate(
    client: Client,
    kinds: &[Arc<Kind>],
    flags: &MigrateStorage,
    mut progress: Progress,
    out: &mut (dyn Write + Send),
) -> Result<(), AppError> {
    if flags.dry_run {
        return tell_versions(&client, kinds, flags.output, out).await;
    }
    let mut state = StateFile::open(flags.state_file.clone())?;
    let mut counts = Vec::new();
    for kind in kinds {
        let migration = Migration { api: Api::new(client.clone(), kind), page_size: flags.page_size };
        counts.push((kind, migration.run(&mut state, &mut progress).await?));
    }
    progress.end();
    state.remove();
    let text = match flags.output {
        Output::Text => counts.iter().map(|(kind, count)| count.line(kind)).collect(),
        Output::Json => {
            let resources: Vec<_> = counts
                .iter()
                .map(|(kind, count)| {
                    let mut told = json!(count);
                    told["resource"] = kind.qualified_resource().into();
                    told["storageVersion"] = kind.storage_version().version.clone().into();
                    told
                })
                .collect();
            format!("{}\n", json!({ "resources": resources }))
        }
    };
    print(out, &text)?;
    match counts.iter().map(|(_, count)| count.failed).sum() {
        0 => Ok(()),
        failed => Err(AppError::NotMigrated { failed }),
    }
}

impl Count {
    fn line(&self, kind: &Kind) -> String {
        let Self { objects, rewritten, gone, failed } = self;
        format!(
            "{}: {objects} objects, {rewritten} rewritten, {gone} gone, {failed} failed; stored as {}\n",
            kind.qualified_resource(),
            kind.storage_version().version
        )
    }
}

/// The migration of one kind.
struct Migration {
    api: Api,
    page_size: u32,
}

impl Migration {
    async fn run(&self, state: &mut StateFile, progress: &mut Progress) -> Result<Count, AppError> {
        let resource = self.api.resource().to_owned();
        let failed = |failure: Failure| AppError::Migration { resource: resource.clone(), failure };
        let mut at = state.of(&resource);
        if at.done {
            return Ok(at.count);
        }
        if at.is_under_way() {
            progress.say(&format!("{resource}: going on after {} objects", at.count.objects));
        }
        loop {
            let page = match self.api.list(self.page_size, &at.continue_token).await {
                Ok(page) => page,
                Err(Failure::Expired { continue_token: Some(token) }) if token != at.continue_token => {
                    // The state that the first page showed is forgotten. What is new since then is stored as it should
                    // be, so that going on in the present state leaves nothing out.
                    at.continue_token = token;
                    continue;
                }
                Err(Failure::Expired { .. }) if !at.continue_token.is_empty() => {
                    progress.say(&format!("{resource}: the server has forgotten the last page; starting again"));
                    at = state::Place::default();
                    continue;
                }
                Err(failure) => return Err(failed(failure)),
            };
            let total = at.count.objects + page.items.len() as u64 + page.remaining;
            let mut writes =
                futures::stream::iter(page.items).map(|item| self.rewrite(item)).buffer_unordered(WRITES_MAX);
            while let Some(written) = writes.next().await {
                at.count.objects += 1;
                match written {
                    Ok(Rewritten::Yes) => at.count.rewritten += 1,
                    Ok(Rewritten::No) => {}
                    Ok(Rewritten::Gone) => at.count.gone += 1,
                    Err((item, Failure::Refused { message })) => {
                        at.count.failed += 1;
                        if at.count.failed <= FAILURES_TOLD as u64 {
                            progress.say(&format!("{resource}: {item}: {message}"));
                        }
                    }
                    Err((_, failure)) => return Err(failed(failure)),
                }
                progress.show(&resource, at.count.objects, total);
            }
            at.continue_token = page.continue_token;
            at.done = at.continue_token.is_empty();
            state.set(&resource, at.clone())?;
            if at.done {
                return Ok(at.count);
            }
        }
    }

    async fn rewrite(&self, item: Item) -> Result<Rewritten, (Item, Failure)> {
        self.api.rewrite(&item).await.map_err(|failure| (item, failure))
    }
}

/// In which versions objects are stored, as the server's metrics tell.
async fn tell_versions(
    client: &Client,
    kinds: &[Arc<Kind>],
    output: Output,
    out: &mut (dyn Write + Send),
) -> Result<(), AppError> {
    let counts = api::stored_versions(client).await?;
    let of = |kind: &Kind| -> BTreeMap<&str, u64> {
        let own = counts.iter().filter(|(name, _)| name.group == kind.group && name.resource == kind.plural);
        own.filter(|(_, count)| **count > 0).map(|(name, count)| (name.version.as_str(), *count)).collect()
    };
    let text = match output {
        Output::Json => {
            let told = |kind: &Arc<Kind>| {
                let storage = &kind.storage_version().version;
                json!({ "resource": kind.qualified_resource(), "storageVersion": storage, "stored": of(kind) })
            };
            format!("{}\n", json!({ "dryRun": true, "resources": kinds.iter().map(told).collect::<Vec<_>>() }))
        }
        Output::Text => kinds
            .iter()
            .map(|kind| {
                let stored: Vec<String> =
                    of(kind).iter().map(|(version, count)| format!("{count} in {version}")).collect();
                let stored = if stored.is_empty() { "no objects".into() } else { stored.join(", ") };
                let storage = &kind.storage_version().version;
                format!("{}: {stored}; would be stored as {storage}\n", kind.qualified_resource())
            })
            .collect(),
    };
    print(out, &text)
}

fn print(out: &mut (dyn Write + Send), text: &str) -> Result<(), AppError> {
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(AppError::Print)
}

/// What a user may do who was interrupted.
pub(super) fn how_to_go_on(state_file: Option<&PathBuf>) -> String {
    match state_file {
        Some(path) => format!("run it again with --state-file {} to go on", path.display()),
        None => "run it again: what is migrated stays so; with --state-file it goes on where it was".into(),
    }
}
