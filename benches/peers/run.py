#!/usr/bin/env python3
"""Measures `wscli bench` and `wscli serve` against their peers and the physical limit.

One command, about ten minutes:

    python3 benches/peers/run.py

It builds the `dist` profile, installs the peers from PyPI and npm below
target/peers/, and writes a section of docs/performance.md.

Whether a change has cost something, in five minutes and without any peer:

    python3 benches/peers/run.py --quick --against OTHER_BINARY

holds the `dist` build of this tree against another wscli, made by the same profile
from the commit before. In every row the other one runs twice, so that the row also
shows what two runs of the same binary differ by; it exits with 1 where a row is
worse by more than 5 % and by more than that.

A machine, and a shared one above all, is faster in one second than in the
next. So the contestants of a row all run at the same time and take turns of
50 ms: all but one are stopped (SIGSTOP). What was done is counted by the
other side of the connection, and processor time is the kernel's account, so
that no client is asked about itself.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = ROOT / "target" / "peers"
DIST = ROOT / "target" / "dist"
WSCLI, LOOPBACK = DIST / "wscli", DIST / "examples" / "loopback"
SERVER_CPU, CLIENT_CPU = "0", "1"
PYTHON_PEERS = ["k6", "picows", "uvloop", "locust", "websocket-client"]
TURN = 0.05
"""Seconds that a contestant runs before the next does."""
WARMUP = 1.0
START_TIMEOUT = 60
MESSAGES, HANDSHAKES = 0, 1


def build():
    subprocess.run(
        ["cargo", "build", "--quiet", "--locked", "--profile", "dist", "--bin", "wscli", "--example", "loopback"],
        cwd=ROOT, check=True)


def install():
    build()
    PEERS.mkdir(parents=True, exist_ok=True)
    venv = PEERS / "venv"
    if not (venv / "bin" / "picows-installed").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "--quiet", *PYTHON_PEERS], check=True)
        (venv / "bin" / "picows-installed").touch()
    if not (PEERS / "node_modules" / "ws").exists():
        subprocess.run(["npm", "install", "--silent", "--prefix", PEERS, "ws"], check=True)
    # node looks for modules from where the script is.
    (PEERS / "node_ws.mjs").write_text((HERE / "node_ws.mjs").read_text())


class Process:
    """A pinned process in a group of its own, stopped and continued as one."""

    def __init__(self, processor, command, **environment):
        self.command = [str(part) for part in command]
        self.child = subprocess.Popen(
            ["taskset", "-c", processor, *self.command], text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **environment})

    def signal(self, number):
        os.killpg(self.child.pid, number)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        self.child.wait()

    def cpu(self):
        """The processor time of the group, in seconds."""
        total = 0
        for task in pathlib.Path("/proc").glob("[0-9]*/task/[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                group = int((task / "stat").read_text().rpartition(")")[2].split()[2])
                if group == self.child.pid:
                    total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def done(self):
        """What a loopback has done so far: messages and handshakes."""
        self.child.stdin.write("?\n")
        self.child.stdin.flush()
        return [int(number) for number in self.child.stdout.readline().split()]


@dataclasses.dataclass
class Contestant:
    """A server and a client. One of the two is a loopback, and counts."""
    server: list
    client: list
    """The command as a function of the port."""
    environment: dict = dataclasses.field(default_factory=dict)
    measured: str = "client"
    """Whose processor time it is about."""
    counted_by: str = "server"
    check: object = None
    """Called with what the client prints when it is interrupted, and the counter."""

    def start(self):
        port = free_port()
        self.processes = {"server": Process(SERVER_CPU, [*self.server, port])}
        wait_for(port)
        self.processes["client"] = Process(
            CLIENT_CPU, [*self.client(port)], URL=f"ws://127.0.0.1:{port}/", **self.environment)
        self.counter, self.subject = self.processes[self.counted_by], self.processes[self.measured]
        give_up = time.monotonic() + START_TIMEOUT
        while sum(self.counter.done()) == 0:
            if time.monotonic() > give_up or self.processes["client"].child.poll() is not None:
                raise SystemExit(f"does not begin: {' '.join(self.processes['client'].command)}")
            time.sleep(0.05)
        time.sleep(WARMUP)
        self.stop()
        self.active, self.seen = 0, None

    def stop(self):
        self.processes["client"].signal(signal.SIGSTOP)

    @contextlib.contextmanager
    def turn(self):
        begin = time.monotonic()
        self.processes["client"].signal(signal.SIGCONT)
        yield
        self.stop()
        self.active += time.monotonic() - begin

    def sample(self, what):
        """What was done since the last sample, a second and at which cost."""
        # A counter that is stopped would not answer.
        with self.turn():
            count = self.counter.done()[what]
        seen = (self.active, self.subject.cpu(), count)
        before, self.seen = self.seen, seen
        if before is None:
            return None
        active, cpu, count = (now - then for now, then in zip(seen, before))
        return {"rate": count / active, "cpu_us": cpu / max(count, 1) * 1e6}

    def end(self):
        if self.check:
            client = self.processes["client"]
            client.signal(signal.SIGCONT)
            client.signal(signal.SIGINT)
            self.check(client.child.communicate(timeout=20)[0], self.counter)

    def kill(self):
        for process in self.processes.values():
            process.kill()


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", port), 1).close()
        time.sleep(0.02)


def side_by_side(contestants, args, what=MESSAGES):
    """Lets the contestants take turns; the samples of each, one a round."""
    print("  " + ", ".join(contestants), file=sys.stderr, flush=True)
    results = {name: [] for name in contestants}
    with contextlib.ExitStack() as stack:
        for contestant in contestants.values():
            stack.callback(contestant.kill)
            contestant.start()
        for contestant in contestants.values():
            contestant.sample(what)
        for _ in range(args.rounds):
            for _ in range(round(args.seconds / TURN)):
                for contestant in contestants.values():
                    with contestant.turn():
                        time.sleep(TURN)
            for name, contestant in contestants.items():
                results[name].append(contestant.sample(what))
        for contestant in contestants.values():
            contestant.end()
    return results


def nothing_lost(in_flight, what=MESSAGES):
    """That `wscli bench` has seen no error, and as much as the server has done."""
    def check(out, counter):
        report = json.loads(out)
        assert not report["errors"] and not report["lost"], (report["errors"], report["lost"])
        answered = counter.done()[what]
        assert abs(report["received"] - answered) <= in_flight, (report["received"], answered)
    return check


def shape_flags(conns, in_flight, size):
    return ["-c", conns, "--in-flight", in_flight, "--size", size, "--binary", "--warmup", "0s",
            "--reply-timeout", "60s"]


def bench(port, *args, path="/", binary=WSCLI):
    return [binary, "bench", "-q", f"ws://127.0.0.1:{port}{path}", "--json", "-", *args]


def wscli(conns, in_flight, size, binary=WSCLI):
    flags = shape_flags(conns, in_flight, size)
    return Contestant(
        [LOOPBACK, "ws-echo"],
        lambda port: bench(port, *flags, "-d", "1h", binary=binary),
        check=nothing_lost(conns * in_flight))


def raw(conns, in_flight, size, **more):
    return Contestant(
        [LOOPBACK, "tcp-echo"],
        lambda port: [LOOPBACK, "tcp-ping", f"127.0.0.1:{port}", conns, in_flight, size],
        counted_by="client", **more)


def made_once(conns, in_flight, size):
    return Contestant(
        [LOOPBACK, "ws-echo"],
        lambda port: [LOOPBACK, "ws-ping", f"127.0.0.1:{port}", conns, in_flight, size])


def wscli_serve(conns, in_flight, size, binary=WSCLI):
    return Contestant(
        [binary, "serve", "--workers", "1", "--keep-alive-interval", "0", "-p"],
        lambda port: [LOOPBACK, "ws-ping", f"127.0.0.1:{port}", conns, in_flight, size],
        counted_by="client", measured="server")


def peer(command, conns, in_flight, size, handshakes=False):
    return Contestant(
        [LOOPBACK, "ws-echo"], lambda _: command,
        {"CONNS": str(conns), "IN_FLIGHT": str(in_flight), "SIZE": str(size),
         "HANDSHAKES": str(int(handshakes)), "K6_NO_USAGE_REPORT": "true"})


def node(*shape):
    return peer(["node", PEERS / "node_ws.mjs"], *shape)


def k6(*shape):
    return peer([PEERS / "venv" / "bin" / "k6", "run", "--quiet", HERE / "k6.js"], *shape)


def picows(*shape):
    return peer([PEERS / "venv" / "bin" / "python", HERE / "picows_client.py"], *shape)


def locust(conns, in_flight, size):
    return peer([PEERS / "venv" / "bin" / "locust", "-f", HERE / "locust_client.py", "--headless",
                 "-u", conns, "-r", conns, "--only-summary"], conns, in_flight, size)


def raw_handshakes(conns):
    """The same bytes as a handshake's, made once and not looked at."""
    return Contestant([LOOPBACK, "ws-echo"],
                      lambda port: [LOOPBACK, "tcp-churn", f"127.0.0.1:{port}", conns])


