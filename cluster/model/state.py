"""What the disk has of each cluster: STATE_DIR/NAME/cluster.json and the files beside it."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.common.files import write_atomically
from cluster.model.names import Layout, machine_id
from rules.common import cluster_constants
from rules.common.caches import check_trusted

__all__ = ["DEFAULT_SHARE", "Cluster", "default_state_dir", "known_clusters", "load_cluster"]

_DEFAULT = "/var/lib/turnup/clusters"
_FILE = "cluster.json"
DEFAULT_SHARE: int = cluster_constants.DEFAULTS["MACHINE_SHARE"]
"""The percentage of the machine's memory and processes that a cluster may take, if nothing else is said."""


def default_state_dir() -> Path:
    """Returns the folder of all clusters: $TURNUP_STATE_DIR, or a folder in /var/lib.

    Raises:
        InputError: another user owns the folder, or could write to it: it has keys and what nodes run.
    """
    folder = Path(os.environ.get("TURNUP_STATE_DIR") or _DEFAULT).absolute()
    check_trusted(folder, "TURNUP_STATE_DIR")
    return folder


@dataclass(frozen=True)
class Cluster:
    """One cluster and the paths of its files.

    Attributes:
        name: its name.
        provider: the name of the provider that created it.
        subnet: the network of its nodes, as text.
        nodes: how many nodes it has.
        state_dir: the folder of all clusters.
        share: the percentage of the machine's memory and processes that the cluster may take.
        host_ports: the TCP ports of this machine that its pods may connect to.
        complete: whether its creation finished; False is what an interrupted creation leaves behind.
    """

    name: str
    provider: str
    subnet: str
    nodes: int
    state_dir: Path
    share: int = DEFAULT_SHARE
    host_ports: tuple[int, ...] = ()
    complete: bool = False

    @property
    def layout(self) -> Layout:
        """The cluster's names and addresses."""
        return Layout(self.name, ipaddress.IPv4Network(self.subnet), self.nodes, machine_id(self.name, self.state_dir))

    @property
    def folder(self) -> Path:
        """The folder of all the cluster's files."""
        return self.state_dir / self.name

    @property
    def pki(self) -> Path:
        """The certificate authorities and the administrator's credentials."""
        return self.folder / "pki"

    @property
    def registries(self) -> Path:
        """The registries.yaml that the nodes use."""
        return self.folder / "registries.yaml"

    @property
    def volumes(self) -> Path:
        """The data of PersistentVolumes, one folder per node."""
        return self.folder / "volumes"

    def node_folder(self, number: int) -> Path:
        """Returns the folder of a node's files: its kubelet, containerd, logs and keys."""
        return self.folder / "nodes" / str(number)

    def logs(self, number: int) -> Path:
        """Returns the folder of the logs of a node's programs."""
        return self.node_folder(number) / "logs"

    def save(self) -> None:
        """Writes cluster.json."""
        facts = dataclasses.asdict(self)
        del facts["state_dir"]
        write_atomically(self.folder / _FILE, json.dumps(facts, indent=2) + "\n")


def load_cluster(name: str, state_dir: Path) -> Cluster | None:
    """Reads the cluster with that name.

    Returns:
        The cluster; None if it does not exist.

    Raises:
        ClusterError: its file can't be read.
    """
    path = state_dir / name / _FILE
    try:
        facts = json.loads(path.read_text())
        # JSON has no tuples.
        return Cluster(state_dir=state_dir, **{**facts, "host_ports": tuple(facts.get("host_ports", ()))})
    except FileNotFoundError:
        return None
    except PermissionError:
        raise ClusterError(f"{path}: permission denied; run the command as root") from None
    except (ValueError, TypeError) as error:
        raise ClusterError(
            f"{path} is not a valid cluster file ({error}); restore it, or end the cluster's `nodeinit` processes and remove {path.parent}"
        ) from None


def known_clusters(state_dir: Path) -> list[Cluster]:
    """Returns all clusters of a state folder, sorted by name; ignores folders without cluster.json.

    Raises:
        ClusterError: the folder, or a cluster's file in it, can't be read.
    """
    try:
        names = sorted(entry.name for entry in state_dir.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []
    except PermissionError:
        raise ClusterError(f"{state_dir}: permission denied; run the command as root") from None
    return [cluster for name in names if (cluster := load_cluster(name, state_dir))]
