//! The command itself, without a subcommand: what is measured, on which servers, and what is shown of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use bench::client::Protocol;
use bench::objects::Kind;
use bench::peer::{self, Launcher, OwnCredentials, Program, Storage};
use bench::pki::Pki;
use bench::plan::{self, Measure, Size};
use bench::report::{BARE, Report, compare, svg, table};
use bench::run::Run;

#[derive(Args)]
pub struct MeasureArguments {
    /// The binary of a scaffolded project, built in release; examples/aviary if its kind is not told
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// About a minute: the lines of the table, on embedded storage unless --storage says otherwise
    #[arg(long, group = "size")]
    quick: bool,
    /// Everything: up to 100,000 objects and 2,000 watchers
    #[arg(long, group = "size")]
    full: bool,
    /// A few requests of each, to see that all works; the figures mean nothing
    #[arg(long, group = "size")]
    smoke: bool,
    /// Where the server keeps objects; both if there is an etcd on the PATH
    #[arg(long, value_enum)]
    storage: Option<StorageChoice>,
    /// Only these measures, with commas between; `get` is also `get/128c` and `get@20000`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Name the measures and end
    #[arg(long)]
    list: bool,
    /// How often each measure is made on each server
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// How long requests are sent in each round
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// HTTP/1.1 instead of HTTP/2
    #[arg(long)]
    http1: bool,
    /// Also print throughput, latencies and memory
    #[arg(long)]
    details: bool,
    /// Write everything that was measured
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw a chart
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print what changed since an earlier run
    #[arg(long, value_name = "OLD.json")]
    compare: Option<PathBuf>,
    /// Measure nothing: read what an earlier run wrote, for --details, --svg and --compare
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "address", "json"])]
    read: Option<PathBuf>,
    /// A further argument for the server; may be given several times
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    server_argument: Vec<String>,
    #[command(flatten)]
    elsewhere: Elsewhere,
}

/// A server that somebody else has started.
#[derive(Args)]
#[command(next_help_heading = "Another server, which runs already")]
struct Elsewhere {
    /// Where it listens
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// What it is called in the report
    #[arg(long, default_value = "other", requires = "address")]
    name: String,
    /// Its processes, whose CPU time and memory are read
    #[arg(long, value_name = "PID", value_delimiter = ',', requires = "address")]
    pid: Vec<u32>,
    /// The processes of its storage
    #[arg(long, value_name = "PID", value_delimiter = ',', requires = "address")]
    storage_pid: Vec<u32>,
    /// The client's certificate, in PEM
    #[arg(long, value_name = "PATH", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "PATH", requires = "client_certificate")]
    client_key: Option<PathBuf>,
    /// A bearer token, instead of a certificate
    #[arg(long, conflicts_with = "client_certificate")]
    token: Option<String>,
    /// The path of a collection
    #[arg(long, requires = "address")]
    path: Option<String>,
    /// The apiVersion of its objects
    #[arg(long, requires = "address")]
    api_version: Option<String>,
    /// Their kind
    #[arg(long, requires = "address")]
    kind: Option<String>,
    /// Their spec; {value} stands for what changes, {shard} for a number below 100
    #[arg(long, value_name = "JSON", requires = "address")]
    spec: Option<String>,
    /// A merge patch that changes {value}
    #[arg(long, value_name = "JSON", requires = "address")]
    patch: Option<String>,
    /// A field selector that fits a hundredth of the objects, with {shard}
    #[arg(long, value_name = "SELECTOR", requires = "address")]
    field_selector: Option<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum StorageChoice {
    Embedded,
    Etcd,
    Both,
}

pub async fn measure(arguments: MeasureArguments) -> Result<ExitCode> {
    let size = match &arguments {
        MeasureArguments { smoke: true, .. } => Size::Smoke,
        MeasureArguments { quick: true, .. } => Size::Quick,
        MeasureArguments { full: true, .. } => Size::Full,
        _ => Size::Standard,
    };
    let measures = plan::select(plan::measures(size), &arguments.only)
        .map_err(|name| anyhow::anyhow!("there is no measure `{name}`: `--list` names them all"))?;
    if arguments.list {
        for measure in measures {
            println!("{:<24} {} ({}, {})", measure.name, measure.about, measure.unit.words(), measure.unit.symbol());
        }
        return Ok(ExitCode::SUCCESS);
    }
    // Read first: a wrong path is told before all is measured.
    let old = arguments.compare.as_deref().map(Report::read).transpose()?;
    let report = match &arguments.read {
        Some(path) => Report::read(path)?,
        None => run(&arguments, size, measures).await?,
    };
    show(&arguments, &report, old.as_ref())?;
    Ok(match report.failed_lines() {
        0 => ExitCode::SUCCESS,
        failed => {
            eprintln!("error: {failed} measures had errors");
            ExitCode::FAILURE
        }
    })
}

async fn run(arguments: &MeasureArguments, size: Size, measures: Vec<Measure>) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let pki = Pki::make(&folder.path().join("pki"))?;
    let (launchers, kinds) = launchers(arguments, size, &pki, folder.path())?;
    let names = launchers.iter().map(|launcher| launcher.name.clone()).collect();
    let rounds = arguments.rounds.unwrap_or(size.rounds()).max(1);
    let time = arguments.seconds.map(Duration::from_secs_f64).unwrap_or(size.time());
    let run = Run { measures, launchers, kinds, size, rounds, time };
    Ok(Report::new(names, run.run(|text| eprintln!("{text}")).await?))
}

