#!/usr/bin/env bash
# Rewrites requirements.lock from requirements.in: newest versions, every wheel's hash, no index addresses; and then bench.lock,
# check.lock and cli/requirements.lock, at the same versions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pip-tools==7.5.3
compile() {
  CUSTOM_COMPILE_COMMAND=third_party/python/update.sh "$work/venv/bin/pip-compile" -q --generate-hashes --strip-extras \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --allow-unsafe "$@"
}
compile "$@" -o requirements.lock requirements.in
compile -c requirements.lock -o bench.lock bench.in
compile -c requirements.lock -o check.lock check.in
cd ../../cli
compile -c ../third_party/python/requirements.lock -o requirements.lock requirements.in
