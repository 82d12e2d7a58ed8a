//! Flags of `wscli probe-origin`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::secret::Secret;
use super::transport::TransportArgs;
use super::value;
use crate::origin::{AllowOrigin, AllowOriginError};

/// Flags of `wscli probe-origin`.
#[derive(Debug, Clone, Args)]
// It sends the origins itself: an error says so to those who give one.
#[command(mut_arg("origin", |origin| origin.hide(true)))]
pub(crate) struct ProbeOriginArgs {
    /// The server: ws://host:port/path or host:port/path; several are probed side by side. Alone, @NAME is a target saved in config.toml
    #[arg(value_name = "URL", required_unless_present_any = ["config", "targets", "from_har", "from_curl", "list", "explain"])]
    pub urls: Vec<String>,

    /// The policy to hold the server to.
    #[command(flatten)]
    pub policy: PolicyArgs,

    /// Where else addresses come from.
    #[command(flatten)]
    pub discovery: DiscoveryArgs,

    /// What an attacker's page does not have.
    #[command(flatten)]
    pub page: PageArgs,

    /// Which probes are sent, and how.
    #[command(flatten)]
    pub probing: ProbingArgs,

    /// Where the results go.
    #[command(flatten)]
    pub reports: ReportArgs,

    /// What is known already.
    #[command(flatten)]
    pub baseline: BaselineArgs,

    /// How to reach the server.
    #[command(flatten)]
    pub transport: TransportArgs,
}

/// The policy to hold the server to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyArgs {
    /// The origins that the server must let in.
    #[arg(
        long,
        value_name = "ORIGIN",
        help = "An origin that the server must let in, such as https://client.com; repeatable; 'none' where no page may get in"
    )]
    pub allow: Vec<Allowance>,

    /// An origin that the server must refuse, besides those of the catalogue; repeatable
    #[arg(long, value_name = "ORIGIN")]
    pub deny: Vec<AllowOrigin>,

    /// Read targets, allowed origins and accepted findings from this TOML file
    #[arg(long, value_name = "FILE", conflicts_with = "urls")]
    pub config: Option<PathBuf>,

    /// Exit with 1 when there is a finding of at least this severity [default: high]
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub fail_on: Option<FailOn>,

    /// What the policy says of requests without an origin [default: any]
    #[arg(long, value_name = "POLICY", value_enum)]
    pub absent: Option<Absent>,
}

/// Where else addresses come from than the command line.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Targets")]
pub(crate) struct DiscoveryArgs {
    /// Probe the addresses in this file too, one a line; '-' is standard input
    #[arg(long, value_name = "FILE")]
    pub targets: Option<PathBuf>,

    /// Probe the WebSockets that a browser has recorded in this HTTP archive, on the sites of --allow
    #[arg(long, value_name = "FILE")]
    pub from_har: Option<PathBuf>,

    /// Send the cookies and tokens of the archive
    #[arg(long, requires = "from_har")]
    pub use_har_credentials: bool,

    /// Take the URL and the flags of this curl command ("Copy as cURL" of a browser): as one word, as all the words that follow, or @FILE
    #[arg(long, value_name = "CURL")]
    pub from_curl: Option<String>,

    /// Probe up to this many targets at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub parallel: u16,
}

/// What a page of an attacker's does not have, and what a browser sends.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pages")]
pub(crate) struct PageArgs {
    /// A parameter of the URL that an attacker's page does not know: a probe that is let in is sent again without it; repeatable
    #[arg(long = "secret-param", value_name = "NAME")]
    pub secret_params: Vec<String>,

    /// The same for a header
    #[arg(long = "secret-header", value_name = "NAME")]
    pub secret_headers: Vec<String>,

    /// The same for a subprotocol, which is offered besides those of -s: the value itself
    #[arg(long = "secret-subprotocol", value_name = "VALUE")]
    pub secret_subprotocols: Vec<Secret>,

    /// The SameSite attribute of the application's cookies [default: none]
    #[arg(long, value_name = "VALUE", value_enum)]
    pub samesite: Option<SameSiteOf>,

