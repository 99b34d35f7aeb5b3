"""containerd's configuration on a node.

Written in configuration version 2, which containerd 1.6 to 2.x all read:
https://github.com/containerd/containerd/blob/main/docs/cri/config.md
"""

from __future__ import annotations

import json

from cluster.names import Layout
from cluster.registries import Registries, hosts_toml

__all__ = ["PAUSE_IMAGE", "containerd_files"]

PAUSE_IMAGE = "turnup.local/pause:1"

_CERTS = "/etc/containerd/certs.d"

_CONFIG = """\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# Snapshotters and services that a node never uses slow containerd's start.
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # A negative oom_score_adj needs CAP_SYS_RESOURCE, which containers and some
  # machines' roots do not have; without this no pod would start there.
  restrict_oom_score_adj = true
  # Programs that serve on port 53 or 80 need not run as root for that.
  enable_unprivileged_ports = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{certs}"
"""


def containerd_files(layout: Layout, number: int, registries: Registries) -> dict[str, str]:
    """The files of node number's /etc that containerd reads: path → content."""
    files = {
        "/etc/containerd/config.toml": _CONFIG.format(pause=PAUSE_IMAGE, certs=_CERTS) + _credentials(registries),
        "/etc/cni/net.d/10-turnup.conflist": json.dumps(_network(layout, number), indent=2) + "\n",
    }
    for host in sorted({*registries.mirrors, *(host for host, config in registries.configs.items() if config.tls)}):
        folder = "_default" if host == "*" else host
        files[f"{_CERTS}/{folder}/hosts.toml"] = hosts_toml(registries, host)
    return files


def _credentials(registries: Registries) -> str:
    """The credentials of registries.yaml; they have no place in hosts.toml."""
    text = ""
    for host, config in sorted(registries.configs.items()):
        if config.auth:
            text += f'\n    [plugins."io.containerd.grpc.v1.cri".registry.configs.{json.dumps(host)}.auth]\n'
            # k3s says identity_token where containerd says identitytoken.
            text += "".join(f"      {name.replace('_', '')} = {json.dumps(value)}\n" for name, value in sorted(config.auth.items()))
    return text


def _network(layout: Layout, number: int) -> dict[str, object]:
    """The pod network: each pod has a cable of its own to the node, which routes.

    A bridge in between would need the br_netfilter module for a pod to reach,
    through a Service, another pod of its own node.
    """
    return {
        "cniVersion": "0.4.0",
        "name": "turnup",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    # Forgotten with the node's processes: a node that was
                    # killed must not keep its pods' addresses for ever.
                    "dataDir": "/run/cni-addresses",
                    "ranges": [[{"subnet": str(layout.pod_network(number))}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
        ],
    }
