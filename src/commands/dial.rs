//! The flags of proxies, addresses, authentication and redirects, together
//! with what the environment says, turned into the configuration of the
//! connection core. Files are read here and passwords asked for, so that what
//! cannot work is refused before a packet.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cli::auth::AuthArgs;
use crate::cli::proxy::ProxyArgs;
use crate::cli::transport::TransportArgs;
use crate::connection::http::HeaderEdit;
use crate::connection::http::auth::{Auth, Authorization};
use crate::connection::http::cookies::CookieJar;
use crate::connection::http::netrc::Netrc;
use crate::connection::net::proxy::{Bypass, Proxy, ProxyRules};
use crate::connection::net::target::{Credentials, Endpoint};
use crate::connection::net::tls::{Roots, TlsConfig, TlsSettings, Trust};
use crate::connection::{OpenConfig, Redirects, Target};
use crate::exit::{ExitStatus, Failure};
use crate::value::clock;

/// The environment variables, read once. An empty one is none.
#[derive(Clone, Default)]
pub(super) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The environment of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "`commands` reads the environment"
    )]
    pub(super) fn read() -> Self {
        let variables = std::env::vars_os();
        Self(
            variables
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The first of these variables that is set.
    fn first<'a>(&'a self, names: &[&'a str]) -> Option<(&'a str, &'a str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }
}

/// Asks for a secret on the terminal; `None` where there is none.
pub(super) type Ask<'a> = &'a mut dyn FnMut(&str) -> io::Result<Option<String>>;

/// Puts into `open` what the flags and the environment say of the way to
/// `target`. What the request asks for is left as it is, but for who asks.
///
/// # Errors
/// Exit 2 for what cannot work, 12 for a file that cannot be read, 130 where
/// a password was asked for and not given.
pub(super) fn complete(
    open: &mut OpenConfig,
    target: &Target,
    args: &TransportArgs,
    environment: &Environment,
    ask: Ask<'_>,
) -> Result<()> {
    open.dial.address = args.address.config();
    open.dial.proxies = ProxyRules {
        tls: proxy_tls(&args.proxy)?,
        user_agent: open.request.user_agent.clone(),
        ..proxies(target, &args.proxy, environment)?
    };
    open.request.auth = auth(&args.auth, environment, ask)?;
    open.timeout = Some(args.connect_timeout);
    open.wait_up = args.wait_up;
    if args.location {
        open.redirects = Redirects::Follow {
            max: args.max_redirs,
        };
    }
    Ok(())
}

/// Variables by scheme, in curl's order: lower case first, and for plain
/// connections never `HTTP_PROXY`, which a CGI program's client can set
/// through a `Proxy` header.
const PLAIN: &[&str] = &["ws_proxy", "WS_PROXY", "http_proxy"];
const SECURE: &[&str] = &["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY"];
const ALL: &[&str] = &["all_proxy", "ALL_PROXY"];
const NONE: &[&str] = &["no_proxy", "NO_PROXY"];

fn proxies(target: &Target, args: &ProxyArgs, environment: &Environment) -> Result<ProxyRules> {
    let list = match &args.noproxy {
        Some(list) => list.as_str(),
        None => environment.first(NONE).map_or("", |(_, list)| list),
    };
    let bypass = Bypass::parse(list);
    let given = match &args.proxy {
        Some(given) if given.0.is_empty() => Some(ProxyRules::default()),
        Some(given) => Some(ProxyRules::all(parse("--proxy", &given.0)?)),
        None => None,
    };
    if let Some(rules) = given {
        return Ok(ProxyRules { bypass, ..rules });
    }
    // A variable that makes no sense must not be in the way of a connection
    // that has no use for it.
    let unused = match &target.endpoint {
        Endpoint::Unix(_) => true,
        Endpoint::Tcp { host, .. } => bypass.covers(host),
    };
    let from_environment = |names: &[&str]| -> Result<Option<Proxy>> {
        let found = environment.first(names).or_else(|| environment.first(ALL));
        let proxy = found.map(|(name, url)| parse(name, url)).transpose();
        if unused {
            Ok(proxy.unwrap_or(None))
        } else {
            proxy
        }
    };
    Ok(ProxyRules {
        plain: from_environment(PLAIN)?,
        secure: from_environment(SECURE)?,
        bypass,
        ..ProxyRules::default()
    })
}

/// What is trusted of the server says nothing about the proxy, and the
/// client's certificate is none of its business.
fn proxy_tls(args: &ProxyArgs) -> Result<TlsConfig> {
    let trust = match (args.proxy_insecure, &args.proxy_cacert) {
        (true, _) => Trust::Anyone,
        (false, Some(path)) => {
            Trust::Roots(Roots::load(path).map_err(|error| Failure::usage(error.to_string()))?)
        }
        (false, None) => Trust::Platform,
    };
    let settings = TlsSettings {
        trust,
        ..TlsSettings::default()
    };
    Ok(settings.into())
}

fn parse(source: &str, url: &str) -> Result<Proxy> {
    let proxy = url.parse();
    proxy.map_err(|error| Failure::usage(format!("{source}: {error}")).into())
}

fn auth(args: &AuthArgs, environment: &Environment, ask: Ask<'_>) -> Result<Auth> {
    let authorization = match (&args.user, &args.bearer) {
        (Some(user), _) => Some(Authorization::Basic(credentials(&user.0, ask)?)),
        (None, Some(token)) => Some(Authorization::Bearer(header_value(
            "Authorization",
            &token.0,
        )?)),
        (None, None) => None,
    };
    let netrc = match netrc_path(args, environment)? {
        Some(path) => Some(Netrc::parse(&read("the netrc file", &path)?)),
        None => None,
    };
    let mut cookies = Vec::new();
    let mut jar = CookieJar::default();
    for given in &args.cookies {
        // curl's rule: cookies have an equals sign, files do not.
        if given.0.contains('=') {
            cookies.push(header_value("Cookie", given.0.trim())?);
        } else {
            jar.extend(cookie_jar(&given.0)?);
        }
    }
    Ok(Auth {
        authorization,
        netrc,
        cookies: (!cookies.is_empty()).then(|| cookies.join("; ")),
        jar,
    })
}

/// `-u USER:PASSWORD`, or `-u USER` and an answer on the terminal.
fn credentials(given: &str, ask: Ask<'_>) -> Result<Credentials> {
    if let Some((user, password)) = given.split_once(':') {
        return Ok(Credentials {
            user: user.into(),
            password: password.into(),
        });
    }
    let answer = match ask(&format!("Password for {given}: ")) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            return Err(Failure::new(ExitStatus::Interrupted, "interrupted").into());
        }
        answer => answer.context("could not ask for a password")?,
    };
    let password = answer.ok_or_else(|| {
        Failure::usage(format!(
            "-u {given} has no password, and there is no terminal to ask for it on; use --netrc-file FILE, or -u '{given}:' for an empty one"
        ))
    })?;
    Ok(Credentials {
        user: given.into(),
        password,
    })
}

