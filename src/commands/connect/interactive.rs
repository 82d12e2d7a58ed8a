//! `wscli connect` with somebody at the terminal: the prompt.

use std::collections::HashMap;
use std::sync::Mutex;

use anyhow::Result;

use super::socket_config;
use crate::cli::connect::ConnectArgs;
use crate::commands::dial::Environment;
use crate::commands::transport::{self, Dial};
use crate::commands::{curl, demo, prompt, sentence};
use crate::connection::net::proxy::ProxyRules;
use crate::connection::{CloseFrame, Message};
use crate::exit::ExitStatus;
use crate::pipe::Framing;
use crate::terminal::secret::read_secret;
use crate::terminal::style::ColorChoice;
use crate::terminal::{Status, is_interactive};

/// Whether the prompt is meant: there is a terminal at both ends, and nothing
/// asks for what only the pipe does.
pub(super) fn is_meant(args: &ConnectArgs) -> bool {
    let piped = !args.input.execute.is_empty()
        || args.input.echo
        || args.framing.framing() != Framing::Lines
        || args.end.count.is_some()
        || args.end.one
        || args.end.until.is_some()
        || args.end.linger.is_some()
        || args.report.json.is_some();
    !piped && is_interactive()
}

/// Runs the prompt.
pub(super) async fn run(
    args: &ConnectArgs,
    color: ColorChoice,
    status: Status,
) -> Result<ExitStatus> {
    let url = match &args.url {
        Some(url) => Some(url.clone()),
        None if args.demo => Some(demo::start().await?),
        None => None,
    };
    if let (Some(url), true) = (&url, args.curl.print_command) {
        return curl::print_command(url, args, status);
    }
    let secrets = Secrets::default();
    let target = match &url {
        Some(url) => {
            let mut dial = dial(url, args, &mut |question| secrets.ask(question))?;
            if args.url.is_none() {
                // No proxy leads to this very process.
                dial.open.dial.proxies = ProxyRules::default();
            }
            Some((dial.target, dial.open))
        }
        None => None,
    };
    let again = args.clone();
    let dialer = move |url: &str| {
        // The prompt has the terminal now: what was not asked before is not.
        let dial = dial(url, &again, &mut |question| Ok(secrets.known(question)));
        let dial = dial.map_err(|error| sentence(&error))?;
        Ok((dial.target, dial.open))
    };
    let setup = args.input.setup.iter().map(String::as_str);
    let talk = prompt::Talk {
        args: &args.prompt,
        color,
        status,
        target,
        dialer: Box::new(dialer),
        socket: socket_config(args)?,
        setup: setup.map(Message::text).collect(),
        close: CloseFrame::new(args.end.close_code, &args.end.close_reason),
        max_time: args.transport.max_time,
    };
    prompt::run(talk).await
}

fn dial(
    url: &str,
    args: &ConnectArgs,
    ask: &mut dyn FnMut(&str) -> std::io::Result<Option<String>>,
) -> Result<Dial> {
    transport::dial(url, &args.transport, &Environment::read(), ask)
}

/// What was asked for once, so that connecting again does not ask again.
#[derive(Default)]
struct Secrets(Mutex<HashMap<String, String>>);

impl Secrets {
    fn ask(&self, question: &str) -> std::io::Result<Option<String>> {
        let answer = read_secret(question)?.map(|answer| answer.to_string());
        if let (Ok(mut known), Some(answer)) = (self.0.lock(), &answer) {
            known.insert(question.to_owned(), answer.clone());
        }
        Ok(answer)
    }

    fn known(&self, question: &str) -> Option<String> {
        self.0.lock().ok()?.get(question).cloned()
    }
}
