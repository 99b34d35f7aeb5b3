"""Tests of the registry in a cluster: pushes with its login, pulls without, what a pod may do, and the deletion of unused images.

The tests share one cluster and run in the order in which they are written.
"""

import base64
import io
import json
import subprocess

import pytest

from cli.common.session import Session
from cli.registry.commands import registry as registry_command
from cluster.common.process import ProcessRunner
from tests.e2e.cluster import PrivateCluster, bazel_program
from tests.e2e.stack import wait_for

# What a program in a pod without any rights tries: method, path and Host header; it prints the status of each.
_ATTACK = """
import http.client, sys
for line in sys.stdin:
    method, path, host = line.split()
    connection = http.client.HTTPConnection("registry.registry.svc", 5000, timeout=20)
    connection.request(method, path, body=b"" if method != "GET" else None, headers={"Host": host})
    print(connection.getresponse().status)
    connection.close()
"""
# Seconds until the kubelet has written a new value of a Secret to the pods that mount it.
_NEW_SECRET_S = 180


class Place:
    """The cluster, and everything that was printed.

    Attributes:
        cluster: the cluster.
        printed: the output of every command.
    """

    def __init__(self, cluster: PrivateCluster, folder) -> None:
        self.cluster = cluster
        self.printed: list[str] = []
        self._root = folder / "workspace"
        subprocess.run(["git", "init", "-q", self._root], check=True)

    def run(self, target: str, *arguments: str) -> str:
        """Runs a built target that must succeed."""
        self.printed.append(self.cluster.run(bazel_program(target), *arguments))
        return self.printed[-1]

    def attempt(self, target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a built target."""
        done = self.cluster.attempt(bazel_program(target), *arguments)
        self.printed.append(done.stdout + done.stderr)
        return done

    def registry(self, *words: str) -> dict:
        """Runs `turnup registry WORDS --output=json` in a workspace without files and returns what it prints."""
        out, err = io.StringIO(), io.StringIO()
        with ProcessRunner() as runner:
            session = Session(runner, out, err, self.cluster.environ, self.cluster.context, root=self._root)
            code = registry_command.main([*words, "--output=json"], standalone_mode=False, obj=session)
        self.printed.append(out.getvalue() + err.getvalue())
        assert code == 0, self.printed[-1]
        return json.loads(out.getvalue())

    def password(self) -> str:
        """Returns the password of the registry."""
        text = self.cluster.kubectl("get", "secret", "registry-credentials", "-n", "registry", "-o", "jsonpath={.data.password}")
        return base64.b64decode(text).decode()

    def images(self) -> set[str]:
        """Returns REPOSITORY@DIGEST of what the pods of this test run."""
        found = json.loads(self.cluster.kubectl("get", "pods", "-n", "pulled", "-o", "json"))["items"]
        return {container["image"].partition("/")[2] for pod in found for container in pod["spec"]["containers"]}


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory):
    """A new cluster in its own network with setup, deleted at the end; this user has no login in docker's config."""
    folder = tmp_path_factory.mktemp("cluster")
    with PrivateCluster(folder) as created:
        created.environ["DOCKER_CONFIG"] = str(folder)
        place = Place(created, folder)
        place.run("prod/setup.apply", "--wait")
        yield place


def test_apply_pushes_with_the_login_and_nodes_pull_without(place) -> None:
    """An apply reads the login from the cluster; the pod's image is pulled from the registry."""
    place.run("tests/e2e/pulled.apply", "--wait=120s")

    (image,) = place.images()
    assert place.cluster.registry_get(f"/v2/{image.replace('@', '/manifests/')}").status == 200
    assert place.cluster.registry_request("POST", "/v2/x/blobs/uploads/").status == 401


def test_a_push_alone_uses_the_credential_helper(place) -> None:
    """container_push gets the login from //rules/k8s:registry_login."""
    place.run("tests/e2e/push")

    assert place.cluster.registry_get("/v2/unused/app/manifests/v1").status == 200


def test_a_pod_can_read_and_not_write(place) -> None:
    """A restricted pod gets 401 for every write, and nothing under a name that is not the registry's."""
    (image,) = place.images()
    repository, digest = image.split("@")
    attempts = {
        "GET /v2/_catalog registry.registry.svc:5000": 200,
        "POST /v2/unused/app/blobs/uploads/ registry.registry.svc:5000": 401,
        "PUT /v2/unused/app/manifests/v1 registry.registry.svc:5000": 401,
        f"DELETE /v2/{repository}/manifests/{digest} registry.registry.svc:5000": 401,
        "POST /turnup/v1/collect registry.registry.svc:5000": 401,
        "GET /v2/_catalog evil.example": 421,
    }
    pod = place.cluster.kubectl("get", "pods", "-n", "pulled", "-o", "jsonpath={.items[0].metadata.name}")
    done = place.cluster.attempt(
        *place.cluster.kubectl_words(), "exec", "-i", "-n", "pulled", pod, "--", "/usr/bin/python3.11", "-c", _ATTACK, stdin="\n".join(attempts)
    )

    assert dict(zip(attempts, map(int, done.stdout.split()), strict=True)) == attempts, done.stderr


def test_gc_deletes_what_nothing_runs(place) -> None:
    """What a pod runs and what is young stays; the rest is deleted, and a new pod can still be pulled."""
    (image,) = place.images()
    assert place.registry("gc")["unused"] == []
    listed = place.registry("gc", "--older-than=0s")
    assert [one["repository"] for one in listed["unused"]] == ["unused/app"]
    assert [one["tags"] for one in listed["unused"]] == [["v1"]]
    deleted = place.registry("gc", "--older-than=0s", "--delete")

    assert deleted["deleted"] == [f"unused/app@{listed['unused'][0]['digest']}"]
    assert place.cluster.registry_get("/v2/unused/app/manifests/v1").status == 404
    assert place.cluster.registry_get(f"/v2/{image.replace('@', '/manifests/')}").status == 200
    place.cluster.kubectl("delete", "pods", "-n", "pulled", "--all")
    place.cluster.kubectl("rollout", "status", "deployment/pulled", "-n", "pulled", "--timeout=60s")
    place.run("tests/e2e/push")
    assert place.cluster.registry_get("/v2/unused/app/manifests/v1").status == 200


def test_gc_keeps_the_images_of_revisions(place) -> None:
    """An image stays as long as a rollback of a stack needs it, although no pod runs it."""
    place.cluster.kubectl("delete", "namespace", "pulled", "--wait=true")
    kept = {row["repository"] for row in place.registry("gc", "--older-than=0s")["unused"]}

    assert kept == {"unused/app"}


def test_a_new_password(place) -> None:
    """After the Secret was deleted, setup makes a new password, which the registry and pushes soon use; the former one is refused."""
    before = place.password()
    place.cluster.kubectl("delete", "secret", "registry-credentials", "-n", "registry")
    missing = place.attempt("tests/e2e/push", "--tag", "v2")
    assert missing.returncode == 1
    assert "pushes need a login" in missing.stderr and "Secret registry-credentials in namespace registry" in missing.stderr
    place.run("prod/setup.apply")
    assert place.password() != before
    wait_for("the new password", lambda: place.attempt("tests/e2e/push", "--tag", "v2").returncode == 0, deadline_s=_NEW_SECRET_S, pause_s=3)

    authorization = "Basic " + base64.b64encode(f"turnup:{before}".encode()).decode()
    assert place.cluster.registry_request("POST", "/v2/x/blobs/uploads/", Authorization=authorization).status == 401
    for secret in (before, place.password()):
        assert not [text for text in place.printed if secret in text or base64.b64encode(secret.encode()).decode() in text]
