//! Flags and variables: parsed as text first, judged second.
//!
//! Contract: a flag goes before its variable, a variable before the AWS profile. White space
//! around a value is cut, and an empty value counts as not given. A wrong value is refused with
//! the name under which it was given.

mod leadership;
mod limits;
mod metrics;

use std::io::{Write as _, stderr};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use agentcore::Limits;
use api::GatewayId;
use api::text::one_line;
use clap::Parser;
use clap::error::ErrorKind;
use jiff::SignedDuration;

use crate::fleet::Scope;
pub(crate) use leadership::{DEFAULT_LEASE, Leadership};
pub(crate) use metrics::{Metrics, Mounted, Security};

/// How much is shown of what was given and is wrong, in characters.
const MOST_SHOWN: usize = 256;

/// Longer is a slip of the pen, and at some length the calendar ends.
const LONGEST: Duration = Duration::from_hours(24);

/// What the operator was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The gateway of resources that name none.
    pub(crate) gateway: Option<GatewayId>,
    /// The AWS Region, unless the profile names it.
    pub(crate) region: Option<String>,
    /// The namespaces whose resources are kept; none: all.
    pub(crate) namespaces: Vec<String>,
    /// Which of them, by their labels; `None`: all.
    pub(crate) selector: Option<String>,
    /// Where probes are answered; `None`: nowhere.
    pub(crate) probe_address: Option<SocketAddr>,
    /// Where and to whom metrics are shown; `None`: nowhere.
    pub(crate) metrics: Option<Metrics>,
    /// How long AWS may show an old state after a change.
    pub(crate) consistency_window: Duration,
    /// Between two looks at a gateway where nothing is awaited.
    pub(crate) sync_interval: Duration,
    /// How long a rollout has to be over before the tools are fetched.
    pub(crate) tool_sync_settle: Duration,
    /// Whether targets that somebody else has made may be taken over on request.
    pub(crate) allow_adoption: bool,
    /// Whether nothing is to be written to either side.
    pub(crate) dry_run: bool,
    /// What AWS allows the account.
    pub(crate) limits: Limits,
    /// How several replicas agree on who works; `None`: this process works alone.
    pub(crate) leadership: Option<Leadership>,
    /// What is logged.
    pub(crate) log_level: tracing::Level,
    /// How it is logged.
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Json,
    Text,
}

// The comments are the text of --help, where backticks would only disturb.
#[allow(clippy::doc_markdown)]
/// Keeps the targets of Bedrock AgentCore gateways as MCPServer resources say.
///
/// A flag goes before its environment variable, and a variable before the AWS profile. An empty
/// value counts as not given.
///
/// AWS credentials are found as every AWS tool finds them: environment, web identity (IRSA), SSO,
/// profile, credential process, container (Pod Identity), instance. AWS_ENDPOINT_URL and
/// AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL are honoured.
///
/// Kubernetes is found through KUBECONFIG, ~/.kube/config or the service account of the pod.
#[derive(Debug, Parser)]
// Of a flag that is given twice the last counts, as Go programs have it.
#[command(name = "mcp-gateway-operator", version, max_term_width = 100, args_override_self = true)]
struct Arguments {
    /// Gateway of resources that name none in spec.gatewayId. Without it they wait, and say so
    #[arg(long, env = "GATEWAY_ID", value_name = "ID")]
    gateway_id: Option<String>,

    /// AWS Region. After AWS_REGION come AWS_DEFAULT_REGION, the profile and the instance
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    aws_region: Option<String>,

    /// Namespaces whose MCPServers are kept, separated by commas [default: all]
    #[arg(long, env = "WATCH_NAMESPACES", value_name = "NAMES")]
    watch_namespaces: Option<String>,

    /// Which MCPServers are kept, by their labels, such as account=prod: several operators share a
    /// cluster if each has a selector of its own, and a Lease of its own [default: all]
    #[arg(long, env = "WATCH_LABEL_SELECTOR", value_name = "SELECTOR")]
    watch_label_selector: Option<String>,

    /// Where /livez, /healthz and /readyz are answered, as host:port or :port; 0: nowhere
    /// [default: :8081]
    #[arg(long, env = "HEALTH_PROBE_BIND_ADDRESS", value_name = "ADDRESS")]
    health_probe_bind_address: Option<String>,

