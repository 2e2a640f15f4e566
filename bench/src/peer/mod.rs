//! The servers that are measured: how each is started, waited for and stopped.

mod child;
mod etcd;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::client::{Call, Client, Credentials, Protocol};
use crate::pki::Pki;
use crate::process::{self, Memory};
use child::Child;

pub use etcd::{Etcd, MISSING as ETCD_MISSING};

/// Where the server under test keeps objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Storage {
    Embedded,
    Etcd,
}

/// What kind of server it is.
#[derive(Clone, Debug)]
pub enum Program {
    /// This program's own [`crate::bare`].
    Bare,
    /// A binary with the command line of scaffolded projects.
    Ours { path: PathBuf, arguments: Vec<String>, storage: Storage },
    /// One that somebody else has started.
    Elsewhere { address: String, pids: Vec<u32>, storage_pids: Vec<u32> },
}

/// Starts servers of one kind, which all get the same certificates and keep their files in one folder.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// What the server is called in reports: `bare`, `embedded`, `etcd`, or as the user says.
    pub name: String,
    pub program: Program,
    pub pki: Pki,
    pub protocol: Protocol,
    pub folder: PathBuf,
    /// Instead of the administrator's certificate.
    pub credentials: Option<OwnCredentials>,
}

/// How the user says who the client is.
#[derive(Clone, Debug)]
pub enum OwnCredentials {
    Certificate { certificate: PathBuf, key: PathBuf },
    Token(String),
}

/// A server that answers. It ends when this is dropped, unless somebody else has started it.
pub struct Peer {
    pub name: String,
    pub client: Client,
    pub is_bare: bool,
    pids: Vec<u32>,
    storage_pids: Vec<u32>,
    /// From starting its process to the first good answer of `/readyz`.
    pub ready_after: Duration,
    child: Option<Child>,
    /// Ends after the server that uses it.
    etcd: Option<Etcd>,
}

/// CPU time since the processes began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    pub server: Duration,
    pub storage: Duration,
}

impl Launcher {
    pub fn is_bare(&self) -> bool {
        matches!(self.program, Program::Bare)
    }

    pub fn can_restart(&self) -> bool {
        !matches!(self.program, Program::Elsewhere { .. })
    }

    /// Whether an earlier server's objects are there again in the next.
    pub fn storage(&self) -> Option<Storage> {
        match self.program {
            Program::Ours { storage, .. } => Some(storage),
            _ => None,
        }
    }

    /// Starts a server with nothing in its store.
    pub async fn start(&self) -> Result<Peer> {
        let data = self.folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| data.display().to_string())?;
        }
        fs::create_dir_all(&data).with_context(|| data.display().to_string())?;
        let etcd = match self.storage() {
            Some(Storage::Etcd) => Some(Etcd::start(&data).await?),
            _ => None,
        };
        self.run(etcd).await
    }

    /// Stops the server and starts it again with what it has stored.
    pub async fn restart(&self, mut peer: Peer) -> Result<Peer> {
        if let Some(child) = peer.child.take() {
            child.stop().await?;
        }
        self.run(peer.etcd.take()).await
    }

    async fn run(&self, etcd: Option<Etcd>) -> Result<Peer> {
        let (address, command) = match &self.program {
            Program::Elsewhere { address, .. } => (address.clone(), None),
            Program::Bare => {
                let port = free_port()?;
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["bare", "--port", &port.to_string()]);
                command.arg("--certificate").arg(&self.pki.server_certificate);
                command.arg("--key").arg(&self.pki.server_key);
                (format!("localhost:{port}"), Some(command))
            }
            Program::Ours { path, arguments, .. } => {
                let port = free_port()?;
                let mut command = Command::new(path);
                command.args(["apiserver", "--standalone", "--secure-port", &port.to_string()]);
                command.arg("--tls-cert-file").arg(&self.pki.server_certificate);
                command.arg("--tls-private-key-file").arg(&self.pki.server_key);
                command.arg("--client-ca-file").arg(&self.pki.authority);
                command.arg("--data-dir").arg(self.folder.join("data"));
                match &etcd {
                    Some(etcd) => command.args(["--storage", "etcd", "--etcd-servers", etcd.url()]),
                    None => command.args(["--storage", "embedded"]),
                };
                command.args(arguments);
                (format!("localhost:{port}"), Some(command))
            }
        };
        let client = Client::new(&address, self.protocol, &self.credentials())?;
        let begin = Instant::now();
        let child = command.map(|command| Child::start(command, &self.folder.join("log"))).transpose()?;
        let (pids, storage_pids) = match (&self.program, &child) {
            (Program::Elsewhere { pids, storage_pids, .. }, _) => (pids.clone(), storage_pids.clone()),
            (_, child) => (child.iter().map(Child::pid).collect(), etcd.iter().map(Etcd::pid).collect()),
        };
        let is_bare = self.is_bare();
        let name = self.name.clone();
        let mut peer = Peer { name, client, is_bare, pids, storage_pids, ready_after: Duration::ZERO, child, etcd };
        peer.wait(begin).await.with_context(|| format!("the server `{}` does not get ready", self.name))?;
        Ok(peer)
    }

    fn credentials(&self) -> Credentials<'_> {
        match &self.credentials {
            Some(OwnCredentials::Certificate { certificate, key }) => Credentials::Certificate { certificate, key },
            Some(OwnCredentials::Token(token)) => Credentials::Token(token),
            None => Credentials::Certificate { certificate: &self.pki.client_certificate, key: &self.pki.client_key },
        }
    }
}

