"""Runs the Autobahn|Testsuite cases against wscli and judges the results.

Started by `run`, which has seen to the suite and the binary. The cases are dealt
out to a few wstest processes (`--jobs`), each with its own share, port and
report folder: wstest is single-threaded and mostly either waiting or slower
than what it tests.

The project's standard is stricter than the suite's: a case counts only as OK
or INFORMATIONAL, so NON-STRICT and UNIMPLEMENTED fail as FAILED does, and so
does a case that is missing from the report.
"""
import argparse
import base64
import concurrent.futures
import contextlib
import datetime
import fnmatch
import json
import os
import pathlib
import platform
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
AGENT = "wscli"

# How many cases each selection has in the suite this harness was written for. A
# suite that offers fewer must not look like a pass.
EXPECTED = {"full": 517, "quick": 283, "core": 247, "limits": 54, "deflate": 216}

# Of the 18 cases in each compression family: short messages, long ones, and
# long ones sent in fragments.
QUICK_DEFLATE = ("2", "7", "12")

ACCEPTABLE = ("OK", "INFORMATIONAL")

# How `wscli connect --echo` may end once its connection was open: closed well, a
# protocol error by the peer, or closed with another code or without Close.
CLIENT_EXITS = (0, 8, 11)

# The longest a case may take by the suite's own limits (12.* and 13.*: 480 s).
CASE_TIMEOUT = 60
SLOW_CASE_TIMEOUT = 500
READY_TIMEOUT = 30
STOP_TIMEOUT = 15


class HarnessError(Exception):
    """The run itself went wrong: there is no result to judge."""


def case_key(case):
    return tuple(int(part) for part in case.split("."))


def is_slow(case):
    return case_key(case)[0] in (9, 12, 13)


def selects(selection, case):
    family = case.split(".")[0]
    deflate = family in ("12", "13")
    if selection == "full":
        return True
    if selection == "core":
        return family != "9" and not deflate
    if selection == "limits":
        return family == "9"
    if selection == "deflate":
        return deflate
    if selection == "quick":
        return case.split(".")[-1] in QUICK_DEFLATE if deflate else family != "9"
    return any(fnmatch.fnmatchcase(case, pattern) for pattern in selection.split(","))


# --- processes ---------------------------------------------------------------


alive = set()
stopping = threading.Event()


def stop(number, _frame):
    """On SIGTERM and SIGINT: ends every child, so that the threads that wait for one
    come to their end as well."""
    stopping.set()
    for child in list(alive):
        child.terminate()
    sys.exit(128 + number)


@contextlib.contextmanager
def running(command, log, **options):
    """A child process that is gone when the block is left, however it is left."""
    if stopping.is_set():
        raise HarnessError("interrupted")
    # Both sides are on this machine, whatever proxy there is for others.
    environment = dict(os.environ, no_proxy="127.0.0.1")
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, env=environment, **options)
    alive.add(child)
    try:
        yield child
    finally:
        alive.discard(child)
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def first_line_json(child, name):
    """The first line of the child's standard output, as JSON. What follows is read
    and dropped, so that the child never blocks on a full pipe."""
    lines = queue.Queue()

    def pump():
        lines.put(child.stdout.readline())
        while child.stdout.read1(1 << 16):
            pass

    threading.Thread(target=pump, daemon=True).start()
    try:
        line = lines.get(timeout=READY_TIMEOUT)
    except queue.Empty:
        raise HarnessError(f"{name} printed no line within {READY_TIMEOUT} s") from None
    try:
        return json.loads(line)
    except ValueError:
        raise HarnessError(f"{name} is not ready; its first line is {line!r}") from None


def ask_fuzzing_server(port, resource, timeout):
    """Opens one WebSocket to the fuzzing server and waits until it closes it. Ours,
    so that collecting the results does not depend on the client under test."""
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        f"GET {resource} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as stream:
        stream.sendall(head.encode())
        # The server sends nothing but short frames here, the last of them a Close.
        reader = stream.makefile("rb")
        while reader.readline() not in (b"\r\n", b""):
            pass
        while True:
            start = reader.read(2)
            if len(start) < 2 or start[0] & 0x0F == 8:
                break
            reader.read(start[1])
        # Answered with a Close of our own: no code, a mask of zeros. The suite ends
        # these connections with a reset.
        with contextlib.suppress(ConnectionError):
            stream.sendall(b"\x88\x80\0\0\0\0")
            reader.read()


# --- the roles ---------------------------------------------------------------


