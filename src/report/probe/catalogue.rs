//! The catalogue for people: `--list` and `--explain`.

use std::fmt::Write as _;

use crate::origin::catalogue::{Fix, Group, Rule, beside, rules};
use crate::origin::remedy::{Server, advice};

/// Every probe, one a line, by group.
pub(crate) fn list() -> String {
    let mut out = String::new();
    for group in Group::ALL {
        let _ = writeln!(
            out,
            "{}{}",
            if out.is_empty() { "" } else { "\n" },
            group.title()
        );
        for rule in rules().filter(|rule| rule.group == group) {
            let exotic = if rule.exotic { " (--exotic)" } else { "" };
            let _ = writeln!(
                out,
                "  {:<26} {:<8} {}{exotic}",
                rule.id, rule.severity, rule.sends
            );
        }
    }
    out.push_str("\nbeside the socket, where the server is known to have it\n");
    for rule in beside() {
        let _ = writeln!(out, "  {:<26} {:<8} {}", rule.id, rule.severity, rule.sends);
    }
    out.push_str(
        "\nA: the allowed origin s://h:p; s': the other of http and https; X: the attacker's domain; T: the target\n",
    );
    out
}

/// All about one probe.
pub(crate) fn explain(rule: &Rule) -> String {
    let mut out = format!("{}\n\n", rule.id);
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "{name:<11} {text}");
    };
    line("sends", rule.sends);
    line("reveals", rule.reveals);
    line("who sends", rule.group.title());
    line("exploit", rule.exploit);
    // This one alone is rated by where the server is.
    let severity = match rule.id {
        "host-rebind" => "high where the server is on a private address without TLS, low elsewhere",
        _ => rule.severity.name(),
    };
    line("severity", severity);
    if rule.exotic {
        line(
            "exotic",
            "sent with --exotic only: it is malformed, and can end a weak server",
        );
    }
    line("fix", advice(rule.fix));
    line("reference", rule.reference);
    if matches!(rule.fix, Fix::AddCheck | Fix::ExactMatch) {
        out.push_str("\nfor example, with https://client.com allowed:\n");
        let servers = [
            Server::AspNetCore,
            Server::Gorilla,
            Server::Ws,
            Server::SocketIo,
            Server::Tornado,
            Server::Channels,
            Server::Nginx,
        ];
        let allowed = ["https://client.com".to_owned()];
        for server in servers {
            if let Some(snippet) = server.snippet(&allowed) {
                let _ = writeln!(out, "  {}: {snippet}", server.name());
            }
        }
    }
    out
}
