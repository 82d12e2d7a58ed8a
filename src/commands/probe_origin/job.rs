//! From the arguments and the configuration to what is run: one job a target.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::super::dial::{Ask, Environment};
use super::super::transport::{self, Dial};
use super::browser;
use super::config::{Page, Settings, pattern};
use super::targets::{self, Source};
use super::ticket::{self, TicketCommand};
use crate::cli::probe_origin::{Absent, Allowance, Browser, FailOn, ProbeOriginArgs, SameSiteOf};
use crate::cli::transport::TransportArgs;
use crate::connection::http::HeaderEdit;
use crate::connection::http::auth::{Auth, Authorization};
use crate::connection::secrets::{self, is_secret_header};
use crate::connection::{Message, OpenConfig, Secrets, Target};
use crate::exit::Failure;
use crate::origin::catalogue::{self, Severity, Site};
use crate::origin::observe::Conversation;
use crate::origin::plan::{AbsentPolicy, Allowed, PlanConfig, plan};
use crate::origin::runner::RunConfig;
use crate::origin::secret::Secret;
use crate::origin::verdict::{Policy, SameSite};
use crate::origin::{AllowOrigin, WebOrigin};
use crate::terminal::Status;
use crate::terminal::secret::read_secret;
use crate::value::Pattern;

/// One target to probe.
pub(super) struct Job {
    pub(super) target: Target,
    pub(super) run: RunConfig,
    /// Where the ticket of each handshake comes from.
    pub(super) ticket: Option<TicketCommand>,
    /// The browser whose headers are sent.
    pub(super) browser: Option<Browser>,
    /// What may be asked for beside the socket.
    pub(super) beside: Vec<&'static str>,
    /// The severity from which findings count.
    pub(super) fail_on: Severity,
    /// The line of its entry in the configuration.
    pub(super) line: Option<usize>,
}

impl Job {
    /// The target's address without its secrets, by which reports know it.
    pub(super) fn shown(&self) -> String {
        self.run.redactor.url(&self.target.wire_url())
    }
}

/// The jobs, one a target.
pub(super) fn jobs(args: &ProbeOriginArgs, status: Status) -> Result<Vec<Job>> {
    let sources = targets::sources(args, status)?;
    let environment = Environment::read();
    // A password is asked for once, not once a target.
    let mut answers = HashMap::new();
    let mut ask = |prompt: &str| match answers.get(prompt) {
        Some(answer) => Ok(Option::clone(answer)),
        None => {
            let answer = read_secret(prompt)?.map(|secret| secret.to_string());
            answers.insert(prompt.to_owned(), answer.clone());
            Ok(answer)
        }
    };
    sources
        .into_iter()
        .map(|source| {
            let Source {
                url,
                settings,
                line,
            } = source;
            let secrets = Secrets::default().and_known(settings.secrets.clone());
            let job = job(args, &url, settings, &environment, &mut ask);
            match (line, &args.policy.config) {
                (Some(line), Some(path)) => {
                    let job = job.map_err(|error| at_line(error, path, line, &secrets))?;
                    Ok(Job {
                        line: Some(line),
                        ..job
                    })
                }
                _ => job,
            }
        })
        .collect()
}

/// What cannot work about a target of the configuration, with the place of its
/// entry.
fn at_line(error: anyhow::Error, path: &Path, line: usize, secrets: &Secrets) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) => Failure {
            message: format!(
                "'{}', line {line}: {}",
                path.display(),
                secrets.text(&failure.message)
            ),
            ..failure
        }
        .into(),
        Err(error) => error,
    }
}

fn job(
    args: &ProbeOriginArgs,
    url: &str,
    settings: Settings,
    environment: &Environment,
    ask: Ask<'_>,
) -> Result<Job> {
    let page = page(args).over(settings.page.clone());
    let mut transport = settings.transport(&args.transport);
    offer(&mut transport.subprotocols, &page);
    let Dial {
        target,
        mut open,
        socket,
        ..
    } = dial(url, &transport, &settings.headers, environment, ask)?;
    let ticket = ticket_command(&page, &target, &open, transport.connect_timeout)?;
    if let Some(browser) = page.browser {
        browser::dress(browser, &mut open, &target, transport.user_agent.is_some());
    }
    let config = plan_config(args, &settings, &target, &open)?;
    let fail_on = args.policy.fail_on.or(settings.fail_on);
    let beside = beside_of(&config);
    let mut run = run_config(args, settings, &page, &config, &target, open)?;
    run.max_message_bytes = run.max_message_bytes.min(socket.max_message_bytes);
    run.max_frame_bytes = run.max_message_bytes.min(socket.max_frame_bytes);
    run.handshake = transport.connect_timeout;
    run.max_time = transport.max_time;
    Ok(Job {
        target,
        run,
        ticket,
        browser: page.browser,
        beside,
        fail_on: severity(fail_on.unwrap_or(FailOn::High)),
        line: None,
    })
}

