//! How fast pods get their nodes: the decisions alone, and with a server in the same process, which stores every pod,
//! binding and event.
//!
//! ```text
//! cargo run --release --example schedule -- 5000 500
//! ```

mod load;

#[tokio::main]
async fn main() {
    let number = |index, default| std::env::args().nth(index).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (pods, nodes) = (number(1, 5000), number(2, 500));
    println!("{pods} pods on {nodes} nodes");
    println!("a decision: {:?}", load::decide(pods, nodes) / u32::try_from(pods).unwrap_or(u32::MAX).max(1));
    let load = load::run(pods, nodes).await;
    println!("pods created in {:?}, all bound {:?} after the last one", load.created, load.bound);
    let all = (load.created + load.bound).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = pods as f64 / all;
    println!("{rate:.0} pods a second, creation included");
}
