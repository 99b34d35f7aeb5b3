#!/bin/sh
# Runs a tool on the plan of %{target}.
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
if [ ! -e "${RUNFILES_DIR:-/nonexistent}/%{plan}" ]; then RUNFILES_DIR=$self.runfiles; fi
if [ ! -e "$RUNFILES_DIR/%{plan}" ]; then
  echo "ERROR: $self: has no runfiles beside it; start it with 'bazel run %{target}'." >&2
  exit 1
fi
export RUNFILES_DIR
exec "$RUNFILES_DIR/%{tool}" '%{plan}' %{arguments} "$@"
