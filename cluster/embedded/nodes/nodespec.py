"""The specification from which nodeinit starts a node: its mounts, files and programs.

A node's root is a tmpfs. On it are mounted the machine's programs and libraries (read-only), and the node's own folders at
the paths that Kubernetes uses. The node does not see the machine's /var, /etc and home folders, its disks, and the cgroups of others.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from cluster.embedded.nodes.bounds import kubelet_bounds, machine_size
from cluster.embedded.nodes.cgroups import PROGRAMS, Cgroups
from cluster.embedded.nodes.components import ETCD, KUBERNETES, LOGS, NODEINIT, RUNTIME, VOLUMES, node_programs
from cluster.embedded.nodes.containerd import containerd_files
from cluster.embedded.nodes.credentials import NODE_PATH
from cluster.images.registries import Registries
from cluster.model.state import Cluster
from cluster.programs.binaries import Binaries

__all__ = ["AUDIT_POLICY", "node_spec"]

# Programs and libraries; some of them are links on some machines.
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr")
# The parts of /etc that programs and libraries read.
_ETC = (
    "alternatives",
    "group",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "nsswitch.conf",
    "passwd",
    "protocols",
    "services",
    "ssl",
    "ca-certificates",
)

# Devices that containers have, too, and what kubelet (kmsg) and pods with a file system or network of their own need. No disks.
_DEVICES = ("full", "fuse", "kmsg", "net/tun", "null", "random", "tty", "urandom", "zero")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "ptmx": "pts/ptmx", "stderr": "/proc/self/fd/2", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1"}

# Settings of the whole machine, which no program of a node changes. Those below /proc/sys/net are of the node's own network, and
# kube-proxy and the CNI plugins set some of them.
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_WRITABLE = ("/proc/sys/net",)

# kubelet checks these settings of the kernel (pkg/util/sysctl). The node sees these values, while the machine keeps its own.
_MASKS = {
    "sys/vm/overcommit_memory": "1",
    "sys/vm/panic_on_oom": "0",
    "sys/kernel/panic": "10",
    "sys/kernel/panic_on_oops": "1",
    "sys/kernel/keys/root_maxkeys": "1000000",
    "sys/kernel/keys/root_maxbytes": "25000000",
}

_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    # A reply can leave by another interface than the one that the request came by.
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
}

# The audit log has the name and verb of each write, and no bodies, which can have secrets. Leases and events are left out,
# because there are many and they say little. The message of a refusal quotes the values that the server refuses, also at level
# Metadata: of Secrets there is an entry when the request arrives, which has no answer, and none after that.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "rules": [
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {
            "level": "Metadata",
            "resources": [{"group": "", "resources": ["secrets"]}],
            "omitStages": ["ResponseStarted", "ResponseComplete", "Panic"],
        },
        {"level": "None", "resources": [{"group": "coordination.k8s.io"}, {"group": "", "resources": ["events"]}, {"group": "events.k8s.io"}]},
        {"level": "Metadata", "omitStages": ["RequestReceived"]},
    ],
}

# A namespace that says nothing has the pod security standard "baseline": no pod of it reaches the node. One with another label has
# that standard. https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-admission-controller/
_ADMISSION = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "AdmissionConfiguration",
    "plugins": [
        {
            "name": "PodSecurity",
            "configuration": {
                "apiVersion": "pod-security.admission.config.k8s.io/v1",
                "kind": "PodSecurityConfiguration",
                "defaults": {"enforce": "baseline", "enforce-version": "latest"},
                "exemptions": {"namespaces": ["kube-system"]},
            },
        }
    ],
}


def node_spec(cluster: Cluster, number: int, programs: Binaries, registries: Registries, cgroups: Cgroups) -> dict[str, object]:
    """Returns a node's specification, ready for JSON; see nodeinit/spec.go.

    Args:
        cluster: the cluster.
        number: the node's number.
        programs: where the programs are.
        registries: the registries that nodes know.
        cgroups: the cluster's cgroups.
    """
    layout = cluster.layout
    return {
        "hostname": layout.node(number),
        "root": str(cluster.node_folder(number) / "root"),
        "mounts": [*_system_mounts(), *_device_mounts(), *_cgroup_mounts(cgroups, number), *_own_mounts(cluster, number), *_program_mounts(programs)],
        "files": _files(cluster, number, registries),
        "readOnlyPaths": _READ_ONLY,
        "writablePaths": _WRITABLE,
        "masks": _MASKS,
        "sysctls": _SYSCTLS,
        "cgroups": [str(folder) for folder in cgroups.node_folders(number)],
        "leaf": PROGRAMS,
        "address": str(layout.address(number)),
        "programs": node_programs(layout, number),
        "graceTime": "10s",
    }


def _bind(source: Path | str, target: str, read_only: bool = False) -> dict[str, object]:
    return {"source": str(source), "target": target, "type": "bind", "readOnly": read_only}


def _system_mounts() -> list[dict[str, object]]:
    mounts: list[dict[str, object]] = []
    for name in _SYSTEM:
        source = Path("/", name)
        if source.is_symlink():
            mounts.append({"source": os.readlink(source), "target": str(source), "type": "symlink"})
        elif source.is_dir():
            mounts.append(_bind(source, str(source), read_only=True))
    for name in _ETC:
        source = Path("/etc", name)
        if source.exists():
            mounts.append(_bind(source.resolve(), str(source), read_only=True))
    mounts += [
        {"source": "proc", "target": "/proc", "type": "proc"},
        {"source": "sysfs", "target": "/sys", "type": "sysfs", "readOnly": True},
        {"source": "tmpfs", "target": "/run", "type": "tmpfs", "options": "mode=755"},
        {"source": "tmpfs", "target": "/tmp", "type": "tmpfs", "options": "mode=1777"},  # noqa: S108  # a mount of the node, not a file
    ]
    return mounts


def _device_mounts() -> list[dict[str, object]]:
    mounts: list[dict[str, object]] = [{"source": "tmpfs", "target": "/dev", "type": "tmpfs", "options": "mode=755"}]
    # Read-only: the node can use a device, and not change who else may.
    mounts += [_bind(Path("/dev", name), f"/dev/{name}", read_only=True) for name in _DEVICES if Path("/dev", name).exists()]
    mounts += [{"source": source, "target": f"/dev/{name}", "type": "symlink"} for name, source in _DEVICE_LINKS.items()]
    mounts += [
        {"source": "devpts", "target": "/dev/pts", "type": "devpts", "options": "newinstance,ptmxmode=0666,mode=620,gid=5"},
        {"source": "tmpfs", "target": "/dev/shm", "type": "tmpfs", "options": "mode=1777"},  # noqa: S108  # a mount of the node, not a file
    ]
    return mounts


def _cgroup_mounts(cgroups: Cgroups, number: int) -> list[dict[str, object]]:
    """Mounts the node's own groups where the machine has the hierarchies."""
    if cgroups.unified:
        return [_bind(cgroups.node_folders(number)[0], "/sys/fs/cgroup")]
    mounts: list[dict[str, object]] = [{"source": "tmpfs", "target": "/sys/fs/cgroup", "type": "tmpfs", "options": "mode=755"}]
    for hierarchy, folder in zip(cgroups.hierarchies, cgroups.node_folders(number), strict=True):
        mounts.append(_bind(folder, f"/sys/fs/cgroup/{hierarchy.name}"))
    mounts += [{"source": to, "target": f"/sys/fs/cgroup/{name}", "type": "symlink"} for name, to in cgroups.links().items()]
    return mounts


