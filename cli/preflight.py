"""What `up` checks before it changes anything, so that a refusal leaves nothing behind."""

import os
import shutil
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cluster.common.errors import TurnupError, UsageError
from rules.k8s.tools.build import user_namespace
from rules.k8s.tools.kubeconfig import kubeconfig

GIB = 1 << 30
# Free space in bytes. A build of Kubernetes takes 3 GiB of Go modules and objects; Bazel's outputs and a running cluster
# with its images take another 3 GiB.
NEED_TO_BUILD = 6 * GIB
NEED_TO_RUN = 3 * GIB

# Seconds that an API server has to accept a connection.
ANSWER_SECONDS = 5.0

FreeBytes = Callable[[Path], int]


def free_bytes(path: Path) -> int:
    """Returns the bytes that are free for this user on the disk where path is or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def check_disk(paths: Iterable[Path], need: int, free: FreeBytes = free_bytes) -> None:
    """Checks that the disk has room for the whole run.

    Args:
        paths: the folders that will grow.
        need: the bytes that must be free at each.
        free: returns the free bytes at a path.

    Raises:
        TurnupError: a folder has too little room.
    """
    for path in paths:
        have = free(path)
        if have < need:
            raise TurnupError(
                f"{path}: only {have / GIB:.1f} GiB free, and turnup needs {need / GIB:.0f} GiB; free some space, "
                "or set XDG_CACHE_HOME and TURNUP_STATE_DIR to folders on a larger disk"
            )


def check_user(environments: Iterable[str], environ: Mapping[str, str] = os.environ) -> None:
    """Checks that the developer's own namespace is not a shared environment.

    Args:
        environments: the names of the shared environments.
        environ: the environment variables; USER is read.

    Raises:
        UsageError: the user has the name of a shared environment.
    """
    user = user_namespace.user_name(environ)
    if user_namespace.namespace_of(user) in environments:
        raise UsageError(f"USER is {user!r}, which is the name of a shared environment; set USER to a name of your own")


def check_context(context: str, environ: Mapping[str, str] = os.environ) -> None:
    """Checks that the kubeconfig has a context and that its API server answers.

    Args:
        context: the context's name.
        environ: the environment variables; KUBECONFIG and HOME are read.

    Raises:
        TurnupError: the API server does not answer. (For the kubeconfig itself, rules/k8s raises its own TurnupError.)
    """
    server = kubeconfig.load(kubeconfig.kubeconfig_files("", environ), context).server
    url = urlsplit(server)
    try:
        socket.create_connection((url.hostname, url.port or (443 if url.scheme == "https" else 80)), ANSWER_SECONDS).close()
    except OSError as error:
        raise TurnupError(
            f"the API server {server} of context {context!r} does not answer ({error.strerror or error}); "
            "start its cluster, or choose another context with --context"
        ) from error


def check_root(euid: int) -> None:
    """Checks that this process can create an embedded cluster.

    Args:
        euid: this process's effective user ID.

    Raises:
        TurnupError: the user is not root.
    """
    if euid != 0:
        raise TurnupError(
            "the embedded cluster needs root for namespaces, mounts and the network; run sudo ./turnup up, "
            "or use an existing cluster with ./turnup --context NAME up"
        )