class Suite:
    def __init__(self, home):
        self.python = pathlib.Path(home) / "venv" / "bin" / "python"
        self.versions = self._ask("versions")

    def command(self, *arguments):
        return [str(self.python), "-W", "ignore", str(HERE / "wstest_driver.py"), *map(str, arguments)]

    def _ask(self, what):
        output = subprocess.run(
            self.command(what), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
            stderr=subprocess.DEVNULL,
        ).stdout
        return json.loads(output)

    def cases(self, selection):
        every = self._ask("cases")
        chosen = sorted((case for case in every if selects(selection, case)), key=case_key)
        if not chosen:
            raise HarnessError(f"no case matches {selection!r}")
        return chosen


def write_spec(folder, cases, **more):
    folder.mkdir(parents=True)
    spec = {"outdir": str(folder), "cases": cases, "exclude-cases": [], "exclude-agent-cases": {}}
    path = folder / "spec.json"
    path.write_text(json.dumps({**spec, **more}, indent=1))
    return path


def time_limit(cases):
    return 120 + sum(SLOW_CASE_TIMEOUT if is_slow(case) else 12 for case in cases)


def test_servers(suite, wscli, shares, out, log):
    """wstest dials `wscli serve`. Returns what went wrong besides the cases."""
    troubles = []
    command = [wscli, "serve", "-p", "0", "--compress", "--jsonl"]
    with running(command, log, stdout=subprocess.PIPE) as server:
        url = first_line_json(server, "wscli serve").get("url")
        if not url:
            raise HarnessError("the ready line of wscli serve names no url")

        def run_share(number, cases):
            folder = out / f"part-{number}"
            spec = write_spec(folder, cases, servers=[{"agent": AGENT, "url": url}])
            with running(suite.command("client", spec), log, stdout=subprocess.DEVNULL) as wstest:
                try:
                    status = wstest.wait(time_limit(cases))
                except subprocess.TimeoutExpired:
                    return [f"wstest part {number} did not end"]
            return [f"wstest part {number} ended with {status}"] if status else []

        for found in in_parallel(run_share, shares):
            troubles += found
        if server.poll() is not None:
            troubles.append(f"wscli serve ended by itself, with status {server.returncode}")
    return troubles


def test_clients(suite, wscli, shares, out, log):
    """`wscli connect --echo` dials wstest, once a case."""

    def run_case(port, case):
        query = urllib.parse.urlencode({"casetuple": case, "agent": AGENT})
        url = f"ws://127.0.0.1:{port}/runCase?{query}"
        command = [wscli, "connect", "--echo", "--compress", url]
        with running(command, log, stdout=subprocess.DEVNULL) as client:
            try:
                status = client.wait(SLOW_CASE_TIMEOUT if is_slow(case) else CASE_TIMEOUT)
            except subprocess.TimeoutExpired:
                return [f"{case}: wscli connect was still running after the time limit"]
        if status not in CLIENT_EXITS:
            return [f"{case}: wscli connect ended with status {status}"]
        return []

    def run_share(number, cases):
        troubles = []
        folder = out / f"part-{number}"
        # The address is the driver's to fill in: it picks the port.
        spec = write_spec(folder, cases)
        with running(suite.command("server", spec), log, stdout=subprocess.PIPE) as wstest:
            port = first_line_json(wstest, "wstest")["port"]
            for case in cases:
                troubles += run_case(port, case)
            # Answered once the case is over on wstest's side too; never, if it did not run.
            query = urllib.parse.urlencode({"casetuple": cases[-1], "agent": AGENT})
            with contextlib.suppress(TimeoutError):
                ask_fuzzing_server(port, f"/getCaseStatus?{query}", 10)
            ask_fuzzing_server(port, f"/updateReports?agent={AGENT}", 120)
        return troubles

    return [trouble for troubles in in_parallel(run_share, shares) for trouble in troubles]


def in_parallel(function, shares):
    """One thread a share; an exception in any of them comes out here."""
    with concurrent.futures.ThreadPoolExecutor(len(shares)) as pool:
        futures = [pool.submit(function, number, cases) for number, cases in enumerate(shares, 1)]
        return [future.result() for future in futures]


def deal(cases, jobs):
    """Shares of about the same length in time: neighbouring cases cost alike."""
    return [share for share in (cases[start::jobs] for start in range(jobs)) if share]


# --- judging -----------------------------------------------------------------


def abridged(cases):
    """The cases, but no screenful of them."""
    return " ".join(cases[:40]) + (" …" if len(cases) > 40 else "")


