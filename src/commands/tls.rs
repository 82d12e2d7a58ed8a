//! The flags of TLS, and the environment, turned into the configuration of
//! the connection core. Files are read here, and passphrases asked for, so
//! that what cannot work is refused before a packet.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use zeroize::Zeroizing;

use crate::cli::serve_tls::ServeTlsArgs;
use crate::cli::tls::{Passphrase, TlsArgs};
use crate::connection::net::tls::server::{ServerTls, ServerTlsSettings};
use crate::connection::net::tls::{
    CertificateInfo, ClientAuth, FileError, Identity, IdentityFiles, KeyLogFile, Roots, TlsConfig,
    TlsInfo, TlsSettings, TlsVersion, Trust, Versions, parse_server_name,
};
use crate::exit::{ExitStatus, Failure};
use crate::terminal::secret::read_secret;
use crate::value::clock;

/// How often a passphrase may be mistyped.
const ATTEMPTS: usize = 3;

/// What the environment says of TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsEnv {
    /// `SSLKEYLOGFILE`: where the secrets of every session go.
    pub key_log: Option<PathBuf>,
    /// `CURL_CA_BUNDLE`: what to trust where no flag says so, as curl has it.
    pub ca_bundle: Option<PathBuf>,
}

impl TlsEnv {
    /// Reads the environment. An empty variable is none.
    #[expect(
        clippy::disallowed_methods,
        reason = "`commands` reads the environment"
    )]
    pub fn read() -> Self {
        let path = |name| env::var_os(name).filter(|path| !path.is_empty());
        Self {
            key_log: path("SSLKEYLOGFILE").map(PathBuf::from),
            ca_bundle: path("CURL_CA_BUNDLE").map(PathBuf::from),
        }
    }

    fn open_key_log(&self) -> Result<Option<KeyLogFile>> {
        let opened = self.key_log.as_deref().map(KeyLogFile::open);
        let opened = opened.transpose().map_err(|e| {
            Failure::usage(format!(
                "{e}; SSLKEYLOGFILE names it, unset that to do without"
            ))
        })?;
        Ok(opened)
    }
}

/// The configuration of TLS for a command that dials.
///
/// # Errors
/// Exit 2 for files and values that cannot work, 130 where a passphrase was
/// asked for and not given.
pub fn config(args: &TlsArgs, env: &TlsEnv) -> Result<TlsConfig> {
    Ok(settings(args, env, read_secret)?.into())
}

/// The server's TLS; `None` where no flag asks for it. `host` is the address
/// that `serve` listens on.
///
/// # Errors
/// As [`config`].
pub fn server(args: &ServeTlsArgs, env: &TlsEnv, host: &str) -> Result<Option<ServerTls>> {
    server_asking(args, env, host, read_secret)
}

/// The same for a server that runs: nobody is asked for a passphrase.
///
/// # Errors
/// As [`config`].
pub(crate) fn server_again(
    args: &ServeTlsArgs,
    env: &TlsEnv,
    host: &str,
) -> Result<Option<ServerTls>> {
    server_asking(args, env, host, |_| Ok(None))
}

fn server_asking(
    args: &ServeTlsArgs,
    env: &TlsEnv,
    host: &str,
    ask: impl FnMut(&str) -> Asked,
) -> Result<Option<ServerTls>> {
    let identity = match &args.tls_cert {
        Some(certificate) => identity(
            certificate,
            args.tls_key.as_deref(),
            args.tls_pass.as_ref(),
            ask,
        )?,
        None if args.tls_self_signed => Identity::self_signed(host, clock::now()).map_err(usage)?,
        None if args.tls_client_ca.is_some() => {
            return Err(Failure::usage(
                "--tls-client-ca needs TLS; give --tls-cert and --tls-key, or --tls-self-signed",
            )
            .into());
        }
        None => return Ok(None),
    };
    let clients = args.tls_client_ca.as_deref().map(Roots::load);
    let server = ServerTls::new(ServerTlsSettings {
        identity,
        clients: clients.transpose().map_err(usage)?,
        key_log: env.open_key_log()?,
    });
    Ok(Some(server.map_err(usage)?))
}

