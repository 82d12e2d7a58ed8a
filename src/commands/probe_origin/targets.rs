//! Where the addresses come from: the command line, a configuration, a list,
//! or what a browser has recorded.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::Result;

use super::config::{ConfigFile, Settings, TargetSettings};
use super::har;
use crate::cli::probe_origin::{Allowance, ProbeOriginArgs};
use crate::connection::Target;
use crate::connection::http::HeaderEdit;
use crate::connection::secrets::{in_header, is_secret_header};
use crate::exit::Failure;
use crate::origin::AllowOrigin;
use crate::terminal::{Status, check_stdin};

/// The largest list that is read, in bytes.
const MAX_LIST_BYTES: u64 = 1 << 20;
/// So many addresses in one run: each takes seconds.
const MAX_TARGETS: usize = 1000;

/// One address, with what is known of it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) url: String,
    pub(super) settings: Settings,
    /// The line of its entry in the configuration.
    pub(super) line: Option<usize>,
}

impl Source {
    fn of(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            settings: Settings::default(),
            line: None,
        }
    }
}

/// All addresses, each once.
///
/// # Errors
/// Exit 2 for a source that cannot be read, or that has nothing in it.
pub(super) fn sources(args: &ProbeOriginArgs, status: Status) -> Result<Vec<Source>> {
    let mut sources: Vec<_> = args.urls.iter().map(|url| Source::of(url)).collect();
    if let Some(path) = &args.policy.config {
        let file = ConfigFile::read(path)?;
        sources.extend(file.targets.into_iter().map(|target| {
            let TargetSettings {
                url,
                line,
                settings,
            } = target;
            Source {
                url,
                settings,
                line: Some(line),
            }
        }));
    }
    if let Some(path) = &args.discovery.targets {
        sources.extend(list(path)?.iter().map(|url| Source::of(url)));
    }
    if let Some(path) = &args.discovery.from_har {
        sources.extend(of_archive(path, args, status)?);
    }
    // A configuration may have an address twice, with other settings.
    let mut seen = Vec::new();
    sources.retain(|source| {
        let again = source.line.is_none() && seen.contains(&source.url);
        seen.push(source.url.clone());
        !again
    });
    if sources.len() > MAX_TARGETS {
        let message = format!(
            "{} targets are more than {MAX_TARGETS}; split the list",
            sources.len()
        );
        return Err(Failure::usage(message).into());
    }
    Ok(sources)
}

/// The addresses of a file, one a line.
fn list(path: &Path) -> Result<Vec<String>> {
    let failed = |error: std::io::Error| {
        Failure::usage(format!("could not read '{}': {error}", path.display()))
    };
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => check_stdin().and_then(|()| {
            let mut stdin = std::io::stdin().take(MAX_LIST_BYTES + 1);
            stdin.read_to_string(&mut text)
        }),
        false => fs::File::open(path)
            .and_then(|file| file.take(MAX_LIST_BYTES + 1).read_to_string(&mut text)),
    };
    read.map_err(failed)?;
    if text.len() as u64 > MAX_LIST_BYTES {
        let message = format!("'{}' is over {MAX_LIST_BYTES} bytes", path.display());
        return Err(Failure::usage(message).into());
    }
    let addresses = addresses(&text);
    if addresses.is_empty() {
        let message = format!(
            "'{}' has no address in it; write one a line",
            path.display()
        );
        return Err(Failure::usage(message).into());
    }
    Ok(addresses)
}

/// Blank lines and those of comments say nothing.
fn addresses(text: &str) -> Vec<String> {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// What a browser has recorded, on the sites that the user has named: a page
/// also talks to servers that are not the user's to probe.
fn of_archive(path: &Path, args: &ProbeOriginArgs, status: Status) -> Result<Vec<Source>> {
    let hosts = allowed_hosts(&args.policy.allow);
    let mut sources = Vec::new();
    let mut left_out = false;
    for found in har::read(path)? {
        let Ok(target) = found.url.parse::<Target>() else {
            status.note("an address of the archive is not a valid URL; it is left out");
            continue;
        };
        let host = target.host_name();
        if !hosts.iter().any(|allowed| is_same_site(allowed, &host)) {
            status.note(&format!(
                "{host} of the archive is on another site than the allowed origins and is not probed; give its address by itself to probe it"
            ));
            continue;
        }
        let taken = found.taken(
            args.discovery.use_har_credentials,
            is_secret_header,
            |name| !in_header("sec-websocket-protocol", name).is_empty(),
        );
        left_out |= taken.left_out;
        let headers: Result<Vec<HeaderEdit>, _> =
            taken.headers.iter().map(|text| text.parse()).collect();
        let headers = headers.map_err(|error| Failure::usage(format!("the archive: {error}")))?;
        sources.push(Source {
            settings: Settings::of_request(headers, taken.subprotocols),
            ..Source::of(&found.url)
        });
    }
    if left_out {
        status.note(
            "the cookies and tokens of the archive are not sent; --use-har-credentials sends them",
        );
    }
    if sources.is_empty() {
        let message = format!(
            "'{}' has no WebSocket on the sites of the allowed origins",
            path.display()
        );
        return Err(Failure::usage(message).into());
    }
    Ok(sources)
}

fn allowed_hosts(allow: &[Allowance]) -> Vec<String> {
    let origins = allow.iter().filter_map(|allowance| match allowance {
        Allowance::Origin(AllowOrigin::Only(origin)) => Some(origin.to_string()),
        _ => None,
    });
    let hosts = origins.filter_map(|origin| {
        let url = url::Url::parse(&origin).ok()?;
        Some(url.host_str()?.to_owned())
    });
    hosts.collect()
}

/// Whether two hosts are on one site: they share the domain that was
/// registered, or are the same.
fn is_same_site(one: &str, other: &str) -> bool {
    let registered = |host: &str| {
        let is_name = host.parse::<std::net::IpAddr>().is_err();
        is_name
            .then(|| psl::domain_str(host))
            .flatten()
            .map(str::to_owned)
    };
    one.eq_ignore_ascii_case(other)
        || registered(one).is_some_and(|site| Some(site) == registered(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_addresses_has_comments_and_blank_lines() {
        let text = "\u{feff}ws://a/\r\n\n# no\n  wss://b/x#y  \n";
        assert_eq!(addresses(text), ["ws://a/", "wss://b/x#y"]);
    }

    #[test]
    fn hosts_of_one_site_share_what_was_registered() {
        for (one, other, same) in [
            ("app.client.com", "api.client.com", true),
            ("client.com", "client.com", true),
            ("client.com", "evil.com", false),
            ("a.co.uk", "b.co.uk", false),
            ("10.0.0.1", "11.0.0.1", false),
            ("localhost", "localhost", true),
        ] {
            assert_eq!(is_same_site(one, other), same, "{one} {other}");
        }
    }
}
