"""Sentences about pods that reached a bound: of memory, disk or processes. Pure functions.

Kubernetes says only that such a pod was killed or evicted, or leaves an error of the system in its log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rules.k8s.tools.objects.objects import Object

# What programs write if the kernel gives them no further process or thread: a shell, Python, a JVM, Go, a C library. The words of
# the error alone are also those of a socket without data.
_NO_PROCESS = re.compile(
    r"(fork|clone|thread|posix_spawn|process).*resource temporarily unavailable"
    r"|can't start new thread|unable to create (new )?native thread|newosproc|pthread_create failed|cannot fork",
    re.IGNORECASE,
)
# Words of kubelet's message → what to do.
_EVICTIONS = (
    ("emptydir", "write less to the volume, or raise its sizeLimit"),
    ("storage", "write less, or give its containers a larger limit of ephemeral-storage"),
    ("memory", "use less memory, or let its containers request what they need"),
    ("", "use less of it"),
)


def out_of_memory(pod: Object, container: str) -> str:
    """Returns why a container of a pod was killed with the reason OOMKilled, and what to do."""
    spec = pod.get("spec") or {}
    entries = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    own: dict[str, Any] = next((each for each in entries if each.get("name") == container), {})
    limit = ((own.get("resources") or {}).get("limits") or {}).get("memory")
    if limit is None:
        return "it wanted more memory than its node has for pods; let it use less, or run it on a larger node"
    return f"it wanted more memory than its limit of {limit}; raise the limit, or let it use less"


def eviction(pod: Object) -> str:
    """Returns why kubelet evicted a pod, and what to do; "" if it did not."""
    status = pod.get("status") or {}
    if status.get("reason") != "Evicted":
        return ""
    message = " ".join(str(status.get("message") or "its node was low on a resource").split()).rstrip(".")
    return f"was evicted: {message}; {next(advice for word, advice in _EVICTIONS if word in message.lower())}"


def out_of_processes(lines: Iterable[str]) -> str:
    """Returns what happened to a program that could not start a process or thread, by lines that it wrote; "" if it could."""
    if not any(map(_NO_PROCESS.search, lines)):
        return ""
    return "the pod has as many processes and threads as its node allows one pod; let it start fewer"