fn show(arguments: &MeasureArguments, report: &Report, old: Option<&Report>) -> Result<()> {
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    if let Some(path) = &arguments.svg {
        fs::write(path, svg::svg(report)).with_context(|| path.display().to_string())?;
    }
    if arguments.details {
        println!("{}", table::details(report));
    }
    print!("{}", table::table(report));
    if let Some(old) = old {
        print!("\n{}", compare::compare(old, report));
    }
    Ok(())
}

/// The servers, the bare one last, and the kind that each serves.
fn launchers(arguments: &MeasureArguments, size: Size, pki: &Pki, folder: &Path) -> Result<(Vec<Launcher>, Vec<Kind>)> {
    let protocol = if arguments.http1 { Protocol::Http1 } else { Protocol::Http2 };
    let launcher = |name: &str, program: Program| -> Result<Launcher> {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        let (name, pki) = (name.to_owned(), pki.clone());
        Ok(Launcher { name, program, pki, protocol, folder, credentials: None })
    };
    let mut launchers = Vec::new();
    if let Some(path) = &arguments.server {
        let path = path.canonicalize().with_context(|| format!("--server {}", path.display()))?;
        for storage in storages(arguments.storage, size)? {
            let arguments = arguments.server_argument.clone();
            let program = Program::Ours { path: path.clone(), arguments, storage };
            launchers.push(launcher(if storage == Storage::Etcd { "etcd" } else { "embedded" }, program)?);
        }
    }
    let mut kinds = vec![Kind::bird(); launchers.len()];
    let elsewhere = &arguments.elsewhere;
    if let Some(address) = &elsewhere.address {
        let address = address.clone();
        let (pids, storage_pids) = (elsewhere.pid.clone(), elsewhere.storage_pid.clone());
        let mut launcher = launcher(&elsewhere.name, Program::Elsewhere { address, pids, storage_pids })?;
        launcher.credentials = match (&elsewhere.token, &elsewhere.client_certificate, &elsewhere.client_key) {
            (Some(token), ..) => Some(OwnCredentials::Token(token.clone())),
            (None, Some(certificate), Some(key)) => {
                Some(OwnCredentials::Certificate { certificate: certificate.clone(), key: key.clone() })
            }
            _ => None,
        };
        launchers.push(launcher);
        let bird = Kind::bird();
        kinds.push(Kind {
            path: elsewhere.path.clone().unwrap_or(bird.path),
            api_version: elsewhere.api_version.clone().unwrap_or(bird.api_version),
            kind: elsewhere.kind.clone().unwrap_or(bird.kind),
            spec: elsewhere.spec.clone().unwrap_or(bird.spec),
            patch: elsewhere.patch.clone().unwrap_or(bird.patch),
            field_selector: elsewhere.field_selector.clone().unwrap_or(bird.field_selector),
        });
    }
    if launchers.is_empty() {
        bail!("there is nothing to measure: name a binary with `--server`, or a server that runs with `--address`");
    }
    launchers.push(launcher(BARE, Program::Bare)?);
    kinds.push(kinds[0].clone());
    Ok((launchers, kinds))
}

fn storages(choice: Option<StorageChoice>, size: Size) -> Result<Vec<Storage>> {
    let there = peer::find_program("etcd").is_some();
    let choice = match choice {
        Some(choice) => choice,
        None if there && size != Size::Quick && size != Size::Smoke => StorageChoice::Both,
        None => StorageChoice::Embedded,
    };
    if choice != StorageChoice::Embedded && !there {
        bail!(peer::ETCD_MISSING);
    }
    Ok(match choice {
        StorageChoice::Embedded => vec![Storage::Embedded],
        StorageChoice::Etcd => vec![Storage::Etcd],
        StorageChoice::Both => vec![Storage::Embedded, Storage::Etcd],
    })
}
