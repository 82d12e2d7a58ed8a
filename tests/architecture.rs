//! Holds the sources to the architecture: which module may import which, and
//! who may touch the world outside (standard streams, environment, exit code,
//! the parser of the command line).
//!
//! Reads the files under `src/` as text, reduced to tokens: no comments, no
//! literals. A rule is a function from a source to its findings; a new module
//! needs a row in [`TABLE`].

use std::fmt;
use std::fs;
use std::path::Path;

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
            All("repl"),
            All("script"),
            All("transcript"),
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
        ],
    ),
    ("pipe", &[All("connection")]),
    (
        "exit",
        &[Types("connection"), Types("origin"), Types("bench")],
    ),
    ("script", &[All("connection"), All("decode")]),
    (
        "repl",
        &[
            All("connection"),
            All("transcript"),
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
            All("transcript"),
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
    ("origin::remedy", &[Types("origin")]),
    (
        "origin::verdict",
        &[
            All("origin::catalogue"),
            All("origin::remedy"),
            Types("origin"),
            Types("connection"),
        ],
    ),
    (
        "report",
        &[
            Types("connection"),
            All("connection::http::redact"),
            Types("bench"),
            // A result for the tests.
            All("bench::testing"),
            Types("origin"),
            // The catalogue and its advice are texts, and functions that find them.
            All("origin::catalogue"),
            All("origin::remedy"),
            All("terminal::style"),
            All("terminal::sanitize"),
        ],
    ),
    (
        "transcript",
        &[
            All("connection::ws::event"),
            All("connection::ws::close"),
            Types("connection"),
            All("decode"),
            Types("terminal"),
            All("terminal::style"),
            All("terminal::sanitize"),
        ],
    ),
    ("connection", &[]),
    ("decode", &[]),
    ("terminal", &[]),
];

const WRITERS: &[&str] = &["terminal"];
const EXITERS: &[&str] = &["main"];
const ENVIRONMENT_READERS: &[&str] = &["commands", "main"];
const CLAP_USERS: &[&str] = &["cli", "commands", "main"];

#[test]
fn modules_import_only_what_the_table_allows() {
    hold("who may import whom", check_imports);
}

#[test]
fn only_terminal_writes_to_the_standard_streams() {
    hold("only `terminal` writes to stdout and stderr", check_output);
}

#[test]
fn only_main_ends_the_process() {
    hold("only `main` ends the process", check_exit);
}

#[test]
fn only_commands_and_main_read_the_environment() {
    hold(
        "only `commands` and `main` read environment variables",
        check_environment,
    );
}

#[test]
fn only_cli_commands_and_main_name_clap() {
    hold("only `cli`, `commands` and `main` name clap", check_clap);
}

/// Applies a rule to every source and fails with all of its findings.
fn hold(rule: &str, check: fn(&Source) -> Vec<Finding>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    read_sources(root, &root.join("src"), &mut sources);
    assert!(!sources.is_empty(), "no sources under src/");
    let findings: Vec<String> = sources
        .iter()
        .flat_map(check)
        .map(|finding| finding.to_string())
        .collect();
    assert!(findings.is_empty(), "rule: {rule}\n{}", findings.join("\n"));
}

fn check_imports(source: &Source) -> Vec<Finding> {
    if source.module.is_empty() || source.module == ["main"] {
        return Vec::new();
    }
    let own = source.module.join("::");
    let Some((row, allowed)) = row_of(&own) else {
        let message = format!("module `{own}` has no row in the table of tests/architecture.rs");
        return vec![source.finding(1, message)];
    };
    let mut findings = Vec::new();
    for path in source.paths() {
        let Some(target) = path.absolute() else {
            if path.segments[0] == "wscli" {
                let message = "inside of the library, write `crate::` for `wscli::`".to_owned();
                findings.push(source.finding(path.line, message));
            }
            continue;
        };
        let target = target.join("::");
        if target.is_empty() || is_at_or_below(&target, row) {
            continue;
        }
        if row_of(&target).is_none() {
            let message = format!("`crate::{target}` is in no module of the table");
            findings.push(source.finding(path.line, message));
        } else if !allowed.iter().any(|allow| allow.covers(&target)) {
            let message = format!(
                "`{row}` may not import `crate::{target}`; it may import {}",
                describe(allowed)
            );
            findings.push(source.finding(path.line, message));
        }
    }
    findings
}

fn check_output(source: &Source) -> Vec<Finding> {
    if source.is_one_of(WRITERS) {
        return Vec::new();
    }
    const MACROS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];
    let mut findings = Vec::new();
    for path in source.paths() {
        if path.in_test {
            continue;
        }
        let last = path.last();
        let is_macro = path.is_macro && MACROS.contains(&last);
        let is_stream = path.has_pair("io", &["stdout", "stderr", "Stdout", "Stderr"])
            || path.has_pair("stdio", &["stdout", "stderr", "raw_stdout", "raw_stderr"]);
        if is_macro || is_stream {
            let message = format!("`{path}`: write through a printer of `terminal`");
            findings.push(source.finding(path.line, message));
        }
    }
    findings
}

