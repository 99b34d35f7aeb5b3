"""The program that the launcher starts: puts the workspace on the import path and runs the command."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    # With -I, Python ignores the caller's PYTHONPATH. The folder cli/ itself must go, or cli/kubernetes.py would hide the package kubernetes.
    sys.path[0] = str(ROOT)
    from cli import main

    sys.exit(main.main(sys.argv[1:]))
