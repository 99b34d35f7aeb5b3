"""Tests of objects that others wrote before, or a replace did: an apply ends as a fresh one would, and a diff shows that before."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.api.client import APPLY_PATCH, MERGE_PATCH, Client
from tests.apply.stacks import IMAGE, placed

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def make(shell: Shell, home: str, *objects: dict[str, Any], target: str = "//svc:dev", **settings: Any) -> None:
    """Writes the plan of one target with objects of a namespace."""
    shell.make_targets(document(target, [placed(obj, home) for obj in objects], namespace=home), **settings)


def web(replicas: int | None = 1, **resources: Any) -> dict[str, Any]:
    """Returns a Deployment."""
    obj = deployment("web", image=IMAGE + "a" * 64)
    obj["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    if replicas is None:
        obj["spec"].pop("replicas", None)
    else:
        obj["spec"]["replicas"] = replicas
    return obj


def stable(name: str, labels: dict[str, str], **data: str) -> dict[str, Any]:
    """Returns a ConfigMap with labels."""
    obj = config_map(name, **data)
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}


def settled(shell: Shell, server: Any) -> bool:
    """Returns whether neither a diff nor another apply finds a difference."""
    before = server.changes()
    return shell.run("diff") == 0 and shell.out == "" and shell.run("apply") == 0 and server.changes() == before


@pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "kubectl-create", "kubectl-edit", "kubectl-replace", "before-first-apply"])
def test_an_adoption_takes_over_what_kubectl_set(shell, server, client, home, manager):
    """What a person's kubectl set and the manifest does not have goes at the adoption, or when it leaves the manifest later."""
    path = f"/api/v1/namespaces/{home}/configmaps/legacy"
    first = stable("legacy", {"team": "a", "old": "label"}, key="value", legacy="unused")
    body = placed({**first, "metadata": {**first["metadata"], "annotations": {_LAST_APPLIED: "{}"}}}, home)
    client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=body, query={"fieldManager": manager})
    client.request("PATCH", path, content_type=MERGE_PATCH, body={"data": {"theirs": "1"}}, query={"fieldManager": "operator"})
    make(shell, home, first)
    assert shell.run("apply") == 1 and shell.run("diff") == 2
    assert shell.run("diff", "--adopt") == 1, shell.err
    assert shell.run("apply", "--adopt") == 0, shell.err
    assert shell.err.count(f"ConfigMap {home}/legacy keeps data.theirs (managed by 'operator'), which the manifest does not have") == 1
    assert settled(shell, server)
    make(shell, home, stable("legacy", {"team": "a"}, key="value"))
    assert shell.run("diff") == 1 and "-  legacy: unused" in shell.out and "-    old: label" in shell.out

    assert shell.run("apply") == 0, shell.err
    live = client.request("GET", path)[1]
    assert live["data"] == {"key": "value", "theirs": "1"} and "old" not in live["metadata"]["labels"]
    assert _LAST_APPLIED not in live["metadata"]["annotations"] and settled(shell, server)


def test_an_adoption_takes_over_an_apply_of_kubectl(shell, server, client, home):
    """An adoption takes over what 'kubectl apply --server-side' set as well."""
    path = f"/api/v1/namespaces/{home}/configmaps/legacy"
    body = placed(stable("legacy", {}, key="value", legacy="unused"), home)
    client.request("PATCH", path, body=body, content_type=APPLY_PATCH, query={"fieldManager": "kubectl"})
    make(shell, home, stable("legacy", {}, key="other"))

    assert shell.run("apply", "--adopt") == 1 and "--adopt --force-conflicts" in shell.err
    assert shell.run("apply", "--adopt", "--force-conflicts") == 0, shell.err
    assert client.request("GET", path)[1]["data"] == {"key": "other"} and settled(shell, server)


def test_an_adoption_that_conflicts_is_refused(shell, client, home):
    """Fields of a controller need --force-conflicts in an adoption as well, for diff and for apply."""
    path = f"/api/v1/namespaces/{home}/configmaps/legacy"
    client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=config_map("legacy", home, a="1"), query={"fieldManager": "kubectl-create"})
    client.request("PATCH", path, content_type=MERGE_PATCH, body={"data": {"theirs": "1"}}, query={"fieldManager": "operator"})
    make(shell, home, config_map("legacy", a="1", theirs="2"))

    assert shell.run("apply", "--adopt") == 1 and "another manager owns .data.theirs (managed by 'operator')" in shell.err
    assert shell.run("diff", "--adopt") == 2 and "another manager owns .data.theirs" in shell.err
    assert shell.run("diff", "--adopt", "--force-conflicts") == 1
    assert shell.run("apply", "--adopt", "--force-conflicts") == 0, shell.err
    assert client.request("GET", path)[1]["data"] == {"a": "1", "theirs": "2"}


