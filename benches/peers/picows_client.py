"""picows: keeps messages in flight on each connection, and notes how long each
was on its way in an array."""

import array
import asyncio
import collections
import os
import time

import picows

try:
    import uvloop
except ImportError:
    uvloop = None

payload = b"x" * int(os.environ["SIZE"])
latencies = array.array("d")


class Client(picows.WSListener):
    def on_ws_connected(self, transport):
        self.sent = collections.deque()
        for _ in range(int(os.environ["IN_FLIGHT"])):
            self.send(transport)

    def send(self, transport):
        self.sent.append(time.perf_counter())
        transport.send(picows.WSMsgType.BINARY, payload)

    def on_ws_frame(self, transport, frame):
        latencies.append(time.perf_counter() - self.sent.popleft())
        self.send(transport)


async def main():
    for _ in range(int(os.environ["CONNS"])):
        await picows.ws_connect(Client, os.environ["URL"])
    await asyncio.sleep(1800)


if uvloop:
    uvloop.run(main())
else:
    asyncio.run(main())
