//! Holds the sources to the architecture: which module may import which, down to
//! files, and that files form no ring.
//!
//! [`Crate`] is a map of the files under `src/` whose paths are resolved; a rule is
//! a function from it to findings. A new module needs a row in [`TABLE`].
//! Who may touch the world outside (standard streams, environment, exit code) is
//! held by clippy: `clippy.toml` names the functions, `src/lib.rs` the modules
//! that may call them.

use std::fmt;
use std::path::Path;

use wscli_architecture::{CodePath, Crate, SourceFile, Target, long_functions, uses_within};

/// What a row of [`TABLE`] allows.
#[derive(Clone, Copy)]
enum Allow {
    /// Anything at or below this path.
    All(&'static str),
    /// Types and constants at or below this path, by name: neither its modules
    /// as a whole nor its functions.
    Types(&'static str),
}

use Allow::{All, Types};

/// Who may import whom. A module may always import from itself; a row for a
/// submodule replaces that of its parent. `lib.rs` declares the modules and
/// `main.rs` uses the library, so they have no rows.
const TABLE: &[(&str, &[Allow])] = &[
    (
        "commands",
        &[
            All("cli"),
            All("exit"),
            All("connection"),
            All("server"),
            All("origin"),
            All("pipe"),
            All("prompt"),
            All("script"),
            All("talk"),
            All("decode"),
            All("bench"),
            All("report"),
            All("terminal"),
        ],
    ),
    (
        "cli",
        &[
            Types("connection"),
            Types("origin"),
            Types("bench"),
            Types("script"),
            Types("pipe"),
            Types("server"),
            Types("decode"),
        ],
    ),
    (
        "pipe",
        &[All("connection"), All("talk"), All("decode"), All("script")],
    ),
    (
        "exit",
        &[Types("connection"), Types("origin"), Types("bench")],
    ),
    ("script", &[All("connection"), All("decode")]),
    (
        "prompt",
        &[
            All("connection"),
            All("talk"),
            All("decode"),
            All("script"),
            All("terminal"),
        ],
    ),
    (
        "server",
        &[
            All("connection"),
            All("origin::web_origin"),
            All("origin::policy"),
            Types("origin"),
            All("talk"),
            All("script"),
        ],
    ),
    ("bench", &[All("connection"), All("script")]),
    ("origin", &[All("connection")]),
    // The pure part: nothing of ours but each other.
    (
        "origin::web_origin",
        &[All("origin::policy"), Types("origin")],
    ),
    (
        "origin::policy",
        &[All("origin::web_origin"), Types("origin")],
    ),
    // So are what to send and what to make of the answers: they see addresses
    // and what was observed, never a connection.
    ("origin::catalogue", &[Types("origin"), Types("connection")]),
    (
        "origin::plan",
        &[
            All("origin::catalogue"),
            Types("origin"),
            Types("connection"),
        ],
    ),
    ("origin::profile", &[Types("origin"), Types("connection")]),
    (
        "origin::rating",
        &[All("origin::catalogue"), Types("origin")],
    ),
    ("origin::remedy", &[Types("origin")]),
    (
        "origin::verdict",
        &[
            All("origin::catalogue"),
            All("origin::rating"),
            All("origin::remedy"),
            Types("origin"),
            Types("connection"),
        ],
    ),
    (
        "report",
        &[
            Types("connection"),
            All("connection::micros"),
            Types("talk"),
            All("talk::payload"),
            Types("bench"),
            // A result for the tests.
            All("bench::testing"),
            Types("origin"),
            // The catalogue and its advice are texts, and functions that find them.
            All("origin::catalogue"),
            All("origin::remedy"),
            Types("server"),
            Types("terminal::status"),
            All("terminal::style"),
            All("terminal::sanitize"),
        ],
    ),
    (
        "talk",
        &[
            All("connection"),
            All("decode"),
            Types("terminal"),
            All("terminal::style"),
            All("terminal::sanitize"),
        ],
    ),
    ("connection", &[]),
    // Its rooms, from the top down.
    ("connection::client", &[All("connection")]),
    (
        "connection::http",
        &[
            All("connection::net"),
            All("connection::secrets"),
            // What the headers of the handshake agree on.
            All("connection::ws::deflate"),
        ],
    ),
    ("connection::ws", &[All("connection::net::transport")]),
    ("connection::net", &[All("connection::secrets")]),
    ("connection::secrets", &[]),
    ("decode", &[]),
    ("terminal", &[]),
    // A pattern may be a JSONPath.
    ("value", &[All("decode")]),
];

/// What every module may import: it knows none of them.
const LEAVES: &[&str] = &["value"];

/// Rings that are not cut yet: the files, and why. A part of one is allowed too.
const KNOWN_RINGS: &[(&[&str], &str)] = &[];

const CLAP_USERS: &[&str] = &["cli", "commands"];

#[test]
fn modules_import_only_what_the_table_allows() {
    hold("who may import whom", check_imports);
}

#[test]
fn only_cli_and_commands_name_clap() {
    hold("only `cli` and `commands` name clap", check_clap);
}

#[test]
fn files_form_no_ring() {
    hold("files form no ring", |map| check_rings(map, KNOWN_RINGS));
}

/// A list to look at, not a rule: past sixty lines, ask what a function is made of.
#[test]
fn long_functions_are_listed() {
    for found in long_functions(&read(), 60) {
        println!("{found}");
    }
}

fn read() -> Crate {
    Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
}

/// Applies a rule to the sources and fails with all of its findings.
fn hold(rule: &str, check: impl Fn(&Crate) -> Vec<Finding>) {
    let findings: Vec<String> = check(&read()).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "rule: {rule}\n{}", findings.join("\n"));
}

fn check_imports(map: &Crate) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &map.files {
        if file.module.is_empty() || file.module == ["main"] {
            continue;
        }
        let own = file.module.join("::");
        let Some((row, allowed)) = row_of(&own) else {
            let message = format!("module `{own}` has no row in the table of ci/architecture");
            findings.push(Finding::new(file, 1, message));
            continue;
        };
        for path in &file.paths {
            if path.segments[0] == "wscli" {
                let message = "inside of the library, write `crate::` for `wscli::`".to_owned();
                findings.push(Finding::new(file, path.line, message));
            }
            let message = match map.resolve(path).as_ref().map(name_of) {
                Some(target) => check_import(&target, row, allowed),
                None => None,
            };
            findings.extend(message.map(|message| Finding::new(file, path.line, message)));
        }
    }
    findings
}

