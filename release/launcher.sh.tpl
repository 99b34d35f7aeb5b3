#!/bin/sh
# Prints the lines that pin the release.
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
for root in "${RUNFILES_DIR:-}" "$self.runfiles" "${self%.runfiles/*}.runfiles"; do
  if [ -n "$root" ] && [ -e "$root/%{archive}" ]; then
    export RUNFILES_DIR="$root"
    exec "$root/%{tool}" "$root/%{archive}" "--url=%{url}" "$@"
  fi
done
echo "ERROR: $self: there are no runfiles beside it. Start it with bazel run //:release." >&2
exit 1
