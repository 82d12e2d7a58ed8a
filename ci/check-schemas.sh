#!/bin/sh
# Checks the GitHub action and the GitLab snippet against their schemas, which
# PyPI's check-jsonschema carries. Its path can be given as the argument.
set -eu
cd "$(dirname "$0")/.."
check=${1:-check-jsonschema}
"$check" --builtin-schema vendor.github-actions .github/actions/probe-origin/action.yml
"$check" --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci ci/probe-origin.gitlab-ci.yml
