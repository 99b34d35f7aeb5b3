#!/bin/sh
# Runs a tool on the plan of %{target}.
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
for root in "${RUNFILES_DIR:-}" "$self.runfiles" "${self%.runfiles/*}.runfiles"; do
  if [ -n "$root" ] && [ -e "$root/%{plan}" ]; then
    export RUNFILES_DIR="$root"
    exec "$root/%{tool}" "%{plan}" %{arguments} "$@"
  fi
done
echo "ERROR: $self: has no runfiles beside it; start it with 'bazel run %{target}'." >&2
exit 1
