//! Those who read, and never see less than what was written before they asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Stage;
use super::ledger::name;
use crate::client::Call;

/// A moment between two requests: it is the writers whom the server shall be busy with.
const PAUSE: Duration = Duration::from_millis(2);

/// Gets one object after the other.
pub async fn get(stage: Arc<Stage>, first: usize) -> Result<()> {
    let mut connection = stage.client.connect().await?;
    let mut turn = first;
    while !stage.is_over() {
        turn += 1;
        let number = turn.wrapping_mul(7907) % stage.ledger.len();
        let before = stage.ledger.known(number);
        let (status, body) = stage.client.fetch(&mut connection, Call::get(stage.kind.item(&name(number)))).await?;
        let after = stage.ledger.known(number);
        stage.reads.fetch_add(1, Ordering::Relaxed);
        let quiet = !before.busy && before == after;
        match status {
            200 => {
                let object: Object = serde_json::from_slice(&body).context("an object")?;
                let rv = object.metadata.rv()?;
                if quiet && rv != before.rv {
                    stage.wrong(format!("{} is read at {rv}, and was written at {}", name(number), before.rv));
                }
                if rv < before.rv {
                    stage.wrong(format!("{} is read at {rv}, after it was written at {}", name(number), before.rv));
                }
                if quiet && rv == before.rv && !contains(&body, &before.value) {
                    stage.wrong(format!("{} at {rv} has not the value {}", name(number), before.value));
                }
            }
            404 if quiet && before.rv > 0 => {
                stage.wrong(format!("{} is not found, and was written at {}", name(number), before.rv));
            }
            404 => {}
            _ => bail!("a get is answered {status}: {}", String::from_utf8_lossy(&body)),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

fn contains(body: &[u8], value: &str) -> bool {
    memchr::memmem::find(body, format!("\"{value}\"").as_bytes()).is_some()
}

/// Lists all, again and again.
pub async fn list(stage: Arc<Stage>) -> Result<()> {
    let mut connection = stage.client.connect().await?;
    let mut last = 0;
    while !stage.is_over() {
        let written = stage.ledger.latest();
        let (status, body) = stage.client.fetch(&mut connection, Call::get(stage.kind.path.as_str())).await?;
        if status != 200 {
            bail!("a list is answered {status}: {}", String::from_utf8_lossy(&body));
        }
        let list = List::read(&body)?;
        stage.lists.fetch_add(1, Ordering::Relaxed);
        if list.rv < written || list.rv < last {
            stage.wrong(format!("a list is of {}; {written} was written, and {last} listed, before it", list.rv));
        }
        if let Some((name, rv)) = list.objects.iter().find(|(_, rv)| **rv > list.rv) {
            stage.wrong(format!("a list of {} has {name} as of {rv}", list.rv));
        }
        last = list.rv;
        tokio::time::sleep(PAUSE * 25).await;
    }
    Ok(())
}

/// What counts of a list.
pub struct List {
    pub rv: u64,
    /// resourceVersions by name.
    pub objects: BTreeMap<String, u64>,
}

impl List {
    pub fn read(body: &[u8]) -> Result<List> {
        #[derive(Deserialize)]
        struct Body {
            metadata: Metadata,
            items: Vec<Object>,
        }
        let body: Body = serde_json::from_slice(body).context("a list")?;
        let objects = body.items.into_iter().map(|object| Ok((object.metadata.name.clone(), object.metadata.rv()?)));
        Ok(List { rv: body.metadata.rv()?, objects: objects.collect::<Result<_>>()? })
    }
}

#[derive(Deserialize)]
pub struct Object {
    pub metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    #[serde(default)]
    pub name: String,
    pub resource_version: String,
}

impl Metadata {
    pub fn rv(&self) -> Result<u64> {
        self.resource_version.parse().with_context(|| format!("the resourceVersion {:?}", self.resource_version))
    }
}
