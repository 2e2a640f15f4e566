//! `bench`: see `--help` and README.md.

mod measure;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use bench::build::{self, Build};
use bench::client::Protocol;
use bench::objects::Kind;
use bench::peer::{Launcher, Program, Storage};
use bench::pki::Pki;
use bench::report::{Report, compare, table};
use bench::soak::Soak;
use bench::{bare, process};
use measure::{MeasureArguments, measure};

/// Measures an API server beside a bare HTTPS server that answers the same bytes
#[derive(Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    measure: MeasureArguments,
}

const EXAMPLES: &str = "\
Examples:
  bench --quick --server target/release/aviary      about a minute
  bench --server aviary --json new.json --compare old.json
  bench --server aviary --only get,list,patch --storage etcd
  bench --server aviary --address localhost:8443 --pid 4711 --name go \\
        --path /apis/wardle.example.com/v1alpha1/namespaces/default/flunders \\
        --api-version wardle.example.com/v1alpha1 --kind Flunder --spec '{\"reference\":\"{value}\"}'
                                                    another server beside ours";

#[derive(Subcommand)]
enum Command {
    /// Serve fixed bytes over TLS: what others are compared with
    Bare {
        #[arg(long)]
        port: u16,
        #[arg(long, value_name = "PATH")]
        certificate: PathBuf,
        #[arg(long, value_name = "PATH")]
        key: PathBuf,
    },
    /// Write, read, list and watch all at once: every answer must be right, and memory must stop growing
    Soak {
        /// The binary of examples/aviary
        #[arg(long, value_name = "PATH")]
        server: PathBuf,
        #[arg(long, value_name = "S", default_value_t = 300)]
        seconds: u64,
        /// Where the server keeps objects
        #[arg(long, value_enum, default_value = "embedded")]
        storage: Storage,
    },
    /// Measure commands, builds and starts of a fresh project
    Build {
        /// The binary of apiserver-boot
        #[arg(long, value_name = "PATH")]
        cli: PathBuf,
        /// Where to make and build projects; a temporary folder unless given
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
        /// Leave the release build away, and the size of its program
        #[arg(long)]
        dev_only: bool,
        /// Write everything that was measured
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Print what changed since an earlier run
        #[arg(long, value_name = "OLD.json")]
        compare: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    process::raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let result = runtime.block_on(async {
        match cli.command {
            Some(Command::Bare { port, certificate, key }) => {
                bare::serve(port, &certificate, &key).await.map(|()| ExitCode::SUCCESS)
            }
            Some(Command::Soak { server, seconds, storage }) => soak(&server, seconds, storage).await,
            Some(Command::Build { cli, folder, dev_only, json, compare }) => {
                build(cli, folder, !dev_only, json.as_deref(), compare.as_deref()).await
            }
            None => measure(cli.measure).await,
        }
    });
    // Connections that are still open have nothing to say any more.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

async fn soak(server: &Path, seconds: u64, storage: Storage) -> Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let path = server.canonicalize().with_context(|| format!("--server {}", server.display()))?;
    // More often than by default, so that it happens several times.
    let arguments = vec!["--compaction-interval=20s".to_owned()];
    let launcher = Launcher {
        name: "server".to_owned(),
        program: Program::Ours { path, arguments, storage },
        pki: Pki::make(&folder.path().join("pki"))?,
        protocol: Protocol::Http2,
        folder: folder.path().to_owned(),
        credentials: None,
    };
    let time = Duration::from_secs(seconds);
    let soak = Soak { time, writers: 4, objects: 200, readers: 8, listers: 2, watchers: 10 };
    let outcome = soak.run(&launcher, Kind::bird(), |text| eprintln!("{text}")).await?;
    let mib = |bytes: Option<&u64>| bytes.copied().unwrap_or_default() >> 20;
    println!(
        "{} writes, {} reads, {} lists, {} events; {} MiB after a second, {} MiB at the end",
        outcome.writes,
        outcome.reads,
        outcome.lists,
        outcome.events,
        mib(outcome.memory.first()),
        mib(outcome.memory.last())
    );
    let problems = outcome.problems();
    for problem in &problems {
        eprintln!("error: {problem}");
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn build(
    cli: PathBuf,
    folder: Option<PathBuf>,
    release: bool,
    json: Option<&Path>,
    old: Option<&Path>,
) -> Result<ExitCode> {
    let old = old.map(Report::read).transpose()?;
    let temporary = tempfile::tempdir()?;
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    let cli = cli.canonicalize().with_context(|| format!("--cli {}", cli.display()))?;
    let build = Build { cli, folder, release };
    let report = Report::new(vec![build::OURS.to_owned()], build.run(|text| eprintln!("{text}")).await?);
    if let Some(path) = json {
        report.write(path)?;
    }
    print!("{}", table::table(&report));
    if let Some(old) = old {
        print!("\n{}", compare::compare(&old, &report));
    }
    Ok(ExitCode::SUCCESS)
}
