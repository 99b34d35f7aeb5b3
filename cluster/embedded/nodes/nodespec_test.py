"""Tests of what a node is made of: programs, mounts, files."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from cluster.embedded.nodes.cgroups import Cgroups
from cluster.embedded.nodes.components import API_READY, CLUSTER_READY, LOGS, VOLUMES, node_programs
from cluster.embedded.nodes.containerd import containerd_files
from cluster.embedded.nodes.credentials import NODE_PATH
from cluster.embedded.nodes.nodespec import node_spec
from cluster.embedded.nodes.testing import cluster_with_credentials
from cluster.images.registries import Registries, RegistryHost
from cluster.model.state import Cluster
from cluster.programs.binaries import PAUSE_IMAGE, Binaries

_SOURCES = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A cluster of two nodes with all of its credentials."""
    return cluster_with_credentials(tmp_path_factory.mktemp("state"))


def _spec(cluster: Cluster, number: int) -> dict:
    kubernetes, etcd, nodeinit, runtime, cni = (Path("/cache", name) for name in ("kubernetes", "etcd", "nodeinit", "runtime", "cni"))
    programs = Binaries(kubernetes, etcd, nodeinit, runtime, cni, images=())
    return node_spec(cluster, number, programs, Registries().with_plain_http("172.19.0.2:31000"), _cgroups(cluster))


def _cgroups(cluster: Cluster) -> Cgroups:
    """A machine with version 1, and with a second name for one hierarchy."""
    root = cluster.state_dir / "cgroup"
    for name in ("cpu,cpuacct", "memory"):
        (root / name).mkdir(parents=True, exist_ok=True)
    if not (root / "cpu").is_symlink():
        (root / "cpu").symlink_to("cpu,cpuacct")
    return Cgroups(root, (root / "cpu,cpuacct", root / "memory"), False, "turnup-x")


def _flags(cluster: Cluster, number: int, name: str) -> list[str]:
    return next(program["args"] for program in node_programs(cluster.layout, number) if program["name"] == name)


def test_control_plane_is_on_node_1(cluster: Cluster) -> None:
    """Node 1 runs all programs, every other node only those that pods need."""
    names = [[program["name"] for program in node_programs(cluster.layout, number)] for number in (1, 2)]

    assert names[1] == ["containerd", "kubelet", "kube-proxy"]
    assert set(names[0]) - set(names[1]) == {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "local-path-provisioner"}


def test_key_files_of_programs_exist(cluster: Cluster) -> None:
    """Each key or certificate in a flag is among the node's credentials."""
    for number in (1, 2):
        for program in node_programs(cluster.layout, number):
            for path in re.findall(rf"{NODE_PATH}/(\S+)", " ".join(program["args"])):
                assert (cluster.node_folder(number) / "kubernetes" / path).exists(), (program["name"], path)


def test_spec_fields_are_known(cluster: Cluster) -> None:
    """Each field is known to nodeinit, which refuses unknown ones."""
    known = set(re.findall(r'json:"(\w+)"', (_SOURCES / "nodeinit" / "spec.go").read_text()))
    spec = json.loads(json.dumps(_spec(cluster, 1)))
    used = set(spec)
    for part in (*spec["mounts"], *spec["programs"], *(condition for program in spec["programs"] for condition in program["after"])):
        used |= set(part)

    assert used <= known


def test_only_data_keepers_end_by_themselves(cluster: Cluster) -> None:
    """Only etcd, which must write, and containerd, which must release its shims, are not stateless."""
    keepers = {program["name"] for program in node_programs(cluster.layout, 1) if not program["stateless"]}

    assert keepers == {"etcd", "containerd"}


def test_security_flags(cluster: Cluster) -> None:
    """Every client needs a certificate that RBAC or the Node authorizer knows."""
    api = _flags(cluster, 1, "kube-apiserver")
    assert not [flag for flag in _flags(cluster, 1, "etcd") if "http://" in flag]
    kubelet = json.loads(_spec(cluster, 2)["files"]["/etc/turnup/kubelet.json"])

    assert {"--anonymous-auth=false", "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"} <= set(api)
    assert not [flag for flag in api if "token-auth-file" in flag or "basic-auth" in flag or "insecure" in flag]
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}
    assert kubelet["authorization"]["mode"] == "Webhook"
    assert kubelet["readOnlyPort"] == 0


