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
zoo=${1:-${CARGO_TARGET_DIR:-$here/../../target}/zoo}
mkdir -p "$zoo"

# installed NAME FILE...: whether NAME was last made from exactly these files.
installed() {
	stamp=$zoo/$1.stamp
	shift
	[ "$(cat "$stamp" 2>/dev/null)" = "$(cat "$@" | cksum)" ]
}
record() {
	stamp=$zoo/$1.stamp
	shift
	cat "$@" | cksum >"$stamp"
}

lock=$here/package-lock.json
if ! installed node "$lock"; then
	cp "$here/package.json" "$lock" "$zoo/"
	npm ci --prefix "$zoo" --no-audit --no-fund --loglevel=error
	record node "$lock"
fi
required="$here/requirements.txt $here/constraints.txt"
# shellcheck disable=SC2086 # a list of names
if ! installed python $required || ! "$zoo/venv/bin/python" -c '' 2>/dev/null; then
	rm -rf "$zoo/venv"
	python3 -m venv "$zoo/venv"
	"$zoo/venv/bin/pip" install -q --disable-pip-version-check \
		-r "$here/requirements.txt" -c "$here/constraints.txt"
	record python $required
fi
# shellcheck disable=SC2086 # a list of names
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg -s $packages >/dev/null 2>&1; then
	apt-get update -q >/dev/null
	apt-get install -y -q --no-install-recommends $packages >/dev/null
fi
