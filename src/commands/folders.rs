//! Where the program's own files are, by the rules of the XDG Base Directory
//! Specification, on Windows too where its variables are set: a relative path
//! counts as none.

use std::ffi::OsString;
use std::path::PathBuf;

/// A kind of files: its variable, its folder below the home directory, and the
/// variable of Windows for it.
#[derive(Debug, Clone, Copy)]
struct Kind {
    xdg: &'static str,
    below_home: &'static str,
    windows: &'static str,
}

const CONFIG: Kind = Kind {
    xdg: "XDG_CONFIG_HOME",
    below_home: ".config",
    windows: "APPDATA",
};

const STATE: Kind = Kind {
    xdg: "XDG_STATE_HOME",
    below_home: ".local/state",
    windows: "LOCALAPPDATA",
};

/// `$XDG_CONFIG_HOME/wscli/` and this name.
pub(super) fn config_file(name: &str) -> Option<PathBuf> {
    Some(folder(CONFIG, variable)?.join(name))
}

/// `$XDG_STATE_HOME/wscli/` and this name.
pub(super) fn state_file(name: &str) -> Option<PathBuf> {
    Some(folder(STATE, variable)?.join(name))
}

#[expect(
    clippy::disallowed_methods,
    reason = "`commands` reads the environment"
)]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn folder(kind: Kind, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let of_home = || absolute("HOME").map(|home| home.join(kind.below_home));
    let of_windows = || absolute(kind.windows).filter(|_| cfg!(windows));
    let base = absolute(kind.xdg).or_else(of_windows).or_else(of_home)?;
    Some(base.join("wscli"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_and_history_are_in_the_folders_of_xdg() {
        // An absolute path, wherever this runs.
        let root = std::env::current_dir().unwrap();
        let at = |path: &str| root.join(path);
        let of = |kind, variables: &[(&str, PathBuf)]| {
            folder(kind, |name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, path)| path.clone().into_os_string())
            })
        };
        let home = ("HOME", at("home"));
        let both = [("XDG_CONFIG_HOME", at("xdg")), home.clone()];
        assert_eq!(of(CONFIG, &both), Some(at("xdg/wscli")));
        assert_eq!(of(STATE, &both), Some(at("home/.local/state/wscli")));
        let relative = [("XDG_CONFIG_HOME", PathBuf::from("xdg")), home];
        assert_eq!(of(CONFIG, &relative), Some(at("home/.config/wscli")));
        assert_eq!(of(CONFIG, &[]), None);
        let windows = [("APPDATA", at("roaming"))];
        let expected = cfg!(windows).then(|| at("roaming/wscli"));
        assert_eq!(of(CONFIG, &windows), expected);
    }
}
