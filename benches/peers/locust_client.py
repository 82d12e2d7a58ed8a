"""Locust with websocket-client, as its documentation shows."""

import os
import time

import gevent
from locust import User, events, task
from websocket import create_connection

SIZE = int(os.environ["SIZE"])


class Echo(User):
    host = os.environ["URL"]

    def on_start(self):
        self.ws = create_connection(self.host)

    @task
    def ping(self):
        begin = time.perf_counter()
        self.ws.send_binary(b"x" * SIZE)
        self.ws.recv()
        self.environment.events.request.fire(
            request_type="WS", name="echo", response_length=SIZE, exception=None,
            response_time=(time.perf_counter() - begin) * 1000, context={},
        )


@events.init.add_listener
def wake(**_):
    # gevent's clock stands since before the imports, which can take longer
    # than the run: without this the time limit has passed at once.
    gevent.get_hub().loop.update_now()