    #[command(flatten)]
    metrics: metrics::Arguments,

    /// How long AWS may show an old state after a change, such as 10s [default: 10s]
    #[arg(long, env = "CONSISTENCY_WINDOW", value_name = "DURATION")]
    consistency_window: Option<String>,

    /// How often a gateway is looked at while nothing is awaited, such as 60s [default: 60s]
    #[arg(long, env = "SYNC_INTERVAL", value_name = "DURATION")]
    sync_interval: Option<String>,

    /// How long a rollout has to be over before the gateway is asked to fetch the tools; of several
    /// in a row the last counts [default: 10s]
    #[arg(long, env = "TOOL_SYNC_SETTLE", value_name = "DURATION")]
    tool_sync_settle: Option<String>,

    /// Whether an MCPServer may take over a target that somebody else has made, when it asks for it
    /// [default: false]
    #[arg(long, env = "ALLOW_ADOPTION", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_adoption: Option<String>,

    /// Write nothing to either side: log what would be done, and why [default: false]
    #[arg(long, env = "DRY_RUN", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dry_run: Option<String>,

    /// What AWS allows this account in this Region, where it has raised a quota: calls a second of
    /// each kind, and operations under way at once on one gateway; what is not named stays as AWS
    /// documents it [default: creates=5,updates=5,deletes=5,gets=10,lists=10,synchronizes=1,operations=5]
    #[arg(long, env = "AWS_LIMITS", value_name = "NAME=NUMBER,...")]
    aws_limits: Option<String>,

    #[command(flatten)]
    leadership: leadership::Arguments,

    /// error, warn, info, debug or trace [default: info]
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<String>,

    /// json or text [default: json]
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<String>,
}

/// Why there are no settings: a wrong value, or a question (`--help`) that has been answered.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Complaint(#[from] clap::Error);

impl Complaint {
    fn about(flag: &str, variable: &str, value: &str, problem: &str) -> Self {
        let value = one_line(value, MOST_SHOWN);
        let message = format!("--{flag} (or {variable}) is \"{value}\": {problem}\n");
        Self(clap::Error::raw(ErrorKind::ValueValidation, message))
    }

    /// Says it, on standard output for help and on standard error otherwise.
    pub(crate) fn print(&self) {
        // Nothing is left to be said when the terminal is gone.
        let _ = if self.0.use_stderr() {
            stderr().write_all(self.told().as_bytes())
        } else {
            self.0.print()
        };
    }

    /// What it says. It can repeat what was given.
    fn told(&self) -> String {
        let told = self.0.render().to_string();
        told.lines().map(|line| one_line(line, MOST_SHOWN) + "\n").collect()
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.0.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
    }
}

