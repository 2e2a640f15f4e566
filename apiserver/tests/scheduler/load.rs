//! Many pods on many nodes. The figures that count are those of `cargo run --release --example schedule`, which does the
//! same; here the bounds are loose, for a debug build on a machine that has other things to do.

#[path = "../../examples/schedule/load.rs"]
mod many;

use std::time::Duration;

#[test]
fn decisions_for_5000_pods_on_500_nodes() {
    let took = many::decide(5000, 500);
    println!("{:?} for each of 5000 pods on 500 nodes", took / 5000);
    assert!(took < Duration::from_secs(120), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pod_of_many_is_bound_and_no_node_is_overfull() {
    let (pods, nodes) = (5000, 500);
    let load = many::run(pods, nodes).await;
    println!("{pods} pods on {nodes} nodes: created in {:?}, all bound {:?} later", load.created, load.bound);
    assert!(load.bound < Duration::from_secs(600), "{:?}", load.bound);
}
