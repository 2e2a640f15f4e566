// Copyright YEAR the authors of odd
//
// Licensed to nobody in particular.

//! How pods with `schedulerName: mod` get their nodes.

mod headroom;
mod spread_app;

use apiserver::Schedulers;
use apiserver::scheduler::{Algorithm, filters, scores};

pub use headroom::Headroom;
pub use spread_app::SpreadApp;

/// Registers algorithms, each by the name that `config/scheduler-mod.yaml` chooses it by.
pub fn install(schedulers: &mut Schedulers) {
    // Filters are asked in this order, and the first that refuses a node decides.
    let spread = Algorithm::new()
        .filters(filters::standard())
        .filter(Headroom { percent: 10 })
        .score(SpreadApp, 2)
        .score(scores::LeastAllocated, 1);
    schedulers.algorithm("mod", spread);

    // A second one, for when nodes shall be filled one after the other.
    let packed = Algorithm::new()
        .filters(filters::standard())
        .score(scores::MostAllocated, 1)
        .score(scores::NodeAffinity, 2);
    schedulers.algorithm("mod-packed", packed);
}
