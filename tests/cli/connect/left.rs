//! Input that is left when the peer has closed.

use std::fs::File;

use tempfile::tempdir;

use super::*;

#[test]
fn a_file_that_was_not_read_is_unsent_input_however_soon_the_peer_closes() {
    let peer = Peer::start(Behaviour::CloseAtOnce);
    let dir = tempdir().expect("a folder");
    let path = dir.path().join("input");
    std::fs::write(&path, "{\"type\":\"text\",\"data\":\"a\"}\n").expect("a file");
    // Several at once, so that a reader's thread has to wait for its turn.
    thread::scope(|scope| {
        for flags in [&["-q"][..], &["-q", "--binary"], &["-q", "--jsonl"]].repeat(4) {
            let (url, path) = (&peer.url, &path);
            scope.spawn(move || {
                let mut command = wscli(&[&["connect", url.as_str()], flags].concat());
                command.stdin(File::open(path).expect("a file"));
                let (code, _, stderr) = run_bytes(&mut command, b"");
                assert_eq!(code, Some(11), "{flags:?}: {stderr}");
            });
        }
    });
}

#[test]
fn an_empty_file_leaves_nothing_however_soon_the_peer_closes() {
    let peer = Peer::start(Behaviour::CloseAtOnce);
    let mut command = wscli(&["connect", "-q", &peer.url]);
    command.stdin(Stdio::null());
    assert_eq!(run_bytes(&mut command, b"").0, Some(0));
}

#[test]
fn a_silent_pipe_is_a_listener_and_one_whose_message_was_asked_for_is_not() {
    let peer = Peer::start(Behaviour::CloseAtOnce);
    for (flags, expected) in [(&["-q"][..], 0), (&["-q", "-x", "@-"], 11)] {
        let mut command = wscli(&[&["connect", &peer.url], flags].concat());
        let mut child = command.stdin(Stdio::piped()).spawn().expect("a program");
        let open = child.stdin.take();
        assert_eq!(child.ends().status.code(), Some(expected), "{flags:?}");
        drop(open);
    }
}
