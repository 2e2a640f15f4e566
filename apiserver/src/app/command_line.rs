//! The command line. Flags carry kube-apiserver's names wherever it has one. Source:
//! <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/>

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::access::AccessFlags;
use super::delegation::Delegation;
use crate::server::duration;

/// What the user wants.
#[derive(Debug, Parser)]
#[command(about = "Serves the kinds of this project, and runs their controllers", arg_required_else_help = true)]
pub struct CommandLine {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub logging: Logging,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the kinds, over TLS
    Apiserver(Box<ApiServer>),
    /// Run the controllers
    ControllerManager(ControllerManager),
    /// Have a running server write every object anew that is stored in an older version of its kind
    MigrateStorage(MigrateStorage),
    /// Answer the webhooks of a cluster, over TLS
    Webhook(Box<Webhook>),
    /// Put pods on nodes, in the place of kube-scheduler, where they ask for it by spec.schedulerName
    Scheduler(Box<Scheduler>),
    /// Print the CustomResourceDefinition of every kind, as YAML
    Crds(Crds),
    /// Print the OpenAPI v3 description of the kinds, as JSON
    Openapi(OpenApi),
}

#[derive(Debug, Args)]
pub struct Logging {
    /// How log lines look
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// How much is logged: 0 what matters, 4 every request, 6 everything; RUST_LOG has the last word
    #[arg(short = 'v', long = "v", global = true, default_value_t = 0, value_name = "LEVEL")]
    pub verbosity: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

#[derive(Clone, Debug, Args)]
pub struct ApiServer {
    /// The address to listen on; 0.0.0.0 for all of this machine
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    pub bind_address: IpAddr,
    /// The port to listen on; 0 takes one that is free
    #[arg(long, default_value_t = 6443, value_name = "PORT")]
    pub secure_port: u16,
    /// Write the port to this file once the server listens
    #[arg(long, value_name = "PATH")]
    pub port_file: Option<PathBuf>,

    /// Where objects are kept; etcd if --etcd-servers is given, embedded otherwise
    #[arg(long, value_enum, value_name = "KIND")]
    pub storage: Option<Storage>,
    /// The folder of embedded storage
    #[arg(long, default_value = "data", value_name = "DIR")]
    pub data_dir: PathBuf,
    #[command(flatten)]
    pub etcd: Etcd,
    /// Forget old versions of objects after this time; 0 keeps them for ever
    #[arg(long, alias = "etcd-compaction-interval", value_parser = duration::parse, default_value = "5m", value_name = "DURATION")]
    pub compaction_interval: Duration,
    /// Delete Events that nobody has written to for this time, where this server keeps them; 0 keeps them for ever
    #[arg(long, value_parser = duration::parse, default_value = "1h", value_name = "DURATION")]
    pub event_ttl: Duration,

    /// The server's certificate in PEM, with its intermediates; without this and the key, one is made at each start
    #[arg(long, requires = "tls_private_key_file", value_name = "PATH")]
    pub tls_cert_file: Option<PathBuf>,
    /// The key of the server's certificate, in PEM
    #[arg(long, requires = "tls_cert_file", value_name = "PATH")]
    pub tls_private_key_file: Option<PathBuf>,
    /// Authorities in PEM whose client certificates are accepted: the common name is the user, organizations are groups
    #[arg(long, value_name = "PATH")]
    pub client_ca_file: Option<PathBuf>,
    /// Let requests without credentials reach what is open to all: health and the version. Otherwise they are answered 401
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub anonymous_auth: bool,
    /// Run without a cluster: what clients and controllers lean on in one is served as well, such as namespaces and Secrets,
    /// and everyone who says who they are may do everything, unless --authorization-mode says otherwise
    #[arg(long)]
    pub standalone: bool,
    /// Do without these plugins of admission, which --standalone brings; with commas between
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    pub disable_admission_plugins: Vec<AdmissionPlugin>,
    /// With --standalone: collect no garbage and empty no namespaces; what waits for that stays until somebody else does it
    #[arg(long)]
    pub without_controllers: bool,
    #[command(flatten)]
    pub access: AccessFlags,

    /// How to reach the cluster that this server is part of: it says who asks and what they may do, and its webhooks are
    /// asked before a write. Without this, the cluster that this runs in
    #[arg(long, conflicts_with = "standalone", value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Users of the cluster that this server is part of")]
    pub delegation: Delegation,

