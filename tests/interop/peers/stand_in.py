"""As much of wscli's command line as the harnesses use, on python `websockets`.

Not a model of wscli: it exists so that a harness can be tried by itself, and so
that a doubtful result can be compared with another implementation's.
"""
import argparse
import asyncio
import contextlib
import json
import signal
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, NegotiationError
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)

MAX_MESSAGE_SIZE = 64 << 20


async def echo(connection):
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


def options(factory, arguments):
    extensions = [] if arguments.compress is None else [factory()]
    return {
        "compression": None,
        "extensions": extensions,
        "max_size": MAX_MESSAGE_SIZE,
        "ping_interval": None,
    }


async def run_serve(arguments):
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    extension = options(ServerPerMessageDeflateFactory, arguments)
    async with serve(echo, "127.0.0.1", arguments.port, **extension) as server:
        port = server.sockets[0].getsockname()[1]
        print(json.dumps({"event": "ready", "url": f"ws://127.0.0.1:{port}/ws", "port": port}), flush=True)
        await stop
    return 0


def input_messages(arguments):
    if arguments.execute:
        return arguments.execute
    data = sys.stdin.buffer.read()
    if arguments.binary:
        return [data] if data else []
    separator = b"\0" if arguments.nul else b"\n"
    lines = data.split(separator)
    return [line.decode() for line in (lines[:-1] if lines[-1] == b"" else lines)]


def write_out(arguments, message):
    out = sys.stdout.buffer
    out.write(message if isinstance(message, bytes) else message.encode())
    if not arguments.binary:
        out.write(b"\0" if arguments.nul else b"\n")
    out.flush()


async def talk(connection, arguments):
    if arguments.echo:
        await echo(connection)
        return
    wanted = input_messages(arguments)
    count = arguments.count or len(wanted)

    async def send():
        for message in wanted:
            await connection.send(message)

    sender = asyncio.create_task(send())
    for _ in range(count):
        write_out(arguments, await connection.recv())
    await sender
    await connection.close()


async def run_connect(arguments):
    extension = options(ClientPerMessageDeflateFactory, arguments)
    try:
        connection = await connect(arguments.url, proxy=None, **extension)
    except NegotiationError:
        return 8
    except InvalidHandshake:
        return 7
    except OSError:
        return 4
    async with connection:
        with contextlib.suppress(ConnectionClosed):
            await talk(connection, arguments)
        await connection.wait_closed()
    # Closed by us for a mistake of the peer's, or by the peer with its code.
    sent, received = connection.protocol.close_sent, connection.protocol.close_rcvd
    if sent and sent.code in (1002, 1003, 1007, 1009):
        return 8
    if received is None or received.code not in (1000, 1001, 1005):
        print(f"closed by the peer with {received.code if received else 1006}", file=sys.stderr)
        return 11
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", action="version", version="stand-in (python websockets)")
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("serve")
    server.add_argument("-p", "--port", type=int, default=0)
    client = commands.add_parser("connect")
    client.add_argument("url")
    client.add_argument("--echo", action="store_true")
    client.add_argument("-0", dest="nul", action="store_true")
    client.add_argument("--binary", action="store_true")
    client.add_argument("-n", dest="count", type=int)
    client.add_argument("-x", dest="execute", action="append")
    client.add_argument("-m", "--max-time", type=float)
    for command in (server, client):
        command.add_argument("--jsonl", action="store_true")
        # As in wscli, a value only after `=`: rewritten below to keep argparse from
        # taking the URL for it.
        command.add_argument("--compress", nargs="?", const="")
    arguments = ["--compress=" if each == "--compress" else each for each in sys.argv[1:]]
    return parser.parse_args(arguments)


def main():
    arguments = parse_arguments()
    run = run_serve if arguments.command == "serve" else run_connect
    return asyncio.run(run(arguments))


if __name__ == "__main__":
    sys.exit(main())