impl Settings {
    /// What is to be watched.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        if self.namespaces.is_empty() {
            return vec![Scope(None)];
        }
        self.namespaces.iter().map(|namespace| Scope(Some(namespace.clone()))).collect()
    }

    /// From the command line and the environment of this process.
    pub(crate) fn from_environment() -> Result<Self, Complaint> {
        let arguments = Arguments::try_parse()?;
        let region = set(std::env::var("AWS_DEFAULT_REGION").ok());
        Self::resolve(arguments, region)
    }

    fn resolve(arguments: Arguments, default_region: Option<String>) -> Result<Self, Complaint> {
        let region = set(arguments.aws_region).or(default_region);
        if let Some(region) = &region
            && !region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        {
            let problem = "a Region has lower-case letters, digits and hyphens, as us-east-1";
            return Err(Complaint::about("aws-region", "AWS_REGION", region, problem));
        }
        let gateway = set(arguments.gateway_id);
        if let Some(id) = &gateway
            && id.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/')
        {
            let problem = "a gateway ID has no white space and no slash (it is not the ARN)";
            return Err(Complaint::about("gateway-id", "GATEWAY_ID", id, problem));
        }
        Ok(Self {
            gateway: gateway.map(GatewayId),
            region,
            namespaces: namespaces(arguments.watch_namespaces)?,
            selector: selector(arguments.watch_label_selector)?,
            probe_address: given(
                arguments.health_probe_bind_address,
                ":8081",
                ("health-probe-bind-address", "HEALTH_PROBE_BIND_ADDRESS"),
                address,
            )?,
            metrics: metrics::resolve(arguments.metrics)?,
            consistency_window: given(
                arguments.consistency_window,
                "10s",
                ("consistency-window", "CONSISTENCY_WINDOW"),
                duration,
            )?,
            sync_interval: given(
                arguments.sync_interval,
                "60s",
                ("sync-interval", "SYNC_INTERVAL"),
                |text| match duration(text)? {
                    interval if interval < Duration::from_secs(1) => {
                        Err("at least 1s: AWS limits the rate of calls")
                    }
                    interval => Ok(interval),
                },
            )?,
            tool_sync_settle: given(
                arguments.tool_sync_settle,
                "10s",
                ("tool-sync-settle", "TOOL_SYNC_SETTLE"),
                duration,
            )?,
            allow_adoption: given(
                arguments.allow_adoption,
                "false",
                ("allow-adoption", "ALLOW_ADOPTION"),
                boolean,
            )?,
            dry_run: given(arguments.dry_run, "false", ("dry-run", "DRY_RUN"), boolean)?,
            limits: limits::parse(arguments.aws_limits)?,
            leadership: leadership::resolve(arguments.leadership)?,
            log_level: given(arguments.log_level, "info", ("log-level", "LOG_LEVEL"), |text| {
                text.parse().map_err(|_| "one of error, warn, info, debug, trace")
            })?,
            log_format: given(
                arguments.log_format,
                "json",
                ("log-format", "LOG_FORMAT"),
                |text| match text {
                    "json" => Ok(LogFormat::Json),
                    "text" => Ok(LogFormat::Text),
                    _ => Err("one of json, text"),
                },
            )?,
        })
    }
}

/// The value with white space cut; `None` when nothing is left.
fn set(value: Option<String>) -> Option<String> {
    value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn namespaces(value: Option<String>) -> Result<Vec<String>, Complaint> {
    let text = set(value).unwrap_or_default();
    let mut names: Vec<String> =
        text.split(',').filter_map(|name| set(Some(name.to_owned()))).collect();
    names.sort_unstable();
    names.dedup();
    let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match names.iter().find(|name| !name.chars().all(label)) {
        Some(name) => {
            let problem = "a namespace has lower-case letters, digits and hyphens";
            Err(Complaint::about("watch-namespaces", "WATCH_NAMESPACES", name, problem))
        }
        None => Ok(names),
    }
}

/// What the API server takes for a selector it says itself, when it is asked to watch.
fn selector(value: Option<String>) -> Result<Option<String>, Complaint> {
    match set(value) {
        Some(text) if text.chars().any(char::is_control) => {
            let problem = "a selector is one line, as account=prod,team in (a,b)";
            Err(Complaint::about("watch-label-selector", "WATCH_LABEL_SELECTOR", &text, problem))
        }
        text => Ok(text),
    }
}

/// The value that was given, or the default, as what it means.
fn given<T>(
    value: Option<String>,
    default: &str,
    (flag, variable): (&str, &str),
    meaning: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<T, Complaint> {
    let text = set(value).unwrap_or_else(|| default.to_owned());
    meaning(&text).map_err(|problem| Complaint::about(flag, variable, &text, problem))
}

/// As Go's flags take it.
fn boolean(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("either true or false"),
    }
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    let duration: SignedDuration = text.parse().map_err(|_| "a duration is like 10s or 1m30s")?;
    match Duration::try_from(duration) {
        Ok(duration) if duration > LONGEST => Err("a duration is a day at most"),
        Ok(duration) => Ok(duration),
        Err(_) => Err("a duration is not negative"),
    }
}

/// As controller-runtime takes it: `host:port`, `:port` for every interface, `0` for nowhere.
fn address(text: &str) -> Result<Option<SocketAddr>, &'static str> {
    const PROBLEM: &str = "an address is like :8081 or 127.0.0.1:8081; 0 switches it off";
    if text == "0" {
        return Ok(None);
    }
    let address = match text.strip_prefix(':') {
        Some(port) => {
            let port = port.parse().map_err(|_| PROBLEM)?;
            SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
        }
        None => text.replace("localhost:", "127.0.0.1:").parse().map_err(|_| PROBLEM)?,
    };
    Ok(Some(address))
}

#[cfg(test)]
mod tests;
