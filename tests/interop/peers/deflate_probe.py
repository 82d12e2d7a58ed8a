"""What the Autobahn|Testsuite leaves out of permessage-deflate (RFC 7692).

    deflate_probe.py server URL --pid PID     act as the client of an echo server,
                                              `wscli serve --compress`, whose process is PID
    deflate_probe.py client WSCLI             act as the server of `WSCLI connect --echo
                                              --compress`, started once for each check

Raw sockets and zlib, so that frames can be wrong on purpose and windows be
watched. Python's standard library only. `--only NAME` runs the checks whose
names contain NAME. Exits 0 when every check passed.
"""
import argparse
import base64
import contextlib
import hashlib
import itertools
import os
import random
import re
import socket
import subprocess
import sys
import threading
import urllib.parse
import zlib

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PROTOCOL_ERROR, INVALID_DATA, TOO_BIG = 1002, 1007, 1009

TAIL = b"\x00\x00\xff\xff"
TIMEOUT = 30
BOMB_BYTES = 200 << 20
BOMB_PEAK_KIB = 100_000_000 // 1024

# Exit codes of `wscli connect`: closed well, protocol error by the peer, upgrade rejected.
EXIT_OK, EXIT_REJECTED, EXIT_PROTOCOL = 0, 7, 8


class CheckFailed(Exception):
    """What came back is not what the RFC, or the project, asks for."""


def require(condition, message):
    if not condition:
        raise CheckFailed(message)


# --- frames ------------------------------------------------------------------