fn check_exit(source: &Source) -> Vec<Finding> {
    let message = "return a status or an error: `main` maps it to the exit code";
    source.forbid_pair(EXITERS, "process", &["exit", "abort"], message)
}

fn check_environment(source: &Source) -> Vec<Finding> {
    let readers = &["var", "var_os", "vars", "vars_os", "set_var", "remove_var"];
    let message = "take the value as an argument: `commands` reads the environment";
    source.forbid_pair(ENVIRONMENT_READERS, "env", readers, message)
}

fn check_clap(source: &Source) -> Vec<Finding> {
    if source.is_one_of(CLAP_USERS) {
        return Vec::new();
    }
    source
        .paths()
        .into_iter()
        .filter(|path| path.segments[0].split('_').next() == Some("clap"))
        .map(|path| {
            let message = format!("`{path}`: engines never see clap types, they take a config");
            source.finding(path.line, message)
        })
        .collect()
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

/// What breaks a rule, where.
struct Finding {
    file: String,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// One file under `src/`.
struct Source {
    file: String,
    /// From the root of the crate: `["connection", "close"]`. `["main"]` for the
    /// program, empty for `lib.rs`.
    module: Vec<String>,
    tokens: Vec<Token>,
}

impl Source {
    fn new(file: &str, text: &str) -> Self {
        let inside = file.strip_prefix("src/").unwrap_or(file);
        let mut module: Vec<String> = inside
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        Self {
            file: file.to_owned(),
            module,
            tokens: tokenize(text),
        }
    }

    fn finding(&self, line: usize, message: String) -> Finding {
        Finding {
            file: self.file.clone(),
            line,
            message,
        }
    }

    fn is_one_of(&self, modules: &[&str]) -> bool {
        self.module
            .first()
            .is_some_and(|first| modules.contains(&first.as_str()))
    }

    fn forbid_pair(
        &self,
        exempt: &[&str],
        module: &str,
        items: &[&str],
        message: &str,
    ) -> Vec<Finding> {
        if self.is_one_of(exempt) {
            return Vec::new();
        }
        self.paths()
            .into_iter()
            .filter(|path| path.has_pair(module, items))
            .map(|path| self.finding(path.line, format!("`{path}`: {message}")))
            .collect()
    }

    /// Every path in the source, those of `use` with their groups spelled out.
    fn paths(&self) -> Vec<CodePath> {
        let mut paths = Vec::new();
        let mut scopes: Vec<Scope> = Vec::new();
        let mut depth = 0_usize;
        let mut at = 0;
        let mut test_file = self.module.last().is_some_and(|name| name == "tests");
        let mut test_attribute = false;
        while at < self.tokens.len() {
            let token = &self.tokens[at];
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    scopes.retain(|scope| scope.depth <= depth);
                }
                // What an attribute belongs to has begun and ended.
                ";" => test_attribute = false,
                "#" if self.has(at, &["#", "!", "[", "cfg", "(", "test", ")", "]"]) => {
                    test_file = true;
                }
                "#" if self.has(at, &["#", "[", "cfg", "(", "test", ")", "]"]) => {
                    test_attribute = true;
                    at += 7;
                    continue;
                }
                "mod" if self.text(at + 2) == Some("{") => {
                    depth += 1;
                    scopes.push(Scope {
                        name: self.tokens[at + 1].text.clone(),
                        depth,
                        is_test: test_attribute,
                    });
                    test_attribute = false;
                    at += 3;
                    continue;
                }
                _ if token.is_identifier() && !self.continues_a_path(at) => {
                    let mut module = self.module.clone();
                    module.extend(scopes.iter().map(|scope| scope.name.clone()));
                    let mut reader = PathReader {
                        source: self,
                        module,
                        in_test: test_file || scopes.iter().any(|scope| scope.is_test),
                        found: &mut paths,
                    };
                    at = reader.read(at, &[]);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        paths
    }

    /// Whether this identifier is a field, a method, or the visibility in `pub(in …)`.
    fn continues_a_path(&self, at: usize) -> bool {
        let before = |distance: usize| at.checked_sub(distance).and_then(|at| self.text(at));
        matches!(before(1), Some("." | "::")) || (before(1) == Some("in") && before(2) == Some("("))
    }

    fn text(&self, at: usize) -> Option<&str> {
        self.tokens.get(at).map(|token| token.text.as_str())
    }

    fn has(&self, at: usize, texts: &[&str]) -> bool {
        (0..texts.len()).all(|offset| self.text(at + offset) == Some(texts[offset]))
    }
}

/// A `mod name { … }` that is open at some place in a file.
struct Scope {
    name: String,
    depth: usize,
    is_test: bool,
}

/// A path as written, of one segment or more.
struct CodePath {
    line: usize,
    segments: Vec<String>,
    /// The module that it is written in.
    module: Vec<String>,
    is_macro: bool,
    in_test: bool,
}

impl CodePath {
    fn last(&self) -> &str {
        self.segments.last().map_or("", String::as_str)
    }

    fn has_pair(&self, module: &str, items: &[&str]) -> bool {
        self.segments
            .windows(2)
            .any(|pair| pair[0] == module && items.contains(&pair[1].as_str()))
    }

    /// From the root of the crate, for a path that begins with `crate`, `self` or `super`.
    fn absolute(&self) -> Option<Vec<String>> {
        let mut base = match self.segments[0].as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            _ => return None,
        };
        for segment in &self.segments {
            match segment.as_str() {
                "crate" | "self" | "*" => {}
                "super" => {
                    base.pop();
                }
                name => base.push(name.to_owned()),
            }
        }
        Some(base)
    }
}

impl fmt::Display for CodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.segments.join("::"))?;
        f.write_str(if self.is_macro { "!" } else { "" })
    }
}

