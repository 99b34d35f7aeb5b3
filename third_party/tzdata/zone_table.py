"""Copies the table of places, zone1970.tab, out of the PyPI package tzdata: `zone_table OUTPUT`."""

import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path


def main(argv: Sequence[str]) -> int:
    """Copies the table.

    Args:
        argv: the path of the copy.

    Returns:
        Exit code: 0, or 1 if the package does not contain the table, or 2 for wrong usage.
    """
    if len(argv) != 1:
        print("ERROR: usage: zone_table OUTPUT", file=sys.stderr)
        return 2
    try:
        table = (resources.files("tzdata") / "zoneinfo" / "zone1970.tab").read_bytes()
    except FileNotFoundError:
        print("ERROR: the tzdata package does not contain zoneinfo/zone1970.tab; lock another version", file=sys.stderr)
        return 1
    Path(argv[0]).write_bytes(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
