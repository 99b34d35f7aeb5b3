"""Byte-compiles one source to a .pyc file without time stamps, so that programs start without compiling.

Runs as `python compile_source.py SOURCE PYC`.
"""

import py_compile
import sys


def main(argv: list[str]) -> int:
    """Compiles argv[0] to argv[1]; returns 0, or 1 after one line (file, line, reason) if it does not compile."""
    source, output = argv
    try:
        # The stored path is the one from the workspace root: a traceback names the file that an editor can open.
        py_compile.compile(source, output, dfile=source, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except py_compile.PyCompileError as error:
        reason = error.exc_value
        print(f"ERROR: {source}:{getattr(reason, 'lineno', None) or 1}: {getattr(reason, 'msg', reason)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
