"""What is kept on disk about each cluster: STATE_DIR/NAME/cluster.json and its neighbours."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError
from cluster.files import write_atomically
from cluster.names import Layout, machine_id

__all__ = ["Cluster", "default_state_dir", "known_clusters", "load_cluster"]

_DEFAULT = "/var/lib/turnup/clusters"
_FILE = "cluster.json"


def default_state_dir() -> Path:
    """Where clusters are kept: $TURNUP_STATE_DIR, or below /var/lib."""
    return Path(os.environ.get("TURNUP_STATE_DIR") or _DEFAULT).absolute()


@dataclass(frozen=True)
class Cluster:
    """One cluster's facts and the paths of its files.

    complete tells whether its creation ever ended well; a cluster without it
    is the rest of an interrupted one.
    """

    name: str
    provider: str
    subnet: str
    nodes: int
    state_dir: Path
    complete: bool = False

    @property
    def layout(self) -> Layout:
        """The cluster's names and addresses."""
        return Layout(self.name, ipaddress.IPv4Network(self.subnet), self.nodes, machine_id(self.name, self.state_dir))

    @property
    def folder(self) -> Path:
        """All of the cluster's files."""
        return self.state_dir / self.name

    @property
    def pki(self) -> Path:
        """Certificate authorities and the administrator's credentials."""
        return self.folder / "pki"

    @property
    def volumes(self) -> Path:
        """The data of PersistentVolumes, a folder per node."""
        return self.folder / "volumes"

    def node_folder(self, number: int) -> Path:
        """The files of node number: its kubelet, containerd, logs and keys."""
        return self.folder / "nodes" / str(number)

    def logs(self, number: int) -> Path:
        """The logs of node number's programs."""
        return self.node_folder(number) / "logs"

    def save(self) -> None:
        """Writes cluster.json."""
        facts = dataclasses.asdict(self)
        del facts["state_dir"]
        write_atomically(self.folder / _FILE, json.dumps(facts, indent=2) + "\n")


def load_cluster(name: str, state_dir: Path) -> Cluster | None:
    """The cluster of that name, or None when there is none."""
    path = state_dir / name / _FILE
    try:
        facts = json.loads(path.read_text())
        return Cluster(state_dir=state_dir, **facts)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise ClusterError(f"{path} cannot be read: run the command as root") from None
    except (ValueError, TypeError) as error:
        raise ClusterError(f"{path} is not what a cluster's file looks like ({error}): restore it, or end the cluster's `nodeinit` processes and remove {path.parent}") from None


def known_clusters(state_dir: Path) -> list[Cluster]:
    """All clusters of a state folder, by name; those without cluster.json are none."""
    try:
        names = sorted(entry.name for entry in state_dir.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []
    except PermissionError:
        raise ClusterError(f"{state_dir} cannot be read: run the command as root") from None
    return [cluster for name in names if (cluster := load_cluster(name, state_dir))]
