//! What is asked for beside the socket. No part of a plan: which of them has a
//! meaning is known when the server is.

use super::{Fix, Group, Rule, Severity};

/// The transport of socket.io without WebSockets.
pub(crate) static POLLING: Rule = Rule {
    id: "beside-polling",
    group: Group::Web,
    severity: Severity::High,
    exotic: false,
    sends: "s://X in a GET of socket.io's polling transport",
    reveals: "the server lets foreign pages read its polling transport, beside the WebSocket",
    exploit: "any page on the web talks to the server by polling, with those cookies that browsers send across sites",
    fix: Fix::CloseCors,
    reference: "CWE-942, WSTG-CLNT-07",
    make: |_| Err("sent where the server is socket.io".into()),
};

/// The event stream of development servers.
pub(crate) static EVENTS: Rule = Rule {
    id: "beside-events",
    reveals: "the server lets foreign pages read its event stream, beside the WebSocket",
    exploit: "any page on the web reads the paths of modules and the errors of the build, which hold source code",
    sends: "s://X in a GET of the event stream",
    make: |_| Err("sent where the server is a development server of webpack".into()),
    group: Group::Web,
    severity: Severity::High,
    exotic: false,
    fix: Fix::CloseCors,
    reference: "CWE-942, WSTG-CLNT-07",
};
