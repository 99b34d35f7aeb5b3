#!/bin/sh
# Finds this program's runfiles, then starts its main class with the class path that was known at build time.
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
r=
for root in "${RUNFILES_DIR:-}" "${JAVA_RUNFILES:-}" "$self.runfiles" "${self%.runfiles/*}.runfiles" link; do
  [ "$root" != link ] || root=$(readlink -f -- "$self").runfiles # Last, because it takes another program.
  if [ -n "$root" ] && [ -e "$root/%{self}" ]; then r=$root && break; fi
done
[ -n "$r" ] || { echo "ERROR: $self: no runfiles beside it: start it with bazel run, or from bazel-bin" >&2; exit 1; }
case $r in /*) ;; *) r=$PWD/$r ;; esac
# A JVM in the C locale, which Bazel's tests have, finds no file whose name is not ASCII. Python does the same (PEP 538).
case ${LC_ALL:-${LC_CTYPE:-${LANG:-C}}}${LC_ALL:+set} in C | POSIX) export LC_CTYPE=C.UTF-8 ;; esac
export RUNFILES_DIR="$r" JAVA_RUNFILES="$r"
%{exports}
exec "${JAVABIN:-%{java}}" %{flags} -cp "%{class_path}" %{main_class} %{arguments} "$@"