_HALF = {"limits": {"cpu": "0.5"}}
_PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "a key goes": (config_map("m", x="1"), config_map("m", x="1", y="2"), config_map("m", x="1")),
    "a key stays": (config_map("m", x="1"), config_map("m", x="1", y="2"), config_map("m", x="1", y="2")),
    "a value changes": (web(1), web(2), web(3)),
    "a value goes": (web(1), web(2), web(None)),
    "another spelling": (web(1, limits={"cpu": "1"}), web(1, **_HALF), web(1, **_HALF)),
    "null and empty": (web(1), web(2, limits=None, requests={}), web(2, limits=None, requests={})),
    "everything returns": (web(1), web(2, **_HALF), web(1)),
}


@pytest.mark.parametrize("name", _PAIRS)
def test_apply_after_replace_is_what_diff_says(shell, server, client, home, name):
    """After an apply and a replace, a diff shows exactly what the next apply changes, which ends as a fresh object."""
    first, second, third = copy.deepcopy(_PAIRS[name])
    plural = "/apis/apps/v1/namespaces/{}/deployments" if first["kind"] == "Deployment" else "/api/v1/namespaces/{}/configmaps"
    make(shell, home, first)
    assert shell.run("apply") == 0, shell.err
    make(shell, home, second)
    assert shell.run("replace") == 0, shell.err
    assert (shell.run("diff"), shell.out) == (0, ""), shell.err
    make(shell, home, third)
    rest = ("spec", "data")
    path = plural.format(home)
    fresh = client.request("POST", path, body={**placed(third, home), "metadata": {"namespace": home, "name": "fresh"}}, query={"dryRun": "All"})[1]
    before = client.request("GET", f"{path}/{first['metadata']['name']}")[1]
    differs = shell.run("diff")
    assert differs in (0, 1), shell.err
    assert shell.run("apply") == 0, shell.err
    live = client.request("GET", f"{path}/{first['metadata']['name']}")[1]

    assert [live.get(key) for key in rest] == [fresh.get(key) for key in rest]
    assert differs == (live["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"])
    assert settled(shell, server)


@pytest.mark.parametrize("kind", ["Deployment", "CronJob"])
def test_a_service_account_leaves_the_manifest(shell, server, client, home, kind):
    """A service account that leaves the manifest is gone after one apply, although the server has stored it under a second name, too."""
    obj = web(1)
    obj["spec"]["template"]["spec"]["serviceAccountName"] = "robot"
    plural = f"/apis/apps/v1/namespaces/{home}/deployments/web"
    if kind == "CronJob":
        pod = {**obj["spec"]["template"]["spec"], "restartPolicy": "Never"}
        job = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
        obj, plural = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "web"}, "spec": job}, f"/apis/batch/v1/namespaces/{home}/cronjobs/web"
    make(shell, home, obj)
    assert shell.run("apply") == 0, shell.err
    obj = copy.deepcopy(obj)
    (obj["spec"]["template"] if kind == "Deployment" else obj["spec"]["jobTemplate"]["spec"]["template"])["spec"].pop("serviceAccountName")
    make(shell, home, obj)

    assert shell.run("diff") == 1 and "serviceAccount: robot" in shell.out, shell.out
    assert shell.run("apply") == 0, shell.err
    assert "robot" not in str(client.request("GET", plural)[1]["spec"]) and settled(shell, server)


def test_diff_of_another_owner_is_the_refusal_of_the_apply(shell, client, home):
    """A diff of an object that belongs to another target, or no longer names its target, is an error with the apply's sentence."""
    make(shell, home, config_map("f", a="1"), target="//a:dev", label="//svc:one-deep")
    assert shell.run("apply") == 0, shell.err
    make(shell, home, config_map("f", a="2"), target="//b:dev", label="//svc:two-deep")
    for note in ("belongs to //a:dev", "was created by Turnup, but its annotation"):
        assert shell.run("apply") == 1 and note in shell.err
        sentence = shell.err.strip().removesuffix(" Nothing was written.")
        assert (shell.run("diff"), shell.out, shell.err.strip()) == (2, "", sentence)
        path = f"/api/v1/namespaces/{home}/configmaps/f"
        client.request("PATCH", path, content_type=MERGE_PATCH, body={"metadata": {"annotations": {"turnup/target": None}}})
        assert shell.run("diff", "--adopt") == 1