def test_audit_log_holds_no_bodies(cluster: Cluster) -> None:
    """No rule records more than metadata, so the log never has a Secret's content."""
    policy = json.loads(_spec(cluster, 1)["files"]["/etc/turnup/audit-policy.json"])

    assert {rule["level"] for rule in policy["rules"]} == {"None", "Metadata"}


def test_audit_log_holds_no_answer_about_secrets(cluster: Cluster) -> None:
    """A refusal quotes what it refuses, so of Secrets only the arrival of a request is recorded; their rule comes before the general one."""
    rules = json.loads(_spec(cluster, 1)["files"]["/etc/turnup/audit-policy.json"])["rules"]
    about = next(rule for rule in rules if {"group": "", "resources": ["secrets"]} in rule.get("resources", []))

    assert about["omitStages"] == ["ResponseStarted", "ResponseComplete", "Panic"]
    assert rules.index(about) < rules.index({"level": "Metadata", "omitStages": ["RequestReceived"]}) == len(rules) - 1


def test_root_is_the_nodes_own(cluster: Cluster) -> None:
    """Mounts from the machine are read-only, and its /var, /home, /root and /tmp are not among them."""
    mounts = {mount["target"]: mount for mount in _spec(cluster, 1)["mounts"]}
    ours = (str(cluster.folder), *map(str, _cgroups(cluster).node_folders(1)))

    for target, mount in mounts.items():
        if mount["type"] == "bind" and not mount["source"].startswith(ours):
            assert mount["readOnly"], target
    assert mounts["/sys"]["readOnly"]
    assert not {"/", "/var", "/home", "/root", "/etc"} & set(mounts)
    assert mounts["/tmp"]["type"] == "tmpfs"
    assert mounts[NODE_PATH]["readOnly"]


def test_data_outlives_the_processes(cluster: Cluster) -> None:
    """The data of etcd, containerd, kubelet and volumes is in the cluster's folder; only node 1 has etcd."""
    for number in (1, 2):
        sources = {mount["target"]: mount["source"] for mount in _spec(cluster, number)["mounts"]}
        for target in ("/var/lib/containerd", "/var/lib/kubelet", VOLUMES if number == 1 else f"{VOLUMES}/a-2", LOGS):
            assert sources[target].startswith(f"{cluster.folder}/")
        assert ("/var/lib/etcd" in sources) == (number == 1)


def test_a_worker_has_its_own_volumes_only(cluster: Cluster) -> None:
    """Of the cluster's volumes, a worker has those of its own pods; node 1, where the provisioner runs, has all."""
    mounted = [{mount["source"] for mount in _spec(cluster, number)["mounts"] if str(cluster.volumes) in mount["source"]} for number in (1, 2)]

    assert mounted == [{str(cluster.volumes)}, {str(cluster.volumes / "a-2")}]


def test_node_facts(cluster: Cluster) -> None:
    """Each node has its own name, address and cgroups, and knows the names of all nodes."""
    spec = _spec(cluster, 2)

    assert (spec["hostname"], spec["address"]) == ("a-2", "172.19.0.3")
    assert spec["cgroups"] == [str(folder) for folder in _cgroups(cluster).node_folders(2)]
    assert "172.19.0.2 a-1\n172.19.0.3 a-2\n" in spec["files"]["/etc/hosts"]
    assert len(spec["files"]["/etc/machine-id"].strip()) == 32
    assert json.loads(spec["files"]["/etc/turnup/kubelet.json"])["cgroupRoot"] == "/"


