#!/bin/sh
# Runs the scripts of the GitHub action and of the GitLab job as those services
# would, against a bare clone of this checkout and servers on this machine: what is
# committed is what is tried. The arguments: a Python that has ruamel.yaml, and a
# wscli, which serves.
set -eu
cd "$(dirname "$0")/.."
exec "${1:-python3}" ci/check_templates.py "${2:-target/debug/wscli}"