/// What is to be sent, and who must be let in.
fn plan_config(
    args: &ProbeOriginArgs,
    settings: &Settings,
    target: &Target,
    open: &OpenConfig,
) -> Result<PlanConfig> {
    let flags = &args.probing;
    let chosen = |flag: Vec<String>, file: &[String]| match flag.is_empty() {
        true => file.to_vec(),
        false => flag,
    };
    let config = PlanConfig {
        allowed: allowed(target, &args.policy.allow, &settings.allow)?,
        denied: origins(&args.policy.deny, &settings.deny)?,
        site: site(target, open),
        attacker: settings
            .attacker_domain
            .clone()
            .unwrap_or_else(|| flags.attacker_domain.clone()),
        exotic: flags.exotic || settings.exotic.unwrap_or(false),
        only: chosen(known(&flags.probe)?, &settings.probe),
        skip: [known(&flags.skip)?, settings.skip.clone()].concat(),
        absent: match args.policy.absent.or(settings.absent) {
            None | Some(Absent::Any) => AbsentPolicy::Any,
            Some(Absent::Allow) => AbsentPolicy::Allow,
            Some(Absent::Deny) => AbsentPolicy::Deny,
        },
    };
    let allowed = config.allowed.origins();
    if let Some(both) = config.denied.iter().find(|denied| allowed.contains(denied)) {
        let message = format!("'{both}' is both allowed and denied; remove one of them");
        return Err(Failure::usage(message).into());
    }
    config
        .check()
        .map_err(|error| Failure::usage(error.to_string()))?;
    Ok(config)
}

/// What may be asked for beside the socket, as `--probe` and `--skip` say.
fn beside_of(config: &PlanConfig) -> Vec<&'static str> {
    let named = |list: &[String], id: &str| list.iter().any(|named| named == id);
    catalogue::beside()
        .map(|rule| rule.id)
        .filter(|id| config.only.is_empty() || named(&config.only, id))
        .filter(|id| !named(&config.skip, id))
        .collect()
}

/// How the probes are sent and judged.
fn run_config(
    args: &ProbeOriginArgs,
    settings: Settings,
    page: &Page,
    config: &PlanConfig,
    target: &Target,
    mut open: OpenConfig,
) -> Result<RunConfig> {
    let flags = &args.probing;
    let message = flags.message.clone().or(settings.message);
    let mut run = RunConfig::new(config.allowed.clone(), plan(config));
    let of_pages = secrets_of(page, target, &open)?;
    let values = of_pages
        .iter()
        .flat_map(|secret| secret.values(target, &open));
    run.redactor = open
        .secrets(target)
        .and_known(settings.secrets)
        .and_known(message.iter().flat_map(|text| secrets::in_text(text)))
        .and_known(values);
    run.secrets = of_pages;
    run.wait_up = open.wait_up.take();
    let samesite = match page.samesite {
        None | Some(SameSiteOf::None) => SameSite::None,
        Some(SameSiteOf::Lax) => SameSite::Lax,
        Some(SameSiteOf::Strict) => SameSite::Strict,
    };
    run.anonymous = without_credentials(target, &open, samesite);
    run.window = settings.window.unwrap_or(flags.window);
    run.concurrency = usize::from(flags.concurrency);
    run.quick = flags.quick;
    run.talk = Conversation {
        message: message.map(Message::text),
        expect: flag_pattern(flags.expect.as_deref())?.or(settings.expect),
        reject: flag_pattern(flags.reject_text.as_deref())?.or(settings.reject_text),
    };
    run.policy = Policy {
        exceptions: settings.accept,
        absent: config.absent,
        cookies: has_cookies(target, &open),
        samesite,
    };
    run.open = open;
    Ok(run)
}

