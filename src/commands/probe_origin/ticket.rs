//! `--ticket-command`: a fresh ticket for every opening handshake, put in the
//! place of `{ticket}` in the URL, the headers and the subprotocols.

use std::process::Stdio;
use std::time::Duration;

use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::connection::http::HeaderEdit;
use crate::connection::{OpenConfig, Resource, Subprotocol, Target};

/// What a ticket takes the place of.
pub(super) const PLACE: &str = "{ticket}";

/// The longest output that is read, in bytes: a header of this length is
/// refused by most servers.
const MAX_OUTPUT_BYTES: u64 = 64 << 10;

/// Where tickets come from.
#[derive(Debug, Clone)]
pub(super) struct TicketCommand {
    command: String,
    limit: Duration,
}

/// Why there is no ticket. The command is not shown: it may hold a secret.
#[derive(Debug, Error)]
pub(super) enum TicketError {
    #[error("the ticket command could not be started: {0}")]
    Start(std::io::Error),
    #[error("the ticket command did not end within {0:?}")]
    TooSlow(Duration),
    #[error("the ticket command failed ({0}); run it by itself to see why")]
    Failed(String),
    #[error("the ticket command printed no ticket: the first line of its output is empty")]
    Empty,
    #[error("the ticket command printed over {MAX_OUTPUT_BYTES} bytes")]
    TooLong,
    #[error(
        "the ticket command printed a ticket that cannot stand in its place: in a URL and in a subprotocol no spaces can, in a header no control characters"
    )]
    Unusable,
}

impl TicketCommand {
    /// A command for `sh -c`, which may take so long for one ticket.
    pub(super) fn new(command: String, limit: Duration) -> Self {
        Self { command, limit }
    }

    /// One ticket: the first line of what the command prints.
    pub(super) async fn ticket(&self) -> Result<String, TicketError> {
        let run = timeout(self.limit, self.output());
        let output = run.await.map_err(|_| TicketError::TooSlow(self.limit))??;
        let line = output.split(['\n', '\r']).next().unwrap_or_default();
        match line.trim() {
            "" => Err(TicketError::Empty),
            ticket if ticket.chars().any(char::is_control) => Err(TicketError::Unusable),
            ticket => Ok(ticket.to_owned()),
        }
    }

    async fn output(&self) -> Result<String, TicketError> {
        let mut command = Command::new("sh");
        command
            .args(["-c", &self.command])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // What the command has started ends with it.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(TicketError::Start)?;
        #[cfg(unix)]
        let _group = Group(child.id());
        let mut output = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let mut limited = stdout.take(MAX_OUTPUT_BYTES + 1);
            let read = limited.read_to_end(&mut output).await;
            read.map_err(TicketError::Start)?;
        }
        if output.len() as u64 > MAX_OUTPUT_BYTES {
            return Err(TicketError::TooLong);
        }
        let status = child.wait().await.map_err(TicketError::Start)?;
        if !status.success() {
            return Err(TicketError::Failed(status.to_string()));
        }
        String::from_utf8(output).map_err(|_| TicketError::Unusable)
    }
}

