//! A page that shows the worst finding of each target in a real browser: the
//! evidence for a ticket.
//!
//! What stands in the page are the values of the reports, which have lost their
//! secrets. They are embedded as JSON and shown as text alone, and the page's
//! policy runs no script but its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use url::Url;

use super::Run;
use crate::connection::secrets::REDACTED;
use crate::origin::catalogue::Group;
use crate::origin::verdict::{ProbeReport, Report};

const PAGE: &str = include_str!("poc/page.html");
const SCRIPT: &str = include_str!("poc/script.js");
const STYLE: &str = include_str!("poc/style.css");

/// What the page does to one target.
#[derive(Debug, Serialize)]
struct Attack {
    target: String,
    probe: &'static str,
    message_of_finding: String,
    url: String,
    /// The origin that was let in.
    origin: String,
    /// Whether any other would do.
    any_origin: bool,
    allowed: Vec<String>,
    subprotocols: Vec<String>,
    message: String,
    /// Whether something is missing that was redacted.
    incomplete: bool,
    how: String,
    command: String,
}

/// The page for a run.
pub(crate) fn render(run: &Run) -> String {
    let reports = run.targets.iter().map(|target| &target.report);
    page(&reports.filter_map(attack).collect::<Vec<_>>())
}

fn page(attacks: &[Attack]) -> String {
    let mut page = PAGE.to_owned();
    // The values last: nothing in them is replaced.
    for (name, value) in [
        ("script-hash", source_hash(SCRIPT)),
        ("style-hash", source_hash(STYLE)),
        ("style", STYLE.to_owned()),
        ("script", SCRIPT.to_owned()),
        ("attacks", embedded(attacks)),
    ] {
        page = page.replacen(&format!("{{{{{name}}}}}"), &value, 1);
    }
    page
}

/// As a Content-Security-Policy names an inline script or style.
fn source_hash(source: &str) -> String {
    let hash = digest(&SHA256, source.as_bytes());
    format!("sha256-{}", STANDARD.encode(hash.as_ref()))
}

/// JSON that ends no element and starts none, whatever the values are.
fn embedded(attacks: &[Attack]) -> String {
    let json = serde_json::to_string(attacks).unwrap_or_else(|_| "[]".into());
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                safe.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => safe.push(c),
        }
    }
    safe
}

/// The worst that a page of a real browser can show.
fn attack(report: &Report) -> Option<Attack> {
    let finding = report.findings.iter().filter(|f| f.excepted.is_none());
    let (finding, probe) = finding
        .filter_map(|finding| {
            let probe = report
                .probes
                .iter()
                .find(|probe| probe.rule.id == finding.probe && probe.origin == finding.origin)?;
            is_of_a_page(probe).then_some((finding, probe))
        })
        .next()?;
    let evidence = probe.evidence()?;
    let head = evidence.request_head.as_deref().unwrap_or_default();
    let url = as_websocket(&report.target);
    let subprotocols: Vec<_> = header(head, "sec-websocket-protocol")
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_owned())
        .collect();
    let sent = evidence
        .frames
        .iter()
        .find(|frame| frame.sent && frame.text);
    let message = sent.map_or_else(String::new, |frame| frame.data.clone());
    let incomplete = [&url, &message]
        .into_iter()
        .chain(&subprotocols)
        .any(|value| value.contains(REDACTED));
    let any_origin = matches!(finding.probe, "foreign" | "foreign-altscheme");
    let scheme = match any_origin {
        true if is_foreign_of_both_schemes(report) => "http or https",
        _ => finding.origin.split("://").next().unwrap_or_default(),
    };
    let (how, command) = how(&finding.origin, any_origin.then_some(scheme), &url);
    Some(Attack {
        target: report.target.clone(),
        probe: finding.probe,
        message_of_finding: finding.message.clone(),
        url,
        origin: finding.origin.clone(),
        any_origin,
        allowed: report.allowed.clone(),
        subprotocols,
        message,
        incomplete,
        how,
        command,
    })
}

fn is_foreign_of_both_schemes(report: &Report) -> bool {
    ["foreign", "foreign-altscheme"].iter().all(|id| {
        let mut probes = report.probes.iter().filter(|probe| probe.rule.id == *id);
        probes.any(|probe| probe.judged.accepted == Some(true))
    })
}

/// Whether a page can be given the origin without more than its address: a
/// rebound name needs the DNS, and an extension is no page.
fn is_of_a_page(probe: &ProbeReport) -> bool {
    let origin = probe.origin.as_str();
    probe.judged.accepted == Some(true)
        && probe.group != Group::ClientOnly
        && probe.rule.id != "host-rebind"
        && (origin == "null" || origin.starts_with("http://") || origin.starts_with("https://"))
}

