#!/usr/bin/env python3
"""Measures `wscli bench` against its peers and the physical limit.

One command, about ten minutes:

    python3 benches/peers/run.py

It builds the `dist` profile, installs the peers from PyPI and npm below
target/peers/, pins the server to the first processor and the client to the
second, alternates the contestants in rounds, and writes a section of
docs/performance.md with medians and ratios. Ratios are taken within a round and their median is
shown, so that a machine that is slow for a while is slow for both sides.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import resource
import socket
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = ROOT / "target" / "peers"
DIST = ROOT / "target" / "dist"
SERVER_CPU, CLIENT_CPU = "0", "1"
PYTHON_PEERS = ["k6", "picows", "uvloop", "locust", "websocket-client"]


def install():
    subprocess.run(
        ["cargo", "build", "--quiet", "--profile", "dist", "--bin", "wscli", "--example", "loopback"],
        cwd=ROOT, check=True)
    PEERS.mkdir(parents=True, exist_ok=True)
    venv = PEERS / "venv"
    if not (venv / "bin" / "picows-installed").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "--quiet", *PYTHON_PEERS], check=True)
        (venv / "bin" / "picows-installed").touch()
    if not (PEERS / "node_modules" / "ws").exists():
        subprocess.run(["npm", "install", "--silent", "--prefix", PEERS, "ws"], check=True)


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command):
    """A server, pinned, listening on the port at the end of its command: the
    port and the process."""
    port = free_port()
    process = subprocess.Popen(["taskset", "-c", SERVER_CPU, *command, str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.02)
        yield port, process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def server(kind):
    """The loopback server's port."""
    with running([DIST / "examples" / "loopback", kind]) as (port, _):
        yield port


def cpu_of(process):
    """The processor time of a running process, in seconds."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def pinned(command, **kwargs):
    """Runs a client pinned to its processor; its output, and the processor
    time of it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        ["taskset", "-c", CLIENT_CPU, *map(str, command)], check=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, **kwargs)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result.stdout, cpu


def bench(port, *args, path="/"):
    command = [DIST / "wscli", "bench", "-q", f"ws://127.0.0.1:{port}{path}", "--json", "-", *args]
    return json.loads(pinned(command)[0])


def sample(rate, cpu_us=None, **more):
    return {"rate": rate, "cpu_us": cpu_us, **more}


def wscli(conns, in_flight, size, secs):
    with server("ws-echo") as port:
        report = bench(port, "-c", conns, "--in-flight", in_flight, "--size", size, "--binary",
                       "-d", secs, "--warmup", "500ms")
    assert not report["errors"] and not report["lost"], report
    return sample(report["messages_per_second"], report["client"]["cpu_us_per_message"])


def raw(conns, in_flight, size, secs):
    with server("tcp-echo") as port:
        out, cpu = pinned([DIST / "examples" / "loopback", "tcp-ping", f"127.0.0.1:{port}",
                           conns, in_flight, size, secs])
    rate = float(out)
    # The half second of warm-up is in the processor time too.
    return sample(rate, cpu / (rate * (secs + 0.5)) * 1e6)


def raw_echo_server(conns, in_flight, size, secs):
    """What the echo of raw TCP costs its server."""
    with running([DIST / "examples" / "loopback", "tcp-echo"]) as (port, process):
        out, _ = pinned([DIST / "examples" / "loopback", "tcp-ping", f"127.0.0.1:{port}",
                         conns, in_flight, size, secs])
        used = cpu_of(process)
    rate = float(out)
    return sample(rate, used / (rate * (secs + 0.5)) * 1e6)


def wscli_server(conns, in_flight, size, secs):
    with running([DIST / "wscli", "serve", "--workers", "1", "-p"]) as (port, process):
        report = bench(port, "-c", conns, "--in-flight", in_flight, "--size", size, "--binary",
                       "-d", secs, "--warmup", "500ms", path="/ws")
        used = cpu_of(process)
    assert not report["errors"] and not report["lost"], report
    rate = report["messages_per_second"]
    return sample(rate, used / (rate * (secs + 0.5)) * 1e6)


