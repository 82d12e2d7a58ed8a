//! A WebSocket client that does exactly what it is told, for what a real one
//! would never send.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::harness::PATIENCE;

/// A request for `/ws` that is valid as it stands. Each edit adds a header
/// line, or with `-` in front removes the line that begins so.
pub(crate) fn handshake(edits: &[&str]) -> String {
    let mut lines = vec![
        "GET /ws HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    for edit in edits {
        match edit.strip_prefix('-') {
            Some(start) => lines.retain(|line| !line.starts_with(start)),
            None if edit.ends_with("HTTP/1.1") || edit.ends_with("HTTP/1.0") => lines[0] = edit,
            None => lines.push(edit),
        }
    }
    lines.join("\r\n") + "\r\n\r\n"
}

/// A complete, masked frame.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked(0x80 | opcode, payload)
}

/// A masked frame with this first byte.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(b, k)| b ^ k));
    frame
}

/// A masked Close frame.
pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(8, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Wire {
    pub(crate) fn connect(port: u16) -> Self {
        Self::over(TcpStream::connect(("127.0.0.1", port)).expect("the server listens"))
    }

    /// A connection from an address of this machine.
    #[cfg(target_os = "linux")]
    pub(crate) fn connect_from(address: [u8; 4], port: u16) -> std::io::Result<Self> {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&std::net::SocketAddr::from((address, 0)).into())?;
        socket.connect(&std::net::SocketAddr::from(([127, 0, 0, 1], port)).into())?;
        Ok(Self::over(socket.into()))
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// A connection whose opening handshake is done.
    pub(crate) fn open(port: u16) -> Self {
        let mut wire = Self::connect(port);
        wire.send(handshake(&[]));
        let head = wire.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        wire
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("the server reads");
    }

    /// Sends this, and says whether the connection was still there.
    pub(crate) fn takes(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// An answer up to its empty line.
    pub(crate) fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.received.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = self.received.drain(..at + 4).collect();
                return String::from_utf8(head).expect("a head is text");
            }
            assert!(self.read(), "the connection ended within a head");
        }
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            assert!(self.read(), "the connection ended {:?}", self.received);
        }
        self.received.drain(..count).collect()
    }

    /// A frame: its opcode and payload. It has to be complete and unmasked.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let start = self.bytes(2);
        assert_eq!(start[0] & 0xf0, 0x80, "a final frame without extensions");
        let length = match start[1] {
            126 => usize::from(u16::from_be_bytes(self.bytes(2).try_into().unwrap())),
            127 => {
                let length = u64::from_be_bytes(self.bytes(8).try_into().unwrap());
                usize::try_from(length).unwrap()
            }
            length => usize::from(length),
        };
        (start[0] & 0x0f, self.bytes(length))
    }

    /// The code of a Close frame; 0 for an empty one.
    pub(crate) fn close_code(&mut self) -> u16 {
        let (opcode, payload) = self.frame();
        assert_eq!(opcode, 8, "{payload:?}");
        match payload.get(..2) {
            Some(code) => u16::from_be_bytes([code[0], code[1]]),
            None => 0,
        }
    }

    /// Ends our direction.
    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Waits for the server's FIN, and ends our direction too. A reset is a
    /// failure, and so is data.
    pub(crate) fn end(&mut self) {
        assert!(!self.read(), "data: {:?}", self.received);
        // The server may have taken the connection down already.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Waits for the server's FIN, whatever comes before, and keeps our
    /// direction.
    pub(crate) fn end_of_stream(&mut self) {
        while self.read() {}
    }

    /// Everything up to the server's FIN.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.end_of_stream();
        std::mem::take(&mut self.received)
    }

    /// Whether the server has ended the connection by RST.
    pub(crate) fn is_reset(&mut self) -> bool {
        let result = self.stream.read(&mut [0; 16]);
        matches!(result, Err(error) if error.kind() == ErrorKind::ConnectionReset)
    }

    /// Whether nothing comes for so long, not even an end.
    pub(crate) fn is_silent(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let result = self.stream.read(&mut [0; 16]);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        matches!(result, Err(error)
            if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Sends this again and again, and reads nothing, until the server ends
    /// the connection.
    pub(crate) fn flood(&mut self, bytes: &[u8]) {
        self.stream.set_write_timeout(Some(PATIENCE)).unwrap();
        while self.takes(bytes) {}
    }

    /// Whether more has come; `false` is the end of the stream.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(count) => {
                    self.received.extend(&buffer[..count]);
                    return count > 0;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error} after {} bytes", self.received.len()),
            }
        }
    }
}
