//! The signals of a server: those that end it, and SIGHUP, which makes it open its
//! access log and read its certificate anew.
//!
//! SIGHUP has two senders. Who rotates a log or renews a certificate sends it to a
//! server that goes on; the system sends it when the terminal is closed that the
//! server was started at, and then it ends. Which one it was shows in the terminal:
//! whether it is still there.

use std::io;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::reporter::Reporter;
use crate::cli::serve::ServeArgs;
use crate::cli::serve_tls::ServeTlsArgs;
use crate::commands::signals::Signals;
use crate::commands::tls::{self, TlsEnv};
use crate::connection::net::tls::server::ServerTls;
use crate::exit::ExitStatus;
use crate::report::serve::{Reload, Report};
use crate::talk::sentence;
use crate::terminal::tty;

/// How long a terminal that is closed may take until it is gone: the signal can
/// come before.
const CLOSING: Duration = Duration::from_millis(200);

/// How long a server runs, and what it takes up on the way.
pub(super) struct Lifetime {
    signals: Signals,
    /// Whether the server was started at a terminal.
    had_terminal: bool,
    certificate: Option<Certificate>,
    has_access_log: bool,
}

/// A certificate that comes from files, and where they are.
struct Certificate {
    current: ServerTls,
    args: ServeTlsArgs,
    host: String,
}

impl Lifetime {
    /// Takes the signals over.
    pub(super) fn new(
        args: &ServeArgs,
        host: &str,
        current: Option<&ServerTls>,
    ) -> io::Result<Self> {
        let from_files = current.filter(|_| args.tls.tls_cert.is_some());
        let certificate = from_files.map(|current| Certificate {
            current: current.clone(),
            args: args.tls.clone(),
            host: host.to_owned(),
        });
        Ok(Self {
            signals: Signals::new()?,
            had_terminal: tty::is_controlled(),
            certificate,
            has_access_log: args.access_log.is_some(),
        })
    }

    /// Waits for the signal that ends the server. What others ask for is done on the
    /// way, and told to the reporter.
    pub(super) async fn end(&mut self, reporter: &Reporter) {
        while self.signals.next().await == ExitStatus::HungUp {
            if self.had_terminal {
                sleep(CLOSING).await;
                if !tty::is_controlled() {
                    return;
                }
            }
            self.reload(reporter).await;
        }
    }

    /// Waits for a signal that cuts the end short. A terminal that is closed may send
    /// more than one SIGHUP.
    pub(super) async fn cut_short(&mut self) -> ExitStatus {
        loop {
            match self.signals.next().await {
                ExitStatus::HungUp => {}
                status => return status,
            }
        }
    }

    async fn reload(&self, reporter: &Reporter) {
        if self.has_access_log {
            reporter.reopen();
        }
        if let Some(certificate) = &self.certificate {
            reporter.tell(Report::Reload(certificate.reload().await));
        }
        if !self.has_access_log && self.certificate.is_none() {
            reporter.tell(Report::Reload(Reload::Nothing));
        }
    }
}

impl Certificate {
    async fn reload(&self) -> Reload {
        let (args, host) = (self.args.clone(), self.host.clone());
        // On a thread of its own: a file may be a pipe that nobody writes to.
        let read = spawn_blocking(move || tls::server_again(&args, &TlsEnv::read(), &host)).await;
        match read {
            Ok(Ok(Some(new))) => {
                self.current.replace(&new);
                Reload::Certificate(self.current.certificate())
            }
            Ok(Err(error)) => kept(&sentence(error.as_ref())),
            Ok(Ok(None)) | Err(_) => kept("it could not be read"),
        }
    }
}

fn kept(why: &str) -> Reload {
    Reload::CertificateFailed(format!("kept the old certificate: {why}"))
}