/// What the flags say of pages.
fn page(args: &ProbeOriginArgs) -> Page {
    let flags = args.page.clone();
    Page {
        secret_params: flags.secret_params,
        secret_headers: flags.secret_headers,
        secret_subprotocols: flags.secret_subprotocols,
        samesite: flags.samesite,
        ticket_command: flags.ticket_command,
        browser: flags.browser,
    }
}

/// Offers the secret subprotocols behind the others, and the ticket in a
/// spelling that a subprotocol can have.
fn offer(subprotocols: &mut Vec<String>, page: &Page) {
    for secret in &page.secret_subprotocols {
        if !subprotocols.contains(&secret.0) {
            subprotocols.push(secret.0.clone());
        }
    }
    if page.ticket_command.is_some() {
        for name in subprotocols {
            *name = name.replace(ticket::PLACE, ticket::PLACE_AS_TOKEN);
        }
    }
}

/// What an attacker's page does not know. Each must be a part of what is sent:
/// what is not there keeps nobody out.
fn secrets_of(page: &Page, target: &Target, open: &OpenConfig) -> Result<Vec<Secret>> {
    let parameters = page.secret_params.iter().cloned().map(Secret::Parameter);
    let headers = page.secret_headers.iter().cloned().map(Secret::Header);
    let subprotocols = page.secret_subprotocols.iter().map(|value| {
        Secret::Subprotocol(match page.ticket_command {
            Some(_) => value.0.replace(ticket::PLACE, ticket::PLACE_AS_TOKEN),
            None => value.0.clone(),
        })
    });
    let secrets: Vec<_> = parameters.chain(headers).chain(subprotocols).collect();
    if let Some(missing) = secrets.iter().find(|secret| !secret.is_sent(target, open)) {
        let place = match missing {
            Secret::Parameter(_) => "put it into the URL",
            _ => "send it, with -H for example",
        };
        let message = format!(
            "{missing} is named as a secret and is not a part of the request; {place}, or leave the flag out"
        );
        return Err(Failure::usage(message).into());
    }
    Ok(secrets)
}

fn ticket_command(
    page: &Page,
    target: &Target,
    open: &OpenConfig,
    limit: Duration,
) -> Result<Option<TicketCommand>> {
    let Some(command) = &page.ticket_command else {
        return Ok(None);
    };
    if !ticket::has_place(target, open) {
        let message = format!(
            "--ticket-command has no place for its ticket; write {} into the URL, a header or a subprotocol",
            ticket::PLACE
        );
        return Err(Failure::usage(message).into());
    }
    Ok(Some(TicketCommand::new(command.clone(), limit)))
}

/// The target as a page's URL would name it.
fn site(target: &Target, open: &OpenConfig) -> Site {
    let site = Site::of(target);
    let named = open.request.edits.iter().find_map(|edit| match edit {
        HeaderEdit::Set { name, value } if name.eq_ignore_ascii_case("host") => Some(value),
        _ => None,
    });
    match named {
        Some(authority) => site.named(authority),
        None => site,
    }
}

/// Who must be let in.
fn allowed(target: &Target, flags: &[Allowance], file: &[Allowance]) -> Result<Allowed> {
    let given = if flags.is_empty() { file } else { flags };
    if given.is_empty() {
        let message = format!(
            "no allowed origin for '{target}'; give one, such as --allow https://client.com, or --allow none where no page may get in"
        );
        return Err(Failure::usage(message).into());
    }
    if given.contains(&Allowance::Nobody) {
        if given
            .iter()
            .any(|allowance| *allowance != Allowance::Nobody)
        {
            let message =
                "'none' allows no page, and stands alone; give the allowed origins or 'none'";
            return Err(Failure::usage(message).into());
        }
        return Ok(Allowed::Nobody);
    }
    let origins_given: Vec<_> = given
        .iter()
        .filter_map(|allowance| match allowance {
            Allowance::Origin(origin) => Some(origin.clone()),
            Allowance::Nobody => None,
        })
        .collect();
    Ok(origins(&origins_given, &[])?.into())
}

fn origins(flags: &[AllowOrigin], file: &[AllowOrigin]) -> Result<Vec<WebOrigin>> {
    let origins = if flags.is_empty() { file } else { flags };
    let mut found = Vec::new();
    for origin in origins {
        match origin {
            AllowOrigin::Any => {
                let message = "'*' is no origin that a page has; give the origin of a page that must be let in";
                return Err(Failure::usage(message).into());
            }
            AllowOrigin::Only(origin) if found.contains(origin) => {}
            AllowOrigin::Only(origin) => found.push(origin.clone()),
        }
    }
    Ok(found)
}

