"""What the objects of a closure say of one another: selectors that select, ports that exist, autoscalers that agree.

Only what cannot be right is an error: it needs no object outside the closure to be judged. Where another object may be outside, nothing
is said here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Object, group_of, identity

_TEMPLATES = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
# They must select the pods of their own template. A Job's selector is the server's.
_SELECTING = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")


@dataclass(frozen=True)
class Placed:
    """An object of a closure.

    Attributes:
        label: its target.
        obj: the object.
    """

    label: str
    obj: Object

    def __str__(self) -> str:
        return f"{self.label}: {identity(self.obj)}"

    @property
    def namespace(self) -> str:
        """The object's namespace, empty if it has none."""
        return str(self.obj["metadata"].get("namespace") or "")


def check_coherence(objects: Iterable[tuple[str, Object]], where: str) -> None:
    """Checks the objects of a closure against one another.

    Args:
        objects: (label of the target, object).
        where: the closure, for errors.

    Raises:
        TurnupError: two statements contradict each other.
    """
    placed = [Placed(label, obj) for label, obj in objects]
    for check in (_pods, _services, _ingresses, _autoscalers):
        for problem in check(placed):
            raise TurnupError(f"{where}: {problem}.")


def template_of(obj: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the pod template of an object: {metadata, spec}; a Pod is its own. None for objects without pods."""
    path = _TEMPLATES.get(obj["kind"])
    if path is None or group_of(obj["apiVersion"]) not in ("", "apps", "batch"):
        return None
    value: Any = obj
    for step in path:
        value = _mapping(value, step)
    return value or None


def _mapping(value: Any, key: str) -> dict[str, Any]:
    child = value.get(key) if isinstance(value, dict) else None
    return child if isinstance(child, dict) else {}


def _list(value: Any, key: str) -> list[dict[str, Any]]:
    child = value.get(key) if isinstance(value, dict) else None
    return [each for each in child if isinstance(each, dict)] if isinstance(child, list) else []


def _labels(template: Mapping[str, Any]) -> dict[str, Any]:
    return _mapping(_mapping(template, "metadata"), "labels")


def _pods(placed: list[Placed]) -> Iterator[str]:
    """Yields what contradicts itself inside one object with pods."""
    for each in placed:
        template = template_of(each.obj)
        if template is None:
            continue
        if each.obj["kind"] in _SELECTING:
            wanted = _mapping(_mapping(each.obj, "spec").get("selector"), "matchLabels")
            differing = {key: value for key, value in wanted.items() if _labels(template).get(key) != value}
            if differing:
                yield f"{each}: spec.selector wants the labels {_spell(differing)}, which spec.template does not have; give both the same"
        spec = _mapping(template, "spec")
        volumes = {volume.get("name") for volume in _list(spec, "volumes")}
        volumes |= {_mapping(claim, "metadata").get("name") for claim in _list(_mapping(each.obj, "spec"), "volumeClaimTemplates")}
        for container in [*_list(spec, "initContainers"), *_list(spec, "containers")]:
            yield from (f"{each}: container {container.get('name')}: {text}" for text in _container(container, volumes))


def _container(container: Mapping[str, Any], volumes: set[Any]) -> Iterator[str]:
    """Yields what contradicts itself inside one container."""
    for field in ("volumeMounts", "volumeDevices"):
        for mount in _list(container, field):
            if mount.get("name") not in volumes:
                yield f"{field} has {mount.get('name')!r}, and the pod has no such volume; add the volume or take the mount out"
    ports = {port.get("name") for port in _list(container, "ports")}
    handlers = [(name, _mapping(container, name)) for name in _PROBES]
    handlers += [(f"lifecycle.{name}", _mapping(_mapping(container, "lifecycle"), name)) for name in _HOOKS]
    for name, handler in handlers:
        for action in ("httpGet", "tcpSocket"):
            port = _mapping(handler, action).get("port")
            if isinstance(port, str) and not port.isdigit() and port not in ports:
                yield f"{name} asks port {port!r}, and the container has {_known(ports)}; name one of its ports"


def _selected(service: Placed, templates: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns those pod templates of a Service's namespace that it selects."""
    selector = _mapping(_mapping(service.obj, "spec"), "selector")
    return [template for template in templates if selector and all(_labels(template).get(key) == value for key, value in selector.items())]


def _services(placed: list[Placed]) -> Iterator[str]:
    """Yields the Services whose named target port none of the pods has that they select."""
    by_namespace: dict[str, list[dict[str, Any]]] = {}
    for each in placed:
        if (template := template_of(each.obj)) is not None:
            by_namespace.setdefault(each.namespace, []).append(template)
    for each in placed:
        if each.obj["kind"] != "Service" or each.obj["apiVersion"] != "v1":
            continue
        templates = _selected(each, by_namespace.get(each.namespace, ()))
        containers = [container for template in templates for container in _all_containers(template)]
        ports = {port.get("name") for container in containers for port in _list(container, "ports")}
        for port in _list(_mapping(each.obj, "spec"), "ports"):
            target = port.get("targetPort")
            if templates and isinstance(target, str) and not target.isdigit() and target not in ports:
                yield f"{each}: targetPort {target!r}: the pods that it selects have {_known(ports)}; name one of their ports"


def _all_containers(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the containers of a pod that may have ports: also init containers, which can run as sidecars."""
    spec = _mapping(template, "spec")
    return [*_list(spec, "containers"), *_list(spec, "initContainers")]


def _ingresses(placed: list[Placed]) -> Iterator[str]:
    """Yields the backends of Ingresses that name a port that their Service does not have."""
    services = {(each.namespace, each.obj["metadata"]["name"]): each for each in placed if each.obj["kind"] == "Service" and each.obj["apiVersion"] == "v1"}
    for each in placed:
        if each.obj["kind"] != "Ingress" or group_of(each.obj["apiVersion"]) != "networking.k8s.io":
            continue
        spec = _mapping(each.obj, "spec")
        backends = [_mapping(spec, "defaultBackend")]
        backends += [_mapping(path, "backend") for rule in _list(spec, "rules") for path in _list(_mapping(rule, "http"), "paths")]
        for backend in backends:
            wanted = _mapping(backend, "service")
            service = services.get((each.namespace, wanted.get("name")))
            if service is None:
                continue
            ports = _list(_mapping(service.obj, "spec"), "ports")
            for key, field in (("number", "port"), ("name", "name")):
                value = _mapping(wanted, "port").get(key)
                known = {port.get(field) for port in ports}
                if value and value not in known:
                    yield f"{each}: its backend asks port {value!r} of the Service {wanted['name']}, which has {_known(known)}; name one of them"


def _autoscalers(placed: list[Placed]) -> Iterator[str]:
    """Yields autoscalers that contradict another one, or the number of replicas in a manifest."""
    workloads = {(each.namespace, group_of(each.obj["apiVersion"]), each.obj["kind"], each.obj["metadata"]["name"]): each for each in placed}
    holders: dict[tuple[str, str, str, str], Placed] = {}
    for each in placed:
        if each.obj["kind"] != "HorizontalPodAutoscaler" or group_of(each.obj["apiVersion"]) != "autoscaling":
            continue
        target = _mapping(_mapping(each.obj, "spec"), "scaleTargetRef")
        key = (each.namespace, group_of(str(target.get("apiVersion") or "")), str(target.get("kind")), str(target.get("name")))
        other = holders.setdefault(key, each)
        if other is not each:
            yield f"{other} and {each} both scale {key[2]} {key[3]}; keep one"
        workload = workloads.get(key)
        if workload is not None and _mapping(workload.obj, "spec").get("replicas") is not None:
            yield f"{workload}: spec.replicas is set, and {each} changes it; leave replicas out, so that an apply keeps the autoscaler's number"


def _spell(labels: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())


def _known(names: Iterable[Any]) -> str:
    """Returns names as a text; a sentence goes on with it after `has`."""
    found = sorted(str(name) for name in names if name)
    return ", ".join(found) if found else "none with a name"
