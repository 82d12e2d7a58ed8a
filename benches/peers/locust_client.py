"""Locust with websocket-client, as its documentation shows; prints as node_ws.mjs."""

import json
import os
import sys
import time

import gevent
from locust import User, events, task
from websocket import create_connection

SIZE = int(os.environ["SIZE"])
done = 0
start = cpu = before = None


class Echo(User):
    host = os.environ["URL"]

    def on_start(self):
        self.ws = create_connection(self.host)

    @task
    def ping(self):
        global done
        begin = time.perf_counter()
        self.ws.send_binary(b"x" * SIZE)
        self.ws.recv()
        done += 1
        self.environment.events.request.fire(
            request_type="WS", name="echo", response_length=SIZE, exception=None,
            response_time=(time.perf_counter() - begin) * 1000, context={},
        )


@events.init.add_listener
def wake(**_):
    # gevent's clock stands since before the imports, which can take longer
    # than the run: without this the time limit has passed at once.
    gevent.get_hub().loop.update_now()


@events.spawning_complete.add_listener
def measured(user_count, **_):
    global start, cpu, before
    start, cpu, before = time.perf_counter(), time.process_time(), done


@events.test_stop.add_listener
def report(**_):
    print("RESULT " + json.dumps({
        "done": done - before,
        "elapsed": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
    }), file=sys.stdout, flush=True)
