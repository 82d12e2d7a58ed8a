//! The flags of TLS, for every command that dials, in curl's spelling.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::connection::net::tls::{Pins, TlsVersion};

/// How TLS judges the server, and what it shows of the client.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// Accept any certificate of the server (--pinnedpubkey still holds)
    #[arg(short = 'k', long, alias = "no-check")]
    pub insecure: bool,

    /// Trust the certificates in this file (PEM, or one as DER) in place of the platform's
    #[arg(long, visible_alias = "ca", value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// Show this client certificate: PEM with its chain, DER, or PKCS#12 with the key
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// The client certificate's private key, where --cert does not hold it: PEM or DER
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// The passphrase of the key or of the PKCS#12; asked for on a terminal when left out
    #[arg(long, alias = "passphrase", value_name = "PHRASE", requires = "cert")]
    pub pass: Option<Passphrase>,

    /// Take only a server with one of these public keys: sha256//BASE64, several separated by ';'
    #[arg(long, value_name = "PINS")]
    pub pinnedpubkey: Option<Pins>,

    /// Send and verify this name in place of the URL's
    #[arg(long, value_name = "NAME")]
    pub sni: Option<String>,

    /// Speak TLS 1.2 or newer (the default)
    #[arg(long = "tlsv1.2", overrides_with = "tlsv1_3")]
    pub tlsv1_2: bool,

    /// Speak TLS 1.3 or newer
    #[arg(long = "tlsv1.3", overrides_with = "tlsv1_2")]
    pub tlsv1_3: bool,

    /// Speak this version of TLS or older: 1.2 or 1.3
    #[arg(long, value_name = "VERSION")]
    pub tls_max: Option<TlsVersion>,
}

/// A passphrase from the command line. `Debug` does not show it.
#[derive(Clone)]
pub struct Passphrase(pub String);

impl FromStr for Passphrase {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}
