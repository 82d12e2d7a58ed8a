#!/bin/sh
# Installs the servers of the zoo: packages of npm and PyPI below target/zoo, and
# those of Debian that are missing, the latter as root only.
#
#     tests/zoo/install.sh [FOLDER]
#     tests/zoo/install.sh --packages     prints the names of the Debian packages
set -eu
packages="nginx-light haproxy apache2 libmojolicious-perl ruby ruby-faye-websocket thin \
golang-go golang-github-gorilla-websocket-dev default-jdk-headless libtomcat10-java"
if [ "${1:-}" = --packages ]; then
	echo "$packages"
	exit
fi
here=$(cd "$(dirname "$0")" && pwd)
zoo=${1:-$here/../../target/zoo}
mkdir -p "$zoo"
cp "$here/package.json" "$zoo/"
(cd "$zoo" && npm install --no-audit --no-fund --loglevel=error)
[ -x "$zoo/venv/bin/python" ] || python3 -m venv "$zoo/venv"
"$zoo/venv/bin/pip" install -q -r "$here/requirements.txt"
# shellcheck disable=SC2086 # a list of names
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg -s $packages >/dev/null 2>&1; then
	apt-get update -q >/dev/null
	apt-get install -y -q --no-install-recommends $packages >/dev/null
fi
