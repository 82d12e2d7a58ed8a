//! The same hole beside the socket: what a known server answers to an ordinary
//! request that a foreign page may read. One request a run, and only where the
//! server is known to have such an address.

use super::catalogue::{self, Request, Rule};
use super::observe::{Conversation, Dialer, Observation, Outcome, Shot, observe};
use super::rating::Policy;
use super::remedy::{Server, advice};
use super::runner::{Judged, RunConfig};
use super::secret::Sent;
use super::verdict::{Finding, ProbeReport, Report};
use crate::connection::http::HeaderEdit;
use crate::connection::{OpenConfig, Resource, Target};

/// A request beside the socket.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    rule: &'static Rule,
    resource: Resource,
    accept: &'static str,
}

impl Beside {
    /// The target of the request.
    pub(crate) fn target(&self, target: &Target) -> Target {
        Target {
            resource: self.resource.clone(),
            ..target.clone()
        }
    }

    /// The name of what it shows.
    pub(crate) fn id(&self) -> &'static str {
        self.rule.id
    }
}

/// What to ask for beside this target; `None` where nothing is known.
pub(crate) fn beside(server: Option<Server>, target: &Target) -> Option<Beside> {
    let resource = target.resource.wire();
    match server? {
        Server::SocketIo
        | Server::PythonSocketIo
        | Server::FlaskSocketIo
        | Server::NiceGui
        | Server::Browsersync => {
            let polling = resource.replace("transport=websocket", "transport=polling");
            (polling != resource).then(|| Beside {
                rule: &catalogue::POLLING,
                resource: Resource::new(polling),
                accept: "*/*",
            })
        }
        Server::WebpackDevServer | Server::WebpackDevServer3 => Some(Beside {
            rule: &catalogue::EVENTS,
            resource: Resource::new("/__webpack_hmr"),
            accept: "text/event-stream",
        }),
        _ => None,
    }
}

/// Asks, and adds the answer to the report.
pub(crate) async fn ask<D: Dialer>(
    beside: &Beside,
    dialer: &D,
    config: &RunConfig,
    report: &mut Report,
) {
    let foreign = config.plan.probes.iter().find(|p| p.rule.id == "foreign");
    let Some(origin) = foreign.and_then(|probe| probe.request.single_origin()) else {
        return;
    };
    let request = Request::origin(origin.to_owned());
    let open = ordinary(&config.open, beside.accept);
    let shot = Shot {
        request: &request,
        open: &open,
        sent: Sent::AsGiven,
        handshake: config.handshake,
        wait_up: None,
        window: None,
        max_message_bytes: config.max_message_bytes,
        max_frame_bytes: config.max_frame_bytes,
    };
    let seen = observe(dialer, &shot, &Conversation::default(), &config.redactor).await;
    let with_credentials = config.anonymous.is_some();
    add(
        beside,
        origin,
        seen,
        with_credentials,
        &config.policy,
        report,
    );
}

/// The user's request without what makes it an opening handshake.
fn ordinary(open: &OpenConfig, accept: &str) -> OpenConfig {
    let mut open = open.clone();
    let request = &mut open.request;
    request.deflate = None;
    request.subprotocols.clear();
    let of_handshake = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with("sec-websocket-") || matches!(name.as_str(), "upgrade" | "accept")
    };
    request.edits.retain(|edit| !of_handshake(edit.name()));
    let removed = ["Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key"];
    request
        .edits
        .extend(removed.map(|name| HeaderEdit::Remove { name: name.into() }));
    let set = [("Connection", "close"), ("Accept", accept)];
    request
        .edits
        .extend(set.map(|(name, value)| HeaderEdit::Set {
            name: name.into(),
            value: value.into(),
        }));
    open
}

fn add(
    beside: &Beside,
    origin: &str,
    seen: Observation,
    with_credentials: bool,
    policy: &Policy,
    report: &mut Report,
) {
    let rule = beside.rule;
    let (accepted, why) = judge(rule, origin, &seen, with_credentials);
    let exception = policy.exception(rule.id, origin, rule.severity);
    let excepted = exception
        .filter(|_| accepted == Some(true))
        .map(|exception| exception.excepted.clone());
    if accepted == Some(true) {
        // It was looked for among the probes, when this was not asked yet.
        if excepted.is_some() {
            report.notes.retain(|note| !note.contains(rule.id));
        }
        report.findings.push(Finding {
            probe: rule.id,
            severity: rule.severity,
            message: format!("{}: {}", rule.reveals, rule.exploit),
            remediation: advice(rule.fix).into(),
            origin: origin.to_owned(),
            excepted: excepted.clone(),
        });
        report
            .findings
            .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }
    report.probes.push(ProbeReport {
        rule,
        group: rule.group,
        severity: rule.severity,
        rating: None,
        excepted,
        origin: origin.to_owned(),
        judged: Judged {
            accepted,
            why,
            seen: Some(seen),
            attempts: 1,
            anonymous: None,
            without_secrets: None,
        },
        same_as: None,
    });
    report.probes.sort_by_key(|probe| probe.group);
}