/// Reads `a::b`, `a::{b, c::d}` and `a::*` into one path for each leaf.
struct PathReader<'a> {
    source: &'a Source,
    module: Vec<String>,
    in_test: bool,
    found: &'a mut Vec<CodePath>,
}

impl PathReader<'_> {
    /// Reads from the token at `at`, a segment or a group, and returns the place after it.
    fn read(&mut self, mut at: usize, prefix: &[String]) -> usize {
        let mut segments = prefix.to_vec();
        let line = self.source.tokens[at].line;
        loop {
            match self.source.text(at) {
                Some("{") => return self.read_group(at + 1, &segments),
                Some(text) if text == "*" || self.source.tokens[at].is_identifier() => {
                    segments.push(text.to_owned());
                    at += 1;
                }
                // A turbofish, `path::<T>`: the path is over.
                _ => break,
            }
            if self.source.text(at) != Some("::") {
                break;
            }
            at += 1;
        }
        let is_macro = self.source.text(at) == Some("!") && self.source.text(at + 1) != Some("=");
        self.found.push(CodePath {
            line,
            segments,
            module: self.module.clone(),
            is_macro,
            in_test: self.in_test,
        });
        at
    }

    fn read_group(&mut self, mut at: usize, prefix: &[String]) -> usize {
        loop {
            match self.source.text(at) {
                None => return at,
                Some("}") => return at + 1,
                Some("as") => at += 2,
                Some("{" | "*") => at = self.read(at, prefix),
                Some(_) if self.source.tokens[at].is_identifier() => at = self.read(at, prefix),
                Some(_) => at += 1,
            }
        }
    }
}

struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_identifier(&self) -> bool {
        self.text
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// Identifiers and punctuation. Comments and literals are left out, so that the
/// words in them are not taken for code.
fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = trivia_or_literal(rest) {
            length
        } else if first.is_alphabetic() || first == '_' {
            let length = word_length(rest);
            push(&mut tokens, &rest[..length], line);
            length
        } else if rest.starts_with("::") {
            push(&mut tokens, "::", line);
            2
        } else {
            push(&mut tokens, &rest[..first.len_utf8()], line);
            first.len_utf8()
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

fn push(tokens: &mut Vec<Token>, text: &str, line: usize) {
    tokens.push(Token {
        text: text.to_owned(),
        line,
    });
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}

/// The length of what the text begins with, if that is white space, a comment, a
/// literal or a lifetime.
fn trivia_or_literal(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment_length(text));
    }
    if first.is_ascii_digit() {
        return Some(word_length(text));
    }
    if first == '\'' {
        return Some(character_or_lifetime_length(text));
    }
    // b"…", r"…", r#"…"#, br#"…"#, c"…"
    let prefix = text.find(|c| !matches!(c, 'b' | 'r' | 'c'))?;
    let hashes = text[prefix..].len() - text[prefix..].trim_start_matches('#').len();
    let quote = prefix + hashes;
    if prefix > 2 || !text[quote..].starts_with('"') || (hashes > 0 && prefix == 0) {
        return (prefix == 1 && text.starts_with("b'"))
            .then(|| 1 + character_or_lifetime_length(&text[1..]));
    }
    let body = &text[quote + 1..];
    if text[..prefix].contains('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(quote + 1 + length);
    }
    Some(quote + 1 + quoted_length(body, '"'))
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// `'a'`, `'\''` or `'static`.
fn character_or_lifetime_length(text: &str) -> usize {
    let mut characters = text[1..].chars();
    match (characters.next(), characters.next()) {
        (Some('\\'), _) => 1 + quoted_length(&text[1..], '\''),
        (Some(inner), Some('\'')) => inner.len_utf8() + 2,
        _ => 1 + word_length(&text[1..]),
    }
}

/// Up to and with the closing quote, past escapes.
fn quoted_length(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        if !escaped && c == quote {
            return at + 1;
        }
        escaped = !escaped && c == '\\';
    }
    body.len()
}

fn read_sources(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of a folder under src/").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read_sources(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let file = path.strip_prefix(root).expect("a file of the package");
            let file = file.to_string_lossy().replace('\\', "/");
            sources.push(Source::new(&file, &text));
        }
    }
}

mod the_checks_themselves {
    use super::{
        Finding, Source, check_clap, check_environment, check_exit, check_imports, check_output,
    };

