//! Those who write, each its own objects: create, update, merge patch, server-side apply, delete, by turns.

use std::ops::Range;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use super::Stage;
use super::ledger::{Known, name};
use crate::client::Call;
use crate::objects;

pub async fn run(stage: Arc<Stage>, mine: Range<usize>) -> Result<()> {
    let mut connection = stage.client.connect().await?;
    let mut turn = mine.start;
    while !stage.is_over() {
        turn = turn.wrapping_add(1);
        let number = mine.start + turn.wrapping_mul(7919) % mine.len();
        let (name, known) = (name(number), stage.ledger.known(number));
        let value = format!("v{turn}");
        let (deletes, call) = next(&stage, &name, number, &known, &value, turn);
        stage.ledger.begin(number);
        let what = format!("{} {}", call.method, call.path);
        let (status, body) = stage.client.fetch(&mut connection, call).await.with_context(|| what.clone())?;
        let answer = || String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        if status >= 300 {
            bail!("{what} is answered {status}: {}", answer());
        }
        let rv = if deletes { None } else { objects::resource_version(&body).and_then(|rv| rv.parse().ok()) };
        match rv {
            None if deletes => {
                // Kubernetes tells no resourceVersion of a delete; what comes next is newer.
                stage.ledger.end(number, 0, known.rv, "");
            }
            None => bail!("{what} is answered without a resourceVersion: {}", answer()),
            Some(rv) if rv <= known.rv => {
                stage.wrong(format!("{what} is at resourceVersion {rv}, not after {}", known.rv));
                stage.ledger.end(number, rv, rv, &value);
            }
            Some(rv) => stage.ledger.end(number, rv, rv, &value),
        }
    }
    Ok(())
}

/// What to do with an object, and whether that deletes it.
fn next(stage: &Stage, name: &str, number: usize, known: &Known, value: &str, turn: usize) -> (bool, Call) {
    let kind = &stage.kind;
    if known.rv == 0 {
        return (false, kind.create(name, number, value));
    }
    match turn % 8 {
        0 => (true, Call::delete(kind.item(name))),
        1 | 2 => (false, kind.merge_patch(name, value)),
        3 => (false, kind.apply(name, number, value)),
        _ => (false, kind.update(name, number, value, &known.rv.to_string())),
    }
}
