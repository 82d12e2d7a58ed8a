//! Asking for a secret on the terminal, without showing it.

use std::io;

use zeroize::Zeroizing;

/// Asks on the process's terminal, whatever stdin and stdout are, and reads a
/// line that is not shown; `None` where there is no terminal.
///
/// # Errors
/// When the terminal fails, and [`io::ErrorKind::Interrupted`] for Ctrl-C and
/// Ctrl-D.
pub fn read_secret(prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
    imp::read_secret(prompt)
}

#[cfg(unix)]
mod imp {
    use std::fs::{File, OpenOptions};
    use std::io::{self, Read, Write};

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use zeroize::Zeroizing;

    use crate::terminal::sanitize;

    pub(super) fn read_secret(prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
        let Ok(tty) = OpenOptions::new().read(true).write(true).open("/dev/tty") else {
            return Ok(None);
        };
        let _quiet = Quiet::start(&tty)?;
        let mut screen = &tty;
        write!(screen, "{}", sanitize(prompt))?;
        let line = read_line(&tty);
        // The key that ended the line was not shown either.
        writeln!(screen)?;
        line.map(Some)
    }

    /// A terminal that shows no keys and hands each over by itself. Ctrl-C is
    /// a key too: a signal would leave the terminal like this.
    struct Quiet<'a> {
        tty: &'a File,
        found: Termios,
    }

    impl<'a> Quiet<'a> {
        fn start(tty: &'a File) -> io::Result<Self> {
            let found = tcgetattr(tty)?;
            let mut quiet = found.clone();
            quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
            tcsetattr(tty, OptionalActions::Now, &quiet)?;
            Ok(Self { tty, found })
        }
    }

    impl Drop for Quiet<'_> {
        fn drop(&mut self) {
            let _ = tcsetattr(self.tty, OptionalActions::Now, &self.found);
        }
    }

    pub(super) fn read_line(mut keys: impl Read) -> io::Result<Zeroizing<String>> {
        let mut line = Zeroizing::new(Vec::new());
        loop {
            // One at a time: what is typed behind the line is for others.
            let mut key = [0];
            match keys.read(&mut key) {
                Ok(0) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            match key[0] {
                b'\r' | b'\n' => break,
                // Ctrl-C, Ctrl-D
                3 | 4 => return Err(io::ErrorKind::Interrupted.into()),
                // Backspace: a whole character, of several bytes in UTF-8.
                8 | 0x7f => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
                // Ctrl-U
                21 => line.clear(),
                byte => line.push(byte),
            }
        }
        match std::str::from_utf8(&line) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "what was typed is not UTF-8",
            )),
        }
    }
}

#[cfg(not(unix))]
mod imp {
    use std::io;

    use zeroize::Zeroizing;

    pub(super) fn read_secret(_prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
        Ok(None)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::imp::read_line;

    #[test]
    fn a_line_can_be_corrected() {
        for (keys, line) in [
            ("secret\rrest", "secret"),
            ("sex\x7fcrü\x7fet\n", "secret"),
            ("wrong\x15right\n", "right"),
            ("\x7f\x7fa\n", "a"),
            ("", ""),
        ] {
            assert_eq!(*read_line(keys.as_bytes()).unwrap(), line, "{keys:?}");
        }
        assert!(read_line(&b"secret\x03"[..]).is_err());
        assert!(read_line(&b"\xff\n"[..]).is_err());
    }
}
