"""Tests of .forward up to the pod; //tests/e2e tests the connection to a pod on a real cluster."""

from __future__ import annotations

import os
import socket

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError, UsageError
from rules.k8s.tools.objects.objects import Identity
from rules.k8s.tools.pod_verbs.forward import assign, ready_pods, target_port
from rules.k8s.tools.pod_verbs.ports import derived_port, holder_of, parse_ports


def service(name="web", *ports, **spec):
    """Returns a Service with a selector."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "dev"},
        "spec": {"selector": {"app": name}, "ports": list(ports) or [{"name": "http", "port": 80, "targetPort": "http"}], **spec},
    }


def assigned(services, **asked):
    """Returns {Service:port: local port} of services."""
    pairs = [
        (Item("//svc:dev", obj, Resource("v1", "Service", "services", True), Identity("", "Service", "dev", obj["metadata"]["name"])), obj) for obj in services
    ]
    return {f"{port.item.identity.name}:{port.spec['port']}": port.local for port in assign(pairs, asked, "//svc:dev-deep")}


def test_ports_are_always_the_same():
    """A local port depends only on the service's name and port, and is in a range that nothing else uses."""
    assert derived_port("dev", "web", 80) == 28584
    assert derived_port("dev", "web", 81) != derived_port("dev", "web", 80) != derived_port("prod", "web", 80)
    assert all(20000 <= derived_port("dev", f"s{number}", 80) < 30000 for number in range(1000))


def test_requested_ports_win():
    """A port can be chosen for the only one, for a service, or for one port of a service by name or number."""
    two = [{"name": "http", "port": 80}, {"name": "metrics", "port": 9090}]
    assert assigned([service()], **{"": 8080}) == {"web:80": 8080}
    assert assigned([service(), service("db")], web=8080) == {"web:80": 8080, "db:80": derived_port("dev", "db", 80)}
    assert assigned([service("web", *two)], **{"web:metrics": 1, "web:80": 2}) == {"web:80": 2, "web:9090": 1}


def test_two_services_never_share_a_port():
    """If two names give one number, the second takes the next free number."""
    derived = derived_port("dev", "db", 80)
    assert assigned([service(), service("db")], web=derived) == {"web:80": derived, "db:80": derived + 1}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"absent": 1}, "--port=absent=1 matches none of //svc:dev-deep's ports (db:80, web:80)"),
        ({"": 8080}, "--port=8080 matches 2 of //svc:dev-deep's ports"),
    ],
)
def test_asked_port_must_fit_one(asked, message):
    """A choice that matches no port or several fails and names the existing ports."""
    with pytest.raises(UsageError, match="name one as in") as refused:
        assigned([service(), service("db")], **asked)
    assert message in str(refused.value)


@pytest.mark.parametrize("text", ["http", "web=", "web=0", "web=70000", "=x"])
def test_port_syntax(text):
    """An argument of --port that is not a port fails and shows the accepted forms."""
    with pytest.raises(UsageError, match="is not a port; write --port=8080"):
        parse_ports([text])


def test_port_given_twice():
    """A port that is given twice fails."""
    with pytest.raises(UsageError, match="each once"):
        parse_ports(["web=1", "web=2"])


def test_services_without_pods_are_nothing_to_forward():
    """A Service without a selector and a port that is not TCP are not forwarded."""
    external = service()
    del external["spec"]["selector"]
    with pytest.raises(UsageError, match="nothing to forward"):
        assigned([external, service("dns", {"port": 53, "protocol": "UDP"})])


def test_taken_port_names_its_holder(shell, server):
    """A local port that is in use ends the run before anything else, and the error names the process."""
    server.put(service())
    shell.make(service())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert shell.run("forward", f"--port={port}") == 1
    assert f"ERROR: Service dev/web port 80: local port {port} is in use by " in shell.err
    assert f"(pid {os.getpid()})" in shell.err
    assert holder_of(port) == ""


def test_absent_service_is_one_sentence(shell):
    """A Service that was not applied yet is named."""
    shell.make(service())

    assert shell.run("forward") == 1
    assert shell.err == "ERROR: //svc:dev: Service dev/web is not in the cluster; apply it first.\n"
    shell.make(config_map("a"))
    assert shell.run("forward") == 2


def pod(name, ready="True", deleted=False, labels=None, ports=()):
    """Returns a live pod of web."""
    meta = {"name": name, "namespace": "dev", "labels": labels or {"app": "web"}, **({"deletionTimestamp": "now"} if deleted else {})}
    return {"metadata": meta, "spec": {"containers": [{"name": "main", "ports": list(ports)}]}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def test_only_ready_pods_that_stay_are_used():
    """A pod that is not ready, is terminating or belongs to another service gets no connection."""
    pods = [pod("c"), pod("a"), pod("b", ready="False"), pod("d", deleted=True), pod("e", labels={"app": "db"})]

    assert [found["metadata"]["name"] for found in ready_pods(service(), pods)] == ["a", "c"]


def test_target_port_by_number_and_name():
    """A Service's port targets a number, a name that the pod defines, or its own number."""
    named = pod("a", ports=[{"name": "http", "containerPort": 8080}])
    assert [target_port(service(), spec, named) for spec in ({"port": 80, "targetPort": 9}, {"port": 80}, {"port": 80, "targetPort": "http"})] == [9, 80, 8080]
    with pytest.raises(TurnupError) as caught:
        target_port(service(), {"port": 80, "targetPort": "grpc"}, named)
    assert str(caught.value) == (
        "Service dev/web targets the port 'grpc', which the pod does not have (its named ports: http); set targetPort to one of the pod's ports."
    )