def _own_mounts(cluster: Cluster, number: int) -> list[dict[str, object]]:
    folder = cluster.node_folder(number)
    mounts = [
        _bind(folder / "kubernetes", NODE_PATH, read_only=True),
        _bind(folder / "kubelet", "/var/lib/kubelet"),
        _bind(folder / "containerd", "/var/lib/containerd"),
        _bind(cluster.logs(number), LOGS),
        _bind(folder / "pod-logs", "/var/log/pods"),
        _bind(folder / "container-logs", "/var/log/containers"),
    ]
    if number == 1:
        # The provisioner runs here, and makes the volumes of every node.
        return [*mounts, _bind(cluster.volumes, VOLUMES), _bind(cluster.folder / "etcd", "/var/lib/etcd")]
    node = cluster.layout.node(number)
    return [*mounts, _bind(cluster.volumes / node, f"{VOLUMES}/{node}")]


def _program_mounts(programs: Binaries) -> list[dict[str, object]]:
    return [
        _bind(programs.kubernetes, KUBERNETES, read_only=True),
        _bind(programs.etcd, ETCD, read_only=True),
        _bind(programs.nodeinit, NODEINIT, read_only=True),
        _bind(programs.runtime, RUNTIME, read_only=True),
        _bind(programs.cni, "/opt/cni/bin", read_only=True),
    ]


def _files(cluster: Cluster, number: int, registries: Registries) -> dict[str, str]:
    layout = cluster.layout
    hosts = "".join(f"{layout.address(other)} {layout.node(other)}\n" for other in layout.numbers)
    files = {
        "/etc/hostname": f"{layout.node(number)}\n",
        "/etc/hosts": f"127.0.0.1 localhost\n{hosts}",
        # Pods with dnsPolicy Default get the cluster's DNS, because a node has no other.
        "/etc/resolv.conf": f"nameserver {layout.dns_service}\n",
        "/etc/machine-id": f"{layout.machine_id}{number:024x}\n",
        "/etc/turnup/kubelet.json": json.dumps(_kubelet(cluster, number), indent=2) + "\n",
        **containerd_files(layout, number, registries),
    }
    if number == 1:
        files["/etc/turnup/audit-policy.json"] = json.dumps(AUDIT_POLICY, indent=2) + "\n"
        files["/etc/turnup/admission.json"] = json.dumps(_ADMISSION, indent=2) + "\n"
    return files


def _kubelet(cluster: Cluster, number: int) -> dict[str, object]:
    """Returns kubelet's configuration: https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/."""
    layout = cluster.layout
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {"clientCAFile": f"{NODE_PATH}/ca.crt"}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{NODE_PATH}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{NODE_PATH}/kubelet-server.key",
        "readOnlyPort": 0,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        # Of the node's own cgroup namespace.
        "cgroupRoot": "/",
        "failCgroupV1": False,
        "failSwapOn": False,
        # A negative value needs CAP_SYS_RESOURCE, which root does not have everywhere.
        "oomScoreAdj": 0,
        "clusterDomain": layout.dns_domain,
        "clusterDNS": [str(layout.dns_service)],
        "resolvConf": "/etc/resolv.conf",
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        # kubelet must not remove loaded images, which it can't pull again. It evicts the pods that write most before the disk is full.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"nodefs.available": "3%", "nodefs.inodesFree": "3%", "imagefs.available": "3%", "memory.available": "100Mi"},
        # Pods that name no seccomp profile get the runtime's default one.
        "seccompDefault": True,
        **kubelet_bounds(machine_size(), cluster.share, cluster.nodes, number),
        "serializeImagePulls": False,
        "nodeStatusUpdateFrequency": "5s",
        "nodeLeaseDurationSeconds": 12,
        "registryPullQPS": 50,
        "registryBurst": 100,
    }
