//! Every name of the fault lab, once: what it is written as, and what it does.
//!
//! The parser knows no others, `GET /lab` lists them, and the tables of
//! `docs/fault-lab.md` are these rows.

use serde::Serialize;

/// A route of the lab, or a part of its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    /// Its name, in a path and in a query.
    pub(crate) name: &'static str,
    /// How it is written: a route begins with a slash, an option with `?`.
    pub(crate) form: &'static str,
    /// A resource that can be asked for as it stands.
    pub(crate) example: &'static str,
    /// What it does.
    pub(crate) does: &'static str,
    /// The most that can be asked for; empty without a limit.
    pub(crate) most: &'static str,
}

impl Fault {
    /// Whether it can stand in a path.
    pub(crate) fn is_route(&self) -> bool {
        self.form.starts_with('/')
    }
}

/// Faults of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    /// What they have in common.
    pub(crate) title: &'static str,
    pub(crate) faults: &'static [Fault],
}

const fn fault(
    name: &'static str,
    form: &'static str,
    example: &'static str,
    does: &'static str,
    most: &'static str,
) -> Fault {
    Fault {
        name,
        form,
        example,
        does,
        most,
    }
}

/// All of them.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        title: "What is sent",
        faults: SENT,
    },
    Group {
        title: "Messages and control frames",
        faults: MESSAGES,
    },
    Group {
        title: "Ends",
        faults: ENDS,
    },
    Group {
        title: "When",
        faults: WHEN,
    },
    Group {
        title: "The opening handshake",
        faults: OPENING,
    },
];

const SENT: &[Fault] = &[
    fault("echo", "/echo", "/echo", "sends every message back", ""),
    fault(
        "big",
        "/big/SIZE",
        "/big/64KiB",
        "sends one binary message of this size (`100000`, `16MiB`)",
        "64 MiB",
    ),
    fault(
        "stream",
        "/stream/RATE",
        "/stream/5",
        "sends the numbers 1, 2, 3, …, so many a second",
        "1 to 10,000",
    ),
    fault(
        "count",
        "/count/N",
        "/count/3",
        "sends the numbers from 1 to N, then Close 1000, or the end asked for",
        "1,000,000",
    ),
    fault(
        "broadcast",
        "/broadcast[/ROOM]",
        "/broadcast/tea",
        "sends every message to all in the room, its sender too; who is more than 256 messages or 16 MiB behind misses the oldest, which its `close` event counts",
        "64 bytes",
    ),
    fault(
        "json",
        "/json",
        "/json",
        "first tells what the server saw: peer, TLS, headers, origin, subprotocols",
        "",
    ),
];

const MESSAGES: &[Fault] = &[
    fault(
        "delay",
        "/delay/MS",
        "/delay/100",
        "everything leaves this much later, pongs and the answer to a Close too; the order stays",
        "60 s",
    ),
    fault(
        "fragment",
        "/fragment/N",
        "/fragment/3",
        "sends every message in N fragments",
        "1 to 1,000",
    ),
    fault(
        "ping",
        "/ping/MS",
        "/ping/1000",
        "sends a ping this often",
        "1 ms to 60 s",
    ),
    fault("no-pong", "/no-pong", "/no-pong", "answers no ping", ""),
];

const ENDS: &[Fault] = &[
    fault(
        "close",
        "/close/CODE",
        "/close/4000?reason=enough",
        "sends a Close with any code, 1000 without one, also codes that nobody may send",
        "65535",
    ),
    fault(
        "reason",
        "?reason=TEXT",
        "/close/4000?reason=enough",
        "the reason of that Close",
        "123 bytes",
    ),
    fault(
        "drop",
        "/drop",
        "/drop?after=1",
        "ends the connection by FIN, without a Close",
        "",
    ),
    fault(
        "reset",
        "/reset",
        "/reset?after=1",
        "ends it by RST (over TLS by FIN)",
        "",
    ),
    fault(
        "half-close",
        "/half-close",
        "/half-close",
        "sends FIN and goes on listening",
        "60 s",
    ),
    fault(
        "bad-utf8",
        "/bad-utf8",
        "/bad-utf8",
        "sends text that is not UTF-8",
        "",
    ),
    fault(
        "bad-rsv",
        "/bad-rsv",
        "/bad-rsv",
        "sends a frame with reserved bits",
        "",
    ),
    fault(
        "bad-mask",
        "/bad-mask",
        "/bad-mask",
        "sends a masked frame",
        "",
    ),
    fault(
        "bad-length",
        "/bad-length",
        "/bad-length",
        "announces 100 bytes, sends 10 and FIN",
        "",
    ),
];

