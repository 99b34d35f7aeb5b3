"""Tests of the whole stack on a new cluster: setup, deep apply, answers from Redis, then failures and recovery.

The tests share one cluster and run in the order in which they are written. Each leaves a running stack for the next.
"""

import functools
import subprocess

import pytest

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.objects.hashed_names import hash_names
from tests.e2e import stack as stacks
from tests.e2e.cluster import PrivateCluster, bazel_program


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A new cluster of two nodes in its own network, deleted at the end."""
    with PrivateCluster(tmp_path_factory.mktemp("cluster")) as created:
        yield created


@pytest.fixture(scope="module")
def stack(cluster):
    """The running stack, in the namespace of the built targets."""
    return stacks.Stack(cluster.kubeconfig, cluster.context, cluster.namespace)


def test_apply_before_setup_names_the_cure(cluster):
    """Without setup, apply refuses the stack with one sentence and creates none of its objects."""
    refused = cluster.attempt(bazel_program(f"svc/{cluster.environment}-deep.apply"))

    assert refused.returncode != 0
    assert "//prod:setup.apply" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_setup(cluster):
    """//prod:setup.apply creates the namespaces, the CRDs and a registry that answers."""
    cluster.run(bazel_program("prod/setup.apply"), "--wait")

    names = cluster.kubectl("get", "namespaces,crds", "-o", "name").split()
    for name in (*cluster.shared_environments, cluster.namespace):
        assert f"namespace/{name}" in names
    for crd in (
        "prometheusrules.monitoring.coreos.com",
        "servicemonitors.monitoring.coreos.com",
        "grafanadashboards.grafana.integreatly.org",
    ):
        assert f"customresourcedefinition.apiextensions.k8s.io/{crd}" in names
    assert cluster.registry_get("/v2/_catalog").status == 200


def test_deep_apply_answers_from_redis(cluster, stack):
    """One command starts Redis, server and client; the client's log has an answer to each of the four RPCs."""
    start = stacks.now()
    cluster.run(bazel_program(f"svc/{cluster.environment}-deep.apply"), "--wait")

    answers = stack.wait_for_answers(start, deadline_s=60)
    assert set(answers) == set(stacks.METHODS)
    assert len(stack.ready_pods(stacks.REDIS)) == 6


def test_images_cannot_be_deleted_by_anybody(cluster, stack):
    """The registry refuses to delete the images of pods without a login."""
    image = stack.pods(stacks.SERVER)[0].spec.containers[0].image
    repository, digest = image.split("/", 1)[1].split("@")

    assert cluster.registry_request("DELETE", f"/v2/{repository}/manifests/{digest}").status == 401
    assert cluster.registry_get(f"/v2/{repository}/manifests/{digest}").status == 200


def test_apply_again_changes_nothing(cluster, stack):
    """A second apply writes nothing: resource versions and pods stay the same."""
    before = stack.resource_versions(), {pod.metadata.uid for pod in stack.pods(stacks.SERVER)}
    printed = cluster.run(bazel_program(f"svc/{cluster.environment}-deep.apply"), "--wait")

    assert (stack.resource_versions(), {pod.metadata.uid for pod in stack.pods(stacks.SERVER)}) == before
    assert "created" not in printed
    assert "configured" not in printed


