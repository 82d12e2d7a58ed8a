#!/bin/sh
# Installs the servers of the zoo: packages of npm and PyPI below target/zoo,
# and those of Debian. Run it once, as root for the latter.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
zoo=${1:-$here/../../target/zoo}
mkdir -p "$zoo"
cp "$here/package.json" "$zoo/"
(cd "$zoo" && npm install --no-audit --no-fund --loglevel=error)
[ -x "$zoo/venv/bin/python" ] || python3 -m venv "$zoo/venv"
"$zoo/venv/bin/pip" install -q -r "$here/requirements.txt"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	apt-get install -y -q --no-install-recommends \
		nginx-light haproxy apache2 libmojolicious-perl ruby ruby-faye-websocket thin \
		golang-go golang-github-gorilla-websocket-dev \
		default-jdk-headless libtomcat10-java >/dev/null
fi
