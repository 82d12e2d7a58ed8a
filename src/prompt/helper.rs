//! What the line editor shows and offers while a line is typed: completion,
//! hints, colours, the prompt, and whether Enter ends the input.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::SearchDirection;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Cmd, ConditionalEventHandler, Context, Event, EventContext, Helper, RepeatCount, Result,
};

use super::command::{self, COMMANDS, LOG_WORDS, Spec};
use super::reflow::Painted;
use crate::terminal;
use crate::terminal::printer::Gate;
use crate::terminal::style::{Role, Style};
use crate::terminal::tty::Suspender;

/// The width of the prompt's label in columns. It never changes, so that the
/// label can change under the line that is being typed.
const LABEL_COLUMNS: usize = 10;

/// The words behind `/decode`.
const DECODE_WORDS: [&str; 5] = ["auto", "json", "lines", "record-separator", "off"];

/// Stands behind a line that Enter does not send.
const GOES_ON: &str = "   (goes on; an empty line sends it, Ctrl-C drops it)";

/// How many earlier entries are offered behind `/connect`.
const MAX_URLS: usize = 20;

/// The prompt: the state of the connection, right before what is typed.
#[derive(Debug, Clone, Default)]
pub struct Prompt {
    label: Arc<Mutex<String>>,
}

impl Prompt {
    /// Sets the label, cut to its width. It shows with the next print.
    pub fn set(&self, label: &str) {
        let label = label.chars().take(LABEL_COLUMNS).collect();
        *self.label.lock().unwrap_or_else(PoisonError::into_inner) = label;
    }

    /// The prompt's text.
    pub fn text(&self) -> String {
        let label = self.label.lock().unwrap_or_else(PoisonError::into_inner);
        format!("{:>LABEL_COLUMNS$}> ", *label)
    }
}

/// Opens and shuts the printer's [`Gate`] as lines begin and end.
#[derive(Clone)]
pub struct Turn {
    gate: Arc<Gate>,
    /// Whether a line has just been entered: its last repaint must not open
    /// the gate again.
    ended: Arc<AtomicBool>,
    /// Whether there was something in the line that Ctrl-C ended.
    had_text: Arc<AtomicBool>,
}

impl Turn {
    /// A turn that has not begun.
    pub fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            ended: Arc::new(AtomicBool::new(true)),
            had_text: Arc::default(),
        }
    }

    /// A line is about to be edited. The gate opens when it shows.
    pub fn begin(&self) {
        self.had_text.store(false, Ordering::SeqCst);
        self.ended.store(false, Ordering::SeqCst);
    }

    /// The line is over.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.gate.shut();
    }

    /// Whether there was something in the line that Ctrl-C ended.
    pub fn had_text(&self) -> bool {
        self.had_text.load(Ordering::SeqCst)
    }

    fn painted(&self) {
        self.gate.painting();
        if !self.ended.load(Ordering::SeqCst) {
            self.gate.open();
        }
    }
}

/// The line editor's helper.
pub struct PromptHelper {
    prompt: Prompt,
    style: Style,
    turn: Turn,
    /// What was not sent at once, since it begins like JSON and is none.
    asked: Mutex<String>,
    painted: Arc<Painted>,
    files: FilenameCompleter,
}

impl fmt::Debug for PromptHelper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptHelper").finish_non_exhaustive()
    }
}

impl PromptHelper {
    /// A helper that shows `prompt`.
    pub(super) fn new(prompt: Prompt, style: Style, turn: Turn, painted: Arc<Painted>) -> Self {
        Self {
            prompt,
            style,
            turn,
            asked: Mutex::default(),
            painted,
            files: FilenameCompleter::new(),
        }
    }
}

impl Helper for PromptHelper {}

impl Completer for PromptHelper {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, ctx: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        let typed = &line[..pos];
        if let Some(name) = typed.strip_prefix('/')
            && !name.contains(char::is_whitespace)
        {
            return Ok((0, commands(name)));
        }
        if let Some(word) = typed.strip_prefix("/log ")
            && !word.contains(char::is_whitespace)
        {
            return Ok(("/log ".len(), words(word)));
        }
        for (command, words) in [
            ("/decode ", &DECODE_WORDS[..]),
            ("/pretty ", &["on", "off"]),
        ] {
            if let Some(word) = typed.strip_prefix(command) {
                return Ok((command.len(), beginning_with(word, words)));
            }
        }
        if let Some(url) = typed.strip_prefix("/connect ") {
            return Ok(("/connect ".len(), urls(url, ctx)));
        }
        if typed.starts_with("/file ")
            || typed.starts_with("/log save ")
            || typed.starts_with("/save ")
        {
            return self.files.complete(line, pos, ctx);
        }
        Ok((pos, Vec::new()))
    }
}

