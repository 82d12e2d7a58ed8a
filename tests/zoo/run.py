#!/usr/bin/env python3
"""Starts the servers of the zoo on free ports, and ends them with its stdin.

    run.py [NAME ...] < pipe

Prints one JSON object a line: {"name": ..., "port": ...} for a server that
listens, {"name": ..., "missing": ...} for one that is not installed, and
{"ready": true} at the end. Servers are ended by their ids, nobody else's.
"""

import glob
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ZOO = os.environ.get("WSCLI_ZOO", os.path.join(HERE, "..", "..", "target", "zoo"))
PYTHON = os.path.join(ZOO, "venv", "bin", "python")

NGINX = """
daemon off; master_process off; pid {tmp}/nginx.pid; error_log stderr crit;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {tmp}/b; proxy_temp_path {tmp}/p;
  fastcgi_temp_path {tmp}/f; uwsgi_temp_path {tmp}/u; scgi_temp_path {tmp}/s;
  map $http_origin $allowed {{ default 0; {map} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      if ($allowed = 0) {{ return 403; }}
      proxy_pass http://127.0.0.1:{backend}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "Upgrade";
    }}
  }}
}}
"""

HAPROXY = """
global
  maxconn 256
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
frontend zoo
  bind 127.0.0.1:{port}
  http-request deny unless {{ {acl} }}
  default_backend open
backend open
  server one 127.0.0.1:{backend}
"""

APACHE = """
ServerName localhost
ServerRoot {tmp}
PidFile {tmp}/httpd.pid
Listen 127.0.0.1:{port}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_host_module /usr/lib/apache2/modules/mod_authz_host.so
LoadModule setenvif_module /usr/lib/apache2/modules/mod_setenvif.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
ErrorLog /dev/null
SetEnvIf Origin "client.com$" origin_ok
<Location "/">
  Require env origin_ok
  ProxyPass http://127.0.0.1:{backend}/ upgrade=websocket
</Location>
"""


given = set()


def free_port():
    """A free port below those that connections get by themselves, and that no
    other server of this zoo was given."""
    while True:
        port = random.randrange(20000, 32000)
        if port in given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given.add(port)
        return port


def node(kind):
    return lambda port, tmp: ["node", os.path.join(HERE, "node.js"), kind, str(port)]


def python(kind):
    return lambda port, tmp: [PYTHON, os.path.join(HERE, "servers.py"), kind, str(port)]


def go(kind):
    def command(port, tmp):
        binary = os.path.join(ZOO, "server-go")
        source = os.path.join(HERE, "server.go")
        if not os.path.exists(binary) or os.path.getmtime(binary) < os.path.getmtime(source):
            # Debian's packages live in a GOPATH of their own.
            env = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}
            subprocess.run(["go", "build", "-o", binary, source], check=True, env=env)
        return [binary, kind, str(port)]

    return command


def java(port, tmp):
    jars = glob.glob("/usr/share/java/tomcat10-*.jar")
    jars = [jar for jar in jars if "-10." not in jar]
    if not jars:
        raise OSError("no jars of Tomcat 10")
    return ["java", "-cp", ":".join(jars), os.path.join(HERE, "Server.java"), str(port)]


def configured(template, binary, arguments, **values):
    """A proxy in front of a server that lets everybody in."""

    def command(port, tmp):
        backend = start("backend-of-" + os.path.basename(tmp), python("tornado-any"))
        text = template.format(port=port, tmp=tmp, backend=backend, **values)
        path = os.path.join(tmp, "conf")
        with open(path, "w") as file:
            file.write(text)
        return [shutil.which(binary) or "/usr/sbin/" + binary, *(a.format(path=path) for a in arguments)]

    return command


SERVERS = {
    name: node(name)
    for name in """ws-exact ws-starts ws-includes ws-reversed ws-greets ws-greets-all ws-dev
    ws-subdomains ws-mute ws-error-message ws-cookie ws-token ws-closes-all ws-limited
    ws-limited-101 ws-one-client ws-eof ws-500 ws-crash express-ws-after101 fastify-dot faye-null
    socketio-cors socketio-exact webpack-dev-server""".split()
}
SERVERS.update(
    (name, python(name))
    for name in """websockets-exact aiohttp-ends tornado-default tornado-any starlette-cors
    starlette-exact channels-validator channels-hosts flask-error raw-silent raw-drip raw-headers
    raw-ssh raw-flood""".split()
)
SERVERS.update((name, go(name)) for name in ["gorilla-default", "gorilla-any", "gorilla-suffix"])
SERVERS["mojolicious-unanchored"] = lambda port, tmp: ["perl", os.path.join(HERE, "server.pl"), str(port)]
SERVERS["ruby-reversed"] = lambda port, tmp: ["ruby", os.path.join(HERE, "server.rb"), str(port)]
SERVERS["tomcat-dot"] = java
NGINX_ARGUMENTS = ["-c", "{path}", "-e", "stderr"]
SERVERS["nginx-exact"] = configured(NGINX, "nginx", NGINX_ARGUMENTS, map='"https://client.com" 1;')
SERVERS["nginx-pattern"] = configured(
    NGINX, "nginx", NGINX_ARGUMENTS, map='"~^https://[a-z0-9.-]*client.com$" 1;'
)
SERVERS["haproxy-begins"] = configured(
    HAPROXY, "haproxy", ["-f", "{path}", "-db", "-q"], acl="req.hdr(Origin) -m beg https://client.com"
)
SERVERS["apache-ends"] = configured(APACHE, "apache2", ["-f", "{path}", "-DFOREGROUND"])

processes = []
folders = []


def start(name, command, tries=3):
    """Starts a server and returns its port. Somebody else's server can take
    the port first: then it ends, and gets another one."""
    port = free_port()
    tmp = tempfile.mkdtemp(prefix="zoo-")
    folders.append(tmp)
    process = subprocess.Popen(
        command(port, tmp),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("WSCLI_ZOO_VERBOSE") else subprocess.DEVNULL,
        # A process group of its own: servers have workers.
        start_new_session=True,
    )
    processes.append(process)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if listens(process, port):
            return port
        time.sleep(0.05)
    if tries > 1 and process.poll() is not None:
        return start(name, command, tries - 1)
    raise RuntimeError(f"does not listen (ended with {process.poll()})")


def listens(process, port):
    """Whether the port is open, and the process that was to open it lives."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    time.sleep(0.1)
    return process.poll() is None


def stop():
    for process in processes:
        try:
            os.killpg(process.pid, 15)
        except ProcessLookupError:
            pass
    deadline = time.monotonic() + 3
    for process in processes:
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def tell(**line):
    print(json.dumps(line), flush=True)


def main():
    try:
        for name in sys.argv[1:] or SERVERS:
            try:
                tell(name=name, port=start(name, SERVERS[name]))
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                tell(name=name, missing=str(error))
        tell(ready=True)
        sys.stdin.read()
    finally:
        stop()


os.environ["NODE_PATH"] = os.path.join(ZOO, "node_modules")
main()
