#!/bin/sh
# Finds this program's runfiles, then runs its module in an isolated interpreter.
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
found=
for root in "${RUNFILES_DIR:-}" "$self.runfiles" "${self%.runfiles/*}.runfiles" link; do
  [ "$root" != link ] || root=$(readlink -f -- "$self").runfiles # Last, because it takes another program.
  if [ -n "$root" ] && [ -e "$root/%{self}" ]; then found=$root && break; fi
done
[ -n "$found" ] || { echo "ERROR: $self: no runfiles beside it: start it with bazel run, or from bazel-bin" >&2; exit 1; }
case $found in /*) ;; *) found=$PWD/$found ;; esac
export RUNFILES_DIR="$found"
%{exports}
# Byte code was made at build time; nothing is written beside the sources.
exec "%{python}" -I -S -B -c '
import os, runpy, sys
root, imports, module = sys.argv[1], sys.argv[2].split(), sys.argv[3]
# After the standard library: each entry before it would be searched for each of its modules.
sys.path += [os.path.join(root, path) for path in imports]
sys.argv[0:4] = [module]
runpy.run_module(module, run_name="__main__", alter_sys=True)' "$found" "%{imports}" "%{module}" "$@"