def told(out):
    line = [line for line in out.splitlines() if "{" in line][-1]
    result = json.loads(line[line.index("{"):])
    return sample(result["done"] / result["elapsed"], result["cpu"] / max(result["done"], 1) * 1e6)


def node(conns, in_flight, size, secs, handshakes=False):
    with server("ws-echo") as port:
        script = PEERS / "node_ws.mjs"
        script.write_text((HERE / "node_ws.mjs").read_text())
        return told(pinned(["node", script, f"ws://127.0.0.1:{port}/", conns, in_flight, size,
                            secs, int(handshakes)])[0])


def k6(conns, in_flight, size, secs, handshakes=False):
    with server("ws-echo") as port:
        environment = {**os.environ, "URL": f"ws://127.0.0.1:{port}/", "CONNS": str(conns),
                       "IN_FLIGHT": str(in_flight), "SIZE": str(size), "SECONDS": str(secs + 1),
                       "HANDSHAKES": str(int(handshakes)), "K6_NO_USAGE_REPORT": "true"}
        summary = PEERS / "k6.json"
        _, cpu = pinned([PEERS / "venv" / "bin" / "k6", "run", "--quiet", "--summary-export",
                         summary, HERE / "k6.js"], env=environment)
        done = json.loads(summary.read_text())["metrics"]["done"]["count"]
    return sample(done / (secs + 1 if handshakes else secs + 0.5), cpu / max(done, 1) * 1e6)


def picows(conns, in_flight, size, secs):
    with server("ws-echo") as port:
        return told(pinned([PEERS / "venv" / "bin" / "python", HERE / "picows_client.py",
                            f"ws://127.0.0.1:{port}/", conns, in_flight, size, secs])[0])


def locust(conns, in_flight, size, secs):
    with server("ws-echo") as port:
        environment = {**os.environ, "URL": f"ws://127.0.0.1:{port}/", "SIZE": str(size)}
        return told(pinned([PEERS / "venv" / "bin" / "locust", "-f", HERE / "locust_client.py",
                            "--headless", "-u", conns, "-r", conns, "-t", f"{round(secs) + 1}s",
                            "--only-summary"], env=environment)[0])


def raw_handshakes(conns, secs):
    """The same bytes as a handshake's, made once and not looked at."""
    with server("ws-echo") as port:
        out, cpu = pinned([DIST / "examples" / "loopback", "tcp-churn", f"127.0.0.1:{port}",
                           conns, secs])
    rate = float(out)
    return sample(rate, cpu / (rate * (secs + 0.5)) * 1e6)


def wscli_handshakes(conns, secs):
    with server("ws-echo") as port:
        report = bench(port, "--mode", "handshake", "-c", conns, "-d", secs, "--warmup", "500ms")
    assert not report["errors"], report["errors"]
    return sample(report["handshake"]["per_second"], report["client"]["cpu_us_per_message"])


def wscli_idle(conns):
    with server("ws-echo") as port:
        report = bench(port, "--mode", "idle", "-c", conns, "--ping-interval", "2", "-d", 3)
    assert report["connections_open"] == conns and not report["errors"], report["errors"]
    return report


def wscli_open_loop(*more):
    with server("ws-echo") as port:
        return bench(port, "-c", 100, "-r", 10000, "-d", 5, *more)


def rounds(count, contestants):
    """Each contestant once a round, in turn."""
    results = {name: [] for name in contestants}
    for number in range(count):
        for name, run in contestants.items():
            print(f"  round {number + 1}: {name}", file=sys.stderr, flush=True)
            results[name].append(run())
    return results


def median(results, name, key="rate"):
    return statistics.median(sample[key] for sample in results[name])


def ratio(results, name, other, key="rate"):
    return statistics.median(
        ours[key] / theirs[key] for ours, theirs in zip(results[name], results[other]))