fn commands(beginning: &str) -> Vec<Pair> {
    COMMANDS
        .iter()
        .filter(|spec| spec.name.starts_with(beginning))
        .map(|spec| Pair {
            display: format!("/{}", spec.name),
            replacement: match spec.usage {
                "" => format!("/{}", spec.name),
                _ => format!("/{} ", spec.name),
            },
        })
        .collect()
}

fn beginning_with(beginning: &str, words: &[&str]) -> Vec<Pair> {
    let fitting = words.iter().filter(|word| word.starts_with(beginning));
    fitting
        .map(|word| Pair {
            display: (*word).to_owned(),
            replacement: (*word).to_owned(),
        })
        .collect()
}

fn words(beginning: &str) -> Vec<Pair> {
    LOG_WORDS
        .iter()
        .filter(|word| word.starts_with(beginning))
        .map(|word| Pair {
            display: (*word).to_owned(),
            replacement: match *word {
                "filter" | "save" => format!("{word} "),
                word => word.to_owned(),
            },
        })
        .collect()
}

/// Addresses that were connected to before, the last one first.
fn urls(beginning: &str, ctx: &Context<'_>) -> Vec<Pair> {
    let history = ctx.history();
    let mut found: Vec<Pair> = Vec::new();
    for index in (0..history.len()).rev() {
        let Ok(Some(result)) = history.get(index, SearchDirection::Reverse) else {
            continue;
        };
        let Some(url) = result.entry.strip_prefix("/connect ") else {
            continue;
        };
        if url.starts_with(beginning) && found.iter().all(|pair| pair.replacement != url) {
            found.push(Pair {
                display: url.to_owned(),
                replacement: url.to_owned(),
            });
        }
        if found.len() == MAX_URLS {
            break;
        }
    }
    found
}

/// What may follow: shown, and taken over by the right arrow where it is the
/// rest of a command's name.
#[derive(Debug)]
pub struct CommandHint {
    shown: String,
    rest_of_name: Option<String>,
}

impl Hint for CommandHint {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.rest_of_name.as_deref()
    }
}

impl Hinter for PromptHelper {
    type Hint = CommandHint;

    // Asked before each paint.
    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<CommandHint> {
        self.painted.is(line.get(..pos).unwrap_or(line));
        if pos < line.len() {
            return None;
        }
        hint(line)
    }
}

fn hint(line: &str) -> Option<CommandHint> {
    if line.contains('\n') && command::is_unfinished(line.trim_end_matches('\n')) {
        return Some(CommandHint {
            shown: GOES_ON.to_owned(),
            rest_of_name: None,
        });
    }
    let name = line.strip_prefix('/')?;
    if let Some(name) = name.strip_suffix(' ') {
        let spec = find(name)?;
        return (!spec.usage.is_empty()).then(|| CommandHint {
            shown: spec.usage.to_owned(),
            rest_of_name: None,
        });
    }
    if let Some(spec) = find(name) {
        return (!spec.usage.is_empty()).then(|| CommandHint {
            shown: format!(" {}", spec.usage),
            rest_of_name: None,
        });
    }
    let mut fitting = COMMANDS
        .iter()
        .filter(|spec| !name.is_empty() && spec.name.starts_with(name));
    let (spec, None) = (fitting.next()?, fitting.next()) else {
        return None;
    };
    let rest = spec.name[name.len()..].to_owned();
    Some(CommandHint {
        shown: rest.clone(),
        rest_of_name: Some(rest),
    })
}

fn find(name: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|spec| spec.name == name)
}

