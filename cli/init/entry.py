"""The module `turnup` of the wheel: puts the wheel's copy of Turnup's modules on the path, and runs the command."""

import sys
from pathlib import Path


def main() -> int:
    """Runs the command with the arguments of the process, and returns its exit code."""
    # In a folder of their own: their names, such as cli and rules, are too common for the top level of an installation.
    sys.path.insert(0, str(Path(__file__).resolve().parent / "_source"))
    from cli.init import standalone

    return standalone.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