class Document:
    def __init__(self):
        self.targets, self.tables = [], []

    def target(self, what, least, ok, shown, limit_ok=True):
        """`limit_ok` says whether a client that does nothing would reach it."""
        verdict = "reached" if ok else "**missed**" if limit_ok else "**missed**, as by raw TCP"
        self.targets.append(f"| {what} | {least} | {shown} | {verdict} |")

    def table(self, title, results, unit, side="client"):
        lines = [f"#### {title}", "", f"| {side} | {unit} | {side} CPU each, µs |", "|---|---|---|"]
        for name in results:
            lines.append(f"| {name} | {median(results, name):,.0f} | {median(results, name, 'cpu_us'):.2f} |")
        self.tables.append("\n".join(lines))

    def write(self, count, seconds, load_before):
        cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                    if line.startswith("model name")), "unknown")
        load_after = os.getloadavg()[0]
        text = TEXT.format(
            date=time.strftime("%Y-%m-%d"), count=count, seconds=seconds, cpu=cpu, cores=os.cpu_count(), kernel=platform.release(),
            load_before=load_before, load_after=load_after,
            targets="\n".join(self.targets), tables="\n\n".join(self.tables))
        # The section of the document that is ours is its last.
        document = ROOT / "docs" / "performance.md"
        others, _, _ = document.read_text().partition(TEXT.splitlines()[0] + "\n")
        document.write_text(others + text)


TEXT = """## `wscli bench`

Written by `python3 benches/peers/run.py`; run it to have the numbers of your
machine. Everything here was measured in one run on {date}, on the `dist` profile.

- Machine: {cpu}, {cores} processors, Linux {kernel}. Load average {load_before:.1f} before and
  {load_after:.1f} after: above 1 other work was going on, and rates are lower than the machine can
  do. Ratios hold better than rates, and processor time for each message better than both.
- The server (a minimal epoll echo of our own, `benches/peers/loopback.rs`) is pinned to one
  processor and the client to another. {count} rounds of {seconds:g} s each, the contestants in turn;
  rates and processor times are medians, ratios are medians of the ratios within a round.
- "Raw TCP" is the same program's ping-pong without any protocol, against its TCP echo: the
  physical limit. For handshakes it sends the same bytes, made once, and looks at no answer.
  What it does not reach against another client, no client can reach on this machine.
- The row of `wscli serve` is its processor time a message under `wscli bench`, against that of
  the TCP echo under its ping-pong.

### Targets

| what | at least | measured | |
|---|---|---|---|
{targets}

### Rates

{tables}

### What masking costs

RFC 6455 makes a client mask every payload byte with a fresh key. For small messages that is
lost in the system calls; for 16 KiB and more it is one pass over the payload, which raw TCP does
not make, on top of the server's pass to unmask it. Payloads from 256 KiB up are masked in pieces
while the pieces before them are on their way, so that both passes overlap.
"""


def throughput(document, args):
    for title, conns, in_flight, size, least in [
        ("100 connections, 1 in flight, 64 B", 100, 1, 64, 0.95),
        ("100 connections, 64 in flight, 64 B", 100, 64, 64, 0.60),
        ("10 connections, 1 in flight, 16 KiB", 10, 1, 16 << 10, 0.45),
        ("1 connection, 1 in flight, 1 MiB", 1, 1, 1 << 20, 0.45),
    ]:
        print(title, file=sys.stderr)
        shape = (conns, in_flight, size, args.seconds)
        results = rounds(args.rounds, {
            "raw TCP": lambda: raw(*shape), "wscli bench": lambda: wscli(*shape)})
        value = ratio(results, "wscli bench", "raw TCP")
        cpu = ratio(results, "raw TCP", "wscli bench", "cpu_us")
        document.target(f"{title}, against raw TCP", least, value >= least,
                        f"{value:.2f} of the rate ({cpu:.2f} by client CPU)")
        document.table(title, results, "messages/s")


