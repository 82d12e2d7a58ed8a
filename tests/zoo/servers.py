"""The Python servers of the zoo: python servers.py KIND PORT"""

import asyncio
import json
import sys

CLIENT = "https://client.com"


def websockets_exact(port):
    import websockets

    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    async def main():
        async with websockets.serve(echo, "127.0.0.1", port, origins=[CLIENT]):
            await asyncio.Future()

    asyncio.run(main())


def aiohttp_ends(port):
    from aiohttp import web

    async def talk(request):
        if not request.headers.get("Origin", "").endswith("client.com"):
            raise web.HTTPForbidden()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/ws", talk)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


def tornado(port, check=None):
    import tornado.ioloop
    import tornado.web
    import tornado.websocket

    class Echo(tornado.websocket.WebSocketHandler):
        def on_message(self, message):
            self.write_message(message)

    if check:
        Echo.check_origin = lambda self, origin: check(origin)

    async def main():
        tornado.web.Application([("/ws", Echo)]).listen(port, "127.0.0.1")
        await asyncio.Future()

    asyncio.run(main())


def tornado_default(port):
    tornado(port)


def tornado_any(port):
    tornado(port, lambda origin: True)


def starlette_app(check):
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    async def talk(socket):
        if not check(socket.headers.get("origin", "")):
            await socket.close(1008)
            return
        await socket.accept()
        try:
            while True:
                await socket.send_text(await socket.receive_text())
        except WebSocketDisconnect:
            pass

    return Starlette(routes=[WebSocketRoute("/ws", talk)])


def uvicorn_run(app, port, ws="websockets"):
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical", ws=ws)


def starlette_cors(port):
    from starlette.middleware.cors import CORSMiddleware

    app = starlette_app(lambda origin: True)
    app.add_middleware(CORSMiddleware, allow_origins=[CLIENT])
    uvicorn_run(app, port)


def starlette_exact(port):
    uvicorn_run(starlette_app(lambda origin: origin == CLIENT), port, ws="wsproto")


def channels(port, validator):
    import django
    from django.conf import settings

    settings.configure(ALLOWED_HOSTS=["client.com"], SECRET_KEY="zoo", INSTALLED_APPS=["channels"])
    django.setup()
    from channels.generic.websocket import WebsocketConsumer
    from channels.routing import ProtocolTypeRouter, URLRouter
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server
    from django.core.asgi import get_asgi_application
    from django.urls import path

    class Echo(WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            self.send(text_data=text_data)

    routes = URLRouter([path("ws", Echo.as_asgi())])
    application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": validator(routes)})
    endpoints = build_endpoint_description_strings(host="127.0.0.1", port=port)
    Server(application=application, endpoints=endpoints, signal_handlers=False).run()


def channels_validator(port):
    def validator(routes):
        from channels.security.websocket import OriginValidator

        return OriginValidator(routes, [CLIENT])

    channels(port, validator)


def channels_hosts(port):
    def validator(routes):
        from channels.security.websocket import AllowedHostsOriginValidator

        return AllowedHostsOriginValidator(routes)

    channels(port, validator)


def flask_error(port):
    from flask import Flask, request
    from flask_sock import Sock

    app = Flask(__name__)
    sock = Sock(app)

    @sock.route("/ws")
    def talk(socket):
        socket.send(json.dumps({"hello": "world"}))
        if request.headers.get("Origin") != CLIENT:
            socket.send(json.dumps({"error": "this origin may not connect"}))
            return
        while True:
            socket.send(socket.receive())

    import logging

    logging.getLogger("werkzeug").disabled = True
    app.run(host="127.0.0.1", port=port, threaded=True)


def raw(port, answer):
    """What is no server at all: `answer` writes to the connection."""

    async def client(reader, writer):
        try:
            await answer(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def main():
        server = await asyncio.start_server(client, "127.0.0.1", port)
        async with server:
            await server.serve_forever()

    asyncio.run(main())


def raw_silent(port):
    async def answer(reader, writer):
        await reader.read(1)
        await asyncio.sleep(3600)

    raw(port, answer)


def raw_drip(port):
    async def answer(reader, writer):
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n" + b"X: y\r\n" * 1000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(1)

    raw(port, answer)


def raw_headers(port):
    async def answer(reader, writer):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
        for _ in range(100):
            writer.write(b"X-Filler: " + b"x" * (1 << 20) + b"\r\n")
            await writer.drain()

    raw(port, answer)


def raw_ssh(port):
    async def answer(reader, writer):
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        await reader.read(1)

    raw(port, answer)


def raw_flood(port):
    import base64
    import hashlib

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(l for l in head.split(b"\r\n") if l.lower().startswith(b"sec-websocket-key"))
        key = key.split(b":")[1].strip() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        frames = (b"\x82\x7e\xff\xff" + b"x" * 65535) * 16
        while True:
            writer.write(frames)
            await writer.drain()

    raw(port, answer)


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](int(sys.argv[2]))