/// What is wrong with an import, if anything is.
fn check_import(target: &str, row: &str, allowed: &[Allow]) -> Option<String> {
    let is_free = |leaf: &&str| is_at_or_below(target, leaf);
    if target.is_empty() || is_at_or_below(target, row) || LEAVES.iter().any(is_free) {
        return None;
    }
    if row_of(target).is_none() {
        return Some(format!("`crate::{target}` is in no module of the table"));
    }
    if allowed.iter().any(|allow| allow.covers(target)) {
        return None;
    }
    Some(format!(
        "`{row}` may not import `crate::{target}`; it may import {}",
        describe(allowed)
    ))
}

fn check_clap(map: &Crate) -> Vec<Finding> {
    let is_user = |file: &&SourceFile| {
        let first = file.module.first();
        first.is_some_and(|first| CLAP_USERS.contains(&first.as_str()))
    };
    let of_clap = |path: &&CodePath| path.segments[0].split('_').next() == Some("clap");
    let mut findings = Vec::new();
    for file in map.files.iter().filter(|file| !is_user(file)) {
        for path in file.paths.iter().filter(of_clap) {
            let message = format!(
                "`{}`: engines never see clap types, they take a config",
                path.segments.join("::")
            );
            findings.push(Finding::new(file, path.line, message));
        }
    }
    findings
}