fn header<'a>(head: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Browsers take ws and wss alone in older versions.
fn as_websocket(target: &str) -> String {
    match target.split_once("://") {
        Some(("http", rest)) => format!("ws://{rest}"),
        Some(("https", rest)) => format!("wss://{rest}"),
        Some(_) => target.to_owned(),
        None => format!("ws://{target}"),
    }
}

/// How the page gets its origin, and a command that gives it one. `any` is the
/// scheme where any other origin of it would do.
fn how(origin: &str, any: Option<&str>, target: &str) -> (String, String) {
    if origin == "null" {
        let how = "Serve this page from anywhere: it opens the socket in a sandboxed frame, whose origin is null.";
        return (how.into(), SERVE.into());
    }
    let scheme = any.or_else(|| origin.split("://").next());
    let mixed = match scheme {
        Some("https") if target.starts_with("ws://") => {
            " A page over https may open ws:// to this computer alone: browsers block it elsewhere as mixed content."
        }
        _ => "",
    };
    if let Some(scheme) = any {
        let how = format!(
            "Any origin gets in: serve this page over {scheme} from any address that is not allowed.{mixed}"
        );
        return (how, SERVE.into());
    }
    let how = format!(
        "This page must have the origin {origin}. An attacker registers the name or finds a foothold there; for this proof, a Chromium of its own is told that the name leads to this computer.{mixed}"
    );
    (how, mapped(origin))
}

const SERVE: &str = "wscli serve -p 8000 --static .";

/// Serves the page, and opens it in a browser for which the name leads there.
fn mapped(origin: &str) -> String {
    let Ok(url) = Url::parse(origin) else {
        return String::new();
    };
    let (tls, trust) = match url.scheme() {
        "https" => (" --tls-self-signed", " --ignore-certificate-errors"),
        _ => ("", ""),
    };
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    format!(
        "{SERVE}{tls}\nchromium --user-data-dir=\"$(mktemp -d)\"{trust} --host-resolver-rules={} {}",
        quoted(&format!("MAP {host}:{port} 127.0.0.1:8000")),
        quoted(&format!("{origin}/FILE.html")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attack_with(text: &str) -> Attack {
        Attack {
            target: text.into(),
            probe: "foreign",
            message_of_finding: text.into(),
            url: text.into(),
            origin: text.into(),
            any_origin: true,
            allowed: vec![text.into()],
            subprotocols: vec![text.into()],
            message: text.into(),
            incomplete: false,
            how: text.into(),
            command: text.into(),
        }
    }

    #[test]
    fn values_can_end_no_element_of_the_page() {
        for hostile in [
            "</script><img src=x onerror=alert(1)>",
            "<!--<script>",
            "]]>&lt;\u{2028}\u{2029}",
            "{{script}}{{style-hash}}",
            "\"; alert(1); \"",
        ] {
            let json = embedded(&[attack_with(hostile)]);
            assert!(
                !json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']),
                "{json}"
            );
            let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(parsed[0]["url"], hostile);
        }
    }

    #[test]
    fn the_page_is_whole_and_its_policy_names_its_script() {
        let page = page(&[]);
        assert!(!page.contains("{{"), "{page}");
        assert!(page.contains("id=\"attacks\">[]</script>"));
        for source in [SCRIPT, STYLE] {
            assert_eq!(page.matches(source).count(), 1);
            assert!(page.contains(&source_hash(source)));
            assert!(!source.contains("</"), "it would end its element");
        }
    }

    #[test]
    fn an_origin_is_given_to_the_page_by_a_command_that_the_shell_takes() {
        for (origin, parts) in [
            (
                "https://client.com.evil.example",
                &[
                    "--tls-self-signed",
                    "'MAP client.com.evil.example:443 127.0.0.1:8000'",
                ][..],
            ),
            (
                "http://client.com$.evil.example:81",
                &[
                    "'MAP client.com$.evil.example:81 127.0.0.1:8000'",
                    "'http://client.com$.evil.example:81/FILE.html'",
                ],
            ),
        ] {
            let command = mapped(origin);
            for part in parts {
                assert!(command.contains(part), "{command}");
            }
            assert!(shell_words::split(&command).is_ok(), "{command}");
        }
        let (how, _) = how("https://x.example", Some("https"), "ws://h/");
        assert!(how.contains("mixed content"), "{how}");
    }
}
