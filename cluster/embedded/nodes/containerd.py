"""containerd's configuration on a node.

It has configuration version 2, which containerd 1.6 to 2.x can read:
https://github.com/containerd/containerd/blob/main/docs/cri/config.md
"""

from __future__ import annotations

import json

from cluster.images.registries import Registries, hosts_toml
from cluster.model.names import Layout
from cluster.programs.binaries import PAUSE_IMAGE

__all__ = ["containerd_files"]

_CERTS = "/etc/containerd/certs.d"

_CONFIG = """\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# A node does not use these snapshotters and services, and they slow down containerd's start.
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
  # A negative oom_score_adj needs CAP_SYS_RESOURCE, which root does not have in
  # containers and on some machines. Without this, no pod would start there.
  restrict_oom_score_adj = true
  # Programs that listen on a port below 1024 need not run as root.
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
    """Returns the files that containerd reads on a node.

    Args:
        layout: the cluster's addresses.
        number: the node's number.
        registries: the registries that nodes know.

    Returns:
        Path → content.

    Raises:
        ClusterError: a value of the registries has control characters.
    """
    files = {
        "/etc/containerd/config.toml": _CONFIG.format(pause=PAUSE_IMAGE, certs=_CERTS) + _credentials(registries),
        "/etc/cni/net.d/10-turnup.conflist": json.dumps(_network(layout, number), indent=2) + "\n",
    }
    for host in sorted({*registries.mirrors, *(host for host, config in registries.configs.items() if config.tls)}):
        folder = "_default" if host == "*" else host
        files[f"{_CERTS}/{folder}/hosts.toml"] = hosts_toml(registries, host)
    return files


def _credentials(registries: Registries) -> str:
    """Returns the credentials of registries.yaml for config.toml, because hosts.toml can't have them."""
    text = ""
    for host, config in sorted(registries.configs.items()):
        if config.auth:
            text += f'\n    [plugins."io.containerd.grpc.v1.cri".registry.configs.{json.dumps(host)}.auth]\n'
            # k3s has the field identity_token, containerd identitytoken.
            text += "".join(f"      {name.replace('_', '')} = {json.dumps(value)}\n" for name, value in sorted(config.auth.items()))
    return text


def _network(layout: Layout, number: int) -> dict[str, object]:
    """Returns the configuration of the pod network.

    A veth pair connects each pod to the node, which routes. With a bridge, a pod could reach another pod of its node through a
    Service only if the machine had the br_netfilter module.
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
                    # In /run, which ends with the node: a killed node must not
                    # reserve the addresses of its pods forever.
                    "dataDir": "/run/cni-addresses",
                    "ranges": [[{"subnet": str(layout.pod_network(number))}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
        ],
    }