def wscli_handshakes(conns, binary=WSCLI):
    flags = ["--mode", "handshake", "-c", conns, "-d", "1h", "--warmup", "0s"]
    return Contestant(
        [LOOPBACK, "ws-echo"],
        lambda port: bench(port, *flags, binary=binary),
        check=nothing_lost(conns, HANDSHAKES))


@contextlib.contextmanager
def server(kind):
    """The loopback server's port."""
    port = free_port()
    process = Process(SERVER_CPU, [LOOPBACK, kind, port])
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()


def report_of(*args):
    with server("ws-echo") as port:
        command = ["taskset", "-c", CLIENT_CPU, *map(str, bench(port, *args))]
        result = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, timeout=120)
    return json.loads(result.stdout)


def wscli_idle(conns):
    report = report_of("--mode", "idle", "-c", conns, "--ping-interval", "2", "-d", 3)
    assert report["connections_open"] == conns and not report["errors"], report["errors"]
    return report


def wscli_open_loop(*more):
    return report_of("-c", 100, "-r", 10000, "-d", 5, *more)


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

    def write(self, args, load_before):
        cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                    if line.startswith("model name")), "unknown")
        load_after = os.getloadavg()[0]
        text = TEXT.format(
            date=time.strftime("%Y-%m-%d"), rounds=args.rounds, seconds=args.seconds, cpu=cpu, cores=os.cpu_count(), kernel=platform.release(),
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
- The servers are pinned to one processor and the clients to the other. The contestants of a row
  run at the same time and take turns of 50 ms, all but one stopped, so that what else happens is
  in all of them. {rounds} rounds of {seconds:g} s each; rates and processor times are medians,
  ratios are medians of the ratios within a round.
- The server of the clients is a minimal epoll echo of our own (`benches/peers/loopback`). It
  counts what was done; processor time is the kernel's account of the process.
- "Raw TCP" is the same program's ping-pong without any protocol, against its TCP echo: the
  physical limit. For handshakes it sends the same bytes, made once, and looks at no answer.
  What it does not reach against another client, no client can reach on this machine.
- "Frames made once" is that ping-pong with WebSocket frames that were masked before the run, and
  without looking at what comes back: what the protocol itself and its server leave.
- The other clients record the round-trip time of each message, and of each handshake, too, with
  what their platform has for it, since that is what a load generator is for.
- The rows of `wscli serve` are its processor time a message, against that of the TCP echo.

### Targets

| what | at least | measured | |
|---|---|---|---|
{targets}

Why contestants take turns, and what the two targets against node stand for:
[ADR 7](adr/0007-peers-take-turns.md).

### Rates

{tables}

### What masking costs

RFC 6455 makes a client mask every payload byte with a fresh key. For small messages that is
lost in the system calls; for 16 KiB and more it is one pass over the payload, which raw TCP does
not make, on top of the server's pass to unmask it. Payloads from 256 KiB up are masked in pieces
while the pieces before them are on their way, so that both passes overlap.
"""


def throughput(document, args):
    for title, *shape, least in [
        ("100 connections, 1 in flight, 64 B", 100, 1, 64, 0.95),
        ("100 connections, 64 in flight, 64 B", 100, 64, 64, 0.60),
        ("10 connections, 1 in flight, 16 KiB", 10, 1, 16 << 10, 0.45),
        ("1 connection, 1 in flight, 1 MiB", 1, 1, 1 << 20, 0.45),
    ]:
        results = side_by_side({"raw TCP": raw(*shape), "frames made once": made_once(*shape),
                                "wscli bench": wscli(*shape)}, args)
        value = ratio(results, "wscli bench", "raw TCP")
        cpu = ratio(results, "raw TCP", "wscli bench", "cpu_us")
        document.target(f"{title}, against raw TCP", least, value >= least,
                        f"{value:.2f} of the rate ({cpu:.2f} by client CPU)")
        document.table(title, results, "messages/s")


def peers(document, args):
    shape = (100, 1, 64)
    results = side_by_side({
        "raw TCP": raw(*shape), "wscli bench": wscli(*shape), "picows": picows(*shape),
        "node ws": node(*shape), "k6": k6(*shape), "Locust": locust(*shape)}, args)
    for name, least in [("k6", 1 / 4), ("node ws", 1 / 3)]:
        value, limit = (ratio(results, client, name, "cpu_us")
                        for client in ["wscli bench", "raw TCP"])
        document.target(f"CPU a message at 100×1, against {name}", f"at most {least:.2f}",
                        value <= least, f"{value:.3f} (raw TCP: {limit:.3f})", limit <= least)
    document.table("Peers: 100 connections, 1 in flight, 64 B", results, "messages/s")


def handshakes(document, args):
    results = side_by_side({
        "raw TCP": raw_handshakes(100), "wscli bench": wscli_handshakes(100),
        "node ws": node(100, 1, 64, True), "k6": k6(100, 1, 64, True)}, args, HANDSHAKES)
    value = ratio(results, "wscli bench", "raw TCP")
    cpu = ratio(results, "raw TCP", "wscli bench", "cpu_us")
    document.target("handshakes/s, 100 at a time, against raw TCP", 0.8, value >= 0.8,
                    f"{value:.2f} of the rate ({cpu:.2f} by client CPU)")
    for name in ["node ws", "k6"]:
        value, limit = (ratio(results, client, name) for client in ["wscli bench", "raw TCP"])
        cpu = ratio(results, name, "wscli bench", "cpu_us")
        document.target(f"handshakes/s, against {name}", "3×", value >= 3,
                        f"{value:.1f}× ({cpu:.1f}× by client CPU; raw TCP: {limit:.1f}×)",
                        limit >= 3)
    document.table("Handshakes, 100 at a time", results, "handshakes/s")


def idle_and_open_loop(document):
    print("  idle, open loop", file=sys.stderr)
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
    for in_flight, most in [(1, 1.3), (64, 2.6)]:
        shape = (100, in_flight, 64)
        results = side_by_side({"raw TCP echo": raw(*shape, measured="server"),
                                "wscli serve": wscli_serve(*shape)}, args)
        value = ratio(results, "wscli serve", "raw TCP echo", "cpu_us")
        document.target(f"`wscli serve`, CPU a message at 100×{in_flight}, against raw TCP echo",
                        f"at most {most}", value <= most, f"{value:.2f}")
        document.table(f"`wscli serve`: 100 connections, {in_flight} in flight, 64 B", results,
                       "messages/s", "server")


QUICK = [
    ("bench, 1×1, 64 B", MESSAGES, lambda binary: wscli(1, 1, 64, binary)),
    ("bench, 100×1, 64 B", MESSAGES, lambda binary: wscli(100, 1, 64, binary)),
    ("bench, 100×64, 64 B", MESSAGES, lambda binary: wscli(100, 64, 64, binary)),
    ("bench, 10×1, 16 KiB", MESSAGES, lambda binary: wscli(10, 1, 16 << 10, binary)),
    ("bench, 1×1, 1 MiB", MESSAGES, lambda binary: wscli(1, 1, 1 << 20, binary)),
    ("bench, handshakes, 100", HANDSHAKES, lambda binary: wscli_handshakes(100, binary)),
    ("serve, 1×1, 64 B", MESSAGES, lambda binary: wscli_serve(1, 1, 64, binary)),
    ("serve, 100×1, 64 B", MESSAGES, lambda binary: wscli_serve(100, 1, 64, binary)),
    ("serve, 100×64, 64 B", MESSAGES, lambda binary: wscli_serve(100, 64, 64, binary)),
    ("serve, 10×1, 16 KiB", MESSAGES, lambda binary: wscli_serve(10, 1, 16 << 10, binary)),
]
"""The rows of a comparison: what is measured, what counts, and who is measured."""
WORSE = 1.05
"""A cost above this is worse, where the same binary twice does not differ as much."""


def costs(results, name, other, key):
    """What `name` costs in each round, of what `other` does: above 1 is worse."""
    pairs = zip(results[name], results[other])
    return sorted(theirs[key] / ours[key] if key == "rate" else ours[key] / theirs[key]
                  for ours, theirs in pairs)


def against(other, args):
    """Whether no row of this tree's binary is worse than the other one's."""
    build()
    load = os.getloadavg()[0]
    print("| row | cost | this against the other | the other against itself | |")
    print("|---|---|---|---|---|", flush=True)
    good = True
    for title, what, contestant in QUICK:
        results = side_by_side({"other": contestant(other), "this": contestant(WSCLI),
                                "other again": contestant(other)}, args, what)
        # One message at a time waits for the scheduler: its rate says nothing.
        for key in ["cpu_us"] if "1×1, 64" in title else ["cpu_us", "rate"]:
            ours = costs(results, "this", "other", key)
            noise = costs(results, "other again", "other", key)
            value = statistics.median(ours)
            allowed = max(WORSE, max(noise), 1 / min(noise))
            good &= value <= allowed
            name = "CPU a message" if key == "cpu_us" else "time a message"
            print(f"| {title} | {name} | {value:.3f} ({ours[0]:.3f} to {ours[-1]:.3f})"
                  f" | {statistics.median(noise):.3f} ({noise[0]:.3f} to {noise[-1]:.3f})"
                  f" | {'' if value <= allowed else '**worse**'} |", flush=True)
    print(f"\n{args.rounds} rounds of {args.seconds:g} s each; load average {load:.1f} before,"
          f" {os.getloadavg()[0]:.1f} after. A cost above 1 is more than the other binary's.")
    return good


PARTS = {"throughput": throughput, "peers": peers, "handshakes": handshakes,
         "idle": lambda document, _: idle_and_open_loop(document), "serve": serve}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=1,
                        help="of each contestant in a round")
    parser.add_argument("--quick", action="store_true",
                        help="only compare with the binary of --against")
    parser.add_argument("--against", type=pathlib.Path, metavar="OTHER_BINARY")
    parser.add_argument("parts", nargs="*", metavar="PART",
                        help=f"only print these: {', '.join(PARTS)}")
    args = parser.parse_args()
    if args.quick != bool(args.against):
        parser.error("--quick and --against OTHER_BINARY go together")
    if args.quick:
        other = args.against.resolve()
        if not os.access(other, os.X_OK):
            parser.error(f"{other} is not a program")
        sys.exit(0 if against(other, args) else 1)
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}")
    install()
    load_before = os.getloadavg()[0]
    document = Document()
    for name, part in PARTS.items():
        if not args.parts or name in args.parts:
            print(name, file=sys.stderr)
            part(document, args)
    if args.parts:
        print("\n".join(document.targets), "\n\n".join(document.tables), sep="\n\n")
    else:
        document.write(args, load_before)
        print((ROOT / "docs" / "performance.md").read_text())


if __name__ == "__main__":
    main()