fn netrc_path(args: &AuthArgs, environment: &Environment) -> Result<Option<PathBuf>> {
    if let Some(path) = &args.netrc_file {
        return Ok(Some(path.clone()));
    }
    if !args.netrc {
        return Ok(None);
    }
    if let Some(path) = environment.get("NETRC") {
        return Ok(Some(path.into()));
    }
    let home = environment.first(&["HOME", "USERPROFILE"]);
    let (_, home) = home.ok_or_else(|| {
        Failure::usage(
            "--netrc looks in the home directory, and HOME is not set; use --netrc-file FILE",
        )
    })?;
    let name = if cfg!(windows) { "_netrc" } else { ".netrc" };
    Ok(Some(PathBuf::from(home).join(name)))
}

fn cookie_jar(path: &str) -> Result<CookieJar> {
    let text = read(
        "the cookie jar (cookies themselves are written NAME=VALUE)",
        path,
    )?;
    CookieJar::parse(&text, clock::now().as_second())
        .map_err(|error| Failure::usage(format!("cookie jar '{path}': {error}")).into())
}

fn read(what: &str, path: impl Into<PathBuf>) -> Result<String> {
    let path = path.into();
    let bytes = fs::read(&path).map_err(|error| {
        Failure::usage(format!(
            "could not read {what} '{}': {error}",
            path.display()
        ))
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The value, if it can stand in a header. It is not shown if it cannot.
fn header_value(name: &str, value: &str) -> Result<String> {
    HeaderEdit::set(name, value).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests;
