"""Debug containers: ephemeral containers with a shell, beside a container whose image has none.

It runs in the process namespace of the target container and sees its processes; the files of the target are below /proc/1/root.
Its user is that of the target, because the kernel shows a process' files only to the same user.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from rules.k8s.tools.api.api_errors import is_missing_right
from rules.k8s.tools.api.client import STRATEGIC_MERGE_PATCH, Client
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.output.render import event_line
from rules.k8s.tools.readiness.kube_events import list_events
from rules.k8s.tools.readiness.pods import container_state

_PREFIX = "turnup-debug-"
_FIELD_MANAGER = "turnup-exec"
# It waits for commands, at most for a day: an ephemeral container stays in its pod's spec, but it need not run for ever.
# If the target is not running it is the first process of its own namespace, which no signal ends without a handler.
_IDLE = ("sh", "-c", "trap 'exit 0' TERM INT; sleep 86400 & wait")
_START_SECONDS = 120.0
_POLL_SECONDS = 0.3
_FINAL = frozenset({"InvalidImageName", "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "ErrImageNeverPull"})
_PULL_FAILURES = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
_NOT_FOUND = 404


def security_context(pod: Object, target: str) -> dict[str, Any]:
    """Returns the security context of a debug container beside a container.

    It has the user of the target. Unless that is root, it also meets the `restricted` pod security standard, whatever the target has.

    Args:
        pod: the live pod.
        target: the container to debug.
    """
    own: Mapping[str, Any] = next((each.get("securityContext") or {} for each in pod["spec"].get("containers") or [] if each["name"] == target), {})
    whole: Mapping[str, Any] = pod["spec"].get("securityContext") or {}
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    # The kubelet tells the user that the image chose, if the runtime tells it.
    actual = next((((entry.get("user") or {}).get("linux") or {}) for entry in statuses if entry["name"] == target), {})
    user = own.get("runAsUser", whole.get("runAsUser", actual.get("uid")))
    group = own.get("runAsGroup", whole.get("runAsGroup", actual.get("gid")))
    context: dict[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}
    context |= {"runAsUser": user} if user is not None else {}
    context |= {"runAsGroup": group} if group is not None else {}
    if user == 0:
        # Root without the capabilities of the target may not look at its processes.
        return {**context, **{name: own[name] for name in ("capabilities", "allowPrivilegeEscalation", "privileged") if name in own}}
    return {**context, "runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def running_debug_container(pod: Object, target: str, image: str) -> str:
    """Returns the name of a debug container of an image that is running beside a container; "" if there is none."""
    beside = target if "running" in container_state(pod, target) else ""
    for each in (pod.get("spec") or {}).get("ephemeralContainers") or []:
        mine = each["name"].startswith(_PREFIX) and each.get("targetContainerName", "") == beside and each.get("image") == image
        if mine and "running" in container_state(pod, each["name"]):
            return str(each["name"])
    return ""


def start_debug_container(client: Client, pod: Object, target: str, image: str, *, own: bool, say: Callable[[str], None]) -> tuple[Object, str]:
    """Starts a debug container beside a container, or finds one that is running.

    Args:
        client: client of the API server.
        pod: the live pod.
        target: the container to debug.
        image: the debug container's image.
        own: the image is the one that Turnup builds, not one that the user named.
        say: prints a line about what happens.

    Returns:
        (the live pod, the debug container's name).

    Raises:
        TurnupError: the cluster does not allow it, or it does not start.
    """
    meta = pod["metadata"]
    name = running_debug_container(pod, target, image)
    if name:
        say(f"using debug container {name} of pod {meta['namespace']}/{meta['name']}")
        return pod, name
    name = _PREFIX + secrets.token_hex(3)
    runs = "running" in container_state(pod, target)
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(_IDLE),
        "securityContext": security_context(pod, target),
        # Without a process there is no namespace to share.
        **({"targetContainerName": target} if runs else {}),
    }
    seen = f"it sees the processes of {target}, and their files below /proc/1/root" if runs else f"{target} does not run, so it sees no processes"
    say(f"starting debug container {name} in pod {meta['namespace']}/{meta['name']}; {seen}")
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
    try:
        client.request(
            "PATCH",
            f"{path}/ephemeralcontainers",
            query={"fieldManager": _FIELD_MANAGER},
            content_type=STRATEGIC_MERGE_PATCH,
            body={"metadata": {"uid": meta["uid"]}, "spec": {"ephemeralContainers": [container]}},
        )
    except ApiError as error:
        raise TurnupError(_refusal(error, meta)) from None
    return _wait_until_running(client, path, name, image, own), name


def _refusal(error: ApiError, meta: Mapping[str, Any]) -> str:
    if is_missing_right(error):
        return (
            f"this account may not add debug containers to pods: {error.message}; "
            f"it needs the verb patch on pods/ephemeralcontainers in namespace {meta['namespace']}."
        )
    if error.status == _NOT_FOUND and "could not find the requested resource" in error.message:
        return "the server is older than Kubernetes 1.25 and has no debug containers; use an image with a shell."
    return f"pod {meta['namespace']}/{meta['name']}: the API server refused the debug container: {error.message}."


def _wait_until_running(client: Client, path: str, name: str, image: str, own: bool) -> Object:
    """Returns the pod once a debug container runs.

    Raises:
        TurnupError: it does not start; the error says why.
    """
    deadline = time.monotonic() + _START_SECONDS
    while True:
        pod = client.get_or_none(path)
        if pod is None:
            raise TurnupError(f"the pod was deleted while debug container {name} was starting; run the command again.")
        state = container_state(pod, name)
        if "running" in state:
            return pod
        where = f"debug container {name} of pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        message = " ".join(str(waiting.get("message") or ended.get("message") or "").split())
        if waiting.get("reason") in _PULL_FAILURES:
            advice = "if the nodes cannot reach this registry, name an image that they can pull" if own else "name another image"
            raise TurnupError(f"{where}: the image {image} cannot be pulled ({message or waiting['reason']}); {advice} with --image=REF.")
        if ended or waiting.get("reason") in _FINAL:
            why = waiting.get("reason") or f"{ended.get('reason') or 'it ended'}, exit code {ended.get('exitCode')}"
            needs = "" if own else "; the image needs the programs sh and sleep"
            raise TurnupError(f"{where} does not start: {why}{f' ({message})' if message else ''}{needs}.")
        if time.monotonic() > deadline:
            last = [event for event in list_events(client, pod) if name in str(event.get("involvedObject", {}).get("fieldPath", ""))]
            told = f"last event: {event_line(last[-1])}" if last else "it has no event; is the kubelet of its node running?"
            raise TurnupError(f"{where} has not started in {_START_SECONDS:.0f} s ({waiting.get('reason') or 'no state yet'}; {told}).")
        time.sleep(_POLL_SECONDS)
