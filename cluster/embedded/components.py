"""The programs of a node and the arguments each is started with.

Every flag that is not self-evident says why it is there. Flags are those of
https://kubernetes.io/docs/reference/command-line-tools-reference/ for the
version that kubernetes/go.mod pins.
"""

from __future__ import annotations

from cluster.embedded.credentials import NODE_PATH
from cluster.names import Layout

__all__ = ["API_READY", "CLUSTER_READY", "ETCD", "KUBERNETES", "LOGS", "NODEINIT", "PATH", "RUNTIME", "RUNTIME_SOCKET", "VOLUMES", "node_programs"]

# Where a node sees the folders of programs.
KUBERNETES = "/opt/turnup/kubernetes"
ETCD = "/opt/turnup/etcd"
NODEINIT = "/opt/turnup/nodeinit"
RUNTIME = "/opt/turnup/runtime"
PATH = f"{KUBERNETES}:{RUNTIME}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOGS = "/var/log/turnup"
VOLUMES = "/var/lib/turnup/volumes"
RUNTIME_SOCKET = "/run/containerd/containerd.sock"

# The driver makes these files in a node's /run when the API server has reached
# that point. A socket tells too little: it opens seconds before the first
# answer, and whoever asks before roles exist is refused and backs off.
API_READY = "/run/turnup/api-ready"
CLUSTER_READY = "/run/turnup/cluster-ready"

# A local cluster's user waits for a failover: node failure is noticed after
# GRACE, pods move TOLERATION later (upstream: 50 s and 5 min).
_NODE_GRACE = "20s"
_TOLERATION_SECONDS = 30


def node_programs(layout: Layout, number: int) -> list[dict[str, object]]:
    """The programs of node number, as nodeinit's specification wants them."""
    programs = [_containerd(), _kubelet(layout, number), _kube_proxy(layout, number)]
    if number == 1:
        programs = [_etcd(), _api_server(layout), *programs, _controller_manager(), _scheduler(), _provisioner()]
    return programs


def _program(folder: str, command: list[str], after: list[dict[str, str]] | None = None) -> dict[str, object]:
    name = command[0]
    return {
        "name": name,
        "args": [f"{folder}/{name}", *command[1:]],
        "env": [f"PATH={PATH}"],
        "log": f"{LOGS}/{name}.log",
        "after": after or [],
        # etcd writes before it ends, and containerd lets its shims go.
        "stateless": name not in ("etcd", "containerd"),
    }


def _key(name: str) -> str:
    return f"{NODE_PATH}/{name}"


def _etcd() -> dict[str, object]:
    return _program(
        ETCD,
        [
            "etcd",
            "--name=etcd",
            "--data-dir=/var/lib/etcd",
            "--listen-client-urls=https://127.0.0.1:2379",
            "--advertise-client-urls=https://127.0.0.1:2379",
            # It has no peers; a random port keeps the default one free.
            "--listen-peer-urls=http://127.0.0.1:0",
            f"--cert-file={_key('etcd-server.crt')}",
            f"--key-file={_key('etcd-server.key')}",
            "--client-cert-auth",
            f"--trusted-ca-file={_key('etcd-ca.crt')}",
            "--log-level=warn",
            "--auto-compaction-retention=1h",
        ],
    )


def _api_server(layout: Layout) -> dict[str, object]:
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
            # Without these, `kubectl logs` and `exec` are refused by kubelet.
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
            # Who changed what: names and verbs, never bodies.
            "--audit-policy-file=/etc/turnup/audit-policy.json",
            f"--audit-log-path={LOGS}/audit.log",
            "--audit-log-maxsize=16",
            "--audit-log-maxbackup=2",
        ],
        after=[{"tcp": "127.0.0.1:2379"}],
    )


def _controller_manager() -> dict[str, object]:
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
            # One of each runs per cluster: an election would only delay them.
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--root-ca-file={_key('ca.crt')}",
            f"--service-account-private-key-file={_key('sa.key')}",
            f"--cluster-signing-cert-file={_key('ca.crt')}",
            f"--cluster-signing-key-file={_key('ca.key')}",
            # The default lies below /usr, which nodes cannot write.
            "--flex-volume-plugin-dir=/var/lib/kubelet/volume-plugins",
            "--node-monitor-period=2s",
            f"--node-monitor-grace-period={_NODE_GRACE}",
            # A deep stack is hundreds of objects at once; upstream's 20 makes it queue.
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ],
        after=[{"file": API_READY}],
    )


def _scheduler() -> dict[str, object]:
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


def _provisioner() -> dict[str, object]:
    return _program(
        KUBERNETES,
        ["local-path-provisioner", f"--kubeconfig={_key('local-path-provisioner.kubeconfig')}", f"--root={VOLUMES}"],
        # Nobody has a claim yet: the first seconds belong to the others.
        after=[{"file": CLUSTER_READY}],
    )


def _containerd() -> dict[str, object]:
    return _program(RUNTIME, ["containerd", "--config=/etc/containerd/config.toml"])


def _kubelet(layout: Layout, number: int) -> dict[str, object]:
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


def _kube_proxy(layout: Layout, number: int) -> dict[str, object]:
    return _program(
        KUBERNETES,
        [
            "kube-proxy",
            f"--kubeconfig={_key('kube-proxy.kubeconfig')}",
            f"--hostname-override={layout.node(number)}",
            f"--cluster-cidr={layout.pods}",
            "--proxy-mode=iptables",
            # The default second shows in every Service that is created.
            "--iptables-min-sync-period=100ms",
            # These settings belong to the machine, not to a namespace.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",
            "--oom-score-adj=0",
        ],
        after=[{"file": API_READY}],
    )