class Connection:
    """One WebSocket on a socket, in either role, that sends whatever it is told to."""

    def __init__(self, stream, masks, extensions):
        self.stream = stream
        self.masks = masks
        # The value of Sec-WebSocket-Extensions that the other side sent, or None.
        self.extensions = extensions
        self.reader = stream.makefile("rb")

    def send(self, opcode, payload=b"", fin=True, rsv=0):
        head = bytearray([(0x80 if fin else 0) | rsv << 4 | opcode])
        mask_bit = 0x80 if self.masks else 0
        if len(payload) < 126:
            head.append(mask_bit | len(payload))
        elif len(payload) < 1 << 16:
            head.append(mask_bit | 126)
            head += len(payload).to_bytes(2, "big")
        else:
            head.append(mask_bit | 127)
            head += len(payload).to_bytes(8, "big")
        if self.masks:
            head += os.urandom(4)
            key = head[-4:] * (len(payload) // 4 + 1)
            payload = xor(payload, bytes(key[: len(payload)]))
        self.stream.sendall(bytes(head) + payload)

    def receive(self):
        """One frame: (opcode, fin, rsv, payload)."""
        first, second = self._read(2)
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(self._read(2 if length == 126 else 8), "big")
        key = self._read(4) if second & 0x80 else b""
        require(bool(key) != self.masks, "only a client masks its frames (RFC 6455 §5.1)")
        payload = self._read(length)
        if key:
            payload = xor(payload, (key * (length // 4 + 1))[:length])
        return first & 0x0F, bool(first & 0x80), first >> 4 & 7, payload

    def _read(self, count):
        data = self.reader.read(count)
        require(len(data) == count, "the connection ended in the middle of a frame")
        return data

    def receive_message(self, pongs=None):
        """A data message as it is on the wire: (opcode, compressed?, payload). Pongs
        that come in between are added to `pongs`."""
        parts, kind, compressed = [], None, False
        while True:
            opcode, fin, rsv, payload = self.receive()
            if opcode == PING:
                self.send(PONG, payload)
                continue
            if opcode == PONG and pongs is not None:
                pongs.append(payload)
                continue
            if opcode == CLOSE:
                raise CheckFailed(f"closed instead of an answer: {describe_close(payload)}")
            require(opcode == (CONTINUATION if parts else opcode), "a new message inside of another")
            if not parts:
                require(opcode in (TEXT, BINARY), f"unexpected opcode {opcode}")
                kind, compressed = opcode, bool(rsv & 4)
                require(not rsv & 3, "RSV2 or RSV3 is set")
            else:
                require(rsv == 0, "RSV bits on a continuation (RFC 7692 §6)")
            parts.append(payload)
            if fin:
                return kind, compressed, b"".join(parts)

    def close_code(self):
        """Reads to the other side's Close and returns its code."""
        while True:
            opcode, _, _, payload = self.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big") if payload else None

    def finish(self):
        """The closing handshake, started here, until the stream is at its end."""
        with contextlib.suppress(OSError):
            self.send(CLOSE, (1000).to_bytes(2, "big"))
            require(self.close_code() == 1000, "Close 1000 was not answered with 1000")
        self.drop()

    def drop(self):
        with contextlib.suppress(OSError):
            self.stream.shutdown(socket.SHUT_WR)
            while self.stream.recv(1 << 16):
                pass
        self.reader.close()
        self.stream.close()


def xor(left, right):
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def describe_close(payload):
    if not payload:
        return "no code"
    return f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')!r}"


def read_head(stream):
    """The head of a handshake, up to its empty line, byte by byte: what follows
    belongs to the frames."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        require(byte, f"the connection ended inside of the handshake: {head!r}")
        head += byte
    return head.decode("latin-1")


def header(head, name):
    values = re.findall(rf"(?im)^{name}:[ \t]*(.*?)[ \t]*\r$", head)
    return ", ".join(values) if values else None


def accept_key(key):
    guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1((key + guid).encode()).digest()).decode()


# --- compression ---------------------------------------------------------------


class Parameters:
    """permessage-deflate as agreed upon. A flag or window that is absent is None."""

    NAMES = (
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits",
        "client_max_window_bits",
    )

    def __init__(self, **values):
        for name in self.NAMES:
            setattr(self, name, values.get(name))

    @classmethod
    def parse(cls, text):
        """One extension with its parameters, as it is in a header."""
        name, *rest = [part.strip() for part in text.split(";")]
        require(name == "permessage-deflate", f"{name!r} was not offered")
        values = {}
        for part in rest:
            key, equals, value = part.partition("=")
            require(key in cls.NAMES, f"unknown parameter {key!r}")
            require(key not in values, f"{key} twice")
            values[key] = value.strip('"') if equals else True
        for key in cls.NAMES[2:]:
            if values.get(key) not in (None, True):
                require(re.fullmatch("[89]|1[0-5]", values[key]), f"{key}={values[key]}")
                values[key] = int(values[key])
        return cls(**values)

    def __str__(self):
        parts = ["permessage-deflate"]
        for name in self.NAMES:
            value = getattr(self, name)
            if value is True:
                parts.append(name)
            elif value is not None:
                parts.append(f"{name}={value}")
        return "; ".join(parts)

    def codec(self, role):
        """The compressor and decompressor of our side, the `role` "client" or "server"."""
        sides = {
            "server": (self.server_max_window_bits, self.server_no_context_takeover),
            "client": (self.client_max_window_bits, self.client_no_context_takeover),
        }
        ours = sides.pop(role)
        (theirs,) = sides.values()
        return Deflater(*ours), Inflater(*theirs)


def window(bits):
    return 15 if bits in (None, True) else bits


class Deflater:
    def __init__(self, bits=None, no_takeover=None):
        self.bits = window(bits)
        self.no_takeover = bool(no_takeover)
        self.stream = None

    def __call__(self, data):
        if self.stream is None or self.no_takeover:
            self.stream = zlib.compressobj(wbits=-self.bits)
        out = self.stream.compress(data) + self.stream.flush(zlib.Z_SYNC_FLUSH)
        return out.removesuffix(TAIL)


class Inflater:
    """Takes its output in small steps: zlib looks behind the current step only as far
    as the window, so a reference past the agreed window is an error here."""

    STEP = 64

    def __init__(self, bits=None, no_takeover=None):
        self.bits = window(bits)
        self.no_takeover = bool(no_takeover)
        self.stream = None

    def __call__(self, data):
        if self.stream is None or self.no_takeover:
            self.stream = zlib.decompressobj(wbits=-self.bits)
        parts, rest = [], data + TAIL
        try:
            while True:
                part = self.stream.decompress(rest, self.STEP)
                rest = self.stream.unconsumed_tail
                parts.append(part)
                if self.stream.eof:
                    # BFINAL: what follows starts a new stream (§7.2.3.5).
                    rest, self.stream = self.stream.unused_data, zlib.decompressobj(wbits=-self.bits)
                elif not rest and len(part) < self.STEP:
                    return b"".join(parts)
        except zlib.error as error:
            raise CheckFailed(f"what came back does not inflate in a window of {self.bits} bits: {error}") from None


class Talk:
    """A connection with its codec: messages, compressed or not."""

    def __init__(self, connection, parameters, role):
        self.connection = connection
        self.parameters = parameters
        self.deflate, self.inflate = parameters.codec(role) if parameters else (None, None)
        self.wire_length = 0

    def send(self, payload, opcode=BINARY):
        if self.deflate:
            self.connection.send(opcode, self.deflate(payload), rsv=4)
        else:
            self.connection.send(opcode, payload)

    def receive(self, pongs=None):
        opcode, compressed, payload = self.connection.receive_message(pongs)
        self.wire_length = len(payload)
        require(not compressed or self.inflate, "a compressed message without the extension")
        return opcode, self.inflate(payload) if compressed else payload

    def expect(self, payload, opcode=BINARY, what="the message"):
        got = self.receive()
        kind, data = got
        require(kind == opcode, f"{what} came back with opcode {kind}")
        require(data == payload, f"{what} came back changed: {len(payload)} bytes sent, {len(data)} received")

    def echo(self, payload, opcode=BINARY, what="the message"):
        self.send(payload, opcode)
        self.expect(payload, opcode, what)

    def send_raw(self, payload, opcode=TEXT, fin=True, rsv=4):
        self.connection.send(opcode, payload, fin, rsv)


def noise(length, seed=7692):
    return random.Random(seed).randbytes(length)


def far_repeats():
    """Text whose repetitions are near, 600, 5,000 and 30,000 bytes behind: each window
    size reaches some of them and not others."""
    block = [noise(300, seed) for seed in range(4)]
    return b"".join([
        block[0], noise(300, 10), block[0],
        block[1], noise(4_700, 11), block[1],
        block[2], noise(29_700, 12), block[2], block[0], block[3], block[3],
    ])


# --- the other side ------------------------------------------------------------


def kib_of(pid, name):
    """A figure of a process's memory. Of RssFile, the pages of the program itself,
    there are as many as its code is long, which in a build without optimisation is a
    good part of the limit, and so they are left out of it."""
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(name + r":\s+(\d+) kB", status.read()).group(1))


class ServerUnderTest:
    """Dials the echo server."""

    role = "client"

    def __init__(self, url, pid):
        self.url = urllib.parse.urlsplit(url)
        self.pid = pid

    def answer_to(self, offer):
        """The opening handshake with this offer (None for none)."""
        stream = socket.create_connection((self.url.hostname, self.url.port), timeout=TIMEOUT)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {self.url.path or '/'} HTTP/1.1",
            f"Host: {self.url.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        if offer:
            lines.append(f"Sec-WebSocket-Extensions: {offer}")
        stream.sendall("\r\n".join([*lines, "", ""]).encode())
        head = read_head(stream)
        require(head.startswith("HTTP/1.1 101 "), f"no upgrade: {head.splitlines()[0]}")
        require(header(head, "Sec-WebSocket-Accept") == accept_key(key), "wrong Sec-WebSocket-Accept")
        return Connection(stream, True, header(head, "Sec-WebSocket-Extensions"))

    @contextlib.contextmanager
    def talk(self, offer="permessage-deflate; client_max_window_bits", compressed=True, ends=None):
        """A connection with the offer accepted. `ends`: how the other side is expected
        to fail it, or None for a good end."""
        connection = self.answer_to(str(offer) if offer else None)
        try:
            parameters = Parameters.parse(connection.extensions) if connection.extensions else None
            if compressed:
                require(parameters, f"the offer {offer} was not accepted")
            yield Talk(connection, parameters, self.role)
            if ends is None:
                connection.finish()
            else:
                code = connection.close_code()
                require(code == ends, f"closed with {code} instead of {ends}")
        finally:
            connection.drop()

    def peak_kib(self):
        return kib_of(self.pid, "VmHWM") - kib_of(self.pid, "RssFile")


class ClientUnderTest:
    """Starts the client once a connection and answers it."""

    role = "server"

    def __init__(self, program):
        self.program = program
        self.program_kib = 0
        self.last_usage = None

    @contextlib.contextmanager
    def started(self, answer, arguments=("--compress",)):
        """The client's process and its connection, accepted with the extensions that
        `answer` makes of its offer."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(TIMEOUT)
            url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
            client = subprocess.Popen(
                [self.program, "connect", "--echo", *arguments, url],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            try:
                stream, _ = listener.accept()
                self.program_kib = kib_of(client.pid, "RssFile")
                stream.settimeout(TIMEOUT)
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                head = read_head(stream)
                offer = header(head, "Sec-WebSocket-Extensions")
                lines = [
                    "HTTP/1.1 101 Switching Protocols",
                    "Upgrade: websocket",
                    "Connection: Upgrade",
                    f"Sec-WebSocket-Accept: {accept_key(header(head, 'Sec-WebSocket-Key'))}",
                ]
                extensions = answer(offer)
                if extensions:
                    lines.append(f"Sec-WebSocket-Extensions: {extensions}")
                stream.sendall("\r\n".join([*lines, "", ""]).encode())
                yield client, Connection(stream, False, offer)
            finally:
                if client.returncode is None:
                    client.kill()
                    client.wait()
                client.stderr.close()

    def end(self, client, wanted):
        """Waits for the client's exit and holds its status against those wanted."""
        killer = threading.Timer(TIMEOUT, client.kill)
        killer.start()
        try:
            said = client.stderr.read().decode(errors="replace").strip()
            _, status, self.last_usage = os.wait4(client.pid, 0)
        finally:
            killer.cancel()
        client.returncode = os.waitstatus_to_exitcode(status)
        require(
            client.returncode in wanted,
            f"the client ended with {client.returncode} instead of {' or '.join(map(str, wanted))}: {said!r}",
        )

    @contextlib.contextmanager
    def talk(self, parameters=None, compressed=True, ends=None):
        parameters = parameters or (Parameters() if compressed else None)
        with self.started(lambda _offer: str(parameters) if parameters else None) as (client, connection):
            try:
                yield Talk(connection, parameters, self.role)
                if ends is None:
                    connection.finish()
                    self.end(client, [EXIT_OK])
                else:
                    code = connection.close_code()
                    require(code == ends, f"closed with {code} instead of {ends}")
                    connection.drop()
                    self.end(client, [EXIT_PROTOCOL])
            finally:
                connection.drop()

    def peak_kib(self):
        # Of the client of the last check, which has ended.
        return self.last_usage.ru_maxrss - self.program_kib


# --- checks of both roles --------------------------------------------------------


def check_rfc_examples(peer):
    """The wire examples of RFC 7692 §7.2.3, in one context, in the RFC's order."""
    with peer.talk() as talk:
        # §7.2.3.1 and §7.2.3.2: one block, and once more out of the shared window.
        for wire in ("f248cdc9c90700", "f200110000"):
            talk.send_raw(bytes.fromhex(wire))
            talk.expect(b"Hello", TEXT, f"{wire}")
        # §7.2.3.1 in two fragments.
        talk.send_raw(bytes.fromhex("f248cd"), fin=False)
        talk.send_raw(bytes.fromhex("c9c90700"), CONTINUATION, rsv=0)
        talk.expect(b"Hello", TEXT, "two fragments")
        # §7.2.3.3: a block without compression. §7.2.3.5: two blocks.
        for wire in ("000500faff48656c6c6f00", "f248050000 00ffff cac9c90700".replace(" ", "")):
            talk.send_raw(bytes.fromhex(wire))
            talk.expect(b"Hello", TEXT, f"{wire}")


def check_bfinal(peer):
    """§7.2.3.4: a block with BFINAL set, and then the connection goes on."""
    with peer.talk() as talk:
        for _ in range(3):
            talk.send_raw(bytes.fromhex("f348cdc9c9070000"))
            talk.expect(b"Hello", TEXT, "a BFINAL block")
        payload = far_repeats()
        finished = zlib.compressobj(wbits=-15)
        talk.send_raw(finished.compress(payload) + finished.flush(zlib.Z_FINISH) + b"\0", BINARY)
        talk.expect(payload, BINARY, "a long message that ends in BFINAL")
        talk.send_raw(Deflater()(b"after"), TEXT)
        talk.expect(b"after", TEXT, "the message after BFINAL")


def check_empty_messages(peer):
    """Empty compressed messages: one octet, several blocks, empty fragments."""
    with peer.talk() as talk:
        for _ in range(3):
            for opcode in (TEXT, BINARY):
                talk.send_raw(b"\0", opcode)
                talk.expect(b"", opcode, "an empty message")
        # What a sync flush of nothing makes after the one before: an empty block each.
        talk.send_raw(b"\0" + TAIL + b"\0")
        talk.expect(b"", TEXT, "two empty blocks")
        talk.send_raw(b"", fin=False)
        talk.send_raw(b"", CONTINUATION, fin=False, rsv=0)
        talk.send_raw(b"\0", CONTINUATION, rsv=0)
        talk.expect(b"", TEXT, "an empty message in three fragments")
        talk.send_raw(b"", TEXT, rsv=0)
        talk.expect(b"", TEXT, "an empty message that is not compressed")
        talk.echo(b"not empty", TEXT, "the message after them")


def check_context_takeover(peer):
    """A context in each direction, kept over 300 messages: what repeats gets small."""
    with peer.talk() as talk:
        block = noise(4096)
        lengths = []
        for _ in range(300):
            talk.echo(block)
            lengths.append(talk.wire_length)
        require(
            max(lengths[1:]) * 20 < lengths[0],
            f"repeated messages come back in {lengths[0]}, then up to {max(lengths[1:])} bytes: no context is kept",
        )


def check_mixed_messages(peer):
    """Messages with and without RSV1 in turns leave the context alone."""
    with peer.talk() as talk:
        for number in range(20):
            payload = noise(200, number % 3) * 3
            talk.echo(payload)
            talk.send_raw(payload, BINARY, rsv=0)
            talk.expect(payload, BINARY, "a message that is not compressed")


def check_one_byte_fragments(peer):
    """A compressed message in fragments of one byte, a Ping after each."""
    with peer.talk() as talk:
        for payload in ("grüße, 世界, 🦀 ".encode() * 20, noise(200).hex().encode()):
            wire = talk.deflate(payload)
            pings = []
            for index in range(len(wire)):
                last = index == len(wire) - 1
                talk.send_raw(wire[index : index + 1], CONTINUATION if index else TEXT, last, 0 if index else 4)
                if not last:
                    pings.append(f"ping {index}".encode())
                    talk.connection.send(PING, pings[-1])
            pongs = []
            opcode, data = talk.receive(pongs)
            require((opcode, data) == (TEXT, payload), "the message in one-byte fragments came back changed")
            # §5.5.3 of RFC 6455 lets the last Pong stand for those before it.
            require(pongs and pongs[-1] == pings[-1] and set(pongs) <= set(pings), f"pongs: {pongs[-3:]}")


def check_large_messages(peer):
    """16 MiB that compress a little, and 16 MiB that compress well."""
    with peer.talk() as talk:
        talk.inflate.STEP = 1 << 20
        talk.echo(noise(1 << 20) * 16, what="16 MiB of repeated noise")
        talk.echo(b"wscli " * (16 * (1 << 20) // 6), TEXT, "16 MiB of text")


def fails_with(code, *frames):
    """A check that sends these frames and wants the connection closed with `code`.
    A frame is (payload, opcode, fin, rsv)."""

    def check(peer):
        with peer.talk(ends=code) as talk:
            for frame in frames:
                talk.send_raw(*frame)

    return check


INCOMPLETE_UTF8 = Deflater()("naïve".encode()[:3])
LONE_CONTINUATION_BYTE = Deflater()(b"\x80 is no character")
# A block of type 3, which RFC 1951 §3.2.3 reserves.
GARBAGE = b"\xff\xff\xff\xff\xff\xff"
# A fixed block whose only code is a copy from before the start.
TOO_FAR_BACK = bytes.fromhex("f200110000")
HELLO = bytes.fromhex("f248cdc9c90700")


def check_not_negotiated(peer):
    """RSV1 without the extension is an error (RFC 6455 §5.2)."""
    with peer.talk(None, compressed=False, ends=PROTOCOL_ERROR) as talk:
        require(talk.parameters is None, "an extension that was not offered was accepted")
        talk.send_raw(HELLO)


def bomb(fragments):
    """A check: 200 MiB of zeros, about 204 KB on the wire, in one frame or in many."""

    def check(peer):
        squeeze = zlib.compressobj(level=9, wbits=-15)
        chunk = bytes(1 << 20)
        wire = [squeeze.compress(chunk) for _ in range(BOMB_BYTES >> 20)]
        wire.append(squeeze.flush(zlib.Z_SYNC_FLUSH).removesuffix(TAIL))
        wire = b"".join(wire)
        size = -(-len(wire) // fragments)
        with peer.talk(ends=TOO_BIG) as talk:

            def send():
                # It may well be cut short by the refusal that is waited for below.
                with contextlib.suppress(OSError):
                    for start in range(0, len(wire), size):
                        part = wire[start : start + size]
                        talk.send_raw(part, CONTINUATION if start else BINARY, start + size >= len(wire), 0 if start else 4)

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
        sender.join(TIMEOUT)
        peak = peer.peak_kib()
        require(peak < BOMB_PEAK_KIB, f"a peak of {peak} KiB resident, more than {BOMB_PEAK_KIB}")
        return f"peak {peak / 1024:.0f} MiB"

    return check


COMMON_CHECKS = {
    "rfc examples": check_rfc_examples,
    "bfinal": check_bfinal,
    "empty messages": check_empty_messages,
    "context takeover": check_context_takeover,
    "mixed messages": check_mixed_messages,
    "one-byte fragments with pings": check_one_byte_fragments,
    "garbage": fails_with(INVALID_DATA, (GARBAGE,)),
    "garbage after good messages": fails_with(INVALID_DATA, (HELLO,), (HELLO,), (GARBAGE, BINARY)),
    "garbage in a continuation": fails_with(INVALID_DATA, (HELLO[:3], TEXT, False), (GARBAGE, CONTINUATION, True, 0)),
    "distance before the start": fails_with(INVALID_DATA, (TOO_FAR_BACK,)),
    "compressed text that is not UTF-8": fails_with(INVALID_DATA, (LONE_CONTINUATION_BYTE,)),
    "compressed text that ends inside of a character": fails_with(INVALID_DATA, (INCOMPLETE_UTF8,)),
    "rsv1 on a continuation": fails_with(
        PROTOCOL_ERROR, (HELLO[:3], TEXT, False), (HELLO[3:], CONTINUATION, True, 4)
    ),
    "rsv1 on a continuation of a plain message": fails_with(
        PROTOCOL_ERROR, (b"Hel", TEXT, False, 0), (b"lo", CONTINUATION, True, 4)
    ),
    "rsv1 on a ping": fails_with(PROTOCOL_ERROR, (b"ping", PING)),
    "rsv1 on a pong": fails_with(PROTOCOL_ERROR, (b"pong", PONG)),
    "rsv2": fails_with(PROTOCOL_ERROR, (HELLO, TEXT, True, 2)),
    "rsv1 and rsv3": fails_with(PROTOCOL_ERROR, (HELLO, TEXT, True, 5)),
    "rsv1 when not negotiated": check_not_negotiated,
}

# Last: they raise the peak of the process that the bombs are measured in.
LAST_CHECKS = {
    "bomb in one frame": bomb(1),
    "bomb in many frames": bomb(500),
    "large messages": check_large_messages,
}


# --- checks of one role ----------------------------------------------------------


def exchange(talk):
    """Messages that use all of the window, and the context when it is kept."""
    payload = far_repeats()
    for number in range(3):
        talk.echo(payload, what=f"message {number + 1}")
    talk.echo(b"short", TEXT)
    return 1


def check_server_parameters(peer):
    """Every combination of the four parameters in an offer (§7.1)."""
    count = 0
    windows = (None, *range(9, 16))
    for no_server, no_client, server_bits, client_bits in itertools.product(
        (None, True), (None, True), windows, (True, *windows)
    ):
        offer = Parameters(
            server_no_context_takeover=no_server,
            client_no_context_takeover=no_client,
            server_max_window_bits=server_bits,
            client_max_window_bits=client_bits,
        )
        try:
            with peer.talk(offer) as talk:
                check_agreed(offer, talk.parameters)
                agreed = talk.parameters
                # §7.1.2.2: our own hint holds for us, answered or not.
                if client_bits not in (None, True):
                    agreed.client_max_window_bits = agreed.client_max_window_bits or client_bits
                agreed.client_no_context_takeover = agreed.client_no_context_takeover or no_client
                talk.deflate, talk.inflate = agreed.codec("client")
                count += exchange(talk)
        except CheckFailed as error:
            raise CheckFailed(f"offer {offer!s}: {error}") from None
    return f"{count} offers"


def check_agreed(offer, agreed):
    """§7.1.1 and §7.1.2: what an answer may say to this offer."""
    if offer.server_no_context_takeover:
        require(agreed.server_no_context_takeover, "server_no_context_takeover is not answered (§7.1.1.1)")
    if offer.server_max_window_bits is not None:
        require(agreed.server_max_window_bits is not None, "server_max_window_bits is not answered (§7.1.2.1)")
        require(agreed.server_max_window_bits <= offer.server_max_window_bits, "a larger server window than offered")
    if agreed.client_max_window_bits is not None:
        require(offer.client_max_window_bits is not None, "client_max_window_bits was not offered (§7.1.2.2)")
        require(agreed.client_max_window_bits is not True, "client_max_window_bits without a value")
        require(agreed.client_max_window_bits <= window(offer.client_max_window_bits), "a larger client window")


def check_no_context_is_honoured(peer):
    """With server_no_context_takeover a message inflates by itself, and does not shrink."""
    with peer.talk("permessage-deflate; server_no_context_takeover") as talk:
        block = noise(4096)
        lengths = []
        for _ in range(5):
            talk.echo(block)
            lengths.append(talk.wire_length)
        require(min(lengths) > 2048, f"messages of {lengths} bytes: the context was kept")


def check_declined_offers(peer):
    """An offer that is not valid, or that nobody can meet, is declined, and the
    connection works without compression (§7.1, §5.1)."""
    declined = (
        "server_max_window_bits=16",
        "server_max_window_bits=7",
        "server_max_window_bits=010",
        "server_max_window_bits=ten",
        "server_max_window_bits",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=16",
        "client_max_window_bits=7",
        "client_max_window_bits; client_max_window_bits",
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "server_no_context_takeover; server_no_context_takeover",
        "unknown_parameter",
        "unknown_parameter=10",
    )
    for parameter in declined:
        offer = f"permessage-deflate; {parameter}"
        try:
            with peer.talk(offer, compressed=False) as talk:
                require(talk.parameters is None, f"answered with {talk.parameters}")
                talk.echo(b"plain", TEXT)
        except CheckFailed as error:
            raise CheckFailed(f"offer {offer}: {error}") from None
    return f"{len(declined)} offers"


def check_fallback_offers(peer):
    """Offers are taken in their order: the first that can be met, and only one."""
    cases = (
        ("permessage-deflate; unknown, permessage-deflate; server_max_window_bits=10", 10),
        ("permessage-deflate; server_max_window_bits=16, permessage-deflate; server_max_window_bits=11", 11),
        ("x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=12", 12),
        ("permessage-deflate; server_max_window_bits=9, permessage-deflate", 9),
        ('permessage-deflate; server_max_window_bits="13"', 13),
        ("permessage-deflate;server_max_window_bits=14 ;  client_max_window_bits", 14),
    )
    for offer, bits in cases:
        try:
            with peer.talk(offer) as talk:
                got = talk.parameters.server_max_window_bits
                require(got is not None and got <= bits, f"answered with {talk.parameters}")
                exchange(talk)
        except CheckFailed as error:
            raise CheckFailed(f"offer {offer}: {error}") from None
    return f"{len(cases)} offers"


def check_smallest_window(peer):
    """A window of 8 bits, which zlib cannot compress in: declined, or honoured."""
    with peer.talk("permessage-deflate; server_max_window_bits=8", compressed=False) as talk:
        exchange(talk)
        return "accepted" if talk.parameters else "declined"


def check_client_parameters(peer):
    """Every combination of the four parameters in an answer (§7.1)."""
    count = 0
    windows = (None, *range(9, 16))
    for no_server, no_client, server_bits, client_bits in itertools.product(
        (None, True), (None, True), windows, windows
    ):
        answer = Parameters(
            server_no_context_takeover=no_server,
            client_no_context_takeover=no_client,
            server_max_window_bits=server_bits,
            client_max_window_bits=client_bits,
        )
        try:
            with peer.talk(answer) as talk:
                offer = talk.connection.extensions or ""
                require("client_max_window_bits" in offer, f"the offer {offer!r} is not what browsers send")
                count += exchange(talk)
        except CheckFailed as error:
            raise CheckFailed(f"answer {answer!s}: {error}") from None
    return f"{count} answers"


def check_client_no_context_is_honoured(peer):
    """With client_no_context_takeover a message inflates by itself, and does not shrink."""
    with peer.talk(Parameters(client_no_context_takeover=True)) as talk:
        block = noise(4096)
        lengths = []
        for _ in range(5):
            talk.echo(block)
            lengths.append(talk.wire_length)
        require(min(lengths) > 2048, f"messages of {lengths} bytes: the context was kept")


def check_bad_answers(peer):
    """An answer that the offer does not allow fails the connection (§7.1, RFC 6455 §9.1)."""
    bad = (
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; unknown_parameter",
        "permessage-deflate, permessage-deflate",
        "x-webkit-deflate-frame",
        "permessage-deflate, x-webkit-deflate-frame",
    )
    for answer in bad:
        expect_refusal(peer, answer, ("--compress",))
    expect_refusal(peer, "permessage-deflate", ())
    return f"{len(bad) + 1} answers"


def expect_refusal(peer, answer, arguments):
    try:
        with peer.started(lambda _offer: answer, arguments) as (client, connection):
            connection.drop()
            peer.end(client, [EXIT_REJECTED, EXIT_PROTOCOL])
    except CheckFailed as error:
        raise CheckFailed(f"answer {answer} to {arguments or 'no offer'}: {error}") from None


SERVER_CHECKS = {
    "every combination of parameters": check_server_parameters,
    "no context takeover": check_no_context_is_honoured,
    "offers to decline": check_declined_offers,
    "offers to fall back on": check_fallback_offers,
    "a window of 8 bits": check_smallest_window,
}

CLIENT_CHECKS = {
    "every combination of parameters": check_client_parameters,
    "no context takeover": check_client_no_context_is_honoured,
    "answers to refuse": check_bad_answers,
}


def run_checks(checks, peer, only):
    failures = 0
    for name, check in checks.items():
        if only not in name:
            continue
        try:
            note = check(peer)
            print(f"ok      {name}{f' ({note})' if note else ''}", flush=True)
        except (CheckFailed, OSError) as error:
            failures += 1
            print(f"FAILED  {name}: {type(error).__name__}: {error}", flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    roles = parser.add_subparsers(dest="role", required=True)
    server = roles.add_parser("server", help="test the echo server at URL")
    server.add_argument("url")
    server.add_argument("--pid", type=int, required=True, help="its process, whose peak memory is read")
    client = roles.add_parser("client", help="test the echo client WSCLI")
    client.add_argument("program")
    for role in (server, client):
        role.add_argument("--only", default="", help="run the checks whose names contain this")
    options = parser.parse_args()
    if options.role == "server":
        peer, checks = ServerUnderTest(options.url, options.pid), SERVER_CHECKS
    else:
        peer, checks = ClientUnderTest(options.program), CLIENT_CHECKS
    failures = run_checks({**COMMON_CHECKS, **checks, **LAST_CHECKS}, peer, options.only)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
