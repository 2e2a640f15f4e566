//! A wire between the store and etcd, to cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Whole,
    /// What the member answers is lost, and then the connection.
    AnswersAreLost,
    /// Connections are closed and refused.
    Cut,
}

pub(super) struct Proxy {
    address: SocketAddr,
    wire: watch::Sender<Wire>,
    _connections: JoinSet<()>,
}

impl Proxy {
    pub(super) async fn to(endpoint: &str) -> Self {
        let target: SocketAddr = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (wire, state) = watch::channel(Wire::Whole);
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            let cut = cut(state.clone());
            tokio::pin!(cut);
            loop {
                tokio::select! {
                    Ok((client, _)) = listener.accept() => drop(open.spawn(carry(client, target, state.clone()))),
                    () = &mut cut => return,
                }
            }
        });
        Self { address, wire, _connections: connections }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

async fn carry(client: TcpStream, target: SocketAddr, wire: watch::Receiver<Wire>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (mut client_reads, mut client_writes) = client.into_split();
    let (mut server_reads, mut server_writes) = server.into_split();
    let answers = async {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count @ 1..) = server_reads.read(&mut bytes).await {
            if *wire.borrow() == Wire::AnswersAreLost {
                // What was lost may not have been the answer to the last request, so that one gets the time to arrive.
                tokio::time::sleep(Duration::from_millis(300)).await;
                return;
            }
            if client_writes.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = copy(&mut client_reads, &mut server_writes) => {}
        () = answers => {}
        () = cut(wire.clone()) => {}
    }
}

async fn cut(mut wire: watch::Receiver<Wire>) {
    let _ = wire.wait_for(|wire| *wire == Wire::Cut).await;
}