impl Highlighter for PromptHelper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        let Some(rest) = line.strip_prefix('/') else {
            return Cow::Borrowed(line);
        };
        if rest.starts_with('/') || !self.style.is_colored() {
            return Cow::Borrowed(line);
        }
        let end = line.find(char::is_whitespace).unwrap_or(line.len());
        let name = &line[1..end];
        let role = match COMMANDS.iter().any(|spec| spec.name.starts_with(name)) {
            true => Role::Command,
            false => Role::Unknown,
        };
        Cow::Owned(self.style.paint(role, &line[..end]) + &line[end..])
    }

    // Called for every repaint, and every repaint means that a line is being
    // edited. The label may have changed since the editor was started.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        default: bool,
    ) -> Cow<'b, str> {
        self.turn.painted();
        let clears = self
            .painted
            .clears(LABEL_COLUMNS + 2, terminal::stdout_width());
        match default {
            true => Cow::Owned(clears + &self.style.paint(Role::Prompt, &self.prompt.text())),
            false => Cow::Borrowed(prompt),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(self.style.paint(Role::Hint, hint))
    }

    fn highlight_char(&self, line: &str, _: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor && self.style.is_colored() && line.starts_with('/')
    }
}

impl Validator for PromptHelper {
    fn validate(&self, ctx: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        let input = ctx.input();
        if command::is_unfinished(input) {
            return Ok(ValidationResult::Incomplete);
        }
        if let Some(error) = command::broken_json(input) {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if *asked != input {
                input.clone_into(&mut asked);
                return Ok(ValidationResult::Invalid(Some(format!(
                    "\n! not sent, since it is not JSON: {error}; Enter again sends it as it is, Ctrl-C drops it"
                ))));
            }
        }
        self.turn.end();
        Ok(ValidationResult::Valid(None))
    }
}

/// A key that ends a line without Enter, or suspends the editing of it: shuts
/// the gate first, and does what it does.
pub struct EndKey {
    /// The line that is edited.
    pub turn: Turn,
    /// What the key does.
    pub key: Key,
    /// Suspends the program. The editor's own way would leave the terminal
    /// without echo.
    pub suspender: Option<Suspender>,
}

/// The keys that need an [`EndKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D: ends an empty line, and deletes a character of another.
    End,
    /// Ctrl-Z.
    Suspend,
}

impl ConditionalEventHandler for EndKey {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, ctx: &EventContext<'_>) -> Option<Cmd> {
        let had_text = !ctx.line().is_empty();
        match (self.key, &self.suspender) {
            (Key::Interrupt, _) => {
                self.turn.had_text.store(had_text, Ordering::SeqCst);
                self.turn.end();
            }
            (Key::End, _) if had_text => {}
            (Key::End, _) => self.turn.end(),
            (Key::Suspend, Some(suspender)) => {
                self.turn.gate.shut();
                suspender.suspend();
                // Also opens the gate again.
                return Some(Cmd::Repaint);
            }
            (Key::Suspend, None) => return Some(Cmd::Noop),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Decode;

    fn shown(line: &str) -> Option<(String, Option<String>)> {
        hint(line).map(|hint| (hint.shown, hint.rest_of_name))
    }

    #[test]
    fn hints_tell_the_rest() {
        assert_eq!(shown("/clo"), Some(("se".into(), Some("se".into()))));
        assert_eq!(shown("/close"), Some((" [CODE [REASON]]".into(), None)));
        assert_eq!(shown("{\n"), Some((GOES_ON.into(), None)));
        assert_eq!(shown("{\"a\": 1,\n\"b\""), Some((GOES_ON.into(), None)));
        for line in ["{", "{\n}", "a\nb"] {
            assert_eq!(shown(line), None, "{line}");
        }
        assert_eq!(shown("/close "), Some(("[CODE [REASON]]".into(), None)));
        for line in ["", "/", "/p", "hello", "/quit", "/close 1", "/nope"] {
            assert_eq!(shown(line), None, "{line}");
        }
    }

    #[test]
    fn completion() {
        let names = |pairs: Vec<Pair>| -> Vec<String> {
            pairs.into_iter().map(|pair| pair.replacement).collect()
        };
        assert_eq!(names(commands("p")), ["/pretty ", "/ping ", "/pong "]);
        assert_eq!(names(commands("q")), ["/quit"]);
        assert_eq!(names(words("")).len(), LOG_WORDS.len());
        assert_eq!(names(words("s")), ["save "]);
        assert_eq!(
            names(beginning_with("rec", &DECODE_WORDS)),
            ["record-separator"]
        );
        let mut known = DECODE_WORDS.iter();
        assert!(known.all(|word| word.parse::<Decode>().is_ok()));
    }

    #[test]
    fn the_prompt_keeps_its_width() {
        let prompt = Prompt::default();
        for label in ["", "Open", "Connecting", "much too long a label"] {
            prompt.set(label);
            assert_eq!(prompt.text().chars().count(), LABEL_COLUMNS + 2);
        }
    }
}
