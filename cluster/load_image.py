"""Loads an image archive onto every node of the cluster that a kubeconfig context names.

For images that nodes can't pull, such as the registry's own. Does nothing for a context that no provider here created: the
nodes of such a cluster pull images themselves.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TextIO

from cluster.common.errors import TurnupError
from cluster.common.process import ProcessRunner
from cluster.common.progress import Progress
from cluster.lifecycle import existing_cluster
from cluster.model.names import context_name
from cluster.model.state import default_state_dir, known_clusters
from cluster.providers import provider_of

__all__ = ["main"]


def main(argv: list[str], stderr: TextIO = sys.stderr) -> int:
    """Runs the program.

    Args:
        argv: --context, --name and the archive.
        stderr: where notes and errors go.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="load_image", description=__doc__.splitlines()[0])
    parser.add_argument("--context", required=True, help="the cluster's kubeconfig context")
    parser.add_argument("--name", required=True, metavar="REF", help="the image's full reference in the archive")
    parser.add_argument("archive", type=Path, metavar="ARCHIVE", help="an OCI or Docker archive (tar)")
    options = parser.parse_args(argv)
    try:
        _load(options.context, options.name, options.archive.absolute(), stderr)
    except TurnupError as error:
        print(f"ERROR: {error}", file=stderr)
        return error.exit_code
    return 0


def _load(context: str, reference: str, archive: Path, stderr: TextIO) -> None:
    """Loads the archive if the context belongs to an embedded or k3d cluster, otherwise prints a note.

    Args:
        context: the kubeconfig context.
        reference: the image's full reference in the archive.
        archive: the OCI or Docker archive.
        stderr: where notes go.

    Raises:
        ClusterError: a node did not take the image.
    """
    state_dir = default_state_dir()
    name = next((found.name for found in known_clusters(state_dir) if context_name(found.name) == context), None)
    if name is None:
        print(f"note: context {context} is not an embedded or k3d cluster; its nodes pull {reference} themselves", file=stderr)
        return
    with existing_cluster(name, state_dir) as found:
        loaded = provider_of(found, ProcessRunner(), Progress(stderr)).load_image(found, archive, reference)
    print(f"{reference}: {'loaded onto' if loaded else 'already present on'} all nodes of cluster {name}", file=stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
