#!/bin/sh
# Finds this target's runfiles and starts the push with the plan that was made at build time. It starts the interpreter
# itself rather than through the push tool's own launcher, which would take longer than a push of what is there already.
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
for root in "${RUNFILES_DIR:-}" "$self.runfiles" "${self%.runfiles/*}.runfiles" link; do
  if [ "$root" = link ]; then root=$(readlink -f -- "$self").runfiles; fi
  if [ -n "$root" ] && [ -e "$root/%{plan}" ]; then
    exec "%{python}" -I -S -B -c 'import sys
sys.path += [sys.argv[1] + "/" + path for path in sys.argv[2].split()]
sys.argv[1:3] = []
from rules.image.tools.push.main import start
start()' "$root" "%{imports}" --plan "$root/%{plan}" --root "$root" %{credentials} "$@"
  fi
done
echo "ERROR: $self: no runfiles beside it: start it with bazel run, or from bazel-bin" >&2
exit 1