/// What `-v` says of TLS, a line each.
pub fn describe(info: &TlsInfo) -> Vec<String> {
    let mut first = format!("{}, {}", info.version, info.cipher);
    if let Some(group) = &info.key_exchange {
        first.push_str(&format!(", {group}"));
    }
    first.push_str(&match &info.alpn {
        Some(alpn) => format!(", ALPN {alpn}"),
        None => ", no ALPN".to_owned(),
    });
    let mut lines = vec![first];
    if let Some(certificate) = &info.certificate {
        lines.extend(describe_certificate(certificate));
    }
    match info.client_auth {
        ClientAuth::NotRequested => {}
        ClientAuth::Missing => lines
            .push("the server asked for a client certificate and got none (see --cert)".to_owned()),
        ClientAuth::Sent => lines.push("the client certificate was sent".to_owned()),
    }
    lines
}

fn describe_certificate(certificate: &CertificateInfo) -> [String; 4] {
    let names = match certificate.names.as_slice() {
        [] => "no host".to_owned(),
        names => names.join(", "),
    };
    [
        format!("certificate {}, for {names}", certificate.subject),
        format!("issued by {}", certificate.issuer),
        format!(
            "valid from {} to {}",
            certificate.not_before, certificate.not_after
        ),
        format!("public key {}", certificate.pin),
    ]
}

fn usage(error: impl std::fmt::Display) -> Failure {
    Failure::usage(error.to_string())
}

type Asked = io::Result<Option<Zeroizing<String>>>;

fn settings(args: &TlsArgs, env: &TlsEnv, ask: impl FnMut(&str) -> Asked) -> Result<TlsSettings> {
    let trust = match (args.insecure, &args.cacert) {
        (true, _) => Trust::Anyone,
        (false, Some(path)) => Trust::Roots(Roots::load(path).map_err(usage)?),
        (false, None) => match &env.ca_bundle {
            Some(path) => Trust::Roots(Roots::load(path).map_err(|error| {
                Failure::usage(format!(
                    "CURL_CA_BUNDLE: {error}; unset it, or give --cacert"
                ))
            })?),
            None => Trust::Platform,
        },
    };
    let identity = args
        .cert
        .as_deref()
        .map(|cert| identity(cert, args.key.as_deref(), args.pass.as_ref(), ask));
    let server_name = args.sni.as_deref().map(|name| {
        parse_server_name(name)
            .map_err(|_| Failure::usage(format!("--sni '{name}' is no host name or address")))
    });
    Ok(TlsSettings {
        trust,
        pins: args.pinnedpubkey.clone().unwrap_or_default(),
        identity: identity.transpose()?,
        server_name: server_name.transpose()?,
        versions: versions(args)?,
        key_log: env.open_key_log()?,
    })
}

fn versions(args: &TlsArgs) -> Result<Versions, Failure> {
    let min = if args.tlsv1_3 {
        TlsVersion::Tls13
    } else {
        TlsVersion::Tls12
    };
    let max = args.tls_max.unwrap_or(TlsVersion::Tls13);
    if max < min {
        return Err(Failure::usage(
            "--tlsv1.3 and --tls-max 1.2 leave no version of TLS; leave one of them out",
        ));
    }
    Ok(Versions { min, max })
}

fn identity(
    certificate: &Path,
    key: Option<&Path>,
    passphrase: Option<&Passphrase>,
    mut ask: impl FnMut(&str) -> Asked,
) -> Result<Identity> {
    let load = |passphrase: Option<&str>| {
        Identity::load(IdentityFiles {
            certificate,
            key,
            passphrase,
        })
    };
    let mut result = load(passphrase.map(|passphrase| passphrase.0.as_str()));
    for _ in 0..ATTEMPTS {
        let path = match &result {
            Err(FileError::NeedsPassphrase { path }) => path,
            Err(FileError::WrongPassphrase { path }) if passphrase.is_none() => path,
            _ => break,
        };
        let answer = ask(&format!("Passphrase for {}: ", path.display()));
        let answer = match answer {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Err(Failure::new(ExitStatus::Interrupted, "interrupted").into());
            }
            answer => answer.context("could not ask for a passphrase")?,
        };
        let Some(answer) = answer else {
            break;
        };
        result = load(Some(&answer));
    }
    result.map_err(|error| file_failure(&error).into())
}

fn file_failure(error: &FileError) -> Failure {
    let mut message = error.to_string();
    // curl takes the passphrase behind a colon.
    if let FileError::Read { path, source } = error
        && source.kind() == io::ErrorKind::NotFound
        && path.to_string_lossy().contains(':')
    {
        message.push_str("; give a passphrase with --pass, not behind a colon");
    }
    Failure::usage(message)
}
