//! The end of a program: waited for so long and no longer, and never alone.

use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// The limit of every wait: only a failure meets it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// What a program came to.
pub(crate) trait Ends {
    /// Its exit status and all that it wrote. Fails where it does not end.
    fn ends(self) -> Output;
}

impl Ends for Child {
    fn ends(self) -> Output {
        let pid = self.id().to_string();
        let (ended, watch) = channel::<()>();
        let watchdog = thread::spawn(move || {
            let is_late = watch.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
            if is_late {
                let _ = Command::new("kill").args(["-9", &pid]).status();
            }
            is_late
        });
        let output = self.wait_with_output().expect("the program is ours");
        drop(ended);
        assert!(!watchdog.join().expect("it only waits"), "it did not end");
        output
    }
}

impl Ends for &mut Command {
    fn ends(self) -> Output {
        self.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.spawn().expect("the program can be started").ends()
    }
}