    /// The most reading requests at a time, watches not counted; 0 is no limit
    #[arg(long, default_value_t = 400, value_name = "N")]
    pub max_requests_inflight: usize,
    /// The most writing requests at a time; 0 is no limit
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub max_mutating_requests_inflight: usize,
    /// The longest that a request may take, watches not counted
    #[arg(long, value_parser = duration::parse, default_value = "1m", value_name = "DURATION")]
    pub request_timeout: Duration,
    /// Go on serving for this time after SIGTERM, with /readyz failing, so that load balancers notice
    #[arg(long, alias = "shutdown-grace", value_parser = duration::parse, default_value = "0s", value_name = "DURATION")]
    pub shutdown_delay_duration: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Storage {
    /// A file in --data-dir.
    Embedded,
    /// Nothing outlives the process.
    Memory,
    /// An etcd cluster.
    #[cfg(feature = "etcd")]
    Etcd,
}

/// Plugins of admission that can be left out, by the names that they have in kube-apiserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AdmissionPlugin {
    /// Keeps objects out of namespaces that are not there.
    #[value(name = "NamespaceLifecycle")]
    NamespaceLifecycle,
}

#[derive(Clone, Debug, Args)]
pub struct Etcd {
    /// Members of one etcd cluster, as http://HOST:PORT or https://HOST:PORT, with commas between
    #[cfg(feature = "etcd")]
    #[arg(long = "etcd-servers", value_delimiter = ',', value_name = "URL")]
    pub servers: Vec<String>,
    /// Authorities in PEM that sign the certificates of etcd
    #[cfg(feature = "etcd")]
    #[arg(long = "etcd-cafile", value_name = "PATH")]
    pub cafile: Option<PathBuf>,
    /// The certificate in PEM to show to etcd
    #[cfg(feature = "etcd")]
    #[arg(long = "etcd-certfile", requires = "keyfile", value_name = "PATH")]
    pub certfile: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[cfg(feature = "etcd")]
    #[arg(long = "etcd-keyfile", requires = "certfile", value_name = "PATH")]
    pub keyfile: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct ControllerManager {
    /// How to reach the API server; without this, what kubectl would use, or the cluster that this runs in
    #[arg(long, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// Where to answer /healthz, /livez, /readyz and /metrics without TLS, for example 127.0.0.1:8081; nowhere unless given
    #[arg(long, value_parser = health_address, value_name = "IP:PORT")]
    pub health_bind_address: Option<SocketAddr>,
    /// The port to answer the same on with TLS, by a certificate made at start; 0 is none
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub secure_port: u16,
    /// The address of that port
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    pub bind_address: IpAddr,
    /// Another cluster, for controllers that ask for it by this name; may be given more than once
    #[arg(long, value_parser = named_cluster, value_name = "NAME=KUBECONFIG")]
    pub cluster: Vec<NamedCluster>,
    #[command(flatten)]
    pub election: Election,
}

#[derive(Clone, Debug, Args)]
pub struct Scheduler {
    /// Whose pods are scheduled by which algorithm, in YAML; without this, each algorithm has the pods whose schedulerName
    /// is its name
    #[arg(long, value_name = "PATH")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub manager: ControllerManager,
}

/// The flags of client-go.
#[derive(Clone, Debug, Args)]
pub struct Election {
    /// Act only while holding a Lease, so that several of this program may run and one takes over from another
    #[arg(
        long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_name = "BOOL"
    )]
    pub leader_elect: bool,
    /// How long others wait, after the last renewal that they saw, before they take the Lease
    #[arg(long, value_parser = duration::parse, default_value = "15s", value_name = "DURATION")]
    pub leader_elect_lease_duration: Duration,
    /// How long to act after the last renewal that succeeded; less than the Lease's duration
    #[arg(long, value_parser = duration::parse, default_value = "10s", value_name = "DURATION")]
    pub leader_elect_renew_deadline: Duration,
    /// How long to wait between two tries to take or to renew the Lease
    #[arg(long, value_parser = duration::parse, default_value = "2s", value_name = "DURATION")]
    pub leader_elect_retry_period: Duration,
    /// The namespace of the Lease; without this, the one that this runs in or that the kubeconfig names
    #[arg(long, value_name = "NAMESPACE")]
    pub leader_elect_resource_namespace: Option<String>,
    /// The name of the Lease; without this, that of this program with -controller-manager behind
    #[arg(long, value_name = "NAME")]
    pub leader_elect_resource_name: Option<String>,
}

