//! Progress of a long run: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Status, Verbosity};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How finely the bar can move.
const BAR_STEPS: u64 = 1000;

/// The progress of one run, on stderr.
#[derive(Debug)]
pub struct Progress {
    form: Form,
}

#[derive(Debug)]
enum Form {
    Hidden,
    Bar(ProgressBar),
    Lines { status: Status, next: Instant },
}

impl Progress {
    /// Progress as stderr can show it; none at all when only errors are told.
    pub fn start(status: Status) -> Self {
        let form = if !status.shows(Verbosity::Normal) {
            Form::Hidden
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(BAR_STEPS), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:24} {msg}")
                .expect("the template is a constant that parses");
            bar.set_style(style);
            Form::Bar(bar)
        } else {
            Form::Lines {
                status,
                next: Instant::now() + LINE_EVERY,
            }
        };
        Self { form }
    }

    /// Shows how far the run is, from 0 to 1, and how it goes.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn show(&mut self, done: f64, text: impl FnOnce() -> String) {
        match &mut self.form {
            Form::Hidden => {}
            Form::Bar(bar) => {
                bar.set_position((done.clamp(0.0, 1.0) * BAR_STEPS as f64) as u64);
                bar.set_message(text());
            }
            Form::Lines { status, next } => {
                let now = Instant::now();
                if now >= *next {
                    *next = now + LINE_EVERY;
                    status.note(&text());
                }
            }
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Form::Bar(bar) = self.form {
            bar.finish_and_clear();
        }
    }
}
