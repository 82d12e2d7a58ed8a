//! The keys of the file, and what they are parsed to.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use toml::Spanned;

use crate::cli::probe_origin::{Absent, Allowance, Browser, FailOn, SameSiteOf, attacker_domain};
use crate::cli::secret::Secret;
use crate::cli::tls::Passphrase;
use crate::cli::transport::TransportArgs;
use crate::cli::value;
use crate::commands::toml_file::{Wrong, header};
use crate::connection::http::HeaderEdit;
use crate::origin::AllowOrigin;
use crate::origin::catalogue;
use crate::origin::verdict::{Excepted, Exception};
use crate::value::{Pattern, PatternError};

type Texts = Vec<Spanned<String>>;

/// A table as it is written: the file itself, or one of its targets. What
/// belongs to one of the two alone is told apart by the caller.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Table {
    pub(super) url: Option<Spanned<String>>,
    #[serde(alias = "target")]
    pub(super) targets: Vec<Spanned<Table>>,
    #[serde(alias = "allowed")]
    allow: Texts,
    #[serde(alias = "denied")]
    deny: Texts,
    #[serde(alias = "header")]
    headers: Texts,
    accept: Vec<Accepted>,
    absent: Option<Absent>,
    fail_on: Option<FailOn>,
    message: Option<String>,
    expect: Option<Spanned<String>>,
    reject_text: Option<Spanned<String>>,
    window: Option<Time>,
    attacker_domain: Option<Spanned<String>>,
    probe: Texts,
    skip: Texts,
    exotic: Option<bool>,
    #[serde(alias = "secret_param")]
    secret_params: Vec<String>,
    #[serde(alias = "secret_header")]
    secret_headers: Vec<String>,
    #[serde(alias = "secret_subprotocol")]
    secret_subprotocols: Vec<String>,
    samesite: Option<SameSiteOf>,
    ticket_command: Option<String>,
    #[serde(rename = "as")]
    browser: Option<Browser>,
    #[serde(alias = "subprotocol")]
    subprotocols: Vec<String>,
    #[serde(alias = "cookie")]
    cookies: Vec<String>,
    user: Option<String>,
    bearer: Option<Spanned<String>>,
    user_agent: Option<String>,
    location: Option<bool>,
    connect_timeout: Option<Time>,
    max_time: Option<Time>,
    insecure: Option<bool>,
    cacert: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    pass: Option<String>,
    sni: Option<String>,
}

/// One accepted finding. The reason is not optional.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    probe: Spanned<String>,
    reason: Spanned<String>,
}

/// What holds for a target.
#[derive(Debug, Clone, Default)]
pub(in crate::commands::probe_origin) struct Settings {
    pub(in crate::commands::probe_origin) allow: Vec<Allowance>,
    pub(in crate::commands::probe_origin) deny: Vec<AllowOrigin>,
    pub(in crate::commands::probe_origin) headers: Vec<HeaderEdit>,
    pub(in crate::commands::probe_origin) accept: Vec<Exception>,
    pub(in crate::commands::probe_origin) absent: Option<Absent>,
    pub(in crate::commands::probe_origin) fail_on: Option<FailOn>,
    pub(in crate::commands::probe_origin) message: Option<String>,
    pub(in crate::commands::probe_origin) expect: Option<Pattern>,
    pub(in crate::commands::probe_origin) reject_text: Option<Pattern>,
    pub(in crate::commands::probe_origin) window: Option<Duration>,
    pub(in crate::commands::probe_origin) attacker_domain: Option<String>,
    pub(in crate::commands::probe_origin) probe: Vec<String>,
    pub(in crate::commands::probe_origin) skip: Vec<String>,
    pub(in crate::commands::probe_origin) exotic: Option<bool>,
    pub(in crate::commands::probe_origin) page: Page,
    /// What came from the environment and is to be kept out of all output.
    pub(in crate::commands::probe_origin) secrets: Vec<String>,
    way: Way,
}

/// What a page of an attacker's does not have, and what a browser sends.
#[derive(Debug, Clone, Default)]
pub(in crate::commands::probe_origin) struct Page {
    pub(in crate::commands::probe_origin) secret_params: Vec<String>,
    pub(in crate::commands::probe_origin) secret_headers: Vec<String>,
    pub(in crate::commands::probe_origin) secret_subprotocols: Vec<Secret>,
    pub(in crate::commands::probe_origin) samesite: Option<SameSiteOf>,
    pub(in crate::commands::probe_origin) ticket_command: Option<String>,
    pub(in crate::commands::probe_origin) browser: Option<Browser>,
}

