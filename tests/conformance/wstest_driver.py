"""The part of the harness that runs inside wstest's own CPython 2.7.

    wstest_driver.py versions       one JSON object: versions of suite and interpreter
    wstest_driver.py cases          one JSON array: every case id, in the suite's order
    wstest_driver.py client SPEC    fuzzing client: tests the servers named in SPEC
    wstest_driver.py server SPEC    fuzzing server: prints {"port": N}, then tests the
                                    clients that connect, until it is terminated

`wstest` itself could do the last two, but its server wants a port chosen in
advance and binds every interface. Here the listening socket is made first, on
loopback and with a port of the system's choice, so no other process can take
the port in between.
"""
import json
import platform
import socket
import sys


def suite():
    """Importing the suite installs a Twisted reactor and prints a banner or
    two; standard output is data here, so the noise goes to standard error."""
    stdout, sys.stdout = sys.stdout, sys.stderr
    try:
        from autobahntestsuite import fuzzing
        return fuzzing
    finally:
        sys.stdout = stdout


def case_ids(fuzzing):
    cases = fuzzing.CaseSet(
        fuzzing.CaseSetname, fuzzing.CaseBasename, fuzzing.Cases,
        fuzzing.CaseCategories, fuzzing.CaseSubCategories)
    return [cases.caseClasstoId(case) for case in fuzzing.Cases]


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def serve(fuzzing, spec):
    from twisted.internet import reactor

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    listener.setblocking(False)
    port = listener.getsockname()[1]
    spec["url"] = "ws://127.0.0.1:%d" % port

    def listen_on_ours(_port, factory, *_args, **_kwargs):
        return reactor.adoptStreamPort(listener.fileno(), socket.AF_INET, factory)

    reactor.listenTCP = listen_on_ours
    stdout, sys.stdout = sys.stdout, sys.stderr
    fuzzing.startServer(spec, None)
    listener.close()
    stdout.write(json.dumps({"port": port}) + "\n")
    stdout.flush()
    reactor.run()


def main():
    mode = sys.argv[1]
    fuzzing = suite()
    if mode == "versions":
        import autobahn
        import autobahntestsuite
        say({"suite": autobahntestsuite.version, "autobahn": autobahn.version,
             "python": "%s %s" % (platform.python_implementation(), platform.python_version())})
    elif mode == "cases":
        say(case_ids(fuzzing))
    elif mode in ("client", "server"):
        with open(sys.argv[2]) as source:
            spec = json.load(source)
        if mode == "server":
            serve(fuzzing, spec)
        else:
            from twisted.internet import reactor
            sys.stdout = sys.stderr
            fuzzing.startClient(spec)
            reactor.run()
    else:
        sys.exit("unknown mode %r" % mode)


if __name__ == "__main__":
    main()
