//! A wire between the store and etcd, to cut.

use std::net::{Ipv4Addr, SocketAddr};

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
        let (wire, mut state) = watch::channel(Wire::Whole);
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                tokio::select! {
                    Ok((client, _)) = listener.accept() => {
                        open.spawn(carry(client, target, state.clone()));
                    }
                    Ok(()) = async { state.wait_for(|wire| *wire == Wire::Cut).await.map(drop) } => return,
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

async fn carry(client: TcpStream, target: SocketAddr, mut state: watch::Receiver<Wire>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (mut client_reads, mut client_writes) = client.into_split();
    let (mut server_reads, mut server_writes) = server.into_split();
    let answers = async {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let Ok(count @ 1..) = server_reads.read(&mut bytes).await else { return };
            if *state.borrow() == Wire::AnswersAreLost {
                return;
            }
            if client_writes.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    let mut cut = state.clone();
    tokio::select! {
        _ = copy(&mut client_reads, &mut server_writes) => {}
        () = answers => {}
        _ = cut.wait_for(|wire| *wire == Wire::Cut) => {}
    }
    state.mark_unchanged();
}
