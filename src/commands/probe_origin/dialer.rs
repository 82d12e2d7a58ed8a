//! Opens the connections of one target: with a ticket of its own for each, and
//! as a browser would.

use std::cell::RefCell;
use std::future::pending;

use tokio::sync::watch;

use super::browser;
use super::job::Job;
use super::ticket::{TicketCommand, TicketError, fill};
use crate::cli::probe_origin::Browser;
use crate::connection::{OpenConfig, OpenFailure, Secrets, SocketConfig, Target};
use crate::origin::observe::{Connected, CoreDialer, Dialer};
use crate::origin::secret::Sent;

/// The dialer of a run.
pub(super) struct ProbeDialer {
    target: Target,
    browser: Option<Browser>,
    ticket: Option<TicketCommand>,
    /// The tickets that were sent: they are secrets, also when they are spent.
    tickets: RefCell<Vec<String>>,
    /// Why there are no more connections, where that is not the server's doing.
    fault: watch::Sender<Option<String>>,
}

impl ProbeDialer {
    pub(super) fn new(job: &Job) -> Self {
        Self {
            target: job.target.clone(),
            browser: job.browser,
            ticket: job.ticket.clone(),
            tickets: RefCell::default(),
            fault: watch::Sender::new(None),
        }
    }

    /// The same to another address of the same server, which knows what this one
    /// has learnt.
    pub(super) fn to(&self, target: Target) -> Self {
        Self {
            target,
            browser: self.browser,
            ticket: self.ticket.clone(),
            tickets: self.tickets.clone(),
            fault: watch::Sender::new(None),
        }
    }

    /// Waits for what ends the run, however the server is.
    pub(super) async fn fault(&self) -> String {
        let mut fault = self.fault.subscribe();
        match fault.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => pending().await,
        }
    }

    async fn with_ticket(
        &self,
        command: &TicketCommand,
        target: &mut Target,
        config: &mut OpenConfig,
    ) -> Result<(), TicketError> {
        let ticket = command.ticket().await?;
        // Before it is sent: no answer is shown with it.
        self.tickets.borrow_mut().push(ticket.clone());
        fill(target, config, &ticket)
    }
}

impl Dialer for ProbeDialer {
    async fn open(
        &self,
        config: &OpenConfig,
        socket: &SocketConfig,
        sent: Sent<'_>,
    ) -> Result<Connected, OpenFailure> {
        let mut target = self.target.clone();
        let mut config = config.clone();
        if let Some(browser) = self.browser {
            browser::tell_site(browser, &mut config, &target);
        }
        if let Some(command) = &self.ticket
            && let Err(error) = self.with_ticket(command, &mut target, &mut config).await
        {
            // No answer of the server's: this attempt must not be judged, and
            // ends with the run.
            self.fault.send_replace(Some(error.to_string()));
            return pending().await;
        }
        // After the ticket: a wrong one has its form.
        CoreDialer { target }.open(&config, socket, sent).await
    }

    fn hint(&self, error: &OpenFailure, config: &OpenConfig) -> Option<String> {
        let target = self.target.clone();
        CoreDialer { target }.hint(error, config)
    }

    fn secrets(&self, known: &Secrets) -> Secrets {
        known
            .clone()
            .and_known(self.tickets.borrow().iter().cloned())
    }
}
