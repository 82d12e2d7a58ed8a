//! Where typed lines come from: the line editor on a terminal that can do
//! it, and plain lines elsewhere.
//!
//! Both run on a thread of their own, since neither can be interrupted while
//! it waits for a key. The thread hands over one line at a time and waits
//! until it has been dealt with; at the end of the program it is left behind.

use std::io::{self, BufRead as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{
    ColorMode, CompletionType, Config, Editor, EventHandler, ExternalPrinter as _, KeyEvent,
};
use tokio::sync::{mpsc, oneshot};

use super::helper::{EndKey, Key, Prompt, PromptHelper, Turn};
use super::reflow::Painted;
use crate::connection::Secrets;
use crate::terminal::Style;
use crate::terminal::printer::{Gate, Sink};
use crate::terminal::tty::Suspender;

/// How many lines the history holds.
const MAX_HISTORY: usize = 5_000;

/// Shows nothing where the cursor is: up a row, and down again. What follows is not
/// painted any more; see [`Gate::painting`].
pub const FENCE: &str = "\x1b[A\n";

/// What the user did at the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Entered a line.
    Line(String),
    /// Pressed Ctrl-C on an empty line, or was sent SIGINT.
    Interrupt,
    /// Pressed Ctrl-C to be rid of the line.
    Cleared,
    /// Pressed Ctrl-D on an empty line, or the input has ended.
    End,
}

/// Something typed, and the thread that waits until it was dealt with.
#[derive(Debug)]
pub struct Input {
    /// What was typed.
    pub typed: Typed,
    /// Dropped or answered when the next line may be typed.
    pub done: oneshot::Sender<()>,
}

/// A running source of lines.
pub struct Source {
    /// What is typed. Holds one: the thread waits for its answer.
    pub inputs: mpsc::Receiver<Input>,
    /// Prints above the line that is being typed.
    pub sink: Sink,
    /// Says when `sink` may be used.
    pub gate: Arc<Gate>,
    /// Shows nothing; the printer's last text for a line editor.
    pub fence: Option<&'static str>,
    /// What could not be had, for the user to know.
    pub trouble: Option<String>,
}

/// What a source is to be like.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// Where lines are kept between runs; `None` keeps none.
    pub history: Option<PathBuf>,
    /// Colours, or none.
    pub style: Style,
    /// The prompt.
    pub prompt: Prompt,
    /// Whether the terminal wraps its rows anew when it becomes narrower.
    pub reflows: bool,
    /// Stops the program for Ctrl-Z; without it the key does nothing.
    pub suspender: Option<Suspender>,
}

impl Source {
    /// Starts a source: the line editor, or plain lines where the terminal
    /// cannot do more (`TERM=dumb`).
    ///
    /// # Errors
    /// The system's, where no thread can be had.
    pub fn start(config: SourceConfig) -> io::Result<Self> {
        let gate = Gate::new();
        let (sender, inputs) = mpsc::channel(1);
        let turn = Turn::new(Arc::clone(&gate));
        let Some((mut editor, sink)) = editor(&config, &turn) else {
            let asked = Arc::new(AtomicBool::new(false));
            let (prompt, asks) = (config.prompt, Arc::clone(&asked));
            let shown = prompt.clone();
            spawn(move || plain_lines(&sender, &shown, &asks))?;
            gate.open();
            return Ok(Self {
                inputs,
                sink: Box::new(move |text| plain_print(&text, &prompt, &asked)),
                gate,
                fence: None,
                trouble: None,
            });
        };
        let mut history = config.history.clone();
        let trouble = history
            .as_ref()
            .and_then(|path| load_history(&mut editor, path).err());
        if trouble.is_some() {
            history = None;
        }
        let prompt = config.prompt;
        spawn(move || edited_lines(editor, &prompt, &turn, history.as_deref(), &sender))?;
        Ok(Self {
            inputs,
            sink,
            gate,
            fence: Some(FENCE),
            trouble,
        })
    }
}

type LineEditor = Editor<PromptHelper, DefaultHistory>;