fn check_rings(map: &Crate, known: &[(&[&str], &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ring in map.rings() {
        let names: Vec<&str> = ring
            .iter()
            .map(|file| map.files[*file].path.as_str())
            .collect();
        let is_known = |files: &[&str]| names.iter().all(|name| files.contains(name));
        if known.iter().any(|(files, _)| is_known(files)) {
            continue;
        }
        let uses = uses_within(map, &ring);
        let message = format!(
            "these files form a ring: {}; cut one of\n  {}",
            names.join(", "),
            uses.join("\n  ")
        );
        findings.push(Finding::new(&map.files[ring[0]], 1, message));
    }
    findings
}

impl Allow {
    fn covers(self, target: &str) -> bool {
        match self {
            All(module) => is_at_or_below(target, module),
            Types(module) => {
                is_at_or_below(target, module)
                    && target
                        .split("::")
                        .any(|segment| segment.starts_with(|c: char| c.is_ascii_uppercase()))
            }
        }
    }
}

fn describe(allowed: &[Allow]) -> String {
    let names: Vec<String> = allowed
        .iter()
        .map(|allow| match allow {
            All(module) => format!("`{module}`"),
            Types(module) => format!("types of `{module}` by name"),
        })
        .collect();
    if names.is_empty() {
        "nothing of ours".to_owned()
    } else {
        names.join(", ")
    }
}

/// The row for a module or an item in it: that with the longest name.
fn row_of(path: &str) -> Option<(&'static str, &'static [Allow])> {
    TABLE
        .iter()
        .filter(|(module, _)| is_at_or_below(path, module))
        .max_by_key(|(module, _)| module.len())
        .copied()
}

fn is_at_or_below(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn name_of(target: &Target) -> String {
    match target {
        Target::Module(module) => module.join("::"),
        Target::Item(module, name) if module.is_empty() => name.clone(),
        Target::Item(module, name) => format!("{}::{name}", module.join("::")),
    }
}

/// What breaks a rule, where.
struct Finding {
    file: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(file: &SourceFile, line: usize, message: String) -> Self {
        Self {
            file: file.path.clone(),
            line,
            message,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

mod the_checks_themselves {
    use super::*;

    /// A crate with modules of all names that the cases use.
    const ROOT: &str = "pub mod connection; pub mod decode; pub mod server; pub mod report;
        pub mod origin; pub mod cli; pub mod terminal; pub mod newcomer;";

    /// The lines of a file in which a check finds something, in a crate that has
    /// these files too.
    #[track_caller]
    fn expect(check: fn(&Crate) -> Vec<Finding>, file: &str, text: &str, lines: &[usize]) {
        let mut files = vec![
            ("src/lib.rs", ROOT),
            (
                "src/connection/mod.rs",
                "pub mod dial; mod close; pub use close::CloseCode;",
            ),
            (
                "src/connection/dial.rs",
                "pub fn connect() {} pub struct Timings;",
            ),
            ("src/connection/close.rs", "pub struct CloseCode;"),
            ("src/decode.rs", "pub fn decode() {}"),
            ("src/server.rs", "pub struct Server;"),
            ("src/report.rs", "pub struct Text; pub fn text() {}"),
            (
                "src/origin/mod.rs",
                "pub mod policy; pub mod runner; pub mod web_origin;",
            ),
            ("src/origin/policy.rs", "pub struct OriginPolicy;"),
            ("src/origin/runner.rs", "pub fn run() {}"),
            ("src/origin/web_origin.rs", "pub struct WebOrigin;"),
            ("src/cli/mod.rs", "pub mod serve;"),
            ("src/cli/serve.rs", ""),
            ("src/terminal/mod.rs", "pub mod style; pub mod printer;"),
            ("src/terminal/style.rs", "pub struct Style;"),
            ("src/terminal/printer.rs", "pub struct Printer;"),
        ];
        files.retain(|(path, _)| *path != file);
        files.push((file, text));
        let found = check(&Crate::of(&files));
        let found_lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found_lines, lines, "{file}:\n{text}\nfound: {shown:#?}");
    }

    #[test]
    fn imports_in_every_spelling() {
        let cases: &[(&str, &str, &[usize])] = &[
            (
                "src/connection/close.rs",
                "use crate::server::Server;",
                &[1],
            ),
            ("src/connection/close.rs", "use super::dial::Timings;", &[]),
            ("src/connection/close.rs", "use super::super::server;", &[1]),
            (
                "src/connection/mod.rs",
                "use super::server; mod close; mod dial;",
                &[1],
            ),
            (
                "src/connection/mod.rs",
                "mod close; mod dial; pub use self::close::CloseCode;",
                &[],
            ),
            (
                "src/connection/close.rs",
                "use crate::{\n    connection::dial,\n    server::{self, Server},\n};",
                &[1, 1],
            ),
            ("src/decode.rs", "fn f() { crate::report::text(1) }", &[1]),
            ("src/decode.rs", "pub(in crate::decode) fn f() {}", &[]),
            ("src/decode.rs", "pub(crate) fn f() {}", &[]),
            ("src/decode.rs", "//! See [`crate::report`].\n", &[]),
            ("src/decode.rs", "const A: &str = \"crate::report\";", &[]),
            (
                "src/decode.rs",
                "fn f<'a>(x: &'a str) {}\nuse crate::report::Text;",
                &[2],
            ),
            (
                "src/decode.rs",
                "mod inner { use super::x; use super::super::report; }",
                &[1],
            ),
            (
                "src/decode.rs",
                "#[cfg(test)] mod tests { use super::*; use crate::report::Text; }",
                &[1],
            ),
            (
                "src/decode.rs",
                "fn f() {\n    println!(\"{}\", crate::report::text());\n}",
                &[2],
            ),
            ("src/decode.rs", "use wscli::decode::Frame;", &[1]),
            ("src/newcomer.rs", "", &[1]),
            (
                "src/lib.rs",
                "pub mod connection; pub use crate::connection::CloseCode;",
                &[],
            ),
            // What another module imports again is used where it is defined.
            ("src/cli/serve.rs", "use crate::connection::CloseCode;", &[]),
        ];
        for (file, text, lines) in cases {
            let without_newcomer = |map: &Crate| {
                let mut found = check_imports(map);
                found.retain(|finding| finding.file != "src/newcomer.rs");
                found
            };
            let check = match *file {
                "src/newcomer.rs" => check_imports,
                _ => without_newcomer as fn(&Crate) -> Vec<Finding>,
            };
            expect(check, file, text, lines);
        }
    }

    #[test]
    fn rows_of_the_table() {
        let cases: &[(&str, &str, &[usize])] = &[
            (
                "src/cli/serve.rs",
                "use crate::connection::dial::Timings;",
                &[],
            ),
            (
                "src/cli/serve.rs",
                "fn f() { let t = crate::connection::CloseCode::parse(s); }",
                &[],
            ),
            ("src/cli/serve.rs", "use crate::connection::dial;", &[1]),
            (
                "src/cli/serve.rs",
                "use crate::connection::dial::connect;",
                &[1],
            ),
            (
                "src/cli/serve.rs",
                "use crate::terminal::style::Style;",
                &[1],
            ),
            ("src/server.rs", "use crate::origin::policy;", &[]),
            ("src/server.rs", "use crate::origin::runner;", &[1]),
            (
                "src/origin/policy.rs",
                "use super::web_origin::WebOrigin;",
                &[],
            ),
            ("src/origin/policy.rs", "use super::runner::run;", &[1]),
            (
                "src/origin/policy.rs",
                "use crate::connection::CloseCode;",
                &[1],
            ),
            ("src/origin/runner.rs", "use crate::connection::dial;", &[]),
            ("src/report.rs", "use crate::terminal::style::Style;", &[]),
            ("src/report.rs", "use crate::terminal::printer;", &[1]),
        ];
        for (file, text, lines) in cases {
            expect(check_imports, file, text, lines);
        }
    }

    #[test]
    fn clap_in_every_spelling() {
        let cases: &[(&str, &str, &[usize])] = &[
            ("src/server.rs", "#[derive(clap::Args)]\nstruct A;", &[1]),
            ("src/server.rs", "use clap_complete::Shell;", &[1]),
            ("src/cli/serve.rs", "use clap::Parser;", &[]),
        ];
        for (file, text, lines) in cases {
            expect(check_clap, file, text, lines);
        }
    }

    #[test]
    fn rings_of_files() {
        let ring = |a: &str, b: &str| {
            let map = Crate::of(&[
                ("src/lib.rs", "mod a; mod b; mod c;"),
                ("src/a.rs", a),
                ("src/b.rs", b),
                ("src/c.rs", "pub use crate::a::A;"),
            ]);
            map.rings()
        };
        let a = "use crate::b::B; pub struct A;";
        let struct_b = "pub struct B;";
        for (b, has_ring) in [
            ("pub struct B;", false),
            ("pub struct B; use crate::a::A;", true),
            ("pub struct B(crate::a::A);", true),
            ("pub struct B; fn f() { vec![crate::a::A] }", true),
            ("pub struct B; use crate::a; fn f() { a::A }", true),
            // Through another file that only names it again.
            ("pub struct B; use crate::c::A;", true),
            // A module's name alone is not its content.
            ("pub struct B; use crate::a;", false),
            ("pub struct B; pub use crate::a::A;", false),
            (
                "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }",
                false,
            ),
        ] {
            assert_eq!(!ring(a, b).is_empty(), has_ring, "{b}");
        }
        assert!(ring(struct_b, struct_b).is_empty());
    }

    #[test]
    fn a_known_ring_is_allowed_and_no_larger_one() {
        let known: &[(&[&str], &str)] = &[(&["src/a.rs", "src/b.rs"], "a reason")];
        let ring_of_two = ("use crate::a::A; pub struct B;", "");
        let ring_of_three = (
            "use crate::c::C; pub struct B;",
            "pub struct C(crate::a::A);",
        );
        for ((b, c), findings) in [(ring_of_two, 0), (ring_of_three, 1)] {
            let map = Crate::of(&[
                ("src/lib.rs", "mod a; mod b; mod c;"),
                ("src/a.rs", "use crate::b::B; pub struct A;"),
                ("src/b.rs", b),
                ("src/c.rs", c),
            ]);
            assert_eq!(check_rings(&map, known).len(), findings, "{b}");
        }
    }
}