fn known(ids: &[String]) -> Result<Vec<String>> {
    for id in ids {
        if catalogue::find(id).is_none() {
            return Err(no_such_probe(id).into());
        }
    }
    Ok(ids.to_vec())
}

/// A name that is in no catalogue.
pub(super) fn no_such_probe(id: &str) -> Failure {
    Failure::usage(super::config::no_such_probe(id))
}

/// The pattern of a flag.
fn flag_pattern(text: Option<&str>) -> Result<Option<Pattern>> {
    Ok(text.map(pattern).transpose().map_err(Failure::usage)?)
}

/// How to reach a target, with the credentials of its URL among the others.
fn dial(
    url: &str,
    args: &TransportArgs,
    more: &[HeaderEdit],
    environment: &Environment,
    ask: Ask<'_>,
) -> Result<Dial> {
    if args.origin.is_some() {
        let message = "--origin has no place here: probe-origin sends the origins itself; give the allowed one with --allow";
        return Err(Failure::usage(message).into());
    }
    let mut dial = transport::dial(url, args, environment, ask)?;
    let request = &mut dial.open.request;
    request.edits.extend_from_slice(more);
    if request
        .edits
        .iter()
        .any(|edit| edit.name().eq_ignore_ascii_case("origin"))
    {
        let message = "the header Origin has no place here: probe-origin sends the origins itself; give the allowed one with --allow";
        return Err(Failure::usage(message).into());
    }
    move_credentials(&mut dial.target, &mut request.auth);
    Ok(dial)
}

/// Puts what a URL says of the user where the flags put it, so that all of it
/// can be left out. What is sent to this target stays the same.
fn move_credentials(target: &mut Target, auth: &mut Auth) {
    let host = target.host_name();
    let Some(in_url) = target.credentials.take() else {
        return;
    };
    if auth.authorization.is_some() {
        return;
    }
    let kept = auth
        .netrc
        .as_ref()
        .filter(|_| in_url.password.is_empty())
        .and_then(|netrc| netrc.find(&host, Some(&in_url.user)));
    auth.authorization = Some(Authorization::Basic(kept.unwrap_or(in_url)));
}

/// Whether cookies are among the credentials.
fn has_cookies(target: &Target, open: &OpenConfig) -> bool {
    let by_header = open.request.edits.iter().map(HeaderEdit::name);
    let by_flag = open.request.auth.headers(target);
    by_header
        .chain(by_flag.iter().map(|(name, _)| *name))
        .any(|name| name.eq_ignore_ascii_case("cookie"))
}

/// The same without credentials; `None` where there are none. A client's
/// certificate stays: without one there is often no connection at all. So does a
/// password where only the attribute of cookies is to keep pages out: browsers
/// send one that was typed once with the handshakes of any page.
fn without_credentials(
    target: &Target,
    open: &OpenConfig,
    samesite: SameSite,
) -> Option<OpenConfig> {
    let mut anonymous = open.clone();
    let request = &mut anonymous.request;
    let stays = |name: &str, value: &str| {
        let scheme = value.trim_start().get(..6).unwrap_or_default();
        samesite != SameSite::None
            && name.eq_ignore_ascii_case("authorization")
            && scheme.eq_ignore_ascii_case("basic ")
    };
    request.edits.retain(|edit| {
        let value = match edit {
            HeaderEdit::Set { value, .. } => value.as_str(),
            HeaderEdit::Remove { .. } => "",
        };
        !is_secret_header(edit.name()) || stays(edit.name(), value)
    });
    let by_auth = request.auth.headers(target);
    let (kept, gone): (Vec<_>, Vec<_>) = by_auth
        .into_iter()
        .partition(|(name, value)| stays(name, value));
    let given = request.edits.len() < open.request.edits.len() || !gone.is_empty();
    request.auth = Auth::default();
    for (name, value) in kept {
        request.edits.push(HeaderEdit::Set {
            name: name.into(),
            value,
        });
    }
    given.then_some(anonymous)
}

fn severity(fail_on: FailOn) -> Severity {
    match fail_on {
        FailOn::Critical => Severity::Critical,
        FailOn::High => Severity::High,
        FailOn::Medium => Severity::Medium,
        FailOn::Low => Severity::Low,
    }
}
