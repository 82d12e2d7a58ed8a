//! wscli: the WebSocket tool as a library.
//!
//! The modules, in reading order: [`connection`] is the core that everything
//! else stands on (from a URL to an open socket), `origin` judges where a
//! request comes from, [`server`] answers, `pipe` connects a socket with the
//! standard streams, `talk` is the conversation and its log, `prompt` the
//! prompt, `bench` puts load on a server and measures, and `commands` turn
//! arguments (`cli`) into engines and their results (`report`) into an
//! `exit` status. `terminal` alone writes to the standard streams.

#![warn(clippy::disallowed_methods)]

#[expect(unreachable_pub, reason = "a room's `pub` is for the other rooms")]
mod bench;
mod cli;
mod commands;
pub mod connection;
#[expect(unreachable_pub, reason = "a room's `pub` is for the other rooms")]
mod decode;
mod exit;
mod origin;
#[expect(unreachable_pub, reason = "a room's `pub` is for the other rooms")]
mod pipe;
#[expect(unreachable_pub, reason = "a room's `pub` is for the other rooms")]
mod prompt;
mod report;
#[expect(unreachable_pub, reason = "a room's `pub` is for the other rooms")]
mod script;
pub mod server;
#[expect(unreachable_pub, reason = "a room's `pub` is for the other rooms")]
mod talk;
#[expect(
    clippy::disallowed_methods,
    reason = "the one module that writes to the standard streams"
)]
#[expect(unreachable_pub, reason = "a room's `pub` is for the other rooms")]
mod terminal;
mod value;

#[doc(hidden)]
pub use self::commands::run;

/// Not promised: what the tests and benchmarks of this package need beside the face.
#[doc(hidden)]
pub mod internal {
    pub use crate::exit::{ExitStatus, status_of, status_of_open};

    pub mod flags {
        pub use crate::cli::serve_tls::ServeTlsArgs;
        pub use crate::cli::tls::TlsArgs;
        pub use crate::commands::tls::{TlsEnv, config, describe, server};
    }

    pub mod prompt {
        pub use crate::prompt::helper::Prompt;
        pub use crate::prompt::source::{Input, Typed};
        pub use crate::prompt::{End, Outcome, SessionConfig, Source, run};
        pub use crate::terminal::printer::Gate;
        pub use crate::terminal::tty::SavedTerminal;
        pub use crate::terminal::{Style, Verbosity};
    }

    pub mod talk {
        pub use crate::talk::text::{Look, MAX_SHOWN_BYTES};
        pub use crate::talk::{
            HarFile, LineConfig, LogFile, Outgoing, Stop, Transcript, jsonl, replay, system_clock,
        };
    }

    pub mod net {
        pub use crate::connection::client::diagnose;
        pub use crate::connection::client::dial::{DialConfig, DialError, dial};
        pub use crate::connection::client::proxy::{ProxyCause, ProxyError};
        pub use crate::connection::client::retry::RetryPolicy;
        pub use crate::connection::http::auth::{Auth, Authorization};
        pub use crate::connection::net::address::{AddressConfig, Family};
        pub use crate::connection::net::proxy::rules::{Bypass, ProxyRules};
        pub use crate::connection::net::proxy::socks::SocksError;
        pub use crate::connection::net::target::Credentials;
    }

    pub mod tls {
        pub use crate::connection::net::tls::config::{KeyLogFile, Roots, TlsSettings, Trust};
        pub use crate::connection::net::tls::error::TlsError;
        pub use crate::connection::net::tls::identity::load_certificates;
        pub use crate::connection::net::tls::identity::{FileError, Identity, IdentityFiles};
        pub use crate::connection::net::tls::info::{
            CertificateInfo, ClientAuth, TlsInfo, TlsVersion, Versions,
        };
        pub use crate::connection::net::tls::parse_server_name;
        pub use crate::connection::net::tls::pin::Pin;
        pub use crate::connection::net::tls::server::{AcceptError, ServerTls, ServerTlsSettings};
    }
}
