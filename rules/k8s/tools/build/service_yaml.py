"""service.yaml: the one place where a service's name and ports are written.

name: routeguide-server      # DNS label, the Service's name
port: 50051                  # the port that dependents connect to
ports: {metrics: 9090}       # further named ports (optional)
"""

from __future__ import annotations

import re
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.yaml_documents import load_yaml_documents

# RFC 1035 labels, which the API server requires for names of Services.
_DNS_LABEL = re.compile(r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")
# RFC 6335 service names, which the API server requires for names of ports.
_PORT_NAME = re.compile(r"^(?=.*[a-z])[a-z0-9]([a-z0-9]|-(?!-)){0,13}[a-z0-9]$|^[a-z]$")
_KEYS = ("name", "port", "ports")


def parse_service(text: str, path: str) -> dict[str, Any]:
    """Reads and checks a service.yaml.

    Args:
        text: the file's content.
        path: its name for errors.

    Returns:
        {"name": str, "port": int} and, when given, "ports": {name: int}.

    Raises:
        TurnupError: the file is not a valid service.yaml.
    """
    documents = load_yaml_documents(text, path)
    data = documents[0] if len(documents) == 1 else documents or None
    if not isinstance(data, dict):
        raise TurnupError(f"{path} is not one mapping with name and port. Write, for example, 'name: my-service' and 'port: 8080'.")
    for key in data:
        if key not in _KEYS:
            raise TurnupError(f"{_at(path, text, key)}: the key {key!r} is not one of {', '.join(_KEYS)}. Remove or correct it.")
    for key in ("name", "port"):
        if data.get(key) is None:
            example = "my-service" if key == "name" else "8080"
            raise TurnupError(f"{path}: {key} is missing. Add a line, for example '{key}: {example}'.")
    name = data["name"]
    if not isinstance(name, str) or not _DNS_LABEL.match(name):
        raise TurnupError(
            f"{_at(path, text, 'name')}: name {name!r} is not a DNS label. Use at most 63 lower-case "
            "letters, digits and '-', starting with a letter and ending with a letter or digit."
        )
    service: dict[str, Any] = {"name": name, "port": _port(data["port"], _at(path, text, "port"), "port")}
    ports = data.get("ports")
    if ports is not None:
        if not isinstance(ports, dict):
            raise TurnupError(f"{_at(path, text, 'ports')}: ports is not a mapping of names to numbers. Write, for example, 'metrics: 9090'.")
        service["ports"] = {}
        for key, value in ports.items():
            if not isinstance(key, str) or not _PORT_NAME.match(key):
                raise TurnupError(
                    f"{_at(path, text, str(key))}: {key!r} is not a port name. Use at most 15 lower-case "
                    "letters, digits and single '-', with at least one letter."
                )
            service["ports"][key] = _port(value, _at(path, text, key), f"port {key!r}")
            if [service["port"], *service["ports"].values()].count(value) > 1:
                raise TurnupError(f"{_at(path, text, key)}: port {key!r} is {value}, the number of another port of the service. Use another number.")
    return service


def _port(value: Any, where: str, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise TurnupError(f"{where}: {what} is {value!r}, which is not a port number. Use a number from 1 to 65535.")
    return value


def _at(path: str, text: str, key: Any) -> str:
    """Returns path:line of the first line with the key `key`, or the path alone."""
    pattern = re.compile(rf"^[\s{{,]*['\"]?{re.escape(str(key))}['\"]?\s*:")
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.match(line):
            return f"{path}:{number}"
    return path
