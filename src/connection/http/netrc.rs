//! The netrc file: user names and passwords by host, as ftp, curl and git
//! read it.

use std::fmt;

use crate::connection::net::target::Credentials;

/// The entries of a netrc file, in its order. `Debug` shows none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Netrc(Vec<Entry>);

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    /// `None` for `default`, which fits every host.
    machine: Option<String>,
    login: Option<String>,
    password: Option<String>,
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Netrc({} entries)", self.0.len())
    }
}

impl Netrc {
    /// Reads a file's text. Words that mean nothing are passed over, as every
    /// reader of these files does.
    pub fn parse(text: &str) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut words = Words { rest: text };
        while let Some(word) = words.next() {
            match word.as_str() {
                "machine" | "default" => entries.push(Entry {
                    machine: (word == "machine").then(|| words.next()).flatten(),
                    login: None,
                    password: None,
                }),
                "login" => {
                    let login = words.next();
                    if let Some(entry) = entries.last_mut() {
                        entry.login = login;
                    }
                }
                "password" => {
                    let password = words.next();
                    if let Some(entry) = entries.last_mut() {
                        entry.password = password;
                    }
                }
                "account" => {
                    words.next();
                }
                "macdef" => words.skip_macro(),
                _ => {}
            }
        }
        Self(entries)
    }

    /// The first entry for `host`, and for `user` where one is given.
    pub fn find(&self, host: &str, user: Option<&str>) -> Option<Credentials> {
        let named = |machine: &String| machine.eq_ignore_ascii_case(host);
        self.0
            .iter()
            .filter(|entry| entry.machine.as_ref().is_none_or(named))
            .find(|entry| user.is_none() || entry.login.is_none() || entry.login.as_deref() == user)
            .map(|entry| Credentials {
                user: entry
                    .login
                    .clone()
                    .or_else(|| user.map(str::to_owned))
                    .unwrap_or_default(),
                password: entry.password.clone().unwrap_or_default(),
            })
    }
}

/// Words between blanks; quoted ones may hold blanks and `\"`.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    /// A macro ends at the first empty line.
    fn skip_macro(&mut self) {
        let end = ["\n\n", "\n\r\n"]
            .iter()
            .filter_map(|blank| self.rest.find(blank))
            .min();
        self.rest = end.map_or("", |end| &self.rest[end..]);
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        while self.rest.starts_with('#') {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.rest = self.rest[end..].trim_start();
        }
        if self.rest.is_empty() {
            return None;
        }
        let quoted = self.rest.starts_with('"');
        let mut word = String::new();
        let mut chars = self.rest.char_indices().skip(usize::from(quoted));
        while let Some((at, c)) = chars.next() {
            match c {
                '"' if quoted => {
                    self.rest = &self.rest[at + 1..];
                    return Some(word);
                }
                '\\' if quoted => match chars.next() {
                    Some((_, 'n')) => word.push('\n'),
                    Some((_, 'r')) => word.push('\r'),
                    Some((_, 't')) => word.push('\t'),
                    Some((_, c)) => word.push(c),
                    None => {}
                },
                c if !quoted && c.is_whitespace() => {
                    self.rest = &self.rest[at..];
                    return Some(word);
                }
                c => word.push(c),
            }
        }
        self.rest = "";
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# comment: machine no login no\n\
        machine a.example login alice password secret\n\
        machine b.example\n  login bob\n  password \"two words \\\"q\\\"\"\n\
        macdef init\nmachine macro login m password m\n\n\
        machine c.example login one password 1\n\
        machine c.example login two password 2#hash account x\n\
        machine d.example password only\n\
        default login anonymous password guest\n";

    #[test]
    fn entries_are_found_by_host_and_user() {
        let netrc = Netrc::parse(FILE);
        for (host, user, expected) in [
            ("a.example", None, "alice:secret"),
            ("A.Example", None, "alice:secret"),
            ("b.example", None, "bob:two words \"q\""),
            ("c.example", None, "one:1"),
            ("c.example", Some("two"), "two:2#hash"),
            ("d.example", Some("dora"), "dora:only"),
            ("macro", None, "anonymous:guest"),
            ("elsewhere", Some("anonymous"), "anonymous:guest"),
        ] {
            let found = netrc.find(host, user).unwrap();
            assert_eq!(format!("{}:{}", found.user, found.password), expected);
        }
        assert!(netrc.find("a.example", Some("nobody")).is_none());
    }

    #[test]
    fn broken_files_are_read_as_far_as_they_go() {
        for text in [
            "",
            "machine",
            "login x password y",
            "machine h login \"open",
            "machine h macdef",
            "default \"",
        ] {
            let _ = Netrc::parse(text).find("h", None);
        }
        assert!(!format!("{:?}", Netrc::parse(FILE)).contains("secret"));
    }
}