def test_a_node_sees_its_own_cgroups_only(cluster: Cluster) -> None:
    """Each hierarchy has the node's own group as its root, under all names that the machine has for the hierarchy."""
    cgroups = _cgroups(cluster)
    mounts = {mount["target"]: mount["source"] for mount in _spec(cluster, 2)["mounts"] if mount["target"].startswith("/sys/fs/cgroup/")}

    assert mounts == {
        "/sys/fs/cgroup/cpu,cpuacct": str(cgroups.root / "cpu,cpuacct/turnup-x/2"),
        "/sys/fs/cgroup/memory": str(cgroups.root / "memory/turnup-x/2"),
        "/sys/fs/cgroup/cpu": "cpu,cpuacct",
    }


def test_a_node_sees_no_disks(cluster: Cluster) -> None:
    """Of the machine's devices, a node has those that containers need, and kubelet's log of the kernel."""
    devices = {mount["target"] for mount in _spec(cluster, 2)["mounts"] if mount["target"].startswith("/dev/") and mount["type"] == "bind"}

    assert {"/dev/null", "/dev/zero", "/dev/urandom", "/dev/kmsg"} <= devices
    assert devices <= {f"/dev/{name}" for name in ("full", "fuse", "kmsg", "net/tun", "null", "random", "tty", "urandom", "zero")}


def test_settings_of_the_machine_are_read_only(cluster: Cluster) -> None:
    """A node can write the settings of its own network, and of no other part of the kernel."""
    spec = _spec(cluster, 1)

    assert {"/proc/sys", "/proc/sysrq-trigger"} <= set(spec["readOnlyPaths"])
    assert list(spec["writablePaths"]) == ["/proc/sys/net"]
    assert all(path.startswith("net/") for path in spec["sysctls"])


def test_order_of_starting(cluster: Cluster) -> None:
    """Programs that the API server would refuse wait for it; a program that is not needed at first waits for the cluster."""
    after = {program["name"]: [next(iter(condition.values())) for condition in program["after"]] for program in node_programs(cluster.layout, 1)}

    assert after["kube-controller-manager"] == after["kube-scheduler"] == after["kube-proxy"] == [API_READY]
    assert after["local-path-provisioner"] == [CLUSTER_READY]
    assert after["etcd"] == after["containerd"] == []


def test_containerd_configuration(cluster: Cluster) -> None:
    """The file is valid TOML, with the imported pause image and the setting for machines without CAP_SYS_RESOURCE."""
    registries = Registries({}, {"r:1": RegistryHost(auth={"username": "me", "identity_token": 'a"b'})})
    files = containerd_files(cluster.layout, 1, registries)
    cri = tomllib.loads(files["/etc/containerd/config.toml"])["plugins"]["io.containerd.grpc.v1.cri"]

    assert cri["sandbox_image"] == PAUSE_IMAGE
    assert cri["restrict_oom_score_adj"] is True
    assert cri["registry"]["configs"]["r:1"]["auth"] == {"username": "me", "identitytoken": 'a"b'}


def test_registry_hosts(cluster: Cluster) -> None:
    """Every registry has a valid hosts.toml; the wildcard is containerd's _default."""
    registries = Registries({"*": ["https://all"], "r:1": ["http://m"]}, {"s:2": RegistryHost(tls={"insecure_skip_verify": True})})
    files = {path: text for path, text in containerd_files(cluster.layout, 1, registries).items() if path.endswith("hosts.toml")}

    assert {path.split("/")[-2] for path in files} == {"_default", "r:1", "s:2"}
    assert tomllib.loads(files["/etc/containerd/certs.d/r:1/hosts.toml"])["host"] == {"http://m": {"capabilities": ["pull", "resolve"]}}
    assert tomllib.loads(files["/etc/containerd/certs.d/s:2/hosts.toml"])["host"]["https://s:2"]["skip_verify"] is True


def test_pod_networks_differ(cluster: Cluster) -> None:
    """Each node's pods get addresses of its own network, which are free again when the node ends."""
    ranges = []
    for number in (1, 2):
        ipam = json.loads(containerd_files(cluster.layout, number, Registries())["/etc/cni/net.d/10-turnup.conflist"])["plugins"][0]["ipam"]
        ranges.append(ipam["ranges"][0][0]["subnet"])
        assert ipam["dataDir"].startswith("/run/")

    assert ranges == ["10.42.1.0/24", "10.42.2.0/24"]
