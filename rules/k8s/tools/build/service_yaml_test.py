"""Tests of reading service.yaml."""

from __future__ import annotations

import pytest

from rules.k8s.tools.build.service_yaml import parse_service
from rules.k8s.tools.errors import TurnupError


def test_reads_name_port_and_ports():
    """The three fields of a complete file become JSON values."""
    text = "# words\nname: routeguide-server\nport: 50051\nports:\n  metrics: 9090\n"

    assert parse_service(text, "p") == {"name": "routeguide-server", "port": 50051, "ports": {"metrics": 9090}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: redis\n", "svc/service.yaml: port is missing. Add a line, for example 'port: 8080'."),
        ("port: 1\n", "svc/service.yaml: name is missing. Add a line"),
        ("", "svc/service.yaml is not one mapping with name and port"),
        ("- name\n", "svc/service.yaml is not one mapping with name and port"),
        ("name: a\nport: 1\n---\nname: b\nport: 1\n", "is not one mapping with name and port"),
        ("name: redis\nport: '6379'\n", "svc/service.yaml:2: port is '6379', which is not a port number. Use a number from 1 to 65535."),
        ("name: redis\nport: true\n", "port is True"),
        ("name: redis\nport: 70000\n", "port is 70000"),
        ("name: Redis\nport: 1\n", "svc/service.yaml:1: name 'Redis' is not a DNS label"),
        ("name: " + "a" * 64 + "\nport: 1\n", "is not a DNS label"),
        ("name: redis\nport: 1\nprot: 2\n", "svc/service.yaml:3: the key 'prot' is not one of name, port, ports"),
        ("name: redis\nport: 1\nname: other\n", "svc/service.yaml:3: the key 'name' appears twice"),
        ("name: redis\nport: 1\nports: {Web: 2}\n", "'Web' is not a port name"),
        ("name: redis\nport: 1\nports: {web: 0}\n", "port 'web' is 0"),
        ("name: redis\nport: 1\nports:\n  web: 1\n", "svc/service.yaml:4: port 'web' is 1, the number of another port of the service"),
        ("name: redis\nport: 1\nports: {web: 2, admin: 2}\n", "port 'admin' is 2, the number of another port of the service"),
        ("name: redis\nport: 1\nports: [1]\n", "ports is not a mapping of names to numbers"),
        ("name: redis\nport: 050051\n", "svc/service.yaml:2: port is 050051, which YAML reads in base 8. Write 50051."),
        ("{name: redis, port: 0_17}", "svc/service.yaml:1: port is 0_17, which YAML reads in base 8. Write 17."),
        ("name: redis\nport: 1:30\n", "svc/service.yaml:2: port is '1:30', which is not a port number. Use a number from 1 to 65535."),
        ("name: redis\nport: 1\nports: {web: 0777}\n", "svc/service.yaml:3: port 'web' is 0777, which YAML reads in base 8. Write 777."),
        ("name: [\n", "svc/service.yaml:2:1: the text is not YAML"),
    ],
)
def test_refuses_bad_files(text: str, message: str):
    """Every invalid service.yaml is refused with the place, the value and the fix."""
    with pytest.raises(TurnupError) as caught:
        parse_service(text, "svc/service.yaml")

    assert message in str(caught.value)
