"""What the command needs to know of the embedded Kubernetes: whether its programs are built, and building them."""

import importlib
import sys


def _module():
    # Imported late: `turnup doctor` must be able to say that something is wrong even where this import fails.
    return importlib.import_module("cluster.build")


def built() -> bool:
    """Tells whether the programs of the embedded Kubernetes are in the cache."""
    try:
        return _module().find() is not None
    except ModuleNotFoundError:
        return False


def build_here() -> None:
    """Builds the programs, a line of progress at a time on stdout. Quick where they are built."""
    progress = importlib.import_module("cluster.progress")
    _module().ensure(progress.for_stream(sys.stdout))


def doctor_row() -> dict[str, object]:
    """Returns the row of `doctor` for the programs built from Go modules; see `doctor.rows`."""
    ready = built()
    return {
        "tool": "kubernetes",
        "found": "built" if ready else "",
        "path": "",
        "wanted": "built from Go modules",
        "ok": ready,
        "needed": False,
        "get": "" if ready else "./turnup up builds it (some minutes, once)",
    }
