"""`aiohttp` as an echo server and as a client that checks one.

It lets its user choose one window size (the client's offer for the server), sends
no fragments, and its client does not show the reason of the peer's Close.
"""
import asyncio

import aiohttp
from aiohttp import web

import common


async def echo(request):
    socket = web.WebSocketResponse(compress=request.app[COMPRESS], max_msg_size=0)
    await socket.prepare(request)
    async for message in socket:
        if message.type == aiohttp.WSMsgType.TEXT:
            close = common.requested_close(message.data)
            if close:
                await socket.close(code=close[0], message=close[1].encode())
            else:
                await socket.send_str(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


COMPRESS = web.AppKey("compress", bool)


async def run_server(options):
    app = web.Application()
    app[COMPRESS] = options.compress
    app.router.add_get("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    common.announce(runner.addresses[0][1])
    await asyncio.Event().wait()


async def run_check(options, parameters):
    checks = []
    bits = parameters.get("server_max_window_bits", 15) if options.compress else 0
    # autoping would swallow the Pong that is waited for below.
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(options.url, compress=bits, max_msg_size=0, autoping=False) as socket,
    ):
        common.expect("extensions", options.compress, bool(socket.compress))
        checks.append("extensions")
        for name, payload in common.messages():
            if isinstance(payload, str):
                await socket.send_str(payload)
            else:
                await socket.send_bytes(payload)
            message = await socket.receive()
            common.expect(name, payload, message.data)
            checks.append(name)
        await socket.ping(b"are you there?")
        message = await socket.receive()
        common.expect("pong", aiohttp.WSMsgType.PONG, message.type)
        common.expect("pong payload", b"are you there?", bytes(message.data))
        checks.append("ping")
        await socket.close(code=common.CLOSE_CODE, message=common.CLOSE_REASON.encode())
        common.expect("close code", common.CLOSE_CODE, socket.close_code)
        checks.append("close")
    common.report(checks)


def main():
    options, parameters = common.parse_arguments(__doc__, ("server_max_window_bits",))
    if options.role == "serve":
        common.exit_with_stdin()
        asyncio.run(run_server(options))
        return
    try:
        # Each wait ends by itself when the connection does; this is for a peer that hangs.
        asyncio.run(asyncio.wait_for(run_check(options, parameters), 60))
    except Exception as error:
        common.fail(error)


if __name__ == "__main__":
    main()