/// The editor and its printer; `None` where the terminal has no use for it.
fn editor(config: &SourceConfig, turn: &Turn) -> Option<(LineEditor, Sink)> {
    let settings = Config::builder()
        .auto_add_history(false)
        .history_ignore_space(true)
        .max_history_size(MAX_HISTORY)
        .ok()?
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        // The helper colours, or does not. It has to be asked always: it is
        // by a repaint that it knows of a line being edited.
        .color_mode(ColorMode::Forced)
        .build();
    let mut editor: LineEditor = Editor::with_config(settings).ok()?;
    let painted = Arc::new(Painted::new(config.reflows));
    let helper = PromptHelper::new(
        config.prompt.clone(),
        config.style,
        turn.clone(),
        Arc::clone(&painted),
    );
    editor.set_helper(Some(helper));
    for (letter, key) in [('C', Key::Interrupt), ('D', Key::End), ('Z', Key::Suspend)] {
        let handler = EndKey {
            turn: turn.clone(),
            key,
            suspender: config.suspender.clone(),
        };
        editor.bind_sequence(
            KeyEvent::ctrl(letter),
            EventHandler::Conditional(Box::new(handler)),
        );
    }
    let mut printer = editor.create_external_printer().ok()?;
    let sink = Box::new(move |text| {
        painted.print();
        printer.print(text).map_err(io::Error::other)
    });
    Some((editor, sink))
}

fn spawn(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name("lines".into())
        .spawn(run)
        .map(drop)
}

fn edited_lines(
    mut editor: LineEditor,
    prompt: &Prompt,
    turn: &Turn,
    history: Option<&std::path::Path>,
    inputs: &mpsc::Sender<Input>,
) {
    loop {
        turn.begin();
        let result = editor.readline(&prompt.text());
        turn.end();
        let typed = match result {
            Ok(line) => {
                remember(&mut editor, &line, history);
                Typed::Line(line)
            }
            Err(ReadlineError::Interrupted) if turn.had_text() => Typed::Cleared,
            Err(ReadlineError::Interrupted) => Typed::Interrupt,
            Err(_) => Typed::End,
        };
        if !hand_over(inputs, typed) {
            return;
        }
    }
}

/// Sends what was typed, and waits until it has been dealt with.
fn hand_over(inputs: &mpsc::Sender<Input>, typed: Typed) -> bool {
    let (done, wait) = oneshot::channel();
    inputs.blocking_send(Input { typed, done }).is_ok() && wait.blocking_recv().is_ok()
}

/// Prints on a terminal that cannot take the typed line away and bring it back: the
/// prompt is shown again below.
fn plain_print(text: &str, prompt: &Prompt, asked: &AtomicBool) -> io::Result<()> {
    let shown = match asked.load(Ordering::SeqCst) {
        true => format!("\n{text}{}", prompt.text()),
        false => text.to_owned(),
    };
    crate::terminal::write_stdout(shown.as_bytes())
}

fn plain_lines(inputs: &mpsc::Sender<Input>, prompt: &Prompt, asked: &AtomicBool) {
    let mut lines = io::stdin().lock().lines();
    loop {
        let _ = crate::terminal::write_stdout(prompt.text().as_bytes());
        asked.store(true, Ordering::SeqCst);
        let line = lines.next();
        asked.store(false, Ordering::SeqCst);
        let Some(line) = line else { break };
        let typed = match line {
            Ok(line) => Typed::Line(line),
            Err(_) => break,
        };
        if !hand_over(inputs, typed) {
            return;
        }
    }
    let _ = hand_over(inputs, Typed::End);
}

fn load_history(editor: &mut LineEditor, path: &std::path::Path) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| {
        format!(
            "could not use the history '{}': {error}; lines are not kept",
            path.display()
        )
    };
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|error| failed(&error))?;
    }
    if !path.exists() {
        // The first line makes it, readable by its owner alone.
        return Ok(());
    }
    editor.load_history(path).map_err(|error| failed(&error))
}

/// Keeps a line, on disk at once. A line that begins with a space is not
/// kept, as in a shell, and neither is a password.
fn remember(editor: &mut LineEditor, line: &str, history: Option<&std::path::Path>) {
    let added = editor.add_history_entry(kept(line)).unwrap_or(false);
    if let (true, Some(path)) = (added, history) {
        // A history that cannot be written is not worth a word at each line.
        let _ = editor.append_history(path);
    }
}

/// A line as the history keeps it.
fn kept(line: &str) -> String {
    match line.trim_start().strip_prefix("/connect ") {
        Some(url) => format!("/connect {}", Secrets::default().url(url.trim())),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_keeps_no_secrets_of_an_address() {
        for (line, expected) in [
            (
                "/connect ws://u:pw@h/?a=1&token=t",
                "/connect ws://h/?a=1&token=[redacted]",
            ),
            ("/connect  h:1/@x ", "/connect h:1/@x"),
            ("token=t", "token=t"),
        ] {
            assert_eq!(kept(line), expected);
        }
    }
}
