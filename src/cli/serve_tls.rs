//! The flags of TLS on the server's side.

use std::path::PathBuf;

use clap::Args;

use super::tls::Passphrase;

/// Flags of `wscli serve` for TLS.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "TLS")]
pub struct ServeTlsArgs {
    /// Speak TLS with this certificate, read anew on SIGHUP: PEM with its chain, DER, or PKCS#12 with the key
    #[arg(long, value_name = "FILE", conflicts_with = "tls_self_signed")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key, where --tls-cert does not hold it: PEM or DER
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// The passphrase of the key or of the PKCS#12; asked for on a terminal when left out
    #[arg(long, value_name = "PHRASE", requires = "tls_cert")]
    pub tls_pass: Option<Passphrase>,

    /// Speak TLS with a new certificate for localhost, and print how a client can trust it
    #[arg(long)]
    pub tls_self_signed: bool,

    /// Demand a certificate of every client, signed by one of those in this file
    #[arg(long, value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,
}
