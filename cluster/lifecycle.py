"""Creates, finds and deletes clusters of every provider.

A command locks a cluster's folder while it changes the cluster. Two commands on one cluster wait for each other; commands on
other clusters do not.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.common.files import locked_folder
from cluster.common.process import Runner
from cluster.common.progress import Progress
from cluster.model import kubeconfig
from cluster.model.names import check_name
from cluster.model.state import Cluster, known_clusters, load_cluster
from cluster.providers import provider_of

__all__ = ["create_cluster", "delete_cluster", "existing_cluster"]


def create_cluster(
    wanted: Cluster, runner: Runner, progress: Progress, registries: Path | None = None, retain: bool = False, use_context: bool = False
) -> None:
    """Creates a cluster, or starts it if it exists; changes nothing if it is healthy, but for the ports that its pods may connect to.

    Removes first what an interrupted creation left behind.

    Args:
        wanted: the cluster.
        runner: runs programs.
        progress: shows the steps.
        registries: the user's own registries.yaml; None for none.
        retain: whether to keep a cluster that could not be created completely.
        use_context: whether to make its kubeconfig context the current one.

    Raises:
        ClusterError: the creation failed, or the cluster exists with other nodes, another subnet, share or provider.
    """
    provider = provider_of(wanted, runner, progress)
    with _cluster_lock(wanted.state_dir, wanted.name):
        found = load_cluster(wanted.name, wanted.state_dir)
        if found and not found.complete:
            with progress.step(f"Removing the incomplete cluster {found.name}"):
                provider_of(found, runner, progress).delete(found)
            wanted.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = None
        if found:
            _compare(found, wanted)
            changed = dataclasses.replace(found, host_ports=wanted.host_ports)
            if changed != found:
                changed.save()
            elif provider.healthy(found):
                progress.say(f"cluster {found.name} exists and is healthy: nothing to do")
                kubeconfig.merge(kubeconfig.user_path(), provider.kubeconfig(found), use_context)
                return
            provider.start(changed)
        else:
            provider.create(wanted, registries, retain)
        if use_context:
            kubeconfig.merge(kubeconfig.user_path(), provider.kubeconfig(wanted), use_context=True)


def delete_cluster(name: str, state_dir: Path, runner: Runner, progress: Progress) -> bool:
    """Deletes a cluster.

    Returns:
        Whether the cluster existed.

    Raises:
        ClusterError: the cluster can't be deleted.
    """
    if not (state_dir / name).is_dir():
        return False
    with _cluster_lock(state_dir, name):
        found = load_cluster(name, state_dir)
        if found:
            with progress.step(f"Deleting cluster {name}"):
                provider_of(found, runner, progress).delete(found)
    # If another command deleted the cluster first, the lock has created the folder again.
    _remove_empty(state_dir / name, state_dir)
    return found is not None


@contextlib.contextmanager
def existing_cluster(name: str, state_dir: Path) -> Iterator[Cluster]:
    """Locks the cluster with that name and yields it.

    Raises:
        ClusterError: the cluster does not exist.
    """
    check_name(name)
    if load_cluster(name, state_dir) is None:
        others = ", ".join(other.name for other in known_clusters(state_dir))
        raise ClusterError(
            f"cluster {name} does not exist; create it with `./turnup cluster create --name {name}`" + (f", or choose from {others}" if others else "")
        )
    with locked_folder(state_dir / name):
        found = load_cluster(name, state_dir)
        if found is None:
            raise ClusterError(f"another command has just deleted cluster {name}; create it with `./turnup cluster create --name {name}`")
        yield found


@contextlib.contextmanager
def _cluster_lock(state_dir: Path, name: str) -> Iterator[None]:
    try:
        with locked_folder(state_dir / name):
            yield
    except PermissionError as error:
        raise ClusterError(f"{error.filename}: permission denied; run the command as root (for example with sudo), or set TURNUP_STATE_DIR") from None
    finally:
        with contextlib.suppress(OSError):
            _remove_empty(state_dir / name, state_dir)


def _remove_empty(folder: Path, state_dir: Path) -> None:
    """Removes a cluster's folder, the state folder and its parent, as far as they are empty."""
    for path in (folder, state_dir, state_dir.parent):
        try:
            path.rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # not empty
            return


def _compare(found: Cluster, wanted: Cluster) -> None:
    for what, option in (("provider", "--provider"), ("subnet", "--subnet"), ("nodes", "--nodes"), ("share", "--share")):
        have, want = getattr(found, what), getattr(wanted, what)
        if have != want:
            raise ClusterError(
                f"cluster {found.name} exists with {what} {have}, not {want}; "
                f"use {option} {have}, choose another --name, or run `./turnup cluster delete --name {found.name}` first"
            )