/// A cluster by the name that controllers know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCluster {
    pub name: String,
    pub kubeconfig: PathBuf,
}

#[derive(Clone, Debug, Args)]
pub struct MigrateStorage {
    /// How to reach the API server; without this, what kubectl would use, or the cluster that this runs in
    #[arg(long, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// Only this one, for example birds.demo.example.com; may be given more than once
    #[arg(long, value_name = "RESOURCE")]
    pub resource: Vec<String>,
    /// Only tell how many objects are stored in which version; needs to reach the server itself and its /metrics
    #[arg(long)]
    pub dry_run: bool,
    /// Note in this file what is done, and go on from there when run again
    #[arg(long, value_name = "PATH")]
    pub state_file: Option<PathBuf>,
    /// How many objects are listed at a time
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub page_size: u32,
    /// How the summary on stdout looks
    #[arg(long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A line for each resource.
    Text,
    /// One JSON object.
    Json,
}

#[derive(Clone, Debug, Args)]
pub struct Webhook {
    /// The address to listen on; 0.0.0.0 for all of this machine
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    pub bind_address: IpAddr,
    /// The port to listen on; 0 takes one that is free
    #[arg(long, default_value_t = 9443, value_name = "PORT")]
    pub secure_port: u16,
    /// Write the port to this file once the server listens
    #[arg(long, value_name = "PATH")]
    pub port_file: Option<PathBuf>,
    /// The server's certificate in PEM, with its intermediates; it is read again when it changes
    #[arg(long, requires = "tls_private_key_file", conflicts_with = "self_signed", value_name = "PATH")]
    pub tls_cert_file: Option<PathBuf>,
    /// The key of the server's certificate, in PEM
    #[arg(long, requires = "tls_cert_file", value_name = "PATH")]
    pub tls_private_key_file: Option<PathBuf>,
    /// Serve with a certificate made by this program, which also renews it
    #[arg(long)]
    pub self_signed: bool,
    /// A DNS name or address that this certificate shall be for, beside those that follow from --service and --register
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// The Service that leads here. With --self-signed: keep the certificate in the Secret NAME-cert of its namespace,
    /// and put its authority into the webhook configurations and CRDs that name the Service
    #[arg(long, value_parser = namespaced, conflicts_with = "register", value_name = "NAMESPACE/NAME")]
    pub service: Option<Namespaced>,
    /// Create or update the webhook configurations, so that the API server asks at this URL; taken back at the end
    #[arg(long, value_parser = https, value_name = "URL")]
    pub register: Option<String>,
    /// How to reach the API server; without this, what kubectl would use, or the cluster that this runs in
    #[arg(long, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// Print the configurations for --service or --register as YAML, and do nothing else
    #[arg(long)]
    pub print_configurations: bool,
    /// Go on serving for this time after SIGTERM, with /readyz failing, so that load balancers notice
    #[arg(long, value_parser = duration::parse, default_value = "0s", value_name = "DURATION")]
    pub shutdown_delay_duration: Duration,
}

#[derive(Clone, Debug, Default, Args)]
pub struct Crds {
    /// Let kinds whose versions differ in shape be converted behind this Service
    #[arg(long, value_parser = namespaced, conflicts_with = "conversion_webhook_url", value_name = "NAMESPACE/NAME")]
    pub conversion_webhook_service: Option<Namespaced>,
    /// Let them be converted at this URL, for example https://127.0.0.1:9443
    #[arg(long, value_parser = https, value_name = "URL")]
    pub conversion_webhook_url: Option<String>,
    /// Certificates in PEM to trust for the conversion webhook
    #[arg(long, conflicts_with = "cert_manager", value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,
    /// Let cert-manager put in what to trust: the authority of this Certificate
    #[arg(long, value_parser = namespaced, value_name = "NAMESPACE/NAME")]
    pub cert_manager: Option<Namespaced>,
}

/// An object by its namespace and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespaced {
    pub namespace: String,
    pub name: String,
}

#[derive(Clone, Debug, Args)]
pub struct OpenApi {
    /// Only this one, for example demo.example.com/v1alpha1
    #[arg(long, value_name = "GROUP/VERSION")]
    pub group_version: Option<String>,
}

/// Reads a command line; the program's name is in the examples of its help.
pub fn parse(
    name: &'static str,
    version: &'static str,
    arguments: impl Iterator<Item = OsString>,
) -> Result<CommandLine, clap::Error> {
    CommandLine::from_arg_matches(&definition(name, version).try_get_matches_from(arguments)?)
        .map_err(|error| error.format(&mut definition(name, version)))
}

