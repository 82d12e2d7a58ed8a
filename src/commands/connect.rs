//! `wscli connect`.

use anyhow::{Context as _, Result};
use tokio::runtime;

use super::prompt;
use crate::cli::connect::ConnectArgs;
use crate::connection::handshake::{HeaderEdit, Request};
use crate::connection::{CloseCode, CloseFrame, OpenConfig, Role, SocketConfig, Target};
use crate::exit::{ExitStatus, Failure};
use crate::terminal::Status;
use crate::terminal::style::ColorChoice;

/// Runs the command.
pub(super) fn run(args: &ConnectArgs, color: ColorChoice, status: Status) -> Result<ExitStatus> {
    if !prompt::is_interactive() {
        return Err(Failure::usage("not at a terminal").into());
    }
    let transport = args.transport.clone();
    let edits = transport
        .headers
        .iter()
        .map(|header| header.parse::<HeaderEdit>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Failure::usage(error.to_string()))?;
    let open = OpenConfig {
        request: Request {
            origin: transport.origin.clone(),
            user_agent: transport.user_agent.clone(),
            subprotocols: transport.subprotocols.clone(),
            deflate: transport.compress.clone(),
            edits,
        },
        timeout: Some(transport.connect_timeout),
    };
    let dialer = move |url: &str| {
        let target: Target = url.parse().map_err(|error| format!("{error}"))?;
        Ok((target, open.clone()))
    };
    let target = match &args.url {
        Some(url) => Some(dialer(url).map_err(Failure::usage)?),
        None => None,
    };
    let mut socket = SocketConfig::new(Role::Client);
    socket.max_message_bytes = args.transport.max_message_size;
    socket.max_frame_bytes = args.transport.max_message_size;
    let talk = prompt::Talk {
        args: &args.prompt,
        color,
        status,
        target,
        dialer: Box::new(dialer),
        socket,
        setup: Vec::new(),
        close: CloseFrame::new(CloseCode::NORMAL, ""),
        max_time: args.transport.max_time,
    };
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")?
        .block_on(prompt::run(talk))
}
