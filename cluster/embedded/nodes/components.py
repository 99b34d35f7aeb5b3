"""The programs of a node, with their arguments.

A comment gives the reason for each flag that is not self-evident. Flags:
https://kubernetes.io/docs/reference/command-line-tools-reference/, for the version in kubernetes/go.mod.
"""

from __future__ import annotations

from typing import Any

from cluster.embedded.nodes.credentials import ENCRYPTION, NODE_PATH
from cluster.model.names import Layout

__all__ = ["API_READY", "CLUSTER_READY", "ETCD", "KUBERNETES", "LOGS", "NODEINIT", "PATH", "RUNTIME", "RUNTIME_SOCKET", "VOLUMES", "node_programs"]

# The paths of the folders of programs on a node.
KUBERNETES = "/opt/turnup/kubernetes"
ETCD = "/opt/turnup/etcd"
NODEINIT = "/opt/turnup/nodeinit"
RUNTIME = "/opt/turnup/runtime"
PATH = f"{KUBERNETES}:{RUNTIME}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOGS = "/var/log/turnup"
VOLUMES = "/var/lib/turnup/volumes"
RUNTIME_SOCKET = "/run/containerd/containerd.sock"

# The steps create these files in a node's /run. Programs wait for them, because the API server opens its socket seconds
# before its first answer, and a program that asks before the roles exist is refused and backs off.
API_READY = "/run/turnup/api-ready"
CLUSTER_READY = "/run/turnup/cluster-ready"

# The control plane notices a lost node after the grace period, and pods move after the toleration. Upstream uses 50 s and
# 5 min, but the user of a local cluster waits for this.
_NODE_GRACE = "20s"
_TOLERATION_SECONDS = 30


def node_programs(layout: Layout, number: int) -> list[dict[str, Any]]:
    """Returns a node's programs.

    Args:
        layout: the cluster's addresses.
        number: the node's number.

    Returns:
        The field `programs` of the node's specification; see nodeinit/spec.go.
    """
    programs = [_containerd(), _kubelet(layout, number), _kube_proxy(layout, number)]
    if number == 1:
        programs = [_etcd(), _api_server(layout), *programs, _controller_manager(), _scheduler(), _provisioner()]
    return programs


def _program(folder: str, command: list[str], after: list[dict[str, str]] | None = None) -> dict[str, Any]:
    name = command[0]
    return {
        "name": name,
        "args": [f"{folder}/{name}", *command[1:]],
        "env": [f"PATH={PATH}"],
        "log": f"{LOGS}/{name}.log",
        "after": after or [],
        # nodeinit can kill a stateless program at once. etcd must write first, and containerd must release its shims.
        "stateless": name not in ("etcd", "containerd"),
    }


def _key(name: str) -> str:
    return f"{NODE_PATH}/{name}"


def _etcd() -> dict[str, Any]:
    return _program(
        ETCD,
        [
            "etcd",
            "--name=etcd",
            "--data-dir=/var/lib/etcd",
            "--listen-client-urls=https://127.0.0.1:2379",
            "--advertise-client-urls=https://127.0.0.1:2379",
            # It has no peers. Port 0 leaves the default port free, and only a holder of its own key could speak to it.
            "--listen-peer-urls=https://127.0.0.1:0",
            f"--peer-cert-file={_key('etcd-server.crt')}",
            f"--peer-key-file={_key('etcd-server.key')}",
            "--peer-client-cert-auth",
            f"--peer-trusted-ca-file={_key('etcd-ca.crt')}",
            f"--cert-file={_key('etcd-server.crt')}",
            f"--key-file={_key('etcd-server.key')}",
            "--client-cert-auth",
            f"--trusted-ca-file={_key('etcd-ca.crt')}",
            "--log-level=warn",
            "--auto-compaction-retention=1h",
        ],
    )


