#!/bin/sh
# Finds this target's runfiles and starts the push tool with the plan that was written at build time.
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
for root in "${RUNFILES_DIR:-}" "$self.runfiles" "${self%.runfiles/*}.runfiles" "$(readlink -f -- "$self").runfiles"; do
  if [ -n "$root" ] && [ -e "$root/%{plan}" ]; then
    export RUNFILES_DIR="$root"
    exec "$root/%{tool}" --plan "$root/%{plan}" "$@"
  fi
done
echo "ERROR: $self: no runfiles beside it: start it with bazel run, or from bazel-bin" >&2
exit 1
