"""Local ports for the ports of services: derived from the service's name, or as requested."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from rules.k8s.tools.errors import TurnupError, UsageError

# Below Linux's ephemeral ports (32768 and up), above the ports that services usually listen on.
_FIRST, _COUNT = 20000, 10000


def derived_port(namespace: str, service: str, port: int) -> int:
    """Returns the local port of a service's port: derived from its name, the same on every machine."""
    digest = hashlib.sha256(f"{namespace}/{service}:{port}".encode()).digest()
    return _FIRST + int.from_bytes(digest[:4], "big") % _COUNT


def parse_ports(texts: Sequence[str]) -> dict[str, int]:
    """Parses `--port` arguments: LOCAL, SERVICE=LOCAL or SERVICE:PORT=LOCAL.

    Returns:
        What is before `=` ("" for LOCAL alone) → the local port.

    Raises:
        UsageError: an argument has another form, or one is given twice.
    """
    parsed: dict[str, int] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        if not number.isdigit() or not 0 < int(number) < 65536 or name in parsed:
            raise UsageError(f"--port={text} is not a port; write --port=8080, --port=SERVICE=8080 or --port=SERVICE:PORT=8080, each once.")
        parsed[name] = int(number)
    return parsed


def listen(port: int, what: str) -> socket.socket:
    """Returns a socket that listens on a port of the loopback.

    Args:
        port: the local port.
        what: what it is for, for the error.

    Raises:
        TurnupError: the port is in use; the sentence names the process.
    """
    try:
        return socket.create_server(("127.0.0.1", port))
    except PermissionError:
        raise TurnupError(f"{what}: local port {port} is reserved for root; choose another with '-- --port={port + 8000}'.") from None
    except OSError as error:
        holder = holder_of(port)
        by = f" by {holder}" if holder else f" ({error.strerror})"
        raise TurnupError(f"{what}: local port {port} is in use{by}; end that process, or choose another port with '-- --port'.") from None


def holder_of(port: int, proc: Path = Path("/proc")) -> str:
    """Returns the process that listens on a local TCP port, as `NAME (pid N)`; "" if it is not visible.

    Args:
        port: the port.
        proc: where procfs is mounted.
    """
    inodes = {inode for table in ("tcp", "tcp6") for inode in _listeners(proc / "net" / table, port)}
    links = {f"socket:[{inode}]" for inode in inodes}
    for process in proc.iterdir() if links else ():
        if not process.name.isdigit():
            continue
        try:
            if any(os.readlink(descriptor) in links for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # The process ended, or belongs to somebody else.
    return ""


def _listeners(table: Path, port: int) -> list[str]:
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []
    # Columns: local address:port in hexadecimal, state (0A: listening), inode.
    return [row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port]
