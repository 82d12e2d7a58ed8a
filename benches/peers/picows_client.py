"""picows: keeps messages in flight on each connection; prints as node_ws.mjs."""

import asyncio
import json
import sys
import time

import picows

try:
    import uvloop
except ImportError:
    uvloop = None

url, conns, in_flight, size, seconds = sys.argv[1:6]
payload = b"x" * int(size)
done = 0


class Client(picows.WSListener):
    def on_ws_connected(self, transport):
        for _ in range(int(in_flight)):
            transport.send(picows.WSMsgType.BINARY, payload)

    def on_ws_frame(self, transport, frame):
        global done
        done += 1
        transport.send(picows.WSMsgType.BINARY, payload)


async def main():
    for _ in range(int(conns)):
        await picows.ws_connect(Client, url)
    await asyncio.sleep(0.5)
    before, cpu, start = done, time.process_time(), time.perf_counter()
    await asyncio.sleep(float(seconds))
    print(json.dumps({
        "done": done - before,
        "elapsed": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
    }), flush=True)


if uvloop:
    uvloop.run(main())
else:
    asyncio.run(main())
