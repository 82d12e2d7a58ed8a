//! How a run came to be, for its report.

use std::env;

use crate::bench::BenchConfig;
use crate::connection::Secrets;
use crate::connection::secrets::REDACTED;
use crate::report::bench::{Host, Made};
use crate::value::clock;

/// Flags whose values are secrets, whatever they look like.
const SECRET_FLAGS: &[&str] = &["--user", "-u", "--bearer", "--pass", "--cookie", "-b"];

/// Flags whose values are headers.
const HEADER_FLAGS: &[&str] = &["--header", "-H"];

/// The flag whose value is an address that may do without a scheme.
const PROXY_FLAG: &str = "--proxy";

/// How a run that begins now comes to be.
pub(super) fn made(config: &BenchConfig, demo: bool) -> Made {
    let targets = config.targets.iter();
    let known = targets.map(|target| config.open.secrets(target));
    let arguments: Vec<String> = env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    Made {
        demo,
        command_line: command_line(&arguments, &known.collect::<Vec<_>>()),
        started_at: format!("{:.3}", clock::now()),
        host: host(),
    }
}

/// The command line with the secrets taken out.
fn command_line(arguments: &[String], known: &[Secrets]) -> Vec<String> {
    let mut shown = vec!["wscli".to_owned()];
    let mut flag: Option<&str> = None;
    for argument in arguments {
        let argument = argument.as_str();
        if let Some(flag) = flag.take() {
            shown.push(value_of(flag, argument, known));
            continue;
        }
        match split(argument) {
            Some((name, "")) if name == argument => {
                shown.push(argument.to_owned());
                flag = Some(name);
            }
            Some((name, value)) => {
                let glue = &argument[name.len()..argument.len() - value.len()];
                shown.push(format!("{name}{glue}{}", value_of(name, value, known)));
            }
            None => shown.push(safe(argument, known)),
        }
    }
    shown
}

/// A flag that may hold a secret, and the value that stands in the same argument.
fn split(argument: &str) -> Option<(&str, &str)> {
    let flags = SECRET_FLAGS.iter().chain(HEADER_FLAGS).chain([&PROXY_FLAG]);
    let mut found = flags.filter_map(|flag| Some((*flag, argument.strip_prefix(flag)?)));
    found.find_map(|(flag, rest)| match (flag.starts_with("--"), rest) {
        (_, "") => Some((&argument[..flag.len()], "")),
        (true, rest) => Some((&argument[..flag.len()], rest.strip_prefix('=')?)),
        (false, rest) => Some((&argument[..flag.len()], rest)),
    })
}

fn value_of(flag: &str, value: &str, known: &[Secrets]) -> String {
    if SECRET_FLAGS.contains(&flag) {
        return REDACTED.to_owned();
    }
    if let (PROXY_FLAG, Some((before, host))) = (flag, value.rsplit_once('@')) {
        let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
        let glue = if scheme.is_empty() { "" } else { "://" };
        return format!("{scheme}{glue}{REDACTED}@{host}");
    }
    match value.split_once(':') {
        Some((name, value)) if HEADER_FLAGS.contains(&flag) => {
            let value = value.trim_start();
            let secrets = known.first().cloned().unwrap_or_default();
            format!("{name}: {}", safe(&secrets.header(name, value), known))
        }
        _ => safe(value, known),
    }
}

fn safe(text: &str, known: &[Secrets]) -> String {
    let start = match text.contains("://") {
        true => Secrets::default().url(text),
        false => Secrets::default().text(text),
    };
    known.iter().fold(start, |text, known| known.text(&text))
}

fn host() -> Host {
    let host = Host {
        os: env::consts::OS,
        arch: env::consts::ARCH,
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        ..Host::default()
    };
    #[cfg(unix)]
    let host = {
        let system = rustix::system::uname();
        Host {
            name: Some(system.nodename().to_string_lossy().into_owned()),
            release: Some(system.release().to_string_lossy().into_owned()),
            ..host
        }
    };
    host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_command_line_are_taken_out_in_every_spelling() {
        let known = Secrets::default().and_known(["SESAME".to_owned()]);
        for (given, shown) in [
            (
                &["bench", "ws://u:SESAME@h/?token=x1x1"][..],
                "wscli bench ws://h/?token=[redacted]",
            ),
            (&["-u", "u:pw", "-c", "5"], "wscli -u [redacted] -c 5"),
            (&["-uu:pw"], "wscli -u[redacted]"),
            (&["--user=u:pw"], "wscli --user=[redacted]"),
            (&["--bearer", "abc"], "wscli --bearer [redacted]"),
            (&["-H", "X-Api-Key: abc"], "wscli -H X-Api-Key: [redacted]"),
            (
                &["--header=X-Plain: SESAME"],
                "wscli --header=X-Plain: [redacted]",
            ),
            (&["-H", "X-Plain: abc"], "wscli -H X-Plain: abc"),
            (&["--message", "hi SESAME"], "wscli --message hi [redacted]"),
            (&["--proxy", "u:pw@h:1"], "wscli --proxy [redacted]@h:1"),
            (
                &["--proxy=http://u:pw@h:1"],
                "wscli --proxy=http://[redacted]@h:1",
            ),
            (&["--users", "5"], "wscli --users 5"),
        ] {
            let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(
                command_line(&given, std::slice::from_ref(&known)).join(" "),
                shown
            );
        }
    }
}