/// Ends the processes of a command that is given up on.
#[cfg(unix)]
struct Group(Option<u32>);

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        let id = self.0.and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(rustix::process::Pid::from_raw) {
            // It is gone, where it has ended by itself.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// Whether anything that is sent has a place for a ticket.
pub(super) fn has_place(target: &Target, open: &OpenConfig) -> bool {
    let auth = open.request.auth.headers(target);
    is_place(target.resource.wire())
        || open.request.edits.iter().any(is_place_of_header)
        || auth.iter().any(|(_, value)| is_place(value))
        || open.request.subprotocols.iter().any(|name| is_place(name))
}

fn is_place_of_header(edit: &HeaderEdit) -> bool {
    matches!(edit, HeaderEdit::Set { value, .. } if is_place(value))
}

fn is_place(text: &str) -> bool {
    SPELLINGS.iter().any(|place| text.contains(place))
}

/// As it is written, as URLs hold it, and as a subprotocol, which may have no
/// braces.
const SPELLINGS: [&str; 3] = [PLACE, "%7Bticket%7D", PLACE_AS_TOKEN];

/// What stands for [`PLACE`] where only the characters of a token may.
pub(super) const PLACE_AS_TOKEN: &str = "'ticket'";

fn filled(text: &str, ticket: &str) -> String {
    SPELLINGS
        .iter()
        .fold(text.to_owned(), |text, place| text.replace(place, ticket))
}

/// Puts a ticket in every place.
///
/// # Errors
/// A ticket that cannot stand there.
pub(super) fn fill(
    target: &mut Target,
    open: &mut OpenConfig,
    ticket: &str,
) -> Result<(), TicketError> {
    if is_place(target.resource.wire()) {
        let graphic = ticket.bytes().all(|byte| byte.is_ascii_graphic());
        if !graphic || ticket.contains('#') {
            return Err(TicketError::Unusable);
        }
        target.resource = Resource::new(filled(target.resource.wire(), ticket));
    }
    // A change of a header takes the place of what the credentials give.
    let auth = open.request.auth.headers(target);
    for (name, value) in auth.iter().filter(|(_, value)| is_place(value)) {
        let edit = HeaderEdit::set(name, &filled(value, ticket));
        open.request
            .edits
            .push(edit.map_err(|_| TicketError::Unusable)?);
    }
    for edit in &mut open.request.edits {
        if let HeaderEdit::Set { name, value } = edit
            && is_place(value)
        {
            *edit =
                HeaderEdit::set(name, &filled(value, ticket)).map_err(|_| TicketError::Unusable)?;
        }
    }
    for name in &mut open.request.subprotocols {
        if is_place(name) {
            *name = filled(name, ticket);
            name.parse::<Subprotocol>()
                .map_err(|_| TicketError::Unusable)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> TicketCommand {
        TicketCommand::new(text.into(), Duration::from_secs(5))
    }

    #[tokio::test]
    async fn the_first_line_of_the_output_is_the_ticket() {
        for (text, ticket) in [
            ("echo one", "one"),
            ("printf 'a b\\r\\nmore'", "a b"),
            ("printf ' t '", "t"),
        ] {
            assert_eq!(command(text).ticket().await.unwrap(), ticket, "{text}");
        }
    }

    #[tokio::test]
    async fn a_command_that_gives_no_ticket_is_a_failure() {
        for (text, part) in [
            ("true", "the first line of its output is empty"),
            ("echo; echo late", "the first line of its output is empty"),
            ("echo t; exit 3", "failed (exit status: 3)"),
            ("no-such-program-of-ours", "failed (exit status: 127)"),
            ("printf '\\033[2J'", "cannot stand in its place"),
            ("head -c 100000 /dev/zero", "printed over 65536 bytes"),
        ] {
            let error = command(text).ticket().await.unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn a_command_that_never_ends_is_given_up_on() {
        // The child of the shell holds the output open.
        let command = TicketCommand::new("sleep 600 & sleep 600".into(), Duration::from_millis(50));
        let error = command.ticket().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the ticket command did not end within 50ms"
        );
    }

    #[test]
    fn a_ticket_is_put_in_every_place_and_nowhere_else() {
        let mut target: Target = "ws://h/ws?a=1&t={ticket}".parse().unwrap();
        let mut open = OpenConfig::default();
        open.request.edits = vec![
            HeaderEdit::set("X-Ticket", "T {ticket}").unwrap(),
            HeaderEdit::set("X-Other", "ticket").unwrap(),
        ];
        open.request.subprotocols = vec!["chat".into(), PLACE_AS_TOKEN.into()];
        assert!(has_place(&target, &open));
        fill(&mut target, &mut open, "q+.~").unwrap();
        assert_eq!(target.resource.wire(), "/ws?a=1&t=q+.~");
        assert_eq!(
            open.request.edits,
            [
                HeaderEdit::set("X-Ticket", "T q+.~").unwrap(),
                HeaderEdit::set("X-Other", "ticket").unwrap()
            ]
        );
        assert!(!has_place(&target, &open));
    }

    #[test]
    fn a_ticket_that_would_end_its_place_is_refused() {
        let fails = |url: &str, protocol: &str, ticket: &str| {
            let mut target = url.parse().unwrap();
            let mut open = OpenConfig::default();
            open.request.subprotocols = vec![protocol.into()];
            fill(&mut target, &mut open, ticket).is_err()
        };
        assert!(fails("ws://h/?t={ticket}", "a", "x y"));
        assert!(fails("ws://h/?t={ticket}", "a", "x#y"));
        assert!(fails("ws://h/{ticket}", "a", "ä"));
        assert!(fails("ws://h/", PLACE_AS_TOKEN, "a,b"));
        assert!(!fails("ws://h/{ticket}", PLACE_AS_TOKEN, "abc"));
    }
}