/// The longest that a server may take to get ready; a debug build that reads 100,000 objects takes a while.
const START: Duration = Duration::from_secs(120);

impl Peer {
    pub fn cpu(&self) -> Result<Cpu> {
        let sum = |pids: &[u32]| -> Result<Duration> { pids.iter().map(|pid| process::cpu(*pid)).sum() };
        let read = || anyhow::Ok(Cpu { server: sum(&self.pids)?, storage: sum(&self.storage_pids)? });
        read().with_context(|| format!("the server `{}` is gone; its last lines:\n{}", self.name, self.log()))
    }

    pub fn memory(&self) -> Result<Memory> {
        let mut sum = Memory::default();
        for pid in &self.pids {
            let memory = process::memory(*pid)?;
            sum.now += memory.now;
            sum.peak += memory.peak;
        }
        Ok(sum)
    }

    pub fn forget_peak(&self) -> Result<()> {
        self.pids.iter().try_for_each(|pid| process::forget_peak(*pid))
    }

    /// Whether what it costs can be read.
    pub fn is_local(&self) -> bool {
        !self.pids.is_empty()
    }

    /// Waits until the server has nothing to do any more, so that what is left of one measure is not counted in the next.
    pub async fn settle(&self) -> Result<()> {
        if !self.is_local() {
            return Ok(());
        }
        let end = Instant::now() + Duration::from_secs(5);
        let mut before = self.cpu()?.server;
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = self.cpu()?.server;
            if now - before < Duration::from_millis(2) {
                break;
            }
            before = now;
        }
        Ok(())
    }

    async fn wait(&mut self, begin: Instant) -> Result<()> {
        loop {
            let answer = self.client.once(Call::get("/readyz")).await;
            let problem = match answer {
                Ok((200, _)) => break,
                Ok((status, body)) => format!("{status} {}", String::from_utf8_lossy(&body)),
                Err(error) => format!("{error:#}"),
            };
            if let Some(code) = self.child.as_mut().and_then(Child::ended) {
                bail!("it ended ({code}); its last lines:\n{}", self.log());
            }
            if begin.elapsed() > START {
                bail!("after {} s: {problem}\n{}", START.as_secs(), self.log());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.ready_after = begin.elapsed();
        Ok(())
    }

    fn log(&self) -> String {
        self.child.as_ref().map(Child::last_lines).unwrap_or_default()
    }
}

/// A port that nobody listens on.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The path of a program on the `PATH`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path: &PathBuf| Path::is_file(path))
}
