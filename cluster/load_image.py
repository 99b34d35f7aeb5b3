"""Puts an image archive on every node of the cluster behind a kubeconfig context.

For images that nodes cannot pull, such as the one of the registry itself.
Contexts that no provider here knows belong to clusters that pull by themselves.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TextIO

from cluster.errors import ClusterError
from cluster.lifecycle import existing_cluster
from cluster.names import context_name
from cluster.progress import for_stream
from cluster.providers import provider_of
from cluster.runner import SystemRunner
from cluster.state import default_state_dir, known_clusters

__all__ = ["main"]


def main(argv: list[str], stderr: TextIO = sys.stderr) -> int:
    """Runs on the arguments after the program's name; returns the exit code."""
    parser = argparse.ArgumentParser(prog="load_image", description=__doc__.splitlines()[0])
    parser.add_argument("--context", required=True, help="kubeconfig context of the cluster")
    parser.add_argument("--name", required=True, metavar="REF", help="the image's full reference in the archive")
    parser.add_argument("archive", type=Path, metavar="ARCHIVE", help="OCI or docker archive (tar)")
    options = parser.parse_args(argv)
    try:
        load(options.context, options.name, options.archive.absolute(), stderr)
    except ClusterError as error:
        print(f"ERROR: {error}", file=stderr)
        return error.exit_code
    return 0


def load(context: str, reference: str, archive: Path, stderr: TextIO) -> None:
    """Loads the archive where context names a cluster of ours, else notes that nodes pull."""
    state_dir = default_state_dir()
    name = next((found.name for found in known_clusters(state_dir) if context_name(found.name) == context), None)
    if name is None:
        print(f"note: context {context} is no embedded or k3d cluster: its nodes pull {reference} by themselves", file=stderr)
        return
    with existing_cluster(name, state_dir) as found:
        loaded = provider_of(found, SystemRunner(), for_stream(stderr)).load_image(found, archive, reference)
    print(f"{reference}: {'loaded on' if loaded else 'present on'} all nodes of cluster {name}", file=stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
