//! An etcd of one member, on the loopback, with its files beside the server's.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::child::Child;
use super::{find_program, free_port};

pub struct Etcd {
    child: Child,
    url: String,
}

impl Etcd {
    pub async fn start(folder: &Path) -> Result<Etcd> {
        let program = find_program("etcd").context(MISSING)?;
        let (client, member) = (free_port()?, free_port()?);
        let url = format!("http://127.0.0.1:{client}");
        let member_url = format!("http://127.0.0.1:{member}");
        let mut command = Command::new(program);
        command.arg("--data-dir").arg(folder.join("etcd"));
        command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
        command.args(["--listen-peer-urls", &member_url, "--initial-advertise-peer-urls", &member_url]);
        command.args(["--initial-cluster", &format!("default={member_url}")]);
        // 100,000 objects with their history are more than the 2 GiB of the default can be sure to hold.
        command.args(["--quota-backend-bytes", "8589934592", "--log-level", "warn"]);
        let mut child = Child::start(command, &folder.join("etcd.log"))?;
        let end = Instant::now() + Duration::from_secs(30);
        while !is_healthy(client).await.unwrap_or(false) {
            if child.ended().is_some() || Instant::now() > end {
                bail!("etcd does not get ready; its last lines:\n{}", child.last_lines());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Etcd { child, url })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }
}

/// Whether it has elected itself, too: it listens before, and a server that starts then waits for it.
async fn is_healthy(port: u16) -> io::Result<bool> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    connection.write_all(b"GET /health HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer.contains(r#""health":"true""#))
}

/// Also says how to get it.
pub const MISSING: &str = "there is no etcd on the PATH: install it (Debian, Ubuntu: `sudo apt-get install etcd-server`), or measure `--storage embedded`";