impl Page {
    /// The same, with another's values where this says nothing.
    pub(in crate::commands::probe_origin) fn over(self, other: Self) -> Self {
        Self {
            secret_params: joined(other.secret_params, self.secret_params),
            secret_headers: joined(other.secret_headers, self.secret_headers),
            secret_subprotocols: joined(other.secret_subprotocols, self.secret_subprotocols),
            samesite: self.samesite.or(other.samesite),
            ticket_command: self.ticket_command.or(other.ticket_command),
            browser: self.browser.or(other.browser),
        }
    }
}

/// How the target is reached: what stands in the flags of every command that
/// dials.
#[derive(Debug, Clone, Default)]
struct Way {
    subprotocols: Vec<String>,
    cookies: Vec<Secret>,
    user: Option<Secret>,
    bearer: Option<Secret>,
    user_agent: Option<String>,
    location: Option<bool>,
    connect_timeout: Option<Duration>,
    max_time: Option<Duration>,
    insecure: Option<bool>,
    cacert: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    pass: Option<Passphrase>,
    sni: Option<String>,
}

impl Table {
    /// The values, each held to its form.
    pub(super) fn settings(self) -> Result<Settings, Wrong> {
        if let (Some(_), Some(bearer)) = (&self.user, &self.bearer) {
            let why = "user and bearer say two things about the same header; keep one of them";
            return Err(Wrong::new(bearer.span(), why));
        }
        Ok(Settings {
            allow: each(self.allow, allowance)?,
            deny: each(self.deny, origin)?,
            headers: each(self.headers, header)?,
            accept: self
                .accept
                .into_iter()
                .map(exception)
                .collect::<Result<_, _>>()?,
            absent: self.absent,
            fail_on: self.fail_on,
            message: self.message,
            expect: one(self.expect, pattern)?,
            reject_text: one(self.reject_text, pattern)?,
            window: self.window.map(|time| time.0),
            attacker_domain: one(self.attacker_domain, attacker_domain)?,
            probe: each(self.probe, known)?,
            skip: each(self.skip, known)?,
            exotic: self.exotic,
            secrets: Vec::new(),
            page: Page {
                secret_params: self.secret_params,
                secret_headers: self.secret_headers,
                secret_subprotocols: self.secret_subprotocols.into_iter().map(Secret).collect(),
                samesite: self.samesite,
                ticket_command: self.ticket_command,
                browser: self.browser,
            },
            way: Way {
                subprotocols: self.subprotocols,
                cookies: self.cookies.into_iter().map(Secret).collect(),
                user: self.user.map(Secret),
                bearer: self.bearer.map(|bearer| Secret(bearer.into_inner())),
                user_agent: self.user_agent,
                location: self.location,
                connect_timeout: self.connect_timeout.map(|time| time.0),
                max_time: self.max_time.map(|time| time.0),
                insecure: self.insecure,
                cacert: self.cacert,
                cert: self.cert,
                key: self.key,
                pass: self.pass.map(Passphrase),
                sni: self.sni,
            },
        })
    }
}

impl Settings {
    /// What a recorded request was sent with.
    pub(in crate::commands::probe_origin) fn of_request(
        headers: Vec<HeaderEdit>,
        subprotocols: Vec<String>,
    ) -> Self {
        Self {
            headers,
            way: Way {
                subprotocols,
                ..Way::default()
            },
            ..Self::default()
        }
    }

    /// These settings, with the common ones where they say nothing. Lists add
    /// up, but for allowed origins, subprotocols and the selection of probes.
    pub(super) fn over(self, common: &Self) -> Self {
        let common = common.clone();
        Self {
            allow: or(self.allow, common.allow),
            deny: joined(common.deny, self.deny),
            headers: joined(common.headers, self.headers),
            accept: joined(common.accept, self.accept),
            absent: self.absent.or(common.absent),
            fail_on: self.fail_on.or(common.fail_on),
            message: self.message.or(common.message),
            expect: self.expect.or(common.expect),
            reject_text: self.reject_text.or(common.reject_text),
            window: self.window.or(common.window),
            attacker_domain: self.attacker_domain.or(common.attacker_domain),
            probe: or(self.probe, common.probe),
            skip: joined(common.skip, self.skip),
            exotic: self.exotic.or(common.exotic),
            page: self.page.over(common.page),
            secrets: joined(common.secrets, self.secrets),
            way: self.way.over(common.way),
        }
    }

