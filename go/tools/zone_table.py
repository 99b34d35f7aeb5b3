"""Copies the table of places, zone1970.tab, out of the PyPI package tzdata: `zone_table OUTPUT`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path


def main(argv: Sequence[str]) -> int:
    """Copies the table.

    Returns:
        0 when copied, 1 if the package does not contain it, 2 for wrong usage.
    """
    if len(argv) != 1:
        sys.stderr.write("ERROR: usage: zone_table OUTPUT\n")
        return 2
    try:
        table = (resources.files("tzdata") / "zoneinfo" / "zone1970.tab").read_bytes()
    except FileNotFoundError:
        sys.stderr.write("ERROR: the tzdata package does not contain zoneinfo/zone1970.tab. Lock another version.\n")
        return 1
    Path(argv[0]).write_bytes(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
