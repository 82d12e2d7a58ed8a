//! The thread that writes what a server tells, so that a terminal or a pipe
//! that takes nothing for a while holds no connection up.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::report::serve::{Report, json, text};
use crate::server::Observer;
use crate::terminal::{LineWriter, Status, Verbosity};

/// Reports that wait to be written. When there are more, they are counted and
/// left out: a reader that is too slow, or reads nothing at all, must not slow
/// the server, nor fill its memory.
const MAX_WAITING: usize = 16 << 10;

/// How reports are written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    /// For programs: JSON Lines on stdout.
    JsonLines,
    /// For people: lines on stderr.
    Human(Status),
}

/// The reporting thread, seen from the server.
pub(super) struct Reporter {
    queue: Arc<Queue>,
    reader_gone: watch::Receiver<bool>,
    finished: Receiver<()>,
}

struct Queue {
    reports: SyncSender<Entry>,
    left_out: AtomicU64,
}

enum Entry {
    Report(SystemTime, Box<Report>),
    Finish,
}

impl Reporter {
    /// Starts the thread. What happens is also appended to `access_log`.
    pub(super) fn start(style: Style, access_log: Option<File>) -> io::Result<Self> {
        let (reports, waiting) = sync_channel(MAX_WAITING);
        let (gone, reader_gone) = watch::channel(false);
        let (finish, finished) = sync_channel(1);
        thread::Builder::new()
            .name("reporter".into())
            .spawn(move || {
                if write_all(&waiting, style, access_log).is_err() {
                    gone.send_replace(true);
                }
                // The server may be gone.
                let _ = finish.send(());
            })?;
        Ok(Self {
            queue: Arc::new(Queue {
                reports,
                left_out: AtomicU64::new(0),
            }),
            reader_gone,
            finished,
        })
    }

    /// Queues a report.
    pub(super) fn tell(&self, report: Report) {
        self.queue.tell(report);
    }

    /// Queues what a server tells.
    pub(super) fn observer(&self) -> Observer {
        let queue = Arc::clone(&self.queue);
        Arc::new(move |event| queue.tell(Report::Event(event)))
    }

    /// Waits until the reader of the reports is gone.
    pub(super) async fn reader_gone(&self) {
        let mut gone = self.reader_gone.clone();
        if gone.wait_for(|gone| *gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until everything is written, though not longer than `limit`.
    pub(super) fn finish(self, limit: Duration) {
        if self.queue.reports.try_send(Entry::Finish).is_ok() {
            let _ = self.finished.recv_timeout(limit);
        }
    }
}

impl Queue {
    fn tell(&self, report: Report) {
        let now = SystemTime::now();
        let left_out = self.left_out.swap(0, Relaxed);
        if left_out > 0 && !self.offer(now, Report::LeftOut(left_out)) {
            self.left_out.fetch_add(left_out, Relaxed);
        }
        if !self.offer(now, report) {
            self.left_out.fetch_add(1, Relaxed);
        }
    }

    /// Whether there was room; always, once the reader is gone.
    fn offer(&self, at: SystemTime, report: Report) -> bool {
        let result = self.reports.try_send(Entry::Report(at, Box::new(report)));
        !matches!(result, Err(TrySendError::Full(_)))
    }
}

/// Writes reports until the last; fails when their reader is gone.
fn write_all(
    waiting: &Receiver<Entry>,
    style: Style,
    mut access_log: Option<File>,
) -> io::Result<()> {
    let mut lines = LineWriter::stdout();
    while let Ok(Entry::Report(at, report)) = waiting.recv() {
        if let Some(file) = &mut access_log {
            let line = json(at, &report) + "\n";
            // A line is one write, so that lines of two servers do not mix.
            if let Err(error) = file.write_all(line.as_bytes()) {
                access_log = None;
                let text = format!("cannot write the access log any more: {error}");
                Status::new(Verbosity::Normal).error(&text);
            }
        }
        match style {
            Style::JsonLines => lines.write_line(&json(at, &report))?,
            Style::Human(status) => {
                if let Some((level, text)) = text(&report) {
                    text.lines().for_each(|line| status.at(level, line));
                }
            }
        }
    }
    Ok(())
}