    /// The flags, with what is said here where they say nothing.
    pub(in crate::commands::probe_origin) fn transport(
        &self,
        flags: &TransportArgs,
    ) -> TransportArgs {
        let Way {
            subprotocols,
            cookies,
            user,
            bearer,
            user_agent,
            location,
            connect_timeout,
            max_time,
            insecure,
            cacert,
            cert,
            key,
            pass,
            sni,
        } = self.way.clone();
        let mut args = flags.clone();
        args.subprotocols = or(args.subprotocols, subprotocols);
        args.auth.cookies = joined(args.auth.cookies, cookies);
        if args.auth.user.is_none() && args.auth.bearer.is_none() {
            args.auth.user = user;
            args.auth.bearer = bearer;
        }
        args.user_agent = args.user_agent.or(user_agent);
        args.location |= location.unwrap_or(false);
        args.connect_timeout = connect_timeout.unwrap_or(args.connect_timeout);
        args.max_time = args.max_time.or(max_time);
        args.tls.insecure |= insecure.unwrap_or(false);
        args.tls.cacert = args.tls.cacert.or(cacert);
        // A key belongs to its certificate.
        if args.tls.cert.is_none() {
            args.tls.cert = cert;
            args.tls.key = key;
            args.tls.pass = pass;
        }
        args.tls.sni = args.tls.sni.or(sni);
        args
    }
}

impl Way {
    fn over(self, common: Self) -> Self {
        let own_user = self.user.is_some() || self.bearer.is_some();
        let own_cert = self.cert.is_some();
        Self {
            subprotocols: or(self.subprotocols, common.subprotocols),
            cookies: joined(common.cookies, self.cookies),
            user: self.user.or(common.user.filter(|_| !own_user)),
            bearer: self.bearer.or(common.bearer.filter(|_| !own_user)),
            user_agent: self.user_agent.or(common.user_agent),
            location: self.location.or(common.location),
            connect_timeout: self.connect_timeout.or(common.connect_timeout),
            max_time: self.max_time.or(common.max_time),
            insecure: self.insecure.or(common.insecure),
            cacert: self.cacert.or(common.cacert),
            cert: self.cert.or(common.cert),
            key: self.key.or(common.key.filter(|_| !own_cert)),
            pass: self.pass.or(common.pass.filter(|_| !own_cert)),
            sni: self.sni.or(common.sni),
        }
    }
}

fn or<T>(own: Vec<T>, other: Vec<T>) -> Vec<T> {
    if own.is_empty() { other } else { own }
}

fn joined<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    first.into_iter().chain(second).collect()
}

fn each<T>(texts: Texts, parse: fn(&str) -> Result<T, String>) -> Result<Vec<T>, Wrong> {
    texts.into_iter().map(|text| parsed(&text, parse)).collect()
}

fn one<T>(
    text: Option<Spanned<String>>,
    parse: fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Wrong> {
    text.map(|text| parsed(&text, parse)).transpose()
}

fn parsed<T>(text: &Spanned<String>, parse: fn(&str) -> Result<T, String>) -> Result<T, Wrong> {
    parse(text.get_ref()).map_err(|why| Wrong::new(text.span(), why))
}

fn allowance(text: &str) -> Result<Allowance, String> {
    text.parse()
        .map_err(|error: crate::origin::AllowOriginError| error.to_string())
}

fn origin(text: &str) -> Result<AllowOrigin, String> {
    text.parse()
        .map_err(|error: crate::origin::AllowOriginError| error.to_string())
}

fn known(id: &str) -> Result<String, String> {
    match catalogue::find(id) {
        Some(_) => Ok(id.to_owned()),
        None => Err(no_such_probe(id)),
    }
}

/// Why a name that is in no catalogue cannot be used.
pub(in crate::commands::probe_origin) fn no_such_probe(id: &str) -> String {
    format!("there is no probe '{id}'; see 'wscli probe-origin --list'")
}

fn exception(accepted: Accepted) -> Result<Exception, Wrong> {
    let at = |text: &Spanned<String>| -> Range<usize> { text.span() };
    let probe = accepted.probe.get_ref();
    if accepted.reason.get_ref().trim().is_empty() {
        let why = format!("the exception for '{probe}' has no reason; write one");
        return Err(Wrong::new(at(&accepted.reason), why));
    }
    if catalogue::find(probe).is_none() && probe != catalogue::denied().id {
        return Err(Wrong::new(at(&accepted.probe), no_such_probe(probe)));
    }
    Ok(Exception {
        probe: accepted.probe.into_inner(),
        origin: None,
        at_most: None,
        excepted: Excepted::Reason(accepted.reason.into_inner()),
    })
}

/// A literal, `/regex/`, or a JSONPath.
pub(in crate::commands::probe_origin) fn pattern(text: &str) -> Result<Pattern, String> {
    text.parse()
        .map_err(|error: PatternError| format!("'{text}' is not a valid pattern: {error}"))
}

/// Seconds as a number, or a text with a unit.
#[derive(Debug)]
struct Time(Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Seconds;
        impl Visitor<'_> for Seconds {
            type Value = Duration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds, or a text such as \"500ms\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
                value::duration(text).map_err(E::custom)
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
                Duration::try_from_secs_f64(seconds).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
                let seconds = u64::try_from(seconds).map_err(E::custom)?;
                Ok(Duration::from_secs(seconds))
            }
        }
        from.deserialize_any(Seconds).map(Self)
    }
}
