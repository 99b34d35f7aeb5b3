"""Tests of what the objects of a closure say of one another."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from rules.k8s.tools.build.coherence import check_coherence
from rules.k8s.tools.errors import TurnupError

WHERE = "//svc:prod-deep"
Object = dict[str, Any]


def closure() -> dict[str, Object]:
    """Returns a correct closure of objects that refer to each other."""
    meta = {"name": "shop", "namespace": "prod"}
    container = {
        "name": "main",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"port": "http"}},
        "lifecycle": {"preStop": {"httpGet": {"port": "http"}}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    pod: Object = {"metadata": {"labels": {"app": "shop", "tier": "web"}}, "spec": {"containers": [container], "volumes": [{"name": "data", "emptyDir": {}}]}}
    stateful = copy.deepcopy(pod)
    del stateful["spec"]["volumes"]
    return {
        "deployment": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": pod},
        },
        "statefulset": {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {**meta, "name": "store"},
            "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": stateful, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
        },
        "service": {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": {"app": "shop"}, "ports": [{"name": "web", "port": 80, "targetPort": "http"}]},
        },
        "ingress": {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": meta,
            "spec": {
                "defaultBackend": {"service": {"name": "elsewhere", "port": {"number": 1}}},
                "rules": [{"http": {"paths": [{"backend": {"service": {"name": "shop", "port": {"number": 80}}}}]}}],
            },
        },
        "autoscaler": {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": meta,
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}, "maxReplicas": 3},
        },
    }


def check(objects: dict[str, Object]) -> None:
    """Checks a closure in which each object is a target."""
    check_coherence([(f"//{name}:prod", obj) for name, obj in objects.items()], WHERE)


def _main(objects: dict[str, Object], kind: str = "deployment") -> Object:
    container: Object = objects[kind]["spec"]["template"]["spec"]["containers"][0]
    return container


def _second_autoscaler(objects: dict[str, Object]) -> None:
    objects["other"] = copy.deepcopy(objects["autoscaler"])
    objects["other"]["metadata"] = {"name": "second", "namespace": "prod"}


CASES: list[tuple[str, Callable[[dict[str, Object]], Any], str]] = [
    (
        "selector",
        lambda o: o["deployment"]["spec"]["selector"]["matchLabels"].update(app="shpo"),
        "//deployment:prod: Deployment prod/shop: spec.selector wants the labels app=shpo, which spec.template does not have",
    ),
    (
        "probe",
        lambda o: _main(o)["readinessProbe"]["httpGet"].update(port="htpt"),
        "container main: readinessProbe asks port 'htpt', and the container has http",
    ),
    ("hook", lambda o: _main(o)["lifecycle"]["preStop"]["httpGet"].update(port="x"), "lifecycle.preStop asks port 'x'"),
    ("probe_without_ports", lambda o: _main(o).update(ports=[]), "and the container has none with a name"),
    ("mount", lambda o: _main(o)["volumeMounts"][0].update(name="dta"), "volumeMounts has 'dta', and the pod has no such volume"),
    ("claim", lambda o: _main(o, "statefulset")["volumeMounts"][0].update(name="dta"), "StatefulSet prod/store: container main: volumeMounts has 'dta'"),
    (
        "target_port",
        lambda o: o["service"]["spec"]["ports"][0].update(targetPort="grpc"),
        "Service prod/shop: targetPort 'grpc': the pods that it selects have http",
    ),
    (
        "backend_number",
        lambda o: o["ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"].update(port={"number": 81}),
        "Ingress prod/shop: its backend asks port 81 of the Service shop, which has 80",
    ),
    (
        "backend_name",
        lambda o: o["ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"].update(port={"name": "wbe"}),
        "asks port 'wbe' of the Service shop, which has web",
    ),
    (
        "replicas",
        lambda o: o["deployment"]["spec"].update(replicas=2),
        "spec.replicas is set, and //autoscaler:prod: HorizontalPodAutoscaler prod/shop changes it",
    ),
    ("two_autoscalers", _second_autoscaler, "both scale Deployment shop; keep one"),
]


def test_a_correct_closure_passes() -> None:
    """Objects that fit together, and a backend outside the closure, are no error."""
    check(closure())


@pytest.mark.parametrize(("change", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_contradictions_are_one_sentence(change: Callable[[dict[str, Object]], Any], says: str) -> None:
    """A contradiction names the targets and the objects."""
    objects = closure()
    change(objects)
    with pytest.raises(TurnupError) as error:
        check(objects)
    assert str(error.value).startswith(f"{WHERE}: //")
    assert says in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o["service"]["spec"].update(selector={"app": "elsewhere"}, ports=[{"port": 80, "targetPort": "grpc"}]),
        lambda o: o["service"]["spec"]["ports"][0].update(targetPort=8081),
        lambda o: o["service"]["spec"]["ports"][0].update(targetPort="8081"),
        lambda o: (o["autoscaler"].update(metadata={"name": "shop", "namespace": "dev"}), o["deployment"]["spec"].update(replicas=2)),
        lambda o: o["deployment"]["spec"].update(replicas=None),
        lambda o: o["deployment"]["spec"]["template"]["spec"].update(containers=None, volumes=None),
        lambda o: o["ingress"].update(spec=None),
        lambda o: o["deployment"].update(apiVersion="example.com/v1"),
    ],
)
def test_what_may_be_right_passes(change: Callable[[dict[str, Object]], Any]) -> None:
    """What another object could explain, what the server judges, and kinds of other groups are no errors."""
    objects = closure()
    change(objects)
    check(objects)
