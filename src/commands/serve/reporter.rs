//! The thread that writes what a server tells, so that a terminal or a pipe
//! that takes nothing for a while holds no connection up.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::report::serve::{Reload, Report, json, text};
use crate::server::Observer;
use crate::talk::LogFile;
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
    /// The access log may have another name by now.
    Reopen,
    Finish,
}

impl Reporter {
    /// Starts the thread. What happens is also appended to `access_log`.
    pub(super) fn start(style: Style, access_log: Option<LogFile>) -> io::Result<Self> {
        let (reports, waiting) = sync_channel(MAX_WAITING);
        let (gone, reader_gone) = watch::channel(false);
        let (finish, finished) = sync_channel(1);
        thread::Builder::new()
            .name("reporter".into())
            .spawn(move || {
                let writer = Writer {
                    style,
                    access_log,
                    lines: LineWriter::stdout(),
                };
                if writer.write_all(&waiting).is_err() {
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

    /// Opens the access log anew, behind all that is queued.
    pub(super) fn reopen(&self) {
        // A queue that is full is told of; the next signal comes when there is room.
        let _ = self.queue.reports.try_send(Entry::Reopen);
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

    /// Whether the reader of the reports is gone.
    pub(super) fn has_lost_its_reader(&self) -> bool {
        *self.reader_gone.borrow()
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

/// The thread's own.
struct Writer {
    style: Style,
    access_log: Option<LogFile>,
    lines: LineWriter<io::Stdout>,
}

impl Writer {
    /// Writes reports until the last; fails when their reader is gone.
    fn write_all(mut self, waiting: &Receiver<Entry>) -> io::Result<()> {
        while let Ok(entry) = waiting.recv() {
            match entry {
                Entry::Report(at, report) => self.write(at, &report)?,
                Entry::Reopen => self.reopen()?,
                Entry::Finish => break,
            }
        }
        let last = self.access_log.as_mut().and_then(LogFile::finish);
        warn(last);
        Ok(())
    }

    fn write(&mut self, at: SystemTime, report: &Report) -> io::Result<()> {
        if let Some(log) = &mut self.access_log {
            let mut line = json(at, report) + "\n";
            if log.lost() > 0 {
                line = json(at, &Report::LeftOut(log.lost())) + "\n" + &line;
            }
            // A line is one write, so that lines of two servers do not mix.
            warn(log.write(&line));
        }
        match self.style {
            Style::JsonLines => self.lines.write_line(&json(at, report)),
            Style::Human(status) => {
                if let Some((level, text)) = text(report) {
                    text.lines().for_each(|line| status.at(level, line));
                }
                Ok(())
            }
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        let Some(log) = &mut self.access_log else {
            return Ok(());
        };
        let reload = match log.reopen() {
            Ok(()) => Reload::AccessLog,
            Err(error) => Reload::AccessLogFailed(format!(
                "cannot open the access log '{}' anew: {error}; the old file is written on",
                log.path().display()
            )),
        };
        self.write(SystemTime::now(), &Report::Reload(reload))
    }
}

/// Tells what has become of the access log, where nobody reads for it.
fn warn(text: Option<String>) {
    if let Some(text) = text {
        Status::new(Verbosity::Normal).error(&text);
    }
}
