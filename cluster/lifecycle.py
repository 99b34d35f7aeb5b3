"""Creating, finding and deleting clusters, whoever provides them.

A cluster's folder is locked for as long as a command changes it, so that two
commands on one cluster wait for each other and others do not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cluster import kubeconfig
from cluster.errors import ClusterError
from cluster.files import locked_folder
from cluster.names import check_name
from cluster.progress import Progress
from cluster.providers import provider_of
from cluster.runner import Runner
from cluster.state import Cluster, known_clusters, load_cluster

__all__ = ["create_cluster", "delete_cluster", "existing_cluster"]


def create_cluster(wanted: Cluster, runner: Runner, progress: Progress, registries: Path, retain: bool = False, use_context: bool = False) -> None:
    """Creates a cluster; where it exists and is healthy, says so and changes nothing.

    What an interrupted creation left is removed first; a stopped cluster is
    started. One that exists with other nodes or another subnet is an error.
    """
    provider = provider_of(wanted, runner, progress)
    with _cluster_lock(wanted.state_dir, wanted.name):
        found = load_cluster(wanted.name, wanted.state_dir)
        if found and not found.complete:
            with progress.step(f"Removing the unfinished cluster {found.name}"):
                provider_of(found, runner, progress).delete(found)
            wanted.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = None
        if found:
            _compare(found, wanted)
            if provider.healthy(found):
                progress.note(f"cluster {found.name} exists and is healthy: nothing to do")
                kubeconfig.merge(kubeconfig.user_path(), provider.kubeconfig(found), use_context)
                return
            provider.start(found)
        else:
            provider.create(wanted, registries, retain)
        if use_context:
            kubeconfig.merge(kubeconfig.user_path(), provider.kubeconfig(wanted), use_context=True)


def delete_cluster(name: str, state_dir: Path, runner: Runner, progress: Progress) -> bool:
    """Deletes a cluster; whether there was one."""
    if not (state_dir / name).is_dir():
        return False
    with _cluster_lock(state_dir, name):
        found = load_cluster(name, state_dir)
        if found:
            with progress.step(f"Deleting cluster {name}"):
                provider_of(found, runner, progress).delete(found)
    # The lock made the folder again if somebody else deleted the cluster first.
    _remove_empty(state_dir / name, state_dir)
    return found is not None


@contextlib.contextmanager
def existing_cluster(name: str, state_dir: Path) -> Iterator[Cluster]:
    """The cluster of that name, locked; ClusterError when there is none."""
    check_name(name)
    if load_cluster(name, state_dir) is None:
        others = ", ".join(other.name for other in known_clusters(state_dir))
        raise ClusterError(f"there is no cluster {name}: create it with `./turnup cluster create --name {name}`" + (f", or choose from {others}" if others else ""))
    with locked_folder(state_dir / name):
        found = load_cluster(name, state_dir)
        if found is None:
            raise ClusterError(f"cluster {name} was deleted meanwhile: create it with `./turnup cluster create --name {name}`")
        yield found


@contextlib.contextmanager
def _cluster_lock(state_dir: Path, name: str) -> Iterator[None]:
    try:
        with locked_folder(state_dir / name):
            yield
    except PermissionError as error:
        raise ClusterError(f"{error.filename} is not accessible: run the command as root (for example through sudo), or set TURNUP_STATE_DIR") from None
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
    for what, option in (("provider", "--provider"), ("subnet", "--subnet"), ("nodes", "--nodes")):
        have, want = getattr(found, what), getattr(wanted, what)
        if have != want:
            raise ClusterError(
                f"cluster {found.name} exists with {what} {have}, not {want}: give {option} {have}, another --name, or `./turnup cluster delete --name {found.name}` first"
            )
