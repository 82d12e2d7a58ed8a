use std::io::Write;

use clap::Parser;

use super::*;
use crate::exit::status_of;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    transport: TransportArgs,
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let pairs = variables.iter();
    Environment(
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    )
}

fn completed(
    url: &str,
    flags: &[&str],
    variables: &[(&str, &str)],
    answer: Option<&str>,
) -> Result<(Target, OpenConfig)> {
    let flags = Flags::try_parse_from([&["wscli"], flags].concat())?;
    let target: Target = url.parse().unwrap();
    let mut open = OpenConfig::default();
    complete(
        &mut open,
        &target,
        &flags.transport,
        &environment(variables),
        &mut |_| Ok(answer.map(str::to_owned)),
    )?;
    Ok((target, open))
}

#[test]
fn proxies_come_from_the_flag_or_the_environment_as_in_curl() {
    for (url, flags, variables, expected) in [
        ("ws://h", &[][..], &[][..], None),
        ("ws://h", &["--proxy", "p:1"], &[], Some("http://p:1")),
        (
            "ws://h",
            &["--proxy", "p:1"],
            &[("http_proxy", "e:1")],
            Some("http://p:1"),
        ),
        ("ws://h", &["--proxy", ""], &[("http_proxy", "e:1")], None),
        ("ws://h", &[], &[("http_proxy", "e:1")], Some("http://e:1")),
        ("ws://h", &[], &[("HTTP_PROXY", "e:1")], None),
        ("ws://h", &[], &[("https_proxy", "e:1")], None),
        (
            "wss://h",
            &[],
            &[("HTTPS_PROXY", "e:1")],
            Some("http://e:1"),
        ),
        (
            "wss://h",
            &[],
            &[("HTTPS_PROXY", "upper:1"), ("https_proxy", "lower:1")],
            Some("http://lower:1"),
        ),
        (
            "ws://h",
            &[],
            &[("http_proxy", "h:1"), ("ws_proxy", "w:1")],
            Some("http://w:1"),
        ),
        (
            "ws://h",
            &[],
            &[("ALL_PROXY", "socks5h://a:1"), ("https_proxy", "s:1")],
            Some("socks5h://a:1"),
        ),
        (
            "ws://h",
            &[],
            &[("http_proxy", ""), ("all_proxy", "a:1")],
            Some("http://a:1"),
        ),
        (
            "ws://h",
            &[],
            &[("all_proxy", "a:1"), ("NO_PROXY", "h")],
            None,
        ),
        (
            "ws://h",
            &["--noproxy", "other"],
            &[("all_proxy", "a:1"), ("no_proxy", "h")],
            Some("http://a:1"),
        ),
        (
            "ws://h",
            &["--noproxy", ""],
            &[("all_proxy", "a:1"), ("no_proxy", "h")],
            Some("http://a:1"),
        ),
        ("ws://h", &["--noproxy", "*", "--proxy", "p"], &[], None),
        (
            "ws://h",
            &[],
            &[("all_proxy", "socks4://a"), ("no_proxy", "h")],
            None,
        ),
        ("ws+unix:/s:/", &[], &[("all_proxy", "socks4://a")], None),
    ] {
        let (target, open) = completed(url, flags, variables, None).unwrap();
        let proxy = open.dial.proxies.for_target(&target);
        let proxy = proxy.map(ToString::to_string);
        assert_eq!(proxy.as_deref(), expected, "{url} {flags:?} {variables:?}");
    }
}

#[test]
fn a_bad_proxy_says_where_it_comes_from_and_shows_no_password() {
    for (flags, variables, start) in [
        (
            &["--proxy", "socks4://u:secret@p"][..],
            &[][..],
            "--proxy: 'socks4' is no kind",
        ),
        (
            &[],
            &[("ALL_PROXY", "ftp://u:secret@p")],
            "ALL_PROXY: 'ftp' is no kind",
        ),
        (
            &["--proxy", "http://u:secret@"],
            &[],
            "--proxy: the proxy's URL is not valid",
        ),
    ] {
        let error = completed("ws://h", flags, variables, None).unwrap_err();
        assert_eq!(status_of(&error), ExitStatus::Usage);
        let error = format!("{error:#}");
        assert!(
            error.starts_with(start) && !error.contains("secret"),
            "{error}"
        );
    }
}

fn sent(url: &str, flags: &[&str], variables: &[(&str, &str)], answer: Option<&str>) -> String {
    let (target, open) = completed(url, flags, variables, answer).unwrap();
    let headers = open.request.auth.headers(&target);
    let lines: Vec<_> = headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
    lines.join(" | ")
}

#[test]
fn who_asks() {
    let mut netrc = tempfile::NamedTempFile::new().unwrap();
    netrc.write_all(b"machine h login n password np").unwrap();
    let netrc = netrc.path().to_str().unwrap();
    let mut jar = tempfile::NamedTempFile::new().unwrap();
    jar.write_all(b"h\tFALSE\t/\tFALSE\t0\tj\t2\n").unwrap();
    let jar = jar.path().to_str().unwrap();
    for (flags, variables, answer, expected) in [
        (
            &["-u", "u:p:w"][..],
            &[][..],
            None,
            "Authorization: Basic dTpwOnc=",
        ),
        (
            &["-u", "u"],
            &[],
            Some("pw"),
            "Authorization: Basic dTpwdw==",
        ),
        (&["-u", "u:"], &[], Some("no"), "Authorization: Basic dTo="),
        (&["--bearer", "tok"], &[], None, "Authorization: Bearer tok"),
        (
            &["--netrc-file", netrc],
            &[],
            None,
            "Authorization: Basic bjpucA==",
        ),
        (
            &["--netrc"],
            &[("NETRC", netrc)],
            None,
            "Authorization: Basic bjpucA==",
        ),
        (
            &["--netrc-file", netrc, "-u", "u:"],
            &[],
            None,
            "Authorization: Basic dTo=",
        ),
        (
            &["-b", "a=1; b=2", "-b", "c=3"],
            &[],
            None,
            "Cookie: a=1; b=2; c=3",
        ),
        (&["-b", "a=1", "-b", jar], &[], None, "Cookie: a=1; j=2"),
    ] {
        assert_eq!(
            sent("ws://h", flags, variables, answer),
            expected,
            "{flags:?}"
        );
    }
}

#[test]
fn what_cannot_work_is_refused_without_showing_it() {
    for (flags, part) in [
        (&["-u", "u"][..], "there is no terminal"),
        (&["--bearer", "secret\nx: y"], "line break"),
        (&["-b", "secret=1\r\nx: y"], "line break"),
        (&["--netrc"], "HOME is not set"),
        (
            &["--netrc-file", "/no/such"],
            "could not read the netrc file '/no/such'",
        ),
        (&["-b", "/no/such"], "could not read the cookie jar"),
        (&["-b", "Cargo.toml"], "cookie jar 'Cargo.toml': line 1"),
    ] {
        let error = format!("{:#}", completed("ws://h", flags, &[], None).unwrap_err());
        assert!(error.contains(part) && !error.contains("secret"), "{error}");
    }
}

#[test]
fn redirects_and_waiting() {
    let (_, open) = completed("ws://h", &[], &[], None).unwrap();
    assert_eq!(open.redirects, Redirects::Refuse);
    assert_eq!(open.wait_up, None);
    let flags = ["-L", "--max-redirs", "-1", "--wait-up", "2m"];
    let (_, open) = completed("ws://h", &flags, &[], None).unwrap();
    assert_eq!(open.redirects, Redirects::Follow { max: u32::MAX });
    assert_eq!(open.wait_up.unwrap().as_secs(), 120);
}
