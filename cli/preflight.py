"""What must hold before `up` changes anything: looked at first, so that a refusal leaves nothing behind."""

import os
import shutil
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cli.errors import TurnupError, UsageError
from rules.k8s.tools.build import user_namespace
from rules.k8s.tools.kubeconfig import kubeconfig

GIB = 1 << 30
# Free space in bytes. Building Kubernetes takes 3 GiB of Go modules and objects; Bazel's outputs and a running cluster
# with its images take 3.
NEED_TO_BUILD = 6 * GIB
NEED_TO_RUN = 3 * GIB

# How long an API server may take to accept a connection, in seconds.
ANSWER_SECONDS = 5.0

FreeBytes = Callable[[Path], int]


def free_bytes(path: Path) -> int:
    """Returns the bytes free where path is, or will be, to this user."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def check_disk(paths: Iterable[Path], need: int, free: FreeBytes = free_bytes) -> None:
    """Refuses to start where the disk would run full on the way.

    Args:
        paths: the folders that will grow.
        need: bytes that must be free at each.
        free: tells the bytes free at a path.

    Raises:
        TurnupError: names the folder, what is free and what is needed.
    """
    for path in paths:
        have = free(path)
        if have < need:
            raise TurnupError(
                f"{path}: only {have / GIB:.1f} GiB free and {need / GIB:.0f} GiB needed; make room, "
                "or point XDG_CACHE_HOME and TURNUP_STATE_DIR to a larger disk"
            )


def check_user(environments: Iterable[str], environ: Mapping[str, str] = os.environ) -> None:
    """Refuses a user whose own namespace would be one of the shared environments.

    Args:
        environments: the names of all environments, myns among them.
        environ: holds USER.

    Raises:
        UsageError: the user's name is that of an environment.
    """
    user = user_namespace.user_name(environ)
    if user_namespace.namespace_of(user) in environments:
        raise UsageError(f"USER is {user!r}, an environment that everybody shares: set USER to a name of your own")


def check_context(context: str, environ: Mapping[str, str] = os.environ) -> None:
    """Refuses a context that the kubeconfig does not have, or whose API server does not answer.

    Args:
        context: its name.
        environ: holds KUBECONFIG and HOME.

    Raises:
        TurnupError: nothing answers there. (rules/k8s has an error of the same name and form, for the kubeconfig itself.)
    """
    server = kubeconfig.load(kubeconfig.kubeconfig_files("", environ), context).server
    url = urlsplit(server)
    try:
        socket.create_connection((url.hostname, url.port or (443 if url.scheme == "https" else 80)), ANSWER_SECONDS).close()
    except OSError as error:
        raise TurnupError(
            f"the API server {server} of context {context!r} does not answer ({error.strerror or error}); "
            "start its cluster, or name another one with --context"
        ) from error


def check_root(euid: int) -> None:
    """Refuses to make an embedded cluster as a plain user.

    Args:
        euid: this process's effective user id.

    Raises:
        TurnupError: it is not root's.
    """
    if euid != 0:
        raise TurnupError(
            "the embedded cluster needs root (namespaces, mounts, network): run sudo ./turnup up, "
            "or use an existing cluster with ./turnup --context NAME up"
        )
