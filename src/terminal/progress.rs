//! Progress of a long run: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::sanitize::sanitize_line;
use super::{Status, Verbosity, stderr_width};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The width of a terminal that does not tell it.
const DEFAULT_WIDTH: usize = 80;

/// How finely the bar can move.
const BAR_STEPS: u64 = 1000;

/// The progress of one run, on stderr.
#[derive(Debug)]
pub struct Progress {
    form: Form,
    /// The columns that are taken by all but the text.
    beside: usize,
}

#[derive(Debug)]
enum Form {
    Hidden,
    Bar(ProgressBar),
    Lines { status: Status, next: Instant },
}

impl Progress {
    /// Progress as stderr can show it; none at all when only errors are told. The text
    /// is for [`show_fitted`](Self::show_fitted).
    pub fn start(status: Status) -> Self {
        Self::with_template(status, "{bar:10} {msg}", 11)
    }

    /// The same with the time since the start, which goes on by itself, and a text that
    /// is cut to the width of the terminal.
    pub fn timed(status: Status) -> Self {
        let progress = Self::with_template(status, "{bar:20} {elapsed:>3} {wide_msg}", 25);
        if let Form::Bar(bar) = &progress.form {
            bar.enable_steady_tick(Duration::from_millis(500));
        }
        progress
    }

    /// `beside` columns are taken by all but the text.
    fn with_template(status: Status, template: &str, beside: usize) -> Self {
        let form = if !status.shows(Verbosity::Normal) {
            Form::Hidden
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(BAR_STEPS), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(template)
                .expect("the template is a constant that parses");
            bar.set_style(style);
            Form::Bar(bar)
        } else {
            Form::Lines {
                status,
                next: Instant::now() + LINE_EVERY,
            }
        };
        Self { form, beside }
    }

    /// Shows how far the run is, from 0 to 1, and how it goes.
    pub fn show(&mut self, done: f64, text: impl FnOnce() -> String) {
        self.show_fitted(done, |_| text());
    }

    /// The same with a text that is made for the columns that there are beside the bar.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn show_fitted(&mut self, done: f64, text: impl FnOnce(usize) -> String) {
        match &mut self.form {
            Form::Hidden => {}
            Form::Bar(bar) => {
                let width = stderr_width().unwrap_or(DEFAULT_WIDTH);
                bar.set_position((done.clamp(0.0, 1.0) * BAR_STEPS as f64) as u64);
                // Nothing in the last column: some terminals would begin a line.
                bar.set_message(text(width.saturating_sub(self.beside + 1)));
            }
            Form::Lines { status, next } => {
                let now = Instant::now();
                if now >= *next {
                    *next = now + LINE_EVERY;
                    status.note(&text(usize::MAX));
                }
            }
        }
    }

    /// Writes a line above the bar, where it stays; nothing where there is no bar.
    pub fn above(&self, line: &str) {
        if let Form::Bar(bar) = &self.form {
            let width = stderr_width().unwrap_or(usize::MAX);
            let line: String = sanitize_line(line).chars().take(width).collect();
            bar.println(line);
        }
    }

    /// Takes the bar away while something else is written.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.form {
            Form::Bar(bar) => bar.suspend(write),
            Form::Hidden | Form::Lines { .. } => write(),
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Form::Bar(bar) = self.form {
            bar.finish_and_clear();
        }
    }
}