class Outcome:
    def __init__(self, role, selection, cases, out, troubles, seconds):
        self.role = role
        self.selection = selection
        self.troubles = troubles
        self.seconds = seconds
        self.wanted = cases
        self.expected = EXPECTED.get(selection, len(cases))
        self.results = {}
        for index in out.glob("part-*/index.json"):
            self.results.update(json.loads(index.read_text()).get(AGENT, {}))

    def counts(self, field):
        """Behaviour → its case ids, the most frequent first."""
        found = {}
        for case in sorted(self.results, key=case_key):
            found.setdefault(self.results[case][field], []).append(case)
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))

    def missing(self):
        return [case for case in self.wanted if case not in self.results]

    def complaints(self):
        found = list(self.troubles)
        for field, label in (("behavior", ""), ("behaviorClose", "close: ")):
            for behaviour, cases in self.counts(field).items():
                if behaviour not in ACCEPTABLE:
                    found.append(f"{label}{behaviour} ({len(cases)}): {abridged(cases)}")
        if self.missing():
            found.append(f"no result ({len(self.missing())}): {abridged(self.missing())}")
        if len(self.results) < self.expected:
            found.append(f"{len(self.results)} cases ran, {self.expected} were expected")
        return found

    def summary(self):
        def row(field):
            return ", ".join(f"{name} {len(cases)}" for name, cases in self.counts(field).items())

        lines = [
            f"{self.role} {self.selection}: {len(self.results)} of {self.expected} cases in {self.seconds:.0f} s",
            f"  behaviour: {row('behavior')}",
            f"  close:     {row('behaviorClose')}",
        ]
        return lines + [f"  NOT PASSED: {complaint}" for complaint in self.complaints()]

    def markdown(self, versions):
        """A fragment for docs/conformance.md."""
        behaviour, close = self.counts("behavior"), self.counts("behaviorClose")
        command = "serve" if self.role == "server" else "connect"
        lines = [
            f"### `wscli {command}` ({self.role} role, {self.selection})",
            "",
            f"{versions}. {len(self.results)} of {self.expected} cases in {self.seconds / 60:.1f} minutes.",
            "",
            "| result | behaviour | close behaviour |",
            "|---|---:|---:|",
        ]
        for name in dict.fromkeys([*behaviour, *close]):
            lines.append(f"| {name} | {len(behaviour.get(name, []))} | {len(close.get(name, []))} |")
        lines.append("")
        for name, cases in behaviour.items():
            if name != "OK":
                lines.append(f"- {name}: {', '.join(cases)}")
        return "\n".join(lines)


def versions_line(suite, wscli):
    version = subprocess.run(
        [wscli, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    today = datetime.date.today().isoformat()
    system = f"{platform.system()} {platform.machine()}"
    return (
        f"{version[0] if version else 'wscli'}, Autobahn|Testsuite {suite.versions['suite']} "
        f"(autobahn {suite.versions['autobahn']}, {suite.versions['python']}), {system}, {today}"
    )


def run_role(suite, role, options):
    cases = suite.cases(options.selection)
    safe = "".join(c if c.isalnum() or c in ".-" else "_" for c in options.selection)
    out = options.out / f"{role}-{safe}"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    test = test_servers if role == "server" else test_clients
    started = time.monotonic()
    with open(out / "log.txt", "wb") as log:
        try:
            troubles = test(suite, options.wscli, deal(cases, options.jobs), out, log)
        except (HarnessError, OSError) as error:
            troubles = [str(error)]
    outcome = Outcome(role, options.selection, cases, out, troubles, time.monotonic() - started)
    (out / "summary.json").write_text(json.dumps({
        "role": role, "selection": options.selection, "seconds": round(outcome.seconds, 1),
        "expected": outcome.expected, "behavior": outcome.counts("behavior"),
        "behaviorClose": outcome.counts("behaviorClose"), "complaints": outcome.complaints(),
    }, indent=1))
    print("\n".join(outcome.summary()))
    if outcome.complaints():
        print(f"  reports and log: {out}")
    sys.stdout.flush()
    return outcome


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=("server", "client", "both"))
    parser.add_argument("selection")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--wscli", required=True)
    parser.add_argument("--wstest-home", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.out = options.out.resolve()
    # A path given relative to here stays right in the children, too.
    options.wscli = os.path.abspath(options.wscli)
    if options.jobs < 1:
        parser.error("--jobs must be at least 1")
    return options


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        suite = Suite(options.wstest_home)
        versions = versions_line(suite, options.wscli)
        print(versions, flush=True)
        roles = ("server", "client") if options.role == "both" else (options.role,)
        outcomes = [run_role(suite, role, options) for role in roles]
    except (HarnessError, OSError, subprocess.CalledProcessError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 1
    if options.selection == "full":
        print()
        print("\n\n".join(outcome.markdown(versions) for outcome in outcomes))
    return 1 if any(outcome.complaints() for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