    /// Run this with 'sh -c' for each handshake; the first line of its output takes the place of {ticket} in URL, headers and subprotocols
    #[arg(long, value_name = "CMD")]
    pub ticket_command: Option<String>,

    /// Send the headers that this browser sends with its handshakes
    #[arg(long = "as", value_name = "BROWSER", value_enum)]
    pub browser: Option<Browser>,
}

/// A value of `--allow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// `none`: no page.
    Nobody,
    /// An origin.
    Origin(AllowOrigin),
}

impl FromStr for Allowance {
    type Err = AllowOriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::Nobody);
        }
        text.parse().map(Self::Origin)
    }
}

/// The values of `--samesite`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SameSiteOf {
    /// Browsers send them from everywhere.
    None,
    /// Browsers send them from pages of the same site.
    Lax,
    /// The same.
    Strict,
}

/// The values of `--as`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Browser {
    /// Chromium, and what is made of it.
    Chrome,
    /// Firefox.
    Firefox,
}

/// Which probes are sent, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Probes")]
pub(crate) struct ProbingArgs {
    /// Send these probes alone
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub probe: Vec<String>,

    /// Leave these probes out
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub skip: Vec<String>,

    /// Send malformed probes too, last: they can end a weak server
    #[arg(long)]
    pub exotic: bool,

    /// The domain that stands for the attacker's
    #[arg(long, value_name = "DOMAIN", default_value = "cswsh-probe.example", value_parser = attacker_domain)]
    pub attacker_domain: String,

    /// Listen this long after a 101 before holding a probe for accepted
    #[arg(long, value_name = "DURATION", value_parser = value::duration, default_value = "1.5s")]
    pub window: Duration,

    /// Send this text message on every connection
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub message: Option<String>,

    /// A message with this text, matching /REGEX/, or with what a JSONPath such as $.ok selects, shows that a connection is accepted
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub expect: Option<String>,

    /// A message or close reason with this text, matching /REGEX/, or with what a JSONPath selects, shows that it is refused
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub reject_text: Option<String>,

    /// Send up to this many probes at a time, if the server treats that many like one
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub concurrency: u16,

    /// End with the first probe of a web page that is let in and counts
    #[arg(long)]
    pub quick: bool,

    /// Print the catalogue and exit
    #[arg(long)]
    pub list: bool,

    /// Tell all about one probe and exit
    #[arg(long, value_name = "ID")]
    pub explain: Option<String>,
}

/// Where the results go.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reports")]
pub(crate) struct ReportArgs {
    /// Write the report as JSON; '-' is stdout, and the table goes to stderr
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write the report as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Write the report as SARIF 2.1.0
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,

    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,

    /// Print GitHub workflow annotations, and add to the job summary
    #[arg(long)]
    pub github: bool,

    /// Write the report for GitLab's security dashboards (artifacts:reports:sast)
    #[arg(long, value_name = "FILE")]
    pub gitlab: Option<PathBuf>,

    /// Write the report as one HTML page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Write a page that shows in a browser what was let in: the proof for a ticket
    #[arg(long, value_name = "FILE")]
    pub poc: Option<PathBuf>,
}

/// What is known already.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Baseline")]
pub(crate) struct BaselineArgs {
    /// Let findings through that are in this file: only new ones fail
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,

    /// Write the findings of this run as a baseline; the exit code stays as it is
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
}

/// The values of `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FailOn {
    /// There is no check.
    Critical,
    /// Any web page gets in.
    High,
    /// A foothold gets in.
    Medium,
    /// Anything but what is worth knowing only.
    Low,
}

/// The values of `--absent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Absent {
    /// They must be let in.
    Allow,
    /// They must be refused.
    Deny,
    /// Both are fine.
    Any,
}

/// The name of a domain that can stand for the attacker's.
pub(crate) fn attacker_domain(text: &str) -> Result<String, String> {
    let host = url::Host::parse(text).map_err(|_| format!("'{text}' is not a domain name"))?;
    match host {
        url::Host::Domain(name) if name.contains('.') => Ok(name),
        _ => Err(format!(
            "'{text}' is not a domain name such as attacker.example"
        )),
    }
}
