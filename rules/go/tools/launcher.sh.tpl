#!/bin/sh
# Runs a Go test program in its package's folder.
runfiles=${RUNFILES_DIR:-${TEST_SRCDIR:-$0.runfiles}}
case $runfiles in /*) ;; *) runfiles=$PWD/$runfiles ;; esac
export RUNFILES_DIR="$runfiles"
%{exports}
exec "$runfiles/%{main}" "$runfiles/%{program}" "$runfiles/%{folder}" "$@"