const WHEN: &[Fault] = &[
    fault(
        "after",
        "?after=N",
        "/drop?after=3",
        "an end comes only after N messages of the client, or, with a unit (`after=5s`), after so much time",
        "1,000,000; 60 s",
    ),
    fault(
        "on",
        "?on=PATTERN",
        "/drop?on=bye",
        "an end comes on a message that holds this, from the client or sent unasked; `/regex/` and JSONPath (`$.id`) too",
        "",
    ),
];

const OPENING: &[Fault] = &[
    fault(
        "status",
        "/status/HTTP",
        "/status/503",
        "answers the handshake with this status",
        "200 to 599",
    ),
    fault(
        "redirect",
        "/redirect[/PATH]",
        "/redirect/echo",
        "answers 302 to a path of this server, `/ws` without one",
        "",
    ),
    fault(
        "to",
        "?to=PATH",
        "/redirect?to=/echo",
        "the path of a redirect",
        "",
    ),
    fault(
        "slow-handshake",
        "/slow-handshake/MS",
        "/slow-handshake/500",
        "lets the handshake wait",
        "60 s",
    ),
    fault(
        "bad-accept",
        "/bad-accept",
        "/bad-accept",
        "answers 101 with a wrong `Sec-WebSocket-Accept`",
        "",
    ),
    fault(
        "auth",
        "/auth/basic/USER/PASS",
        "/auth/basic/u/p",
        "answers 401 without these credentials, or `/auth/bearer/TOKEN` without this token; in a query `auth=basic:USER:PASS`, `auth=bearer:TOKEN`",
        "",
    ),
];

/// The fault of this name.
pub(crate) fn find(name: &str) -> Option<&'static Fault> {
    all().find(|fault| fault.name == name)
}

fn all() -> impl Iterator<Item = &'static Fault> {
    GROUPS.iter().flat_map(|group| group.faults)
}

/// The list for people, one fault a line.
pub(crate) fn text() -> String {
    let width = all().map(|fault| fault.example.len()).max().unwrap_or(0);
    let mut text = String::from(
        "The fault lab: each name is a route, and a part of the query of any other, such as\n\
         /delay/100?fragment=3&close=4000&after=3\n",
    );
    for Group { title, faults } in GROUPS {
        text += &format!("\n{title}\n");
        for fault in *faults {
            let limit = match fault.most {
                "" => String::new(),
                most => format!(" ({most})"),
            };
            let does = fault.does.replace('`', "");
            text += &format!("  {:width$}  {does}{limit}\n", fault.example);
        }
    }
    text
}

/// The list for programs.
pub(crate) fn json() -> String {
    serde_json::to_string(GROUPS).expect("strings are JSON")
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// A group as a table of the document.
    fn table(group: &Group) -> String {
        let mut table = format!(
            "### {}\n\n| written | what it does | most | example |\n|---|---|---|---|\n",
            group.title
        );
        for fault in group.faults {
            let Fault {
                form,
                does,
                most,
                example,
                ..
            } = fault;
            table += &format!("| `{form}` | {does} | {most} | `{example}` |\n");
        }
        table
    }

    #[test]
    fn lab_tables_of_the_document_are_the_catalogue() {
        let document = include_str!("../../../docs/fault-lab.md");
        for group in GROUPS {
            let table = table(group);
            assert!(
                document.contains(&table),
                "docs/fault-lab.md lacks this table:\n{table}"
            );
        }
    }

    #[test]
    fn lab_examples_can_be_asked_for_and_hold_their_fault() {
        for fault in all() {
            let uri = fault.example.parse().unwrap();
            let plan = parse(&uri).unwrap_or_else(|error| panic!("{}: {error}", fault.example));
            assert!(
                plan.is_some_and(|plan| plan.ignored.is_empty()),
                "{fault:?}"
            );
            let is_named = fault
                .example
                .split(['/', '?', '&', '='])
                .any(|word| word == fault.name);
            assert!(is_named, "{fault:?}");
        }
    }

    /// The text of the files of a folder's tests.
    fn tests_in(folder: &str) -> String {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let files = std::fs::read_dir(folder).unwrap();
        let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()));
        texts.map(Result::unwrap).collect()
    }

    #[test]
    fn each_fault_of_the_lab_is_tested_over_the_wire() {
        let tests = tests_in("tests/cli/serve");
        for fault in all() {
            let starts = ["/", "?", "&"].iter().flat_map(|start| {
                ["\"", "/", "?", "=", "&"]
                    .iter()
                    .map(move |end| format!("{start}{}{end}", fault.name))
            });
            let is_tested = starts.into_iter().any(|text| tests.contains(&text));
            assert!(
                is_tested,
                "no test in tests/cli/serve asks for {}",
                fault.name
            );
        }
    }
}