    /// The lines of a source in which a check finds something.
    #[track_caller]
    fn expect(check: fn(&Source) -> Vec<Finding>, file: &str, text: &str, lines: &[usize]) {
        let found = check(&Source::new(file, text));
        let found_lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found_lines, lines, "{file}:\n{text}\nfound: {shown:#?}");
    }

    #[test]
    fn imports_in_every_spelling() {
        let cases: &[(&str, &str, &[usize])] = &[
            ("src/connection/close.rs", "use crate::server::Echo;", &[1]),
            ("src/connection/close.rs", "use super::event::Event;", &[]),
            ("src/connection/close.rs", "use super::super::server;", &[1]),
            ("src/connection/mod.rs", "use super::server;", &[1]),
            ("src/connection/mod.rs", "pub use close::CloseCode;", &[]),
            (
                "src/connection/mod.rs",
                "pub use self::close::CloseCode;",
                &[],
            ),
            (
                "src/connection/close.rs",
                "use crate::{\n    connection::Event,\n    bench::{self, Rate},\n};",
                &[3, 3],
            ),
            (
                "src/decode/mod.rs",
                "fn f() { crate::report::text(1) }",
                &[1],
            ),
            ("src/decode/mod.rs", "pub(in crate::decode) fn f() {}", &[]),
            ("src/decode/mod.rs", "pub(crate) fn f() {}", &[]),
            ("src/decode/mod.rs", "//! See [`crate::report`].\n", &[]),
            (
                "src/decode/mod.rs",
                "const A: &str = \"crate::report\";",
                &[],
            ),
            (
                "src/decode/mod.rs",
                "const A: &str = r#\"\"crate::report\"#;",
                &[],
            ),
            (
                "src/decode/mod.rs",
                "const A: char = '\"'; use crate::report::Text; // \"",
                &[1],
            ),
            (
                "src/decode/mod.rs",
                "fn f<'a>(x: &'a str) {}\nuse crate::report::Text;",
                &[2],
            ),
            (
                "src/decode/mod.rs",
                "mod inner { use super::x; use super::super::report; }",
                &[1],
            ),
            (
                "src/decode/mod.rs",
                "#[cfg(test)] mod tests { use super::*; use crate::report::Text; }",
                &[1],
            ),
            ("src/decode/mod.rs", "use wscli::decode::Frame;", &[1]),
            ("src/newcomer.rs", "", &[1]),
            ("src/decode/mod.rs", "use crate::newcomer::X;", &[1]),
            ("src/main.rs", "use wscli::commands;", &[]),
            ("src/lib.rs", "pub use crate::connection::Event;", &[]),
        ];
        for (file, text, lines) in cases {
            expect(check_imports, file, text, lines);
        }
    }

    #[test]
    fn rows_of_the_table() {
        let cases: &[(&str, &str, &[usize])] = &[
            ("src/cli/serve.rs", "use crate::connection::Target;", &[]),
            (
                "src/cli/serve.rs",
                "use crate::connection::target::Target;",
                &[],
            ),
            (
                "src/cli/serve.rs",
                "let t = crate::connection::Target::parse(s);",
                &[],
            ),
            ("src/cli/serve.rs", "use crate::connection::dial;", &[1]),
            (
                "src/cli/serve.rs",
                "use crate::connection::dial::connect;",
                &[1],
            ),
            ("src/cli/serve.rs", "use crate::terminal::Style;", &[1]),
            ("src/server/mod.rs", "use crate::origin::policy;", &[]),
            ("src/server/mod.rs", "use crate::origin::runner;", &[1]),
            (
                "src/origin/policy.rs",
                "use super::web_origin::WebOrigin;",
                &[],
            ),
            ("src/origin/policy.rs", "use super::runner::run;", &[1]),
            (
                "src/origin/policy.rs",
                "use crate::connection::Target;",
                &[1],
            ),
            ("src/origin/runner.rs", "use crate::connection::dial;", &[]),
            (
                "src/transcript/text.rs",
                "use crate::terminal::style::Style;",
                &[],
            ),
            (
                "src/transcript/text.rs",
                "use crate::terminal::printer;",
                &[1],
            ),
            (
                "src/transcript/text.rs",
                "use crate::connection::socket;",
                &[1],
            ),
            (
                "src/commands/serve.rs",
                "use crate::{cli, exit, server};",
                &[],
            ),
        ];
        for (file, text, lines) in cases {
            expect(check_imports, file, text, lines);
        }
    }

    #[test]
    fn output() {
        let cases: &[(&str, &str, &[usize])] = &[
            (
                "src/server/mod.rs",
                "fn f() {\n    println!(\"x\");\n}",
                &[2],
            ),
            ("src/server/mod.rs", "std::eprint!(\"x\");", &[1]),
            (
                "src/server/mod.rs",
                "let out = std::io::stdout().lock();",
                &[1],
            ),
            ("src/server/mod.rs", "let out = tokio::io::stderr();", &[1]),
            ("src/server/mod.rs", "use std::io::{self, stdout};", &[1]),
            ("src/server/mod.rs", "let out = printer.stdout();", &[]),
            (
                "src/server/mod.rs",
                "writeln!(out, \"x\")?; if a.println != b {}",
                &[],
            ),
            ("src/main.rs", "eprintln!(\"x\");", &[1]),
            (
                "src/terminal/printer.rs",
                "io::stdout().lock(); eprintln!();",
                &[],
            ),
            (
                "src/server/mod.rs",
                "#[cfg(test)]\nmod tests {\n    fn f() { println!(); }\n}\nfn g() { println!(); }",
                &[5],
            ),
            ("src/server/tests.rs", "fn f() { println!(); }", &[]),
        ];
        for (file, text, lines) in cases {
            expect(check_output, file, text, lines);
        }
    }

    #[test]
    fn exit_environment_and_clap() {
        expect(
            check_exit,
            "src/commands/serve.rs",
            "std::process::exit(1)",
            &[1],
        );
        expect(
            check_exit,
            "src/commands/serve.rs",
            "use std::process::{Command, exit};",
            &[1],
        );
        expect(
            check_exit,
            "src/commands/serve.rs",
            "use crate::exit::Status;",
            &[],
        );
        expect(check_exit, "src/main.rs", "std::process::exit(1)", &[]);
        expect(
            check_environment,
            "src/server/mod.rs",
            "std::env::var(\"X\")",
            &[1],
        );
        expect(
            check_environment,
            "src/server/mod.rs",
            "use std::env;\nenv::var_os(\"X\")",
            &[2],
        );
        expect(
            check_environment,
            "src/server/mod.rs",
            "env!(\"CARGO_PKG_VERSION\")",
            &[],
        );
        expect(
            check_environment,
            "src/commands/mod.rs",
            "std::env::var(\"X\")",
            &[],
        );
        expect(
            check_clap,
            "src/server/mod.rs",
            "#[derive(clap::Args)]\nstruct A;",
            &[1],
        );
        expect(
            check_clap,
            "src/server/mod.rs",
            "use clap_complete::Shell;",
            &[1],
        );
        expect(check_clap, "src/cli/mod.rs", "use clap::Parser;", &[]);
    }
}