/// Whether a page of this origin may read the answer, and why. What cannot be
/// told is held for "no": this is no part of the verdict.
fn judge(
    rule: &Rule,
    origin: &str,
    seen: &Observation,
    with_credentials: bool,
) -> (Option<bool>, String) {
    let refused = |why: &str| (Some(false), why.to_owned());
    if seen.outcome != Outcome::Status(200) {
        return refused(&seen.outcome.told());
    }
    let head = seen.evidence.response_head.as_deref().unwrap_or_default();
    let body = seen.evidence.response_body.as_deref().unwrap_or_default();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.trim())
    };
    let is_it = match rule.id {
        id if id == catalogue::POLLING.id => {
            body.starts_with("0{\"sid\"") || body.contains(":0{\"sid\"")
        }
        _ => header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")),
    };
    if !is_it {
        return refused("HTTP 200, and another thing than was asked for");
    }
    // Fetch §3.2: with credentials the wildcard means nothing.
    let allows_credentials = header("access-control-allow-credentials") == Some("true");
    match header("access-control-allow-origin") {
        Some("*") if !with_credentials => (
            Some(true),
            "any page may read the answer (Access-Control-Allow-Origin: *)".into(),
        ),
        Some(allowed) if allowed == origin && (allows_credentials || !with_credentials) => {
            let also = if allows_credentials {
                ", with cookies"
            } else {
                ""
            };
            (
                Some(true),
                format!(
                    "this page may read the answer{also} (Access-Control-Allow-Origin names it)"
                ),
            )
        }
        _ => refused("no page of this origin may read the answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, head: &str, body: &str) -> Observation {
        let mut seen = Observation::new(Outcome::Status(status));
        seen.evidence.response_head = Some(format!("HTTP/1.1 {status} X\r\n{head}"));
        seen.evidence.response_body = Some(body.into());
        seen
    }

    #[test]
    fn what_stands_beside_a_socket_is_known_by_the_server() {
        let of = |server, url: &str| beside(server, &url.parse().unwrap());
        let polling = of(
            Some(Server::SocketIo),
            "ws://h/socket.io/?EIO=4&transport=websocket",
        );
        let polling = polling.unwrap();
        assert_eq!(
            polling.resource.wire(),
            "/socket.io/?EIO=4&transport=polling"
        );
        assert!(of(Some(Server::SocketIo), "ws://h/socket.io/?EIO=4").is_none());
        let events = of(Some(Server::WebpackDevServer), "ws://h:1/ws").unwrap();
        assert_eq!(events.resource.wire(), "/__webpack_hmr");
        assert!(of(Some(Server::Tornado), "ws://h/").is_none());
        assert!(of(None, "ws://h/").is_none());
    }

    #[test]
    fn a_finding_needs_an_answer_that_the_page_may_read() {
        let x = "https://x.example";
        let sid = "0{\"sid\":\"a\"}";
        let own = format!("Access-Control-Allow-Origin: {x}\r\n");
        let with = format!("{own}Access-Control-Allow-Credentials: true\r\n");
        let any = "Access-Control-Allow-Origin: *\r\n".to_owned();
        let other = "Access-Control-Allow-Origin: https://client.com\r\n".to_owned();
        for (status, head, body, credentials, readable) in [
            (200, &any, sid, false, true),
            (200, &own, sid, false, true),
            (200, &with, sid, true, true),
            // A browser gives nobody an answer to a request with cookies so.
            (200, &any, sid, true, false),
            (200, &own, sid, true, false),
            (200, &other, sid, false, false),
            (200, &String::new(), sid, false, false),
            (200, &any, "hello", false, false),
            (400, &any, sid, false, false),
        ] {
            let seen = answer(status, head, body);
            let (found, why) = judge(&catalogue::POLLING, x, &seen, credentials);
            assert_eq!(
                found,
                Some(readable),
                "{status} {head} {body} {credentials}: {why}"
            );
        }
        let stream =
            "Content-Type: text/event-stream; charset=utf-8\r\nAccess-Control-Allow-Origin: *\r\n";
        assert_eq!(
            judge(&catalogue::EVENTS, x, &answer(200, stream, ""), false).0,
            Some(true)
        );
        let page = "Content-Type: text/html\r\nAccess-Control-Allow-Origin: *\r\n";
        assert_eq!(
            judge(&catalogue::EVENTS, x, &answer(200, page, ""), false).0,
            Some(false)
        );
    }

    #[test]
    fn an_ordinary_request_asks_for_no_upgrade() {
        let mut open = OpenConfig::default();
        open.request.subprotocols = vec!["chat".into()];
        open.request.edits = vec![HeaderEdit::set("Accept", "x").unwrap()];
        let open = ordinary(&open, "*/*");
        assert!(open.request.subprotocols.is_empty());
        let set: Vec<_> = open
            .request
            .edits
            .iter()
            .filter(|edit| matches!(edit, HeaderEdit::Set { .. }))
            .map(HeaderEdit::name)
            .collect();
        assert_eq!(set, ["Connection", "Accept"]);
    }
}