def peers(document, args):
    print("peers", file=sys.stderr)
    shape = (100, 1, 64, args.seconds)
    results = rounds(args.rounds, {
        "raw TCP": lambda: raw(*shape),
        "wscli bench": lambda: wscli(*shape), "picows": lambda: picows(*shape),
        "node ws": lambda: node(*shape), "k6": lambda: k6(*shape),
        "Locust": lambda: locust(*shape)})
    for name, least in [("k6", 1 / 4), ("node ws", 1 / 3)]:
        value, limit = (ratio(results, client, name, "cpu_us")
                        for client in ["wscli bench", "raw TCP"])
        document.target(f"CPU a message at 100×1, against {name}", f"at most {least:.2f}",
                        value <= least, f"{value:.3f} (raw TCP: {limit:.3f})", limit <= least)
    document.table("Peers: 100 connections, 1 in flight, 64 B", results, "messages/s")


def handshakes(document, args):
    print("handshakes", file=sys.stderr)
    results = rounds(args.rounds, {
        "raw TCP": lambda: raw_handshakes(100, args.seconds),
        "wscli bench": lambda: wscli_handshakes(100, args.seconds),
        "node ws": lambda: node(100, 1, 64, args.seconds, True),
        "k6": lambda: k6(100, 1, 64, args.seconds, True)})
    for name in ["node ws", "k6"]:
        value, limit = (ratio(results, client, name) for client in ["wscli bench", "raw TCP"])
        cpu = ratio(results, name, "wscli bench", "cpu_us")
        document.target(f"handshakes/s, against {name}", "3×", value >= 3,
                        f"{value:.1f}× ({cpu:.1f}× by client CPU; raw TCP: {limit:.1f}×)",
                        limit >= 3)
    document.table("Handshakes, 100 at a time", results, "handshakes/s")


def idle_and_open_loop(document):
    print("idle, open loop", file=sys.stderr)
    held = wscli_idle(10_000)["client"]["rss_bytes_per_connection"]
    document.target("idle memory a connection, 10,000 connections", "at most 4 KiB", held <= 4096,
                    f"{held / 1024:.2f} KiB")
    for name, more, least in [("", [], 60), (" with --precise", ["--precise"], None)]:
        runs = [wscli_open_loop(*more) for _ in range(3)]
        slip = statistics.median(run["latency"]["slip"]["p50_us"] for run in runs)
        rate = statistics.median(run["messages_per_second"] for run in runs)
        off = abs(rate - 10_000) / 10_000
        document.target(f"open loop at 10,000/s over 100 connections{name}",
                        "slip p50 ≤ 60 µs, rate within 0.1%" if least else "(no target)",
                        (least is None or slip <= least) and off <= 0.001,
                        f"slip p50 {slip:.1f} µs, rate {rate:,.1f}/s")


def serve(document, args):
    print("wscli serve", file=sys.stderr)
    for in_flight, most in [(1, 1.3), (64, 2.6)]:
        shape = (100, in_flight, 64, args.seconds)
        results = rounds(args.rounds, {
            "raw TCP echo": lambda: raw_echo_server(*shape),
            "wscli serve": lambda: wscli_server(*shape)})
        value = ratio(results, "wscli serve", "raw TCP echo", "cpu_us")
        document.target(f"`wscli serve`, CPU a message at 100×{in_flight}, against raw TCP echo",
                        f"at most {most}", value <= most, f"{value:.2f}")
        document.table(f"`wscli serve`: 100 connections, {in_flight} in flight, 64 B", results,
                       "messages/s", "server")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=13)
    parser.add_argument("--seconds", type=float, default=1)
    args = parser.parse_args()
    install()
    load_before = os.getloadavg()[0]
    document = Document()
    throughput(document, args)
    peers(document, args)
    handshakes(document, args)
    idle_and_open_loop(document)
    serve(document, args)
    document.write(args.rounds, args.seconds, load_before)
    print((ROOT / "docs" / "performance.md").read_text())


if __name__ == "__main__":
    main()