def test_a_bound_pod_does_not_stop_a_replace(shell, server, client, home):
    """A replace leaves a Pod its node and what admission gave it; a replace without a change writes nothing."""
    client.request(
        "POST",
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        body={"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": f"p-{home}"}, "value": 7, "globalDefault": True},
    )
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "m", "image": IMAGE + "a" * 64}]},
    }
    try:
        make(shell, home, pod, config_map("c", a="1"))
        assert shell.run("apply") == 0, shell.err
    finally:
        client.request("DELETE", f"/apis/scheduling.k8s.io/v1/priorityclasses/p-{home}")
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"apiVersion": "v1", "kind": "Node", "name": "n1"}}
    client.request("POST", f"/api/v1/namespaces/{home}/pods/p/binding", body=binding)
    before = server.changes()
    assert shell.run("replace") == 0, shell.err
    assert "2 unchanged" in shell.err and server.changes() == before
    pod["spec"]["containers"][0]["image"] = IMAGE + "b" * 64
    make(shell, home, pod, config_map("c", a="2"))

    assert shell.run("replace") == 0 and "2 replaced" in shell.err, shell.err
    live = client.request("GET", f"/api/v1/namespaces/{home}/pods/p")[1]["spec"]
    assert (live["nodeName"], live["priorityClassName"], live["containers"][0]["image"]) == ("n1", f"p-{home}", IMAGE + "b" * 64)


def scaler(kind: str = "Deployment") -> dict[str, Any]:
    """Returns an autoscaler of `web`."""
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
    target = {"apiVersion": "apps/v1", "kind": kind, "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 5, "maxReplicas": 9, "metrics": [metric]}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "hpa"}, "spec": spec}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize("planned", [True, False])
def test_replicas_stay_when_an_autoscaler_takes_over(shell, server, client, home, kind, planned):
    """Replicas that leave the manifest keep their number if an autoscaler of the set or the cluster scales the object; one line says so."""
    path = f"/apis/apps/v1/namespaces/{home}/{kind.lower()}s/web"
    extra = {"serviceName": "web"} if kind == "StatefulSet" else {}
    full, bare = ({**obj, "kind": kind, "spec": {**obj["spec"], **extra}} for obj in (web(5), web(None)))
    make(shell, home, full)
    assert shell.run("apply") == 0, shell.err
    if not planned:
        client.request("POST", f"/apis/autoscaling/v2/namespaces/{home}/horizontalpodautoscalers", body=placed(scaler(kind), home))
    make(shell, home, bare, *([scaler(kind)] if planned else []))
    line = f"//svc:dev: {kind} {home}/web: spec.replicas stays 5; the HorizontalPodAutoscaler hpa sets it from now on"
    assert shell.run("diff") == 1 and f"# {line}" in shell.out
    before = client.request("GET", path)[1]
    assert shell.run("apply") == 0 and shell.err.count(line) == 1, shell.err
    live = client.request("GET", path)[1]
    assert live["spec"]["replicas"] == 5 and live["metadata"]["generation"] == before["metadata"]["generation"]
    assert settled(shell, server) and line not in shell.err
    client.request("PATCH", f"{path}/scale", content_type=MERGE_PATCH, body={"spec": {"replicas": 7}})

    assert settled(shell, server) and client.request("GET", path)[1]["spec"]["replicas"] == 7


def test_replicas_without_an_autoscaler_return_to_the_default(shell, client: Client, home):
    """Without an autoscaler, replicas that leave the manifest are the server's default again."""
    make(shell, home, web(5))
    assert shell.run("apply") == 0, shell.err
    make(shell, home, web(None), {**scaler(), "spec": {**scaler()["spec"], "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}})
    assert shell.run("apply") == 0, shell.err
    assert client.request("GET", f"/apis/apps/v1/namespaces/{home}/deployments/web")[1]["spec"]["replicas"] == 1
