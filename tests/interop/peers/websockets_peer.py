"""The python `websockets` library as an echo server and as a client that checks one."""
import asyncio
import contextlib

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)

import common


def deflate(factory, options, parameters):
    """The arguments that switch compression on with exactly these parameters, or off."""
    if not options.compress:
        return {"compression": None}
    return {"compression": None, "extensions": [factory(**parameters)]}


async def echo(connection):
    # Iterating raises on any close code other than 1000 and 1001.
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            close = common.requested_close(message)
            if close:
                await connection.close(*close)
            else:
                await connection.send(message)


async def run_server(options, parameters):
    extension = deflate(ServerPerMessageDeflateFactory, options, parameters)
    async with serve(echo, "127.0.0.1", 0, max_size=None, **extension) as server:
        common.announce(server.sockets[0].getsockname()[1])
        await server.serve_forever()


async def run_check(options, parameters):
    checks = []
    extension = deflate(ClientPerMessageDeflateFactory, options, parameters)
    async with connect(options.url, max_size=None, proxy=None, **extension) as connection:
        negotiated = [each.name for each in connection.protocol.extensions]
        common.expect("extensions", ["permessage-deflate"] if options.compress else [], negotiated)
        checks.append("extensions")
        for name, payload in common.messages():
            await connection.send(payload)
            common.expect(name, payload, await connection.recv())
            checks.append(name)
        pieces = common.fragments()
        await connection.send(pieces)
        common.expect("fragmented text", "".join(pieces), await connection.recv())
        pieces = [piece.encode() for piece in pieces]
        await connection.send(pieces)
        common.expect("fragmented binary", b"".join(pieces), await connection.recv())
        checks.append("fragments")
        await (await connection.ping(b"are you there?"))
        checks.append("ping")
        await connection.close(common.CLOSE_CODE, common.CLOSE_REASON)
        answer = connection.protocol.close_rcvd
        common.expect("close code", common.CLOSE_CODE, answer and int(answer.code))
        common.expect("close reason", common.CLOSE_REASON, answer and answer.reason)
        checks.append("close")
    common.report(checks)


def main():
    options, parameters = common.parse_arguments(__doc__, common.DEFLATE_FLAGS + common.DEFLATE_BITS)
    if options.role == "serve":
        common.exit_with_stdin()
        asyncio.run(run_server(options, parameters))
        return
    try:
        # Each wait ends by itself when the connection does; this is for a peer that hangs.
        asyncio.run(asyncio.wait_for(run_check(options, parameters), 60))
    except Exception as error:
        common.fail(error)


if __name__ == "__main__":
    main()