fn definition(name: &'static str, version: &'static str) -> clap::Command {
    let mut command = CommandLine::command()
        .name(name)
        .version(version)
        .after_help(format!("Example:\n  {name} apiserver --storage memory --standalone"));
    let examples = [
        (
            "apiserver",
            "apiserver --standalone --data-dir data --client-ca-file ca.crt --tls-cert-file server.crt --tls-private-key-file server.key",
        ),
        ("controller-manager", "controller-manager --kubeconfig kubeconfig --health-bind-address 127.0.0.1:8081"),
        ("scheduler", "scheduler --config config/scheduler-packer.yaml --kubeconfig kubeconfig"),
        ("migrate-storage", "migrate-storage --kubeconfig kubeconfig --state-file migration.json"),
        ("webhook", "webhook --self-signed --register https://127.0.0.1:9443 --kubeconfig kubeconfig"),
        ("crds", "crds | kubectl apply -f -"),
        ("openapi", "openapi > openapi.json"),
    ];
    for (subcommand, example) in examples {
        command = command.mut_subcommand(subcommand, |one| one.after_help(format!("Example:\n  {name} {example}")));
    }
    // A scheduler knows one cluster, and its lease is not that of the controllers.
    command.mut_subcommand("scheduler", |one| {
        let lease = "The name of the Lease; without this, that of this program with -scheduler behind";
        one.mut_arg("cluster", |arg| arg.hide(true)).mut_arg("leader_elect_resource_name", |arg| arg.help(lease))
    })
}

/// An address, or `:8081` for that port on all addresses, as controller-runtime has it.
fn health_address(text: &str) -> Result<SocketAddr, std::net::AddrParseError> {
    if text.starts_with(':') { format!("0.0.0.0{text}").parse() } else { text.parse() }
}

fn named_cluster(text: &str) -> Result<NamedCluster, &'static str> {
    match text.split_once('=') {
        Some((name, kubeconfig)) if !name.is_empty() && !kubeconfig.is_empty() => {
            Ok(NamedCluster { name: name.to_owned(), kubeconfig: kubeconfig.into() })
        }
        _ => Err("expected a name and the path of a kubeconfig with = between them"),
    }
}

fn namespaced(text: &str) -> Result<Namespaced, &'static str> {
    match text.split('/').collect::<Vec<_>>()[..] {
        [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
            Ok(Namespaced { namespace: namespace.to_owned(), name: name.to_owned() })
        }
        _ => Err("expected a namespace and a name with a slash between them"),
    }
}