def _two_deployments(image, value):
    """Returns a Deployment that mounts a ConfigMap with a value, and one that does not."""
    objects = [deployment(name, image=image) for name in ("user", "other")] + [config_map("settings", key=value)]
    for obj in objects:
        obj["metadata"]["namespace"] = "settings"
    for obj in objects[:2]:
        spec = obj["spec"]["template"]["spec"]
        spec["terminationGracePeriodSeconds"] = 1
        spec["containers"][0]["command"] = ["/usr/bin/python3.11", "-c", "import time; time.sleep(3600)"]
    spec = objects[0]["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "settings", "configMap": {"name": "settings"}}]
    spec["containers"][0]["volumeMounts"] = [{"name": "settings", "mountPath": "/etc/settings"}]
    return hash_names(objects)


def _only_pod(cluster, app):
    """Returns the UID of an app's pod; None while there are several."""
    uids = cluster.kubectl("get", "pods", "-n", "settings", "-l", f"app={app}", "-o", "jsonpath={.items[*].metadata.uid}").split()
    return uids[0] if len(uids) == 1 else None


def test_a_changed_setting_rolls_its_users_only(cluster, stack, tmp_path):
    """New pods read the new value, and pods that do not use it stay; a rollback restores the value in the same way."""
    image = stack.pods(stacks.SERVER)[0].spec.containers[0].image
    cluster.kubectl("create", "namespace", "settings")
    shell = Shell(tmp_path, {})
    shell.environ["KUBECONFIG"] = str(cluster.kubeconfig)

    read = ("/usr/bin/python3.11", "-c", "print(open('/etc/settings/key').read())")

    def do(verb, built, expected):
        shell.make_targets(document("//settings:dev", _two_deployments(image, built), context=cluster.context, namespace="settings"))
        assert shell.run(verb, "--wait=2m") == 0, shell.err
        # A terminating pod can still be listed and answer for another second.
        stacks.wait_for(
            f"the value {expected!r}", lambda: cluster.kubectl("exec", "-n", "settings", "deployment/user", "--", *read).strip() == expected, deadline_s=30
        )
        return {app: stacks.wait_for(f"one pod of {app}", functools.partial(_only_pod, cluster, app), deadline_s=30) for app in ("user", "other")}

    first = do("apply", "one", "one")
    second = do("apply", "two", "two")
    third = do("rollback", "two", "one")
    assert first["other"] == second["other"] == third["other"]
    assert len({first["user"], second["user"], third["user"]}) == 3
    cluster.kubectl("delete", "namespace", "settings")


def test_shallow_apply_touches_its_own_objects_only(cluster, stack):
    """The shallow apply of //svc applies the stack's own object, not those of its dependencies."""
    shown = cluster.run(bazel_program(f"svc/{cluster.environment}.show"))

    assert "kind: ConfigMap" in shown
    assert "StatefulSet" not in shown
    cluster.run(bazel_program(f"svc/{cluster.environment}.apply"))


def test_a_wrong_context_is_refused(cluster, stack):
    """A target does not write to another context than its own, even on request."""
    before = stack.resource_versions()
    refused = cluster.attempt(bazel_program(f"svc/{cluster.environment}-deep.apply"), "--context", "somewhere-else")

    assert refused.returncode != 0
    assert "somewhere-else" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert stack.resource_versions() == before


def test_dev_without_pins_is_refused(cluster):
    """A shared environment has no pins in a new checkout, and apply names the command that writes them."""
    refused = cluster.attempt(bazel_program(f"svc/{cluster.shared_environment}-deep.apply"))

    assert refused.returncode != 0
    assert f"//svc:pin -- {cluster.shared_environment}" in refused.stderr


@pytest.mark.parametrize("service", [stacks.REDIS, stacks.SERVER])
def test_client_recovers_from_a_killed_pod(stack, service):
    """A killed pod is replaced, and the client gets answers to all four RPCs again."""
    count = len(stack.ready_pods(service))
    killed = stack.delete_pod(service)

    stacks.wait_for(
        f"{count} ready pods of {service} without the killed one",
        lambda: len([p for p in stack.ready_pods(service) if p.metadata.uid != killed]) == count,
        deadline_s=90,
    )
    stack.wait_for_answers(stacks.now(), deadline_s=60)


def test_client_recovers_from_a_killed_node(cluster, stack):
    """After the death and restart of node 2, the whole stack is ready and answers."""
    node = stack.nodes()[1]
    cluster.kill_node(2)
    stacks.wait_for(f"{node} seen as not ready", lambda: not stack.node_ready(node), deadline_s=90)
    cluster.turnup("start")

    stacks.wait_for(f"{node} ready again", lambda: stack.node_ready(node), deadline_s=60)
    stacks.wait_for("six ready Redis pods", lambda: len(stack.ready_pods(stacks.REDIS)) == 6, deadline_s=180)
    stack.wait_for_answers(stacks.now(), deadline_s=90)


def test_everything_survives_stop_and_start(cluster, stack):
    """After `cluster stop` and `start`, the registry has its images, and the stack answers without another apply."""
    images = stacks.wait_for("the registry", lambda: cluster.registry_get("/v2/_catalog").body, deadline_s=60)
    cluster.turnup("stop")
    cluster.turnup("start")

    stacks.wait_for("the registry", lambda: cluster.registry_get("/v2/_catalog").body == images, deadline_s=60)
    stack.wait_for_answers(stacks.now(), deadline_s=180)


def test_delete_leaves_other_objects(cluster, stack):
    """delete removes the stack's objects and no others in its namespace."""
    cluster.kubectl("create", "configmap", "planted", "-n", stack.namespace)
    cluster.run(bazel_program(f"svc/{cluster.environment}-deep.delete"))

    left = cluster.kubectl("get", "deployments,statefulsets,services,configmaps", "-n", stack.namespace, "-o", "name").split()
    assert set(left) <= {"configmap/planted", "configmap/kube-root-ca.crt"}
    assert "configmap/planted" in left


def test_programs_fail_cleanly_without_a_cluster(cluster):
    """If no API server answers at the context, apply fails within its deadline with one sentence."""
    cluster.turnup("stop")
    refused = cluster.attempt(bazel_program(f"svc/{cluster.environment}-deep.apply"))
    cluster.turnup("start")

    assert isinstance(refused, subprocess.CompletedProcess)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert "turnup" in refused.stderr


def test_no_container_engine_was_asked_for_anything(cluster):
    """None of the tests above called Docker, another container engine or kubectl."""
    assert cluster.foreign_calls() == []
    cluster.attempt("docker", "version")  # proves that the decoys record calls

    assert cluster.foreign_calls() == ["docker version"]
