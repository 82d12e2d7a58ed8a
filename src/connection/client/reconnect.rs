//! After which ends a connection is worth another try, for who comes back to a
//! server: what the network and a busy server do passes; what the server says of
//! the request itself does not, until that is changed.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::connection::Closed;
use crate::connection::client::failure::OpenFailure;
use crate::connection::client::wait_up::may_pass;

/// Statuses that pass: too slow, too early, too often, a fault of the server's own,
/// and what a gateway says in the place of a server.
const PASSING_STATUSES: &[u16] = &[408, 425, 429, 500, 502, 503, 504];

/// Close codes by which a peer says that it will not have this client: policy,
/// a missing extension, and what public protocols (GraphQL, Discord and others)
/// mean by codes of their own: forbidden, bad token, bad request, not found.
const FINAL_CLOSE_CODES: &[u16] = &[1008, 1010, 4003, 4004, 4400, 4401, 4403, 4404];

/// Which ends that would not mend by themselves are tried again all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReconnectOn {
    all: bool,
    codes: BTreeSet<u16>,
}

/// What an end means for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It is worth one.
    MayPass,
    /// The same would come of it, except where the user knows better: by this
    /// code of HTTP or of a Close, or by none.
    Final(Option<u16>),
    /// What is wrong is on this side.
    Local,
}

impl Outlook {
    /// What an attempt that failed says of the next.
    pub(crate) fn after_failure(failure: &OpenFailure) -> Self {
        if failure.is_local() {
            return Self::Local;
        }
        match failure.rejection() {
            Some(rejection) => Self::after_status(rejection.response.status()),
            None if may_pass(&failure.cause) => Self::MayPass,
            None => Self::Final(None),
        }
    }

    fn after_status(status: u16) -> Self {
        match status {
            // A 101 that opens nothing has no code of its own.
            101 => Self::Final(None),
            status if PASSING_STATUSES.contains(&status) => Self::MayPass,
            status => Self::Final(Some(status)),
        }
    }

    /// What the end of a connection says of the next.
    pub(crate) fn after_close(closed: &Closed) -> Self {
        match closed.code() {
            code if closed.by_peer && FINAL_CLOSE_CODES.contains(&code) => Self::Final(Some(code)),
            _ => Self::MayPass,
        }
    }

    /// Whether another attempt is to be made.
    pub(crate) fn is_tried_again(self, on: &ReconnectOn) -> bool {
        match self {
            Self::MayPass => true,
            Self::Final(code) => on.all || code.is_some_and(|code| on.codes.contains(&code)),
            Self::Local => false,
        }
    }

    /// What to tell of it where no attempt is made.
    pub(crate) fn note(self) -> Option<String> {
        let value = match self {
            Self::Final(Some(code)) => code.to_string(),
            Self::Final(None) => "all".to_owned(),
            Self::MayPass | Self::Local => return None,
        };
        Some(format!(
            "not connecting again, for this does not mend itself (--reconnect-on {value} tries all the same)"
        ))
    }
}

impl FromStr for ReconnectOn {
    type Err = String;

    /// `all`, or codes with commas between.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self {
                all: true,
                codes: BTreeSet::new(),
            });
        }
        let codes = text.split(',').map(|code| match code.trim().parse() {
            Ok(code @ (100..=599 | 1000..=4999)) => Ok(code),
            _ => Err(format!(
                "'{code}' is no status of HTTP and no close code; write such as 403,4004, or all"
            )),
        });
        Ok(Self {
            all: false,
            codes: codes.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::CloseFrame;
    use crate::connection::client::dial::DialError;
    use crate::connection::net::tls::TlsError;

    fn closed(code: u16, by_peer: bool) -> Closed {
        Closed {
            received: Some(CloseFrame {
                code: Some(code),
                reason: String::new(),
            }),
            sent: None,
            by_peer,
            error: None,
        }
    }

    #[test]
    fn reconnect_ends_where_trying_again_cannot_mend_it() {
        let never = ReconnectOn::default();
        for status in [200, 301, 400, 401, 403, 404, 410, 426, 501] {
            let outlook = Outlook::after_status(status);
            assert_eq!(outlook, Outlook::Final(Some(status)));
            assert!(!outlook.is_tried_again(&never));
            let this: ReconnectOn = status.to_string().parse().unwrap();
            assert!(outlook.is_tried_again(&this));
            assert!(outlook.note().unwrap().contains(&status.to_string()));
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(Outlook::after_status(status), Outlook::MayPass, "{status}");
        }
        let invalid = Outlook::after_status(101);
        assert_eq!(invalid, Outlook::Final(None));
        assert!(invalid.is_tried_again(&"all".parse().unwrap()));
        for code in [1008, 4004] {
            assert_eq!(
                Outlook::after_close(&closed(code, true)),
                Outlook::Final(Some(code))
            );
            assert_eq!(Outlook::after_close(&closed(code, false)), Outlook::MayPass);
        }
        for code in [1000, 1001, 1006, 1011, 1012, 1013, 4000] {
            assert_eq!(Outlook::after_close(&closed(code, true)), Outlook::MayPass);
        }
        let local = DialError::Tls(TlsError::TrustStore("it is empty".into()));
        let local = Outlook::after_failure(&local.into());
        assert!(!local.is_tried_again(&"all".parse().unwrap()));
    }

    #[test]
    fn values_of_reconnect_on() {
        let both: ReconnectOn = "403, 4004".parse().unwrap();
        assert_eq!(both.codes, BTreeSet::from([403, 4004]));
        for text in ["", "x", "99", "600", "5000", "403,", "all,403"] {
            assert!(text.parse::<ReconnectOn>().is_err(), "{text}");
        }
    }
}