/// API servers ask webhooks over TLS and nothing else.
fn https(text: &str) -> Result<String, &'static str> {
    let uri = text.parse::<http::Uri>().ok().filter(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
    match uri.filter(|uri| uri.path() == "/" && uri.query().is_none()) {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err("expected https://HOST:PORT, without a path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_a_server_on_loopback() {
        let flags = api_server(&[]).expect("no flag is needed");
        assert_eq!((flags.bind_address.to_string().as_str(), flags.secure_port), ("127.0.0.1", 6443));
        assert_eq!((flags.max_requests_inflight, flags.max_mutating_requests_inflight), (400, 200));
        assert_eq!((flags.compaction_interval.as_secs(), flags.shutdown_delay_duration.as_secs()), (300, 0));
        assert_eq!(flags.event_ttl.as_secs(), 3600);
        assert!(flags.anonymous_auth && !flags.standalone && flags.storage.is_none());
    }

    #[cfg(feature = "etcd")]
    #[test]
    fn etcd_servers_come_in_one_flag_or_in_several() {
        let servers = |arguments: &[&str]| api_server(arguments).expect("flags").etcd.servers.join(" ");
        assert_eq!(servers(&["--etcd-servers", "http://a:1,http://b:1"]), "http://a:1 http://b:1");
        assert_eq!(servers(&["--etcd-servers=http://a:1", "--etcd-servers=http://b:1"]), "http://a:1 http://b:1");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        check(&["--tls-cert-file", "a"], "--tls-private-key-file <PATH>");
        check(&["--storage", "disk"], "[possible values: embedded, memory");
        check(&["--compaction-interval", "5"], "time: missing unit in duration \"5\"");
        check(&["--secure-port", "70000"], "70000 is not in 0..=65535");
        check(&["--anonymous-auth", "maybe"], "[possible values: true, false]");
    }

    #[test]
    fn every_help_ends_with_an_example() {
        for arguments in [
            &["--help"][..],
            &["apiserver", "--help"],
            &["controller-manager", "--help"],
            &["migrate-storage", "--help"],
            &["webhook", "--help"],
            &["crds", "--help"],
            &["openapi", "--help"],
        ] {
            let error = line(arguments).expect_err("help");
            let text = error.to_string();
            let last = text.trim_end().lines().last().unwrap_or_default();
            assert!(last.starts_with("  aviary "), "{text}");
            let words = last.split_whitespace().skip(1).take_while(|word| !matches!(*word, "|" | ">"));
            line(&words.collect::<Vec<_>>()).expect("the example works");
        }
    }

    #[test]
    fn flags_for_logging_go_anywhere() {
        let parsed = line(&["crds", "-v", "4", "--log-format=json"]).expect("flags");
        assert_eq!((parsed.logging.verbosity, parsed.logging.log_format), (4, LogFormat::Json));
    }

    #[test]
    fn places_of_webhooks_are_names_or_urls() {
        let refused = |arguments: &[&str]| line(arguments).expect_err("refused").to_string();
        for name in ["birds", "/hook", "birds/", "a/b/c"] {
            assert!(refused(&["webhook", "--service", name]).contains("a namespace and a name"), "{name}");
        }
        for url in ["http://a:1", "a:1", "https://a:1/convert", "https://"] {
            assert!(refused(&["crds", "--conversion-webhook-url", url]).contains("https://HOST:PORT"), "{url}");
        }
        assert!(refused(&["webhook", "--service", "a/b", "--register", "https://a"]).contains("cannot be used with"));
        let parsed = line(&["webhook", "--self-signed", "--register", "https://a:1/", "--host", "b", "--host", "::1"]);
        let Command::Webhook(flags) = parsed.expect("flags").command else { panic!("another command") };
        assert_eq!((flags.register.as_deref(), flags.hosts.join(" ").as_str()), (Some("https://a:1"), "b ::1"));
        assert_eq!((flags.secure_port, flags.service), (9443, None));
    }

    #[test]
    fn an_election_has_the_timings_of_client_go_and_can_be_left_out() {
        let election = |arguments: &[&str]| {
            let all: Vec<&str> = ["controller-manager"].into_iter().chain(arguments.iter().copied()).collect();
            match line(&all).expect("flags").command {
                Command::ControllerManager(flags) => flags.election,
                other => panic!("{other:?}"),
            }
        };
        let seconds = |election: &Election| {
            [
                election.leader_elect_lease_duration,
                election.leader_elect_renew_deadline,
                election.leader_elect_retry_period,
            ]
            .map(|time| time.as_secs())
        };
        assert_eq!(seconds(&election(&[])), [15, 10, 2]);
        for (arguments, expect) in [
            (&[][..], true),
            (&["--leader-elect"], true),
            (&["--leader-elect=true"], true),
            (&["--leader-elect=false"], false),
        ] {
            assert_eq!(election(arguments).leader_elect, expect, "{arguments:?}");
        }
    }

    #[test]
    fn clusters_have_a_name_and_a_kubeconfig() {
        let parsed = named_cluster("prod=/etc/prod.yaml").expect("a cluster");
        assert_eq!((parsed.name.as_str(), parsed.kubeconfig.to_str()), ("prod", Some("/etc/prod.yaml")));
        for text in ["prod", "=a", "prod="] {
            assert!(named_cluster(text).is_err(), "{text}");
        }
    }

    #[test]
    fn health_can_be_on_all_addresses() {
        assert_eq!(health_address(":8081").map(|address| address.to_string()), Ok("0.0.0.0:8081".into()));
        assert!(health_address("8081").is_err());
    }

    fn check(arguments: &[&str], expected: &str) {
        let error = api_server(arguments).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }

    fn api_server(arguments: &[&str]) -> Result<ApiServer, clap::Error> {
        let all: Vec<&str> = ["apiserver"].into_iter().chain(arguments.iter().copied()).collect();
        match line(&all)?.command {
            Command::Apiserver(flags) => Ok(*flags),
            other => panic!("{other:?}"),
        }
    }

    fn line(arguments: &[&str]) -> Result<CommandLine, clap::Error> {
        parse("aviary", "1.0.0", ["aviary"].iter().chain(arguments).map(OsString::from))
    }
}
