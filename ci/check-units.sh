#!/bin/sh
# Checks the units of systemd that are shipped, as if the program at the path
# given as the argument were installed. Needs systemd-analyze, and no systemd
# that runs.
set -eu
cd "$(dirname "$0")/.."
program=${1:-/usr/local/bin/wscli}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for unit in deploy/systemd/*; do
    sed "s|/usr/local/bin/wscli|$program|" "$unit" >"$folder/${unit##*/}"
done
# It loads units of the machine as well, whose faults are not ours; an unknown
# key is only a warning to it.
command -v systemd-analyze >/dev/null || {
    echo "systemd-analyze is missing: install systemd" >&2
    exit 1
}
# A check that finds no fault in a unit that has one checks nothing.
sed 's/^ExecStart=.*/ExecStart=relative/' deploy/systemd/wscli.service >"$folder/wscli-broken.service"
said=$(systemd-analyze verify --man=no "$folder"/* 2>&1 | grep -F wscli || true)
if ! echo "$said" | grep -qF wscli-broken; then
    echo "systemd-analyze finds no fault in a broken unit: $said" >&2
    exit 1
fi
said=$(echo "$said" | grep -vF wscli-broken || true)
if [ -n "$said" ]; then
    echo "$said" >&2
    exit 1
fi
