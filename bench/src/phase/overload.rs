//! More at a time than a server takes: how many it refuses, how soon, and what a refusal costs.

use std::sync::Arc;

use anyhow::Result;

use super::{Query, Sample, Scene, requests};
use crate::client::Call;
use crate::load::{Load, Work};

/// Requests at a time on each connection.
const STREAMS: usize = 10;

pub async fn run(scene: &Scene<'_>) -> Result<Sample> {
    let kind = scene.kind.clone();
    let mut work = Work::new(move |i| Call::get(requests::list(&kind, Query::All, i)));
    work.may_be_refused = true;
    let mut sample = scene.measure(Load { streams: STREAMS, ..scene.load() }, Arc::new(work)).await?;
    let tally = &sample.tally;
    let refused = tally.refused.len() as f64;
    let share = 100.0 * refused / (refused + tally.requests as f64).max(1.0);
    sample.extra.insert("refused_percent", share);
    // Where nobody was refused there is no figure.
    if !tally.refused.is_empty() {
        sample.extra.insert("refused_p50_us", tally.refused.value_at_quantile(0.5) as f64);
        sample.reading = Some(tally.refused.value_at_quantile(0.99) as f64);
    }
    Ok(sample)
}
