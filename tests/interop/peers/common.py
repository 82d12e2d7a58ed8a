"""What the Python peers share: their command line, the ready line, the messages
that a check sends, and the rule that no peer outlives the test that started it."""
import argparse
import json
import os
import random
import sys
import threading

DEFLATE_FLAGS = ("server_no_context_takeover", "client_no_context_takeover")
DEFLATE_BITS = ("server_max_window_bits", "client_max_window_bits")

CLOSE_CODE = 4001
CLOSE_REASON = "checked, thank you ✓"

# A text message `close CODE REASON` asks an echo server of ours to close so.
CLOSE_REQUEST = "close "


class CheckFailed(Exception):
    """What came back is not what the check expects."""


def parse_arguments(description, parameters):
    """`serve` or `check URL`, with a flag for each of the permessage-deflate
    parameters that the library lets its user set."""
    parser = argparse.ArgumentParser(description=description)
    roles = parser.add_subparsers(dest="role", required=True)
    serve = roles.add_parser("serve", help="echo on a free loopback port until stdin ends")
    check = roles.add_parser("check", help="check the echo server at URL")
    check.add_argument("url")
    for role in (serve, check):
        role.add_argument("--compress", action="store_true", help="permessage-deflate")
        for name in parameters:
            flag = "--" + name.replace("_", "-")
            if name in DEFLATE_FLAGS:
                role.add_argument(flag, action="store_true")
            else:
                role.add_argument(flag, type=int, choices=range(9, 16))
    options = parser.parse_args()
    chosen = {name: getattr(options, name) for name in parameters if getattr(options, name)}
    if chosen and not options.compress:
        parser.error("a parameter of permessage-deflate needs --compress")
    return options, chosen


def exit_with_stdin():
    """The test holds the other end of our standard input: when it is gone, so are we."""

    def wait():
        # Not through sys.stdin: its lock would be held at interpreter shutdown.
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def announce(port):
    print(json.dumps({"port": port, "url": f"ws://127.0.0.1:{port}/"}), flush=True)


def requested_close(message):
    """The (code, reason) that a message asks for, or None when it is to be echoed."""
    if isinstance(message, str) and message.startswith(CLOSE_REQUEST):
        code, _, reason = message.removeprefix(CLOSE_REQUEST).partition(" ")
        return int(code), reason
    return None


def messages():
    """Name and payload of each message that must come back as it went."""
    noise = random.Random(7692)
    line = "grüße, 世界, 🦀 "
    mebibyte_text = (line * (1 + (1 << 20) // len(line.encode())))[: 1 << 20]
    return [
        ("text", "hello, wörld ✓"),
        ("binary", bytes(range(256))),
        ("empty text", ""),
        ("empty binary", b""),
        ("text again", "hello, wörld ✓"),
        ("1 MiB text", mebibyte_text),
        # Half of it compresses, half does not.
        ("5 MiB binary", noise.randbytes(5 << 19) + bytes(5 << 19)),
        ("text after large ones", "still here"),
    ]


def fragments():
    """A text message in pieces: between characters, empty ones in the middle too."""
    return ["first, ", "", "zwölf, ", "🦀", "", "last"]


def expect(what, wanted, got):
    if type(wanted) is type(got) and wanted == got:
        return
    if isinstance(wanted, (str, bytes)) and isinstance(got, (str, bytes)):
        detail = f"sent {type(wanted).__name__} of {len(wanted)}, received {type(got).__name__} of {len(got)}"
    else:
        detail = f"expected {wanted!r}, got {got!r}"
    raise CheckFailed(f"{what}: {detail}")


def report(checks):
    print(json.dumps({"passed": checks}))


def fail(error):
    print(f"check failed: {type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(1)
