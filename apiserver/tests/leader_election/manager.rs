//! One of the managers.

use std::io::Read;
use std::time::Duration;

use apiserver::Manager;
use apiserver::manager::{Context, LeaderElection};
use apiserver::server::duration;
use apiserver::server::signals::StopSignals;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use kube::{Api, Client, Config};

/// Requests at the same time, so that some are everywhere on their way when the process is frozen.
const ACTORS: usize = 4;

/// `what` is the server's address, a name and a lease's duration. Ends the process.
pub fn run(what: &str) -> ! {
    let [url, name, lease_duration] = what.split(' ').collect::<Vec<_>>()[..] else { panic!("{what}") };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(3);
    });
    let config = Config::new(url.parse().expect("an address"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let result = runtime.block_on(async {
        let client = Client::try_from(config.clone()).expect("a client");
        let lease_duration = duration::parse(lease_duration).expect("a duration");
        let election = LeaderElection::new("actors", client)
            .identity(name)
            .lease_duration(lease_duration)
            .renew_deadline(lease_duration / 2)
            .retry_period(Duration::from_millis(200));
        let mut manager = Manager::new();
        manager.leader_election(election);
        let name = name.to_owned();
        manager.add("actor", move |cx| act(cx, name));
        let client = manager.client(config).expect("a client");
        let mut signals = StopSignals::new().expect("signals");
        let result = manager.run(client, signals.next()).await;
        // Those who act do not know, and go on trying.
        tokio::time::sleep(Duration::from_millis(300)).await;
        result
    });
    std::process::exit(result.is_err().into());
}

/// Writes all the time, in tasks that nobody stops.
async fn act(cx: Context, name: String) {
    for _ in 0..ACTORS {
        let (acts, name) = (Api::<ConfigMap>::namespaced(cx.client(), "default"), name.clone());
        tokio::spawn(async move {
            let mut act = ConfigMap::default();
            act.metadata.generate_name = Some("act-".to_owned());
            act.data = Some([("by".to_owned(), name)].into());
            loop {
                // Refused while another leads.
                let _ = acts.create(&PostParams::default(), &act).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
    cx.shutdown().await;
}
