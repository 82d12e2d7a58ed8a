//! From the flags to the line; and from an address to what is needed to connect
//! to it: for the address on the command line, and for those of `/connect`.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use anyhow::Result;

use super::{log, message};
use crate::cli::connect::ConnectArgs;
use crate::cli::keep_alive::keep_alive;
use crate::commands::dial::Environment;
use crate::commands::transport;
use crate::connection::net::proxy::ProxyRules;
use crate::connection::{OpenConfig, SocketConfig, Target};
use crate::exit::Failure;
use crate::talk::{LineConfig, sentence};
use crate::terminal::secret::read_secret;

/// Understands addresses by the flags and the environment.
pub(super) struct Dialer {
    args: ConnectArgs,
    environment: Environment,
    /// What was asked for once, so that connecting again does not ask again.
    answers: Mutex<HashMap<String, String>>,
}

impl Dialer {
    /// One for these flags.
    pub(super) fn new(args: &ConnectArgs) -> Self {
        Self {
            args: args.clone(),
            environment: Environment::read(),
            answers: Mutex::default(),
        }
    }

    /// The address that the program begins with; what is missing is asked for
    /// on the terminal.
    pub(super) fn first(&self, url: &str) -> Result<(Target, OpenConfig)> {
        let (target, mut open) = self.dial(url, &mut |question| self.ask(question))?;
        if self.args.url.is_none() {
            // No proxy leads to this very process.
            open.dial.proxies = ProxyRules::default();
        }
        Ok((target, open))
    }

    /// Another address. The prompt has the terminal now: what was not asked
    /// before is not.
    pub(super) fn another(&self, url: &str) -> Result<(Target, OpenConfig), String> {
        if url.starts_with('@') {
            return Err(format!(
                "'{url}' is a saved target, whose flags hold from the start; leave, and write wscli connect {url}"
            ));
        }
        self.dial(url, &mut |question| Ok(self.known(question)))
            .map_err(|error| sentence(error.as_ref()))
    }

    fn dial(
        &self,
        url: &str,
        ask: &mut dyn FnMut(&str) -> io::Result<Option<String>>,
    ) -> Result<(Target, OpenConfig)> {
        let dial = transport::dial(url, &self.args.transport, &self.environment, ask)?;
        Ok((dial.target, dial.open))
    }

    fn ask(&self, question: &str) -> io::Result<Option<String>> {
        let answer = read_secret(question)?.map(|answer| answer.to_string());
        if let (Ok(mut known), Some(answer)) = (self.answers.lock(), &answer) {
            known.insert(question.to_owned(), answer.clone());
        }
        Ok(answer)
    }

    fn known(&self, question: &str) -> Option<String> {
        self.answers.lock().ok()?.get(question).cloned()
    }
}

/// What the flags say of the line.
///
/// # Errors
/// Exit 2 for what cannot work, exit 12 for a log that cannot be written.
pub(super) fn line(args: &ConnectArgs, target: Option<(Target, OpenConfig)>) -> Result<LineConfig> {
    Ok(LineConfig {
        target,
        socket: socket_config(args)?,
        setup: message::setup(&args.input)?,
        reconnect: log::reconnect(&args.prompt),
        reconnect_on: args.prompt.reconnect_on.clone().unwrap_or_default(),
        log_secrets: args.prompt.log_secrets,
        transcript: log::transcript(&args.prompt)?,
    })
}

/// How an open connection is held.
fn socket_config(args: &ConnectArgs) -> Result<SocketConfig> {
    let mut socket = transport::socket_config(&args.transport);
    socket.close_timeout = args.end.close_timeout;
    let flags = &args.keep_alive;
    socket.keep_alive = keep_alive(
        flags.keep_alive,
        flags.keep_alive_interval,
        flags.keep_alive_timeout,
    )
    .map_err(Failure::usage)?;
    Ok(socket)
}