def _api_server(layout: Layout) -> dict[str, Any]:
    return _program(
        KUBERNETES,
        [
            "kube-apiserver",
            f"--advertise-address={layout.address(1)}",
            f"--secure-port={layout.api_port}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--anonymous-auth=false",
            "--allow-privileged=true",
            "--profiling=false",
            f"--service-cluster-ip-range={layout.services}",
            f"--client-ca-file={_key('ca.crt')}",
            f"--tls-cert-file={_key('apiserver.crt')}",
            f"--tls-private-key-file={_key('apiserver.key')}",
            "--etcd-servers=https://127.0.0.1:2379",
            f"--etcd-cafile={_key('etcd-ca.crt')}",
            f"--etcd-certfile={_key('apiserver-etcd-client.crt')}",
            f"--etcd-keyfile={_key('apiserver-etcd-client.key')}",
            # Without these, kubelet refuses `kubectl logs` and `exec`.
            f"--kubelet-client-certificate={_key('apiserver-kubelet-client.crt')}",
            f"--kubelet-client-key={_key('apiserver-kubelet-client.key')}",
            f"--kubelet-certificate-authority={_key('ca.crt')}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--proxy-client-cert-file={_key('front-proxy-client.crt')}",
            f"--proxy-client-key-file={_key('front-proxy-client.key')}",
            f"--requestheader-client-ca-file={_key('front-proxy-ca.crt')}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--service-account-issuer=https://kubernetes.default.svc.{layout.dns_domain}",
            f"--service-account-key-file={_key('sa.pub')}",
            f"--service-account-signing-key-file={_key('sa.key')}",
            f"--default-not-ready-toleration-seconds={_TOLERATION_SECONDS}",
            f"--default-unreachable-toleration-seconds={_TOLERATION_SECONDS}",
            # Secrets are encrypted in etcd.
            f"--encryption-provider-config={_key(ENCRYPTION)}",
            "--admission-control-config-file=/etc/turnup/admission.json",
            # Records who changed what; without bodies, which can have secrets.
            "--audit-policy-file=/etc/turnup/audit-policy.json",
            f"--audit-log-path={LOGS}/audit.log",
            "--audit-log-maxsize=16",
            "--audit-log-maxbackup=2",
        ],
        after=[{"tcp": "127.0.0.1:2379"}],
    )


def _controller_manager() -> dict[str, Any]:
    kubeconfig = _key("controller-manager.kubeconfig")
    return _program(
        KUBERNETES,
        [
            "kube-controller-manager",
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--profiling=false",
            # There is only one per cluster, so an election would only delay it.
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--root-ca-file={_key('ca.crt')}",
            f"--service-account-private-key-file={_key('sa.key')}",
            f"--cluster-signing-cert-file={_key('ca.crt')}",
            f"--cluster-signing-key-file={_key('ca.key')}",
            # The default is in /usr, which is read-only on nodes.
            "--flex-volume-plugin-dir=/var/lib/kubelet/volume-plugins",
            "--node-monitor-period=2s",
            f"--node-monitor-grace-period={_NODE_GRACE}",
            # A deep stack applies hundreds of objects at once; the default of 20 would slow it down.
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ],
        after=[{"file": API_READY}],
    )


def _scheduler() -> dict[str, Any]:
    kubeconfig = _key("scheduler.kubeconfig")
    return _program(
        KUBERNETES,
        [
            "kube-scheduler",
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--profiling=false",
            "--leader-elect=false",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ],
        after=[{"file": API_READY}],
    )


def _provisioner() -> dict[str, Any]:
    return _program(
        KUBERNETES,
        ["local-path-provisioner", f"--kubeconfig={_key('local-path-provisioner.kubeconfig')}", f"--root={VOLUMES}"],
        # There are no claims yet, so the other programs start first.
        after=[{"file": CLUSTER_READY}],
    )


def _containerd() -> dict[str, Any]:
    return _program(RUNTIME, ["containerd", "--config=/etc/containerd/config.toml"])


def _kubelet(layout: Layout, number: int) -> dict[str, Any]:
    return _program(
        KUBERNETES,
        [
            "kubelet",
            f"--kubeconfig={_key('kubelet.kubeconfig')}",
            "--config=/etc/turnup/kubelet.json",
            f"--hostname-override={layout.node(number)}",
            f"--node-ip={layout.address(number)}",
        ],
        after=[{"unix": RUNTIME_SOCKET}, {"tcp": f"{layout.address(1)}:{layout.api_port}"}],
    )


def _kube_proxy(layout: Layout, number: int) -> dict[str, Any]:
    return _program(
        KUBERNETES,
        [
            "kube-proxy",
            f"--kubeconfig={_key('kube-proxy.kubeconfig')}",
            f"--hostname-override={layout.node(number)}",
            f"--cluster-cidr={layout.pods}",
            "--proxy-mode=iptables",
            # The default of 1 s would delay every new Service.
            "--iptables-min-sync-period=100ms",
            # These settings are the machine's, which a node must not change.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",
            "--oom-score-adj=0",
        ],
        after=[{"file": API_READY}],
    )
