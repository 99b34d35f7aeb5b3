"""Where the launcher hands over: puts the workspace on the import path and runs the command."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    # -I keeps the caller's PYTHONPATH out; __file__'s own folder (cli/) would let cli/bazel.py shadow other modules.
    sys.path[0] = str(ROOT)
    from cli import main

    sys.exit(main.main(sys.argv[1:]))
