"""Tests of many Deployments: apply, second apply, change, prune and delete, with bounded requests and memory.

The short form has 100, the long form 1,000 (//tests/long:apply_scale_test). $DEPLOYMENTS chooses.
"""

from __future__ import annotations

import json
import os

from rules.k8s.testing.plans import deployment, document
from rules.k8s.testing.real_server import RealServer
from rules.k8s.testing.shell import Shell
from tests.apply.stacks import IMAGE, admin, make_namespace, number, placed

DEPLOYMENTS = number("DEPLOYMENTS", 100, 1000)
REQUESTS_PER_OBJECT = 3
REQUESTS_PER_RUN = 20
MOST_MIB = 200
_TARGETS = 10


def make(shell: Shell, place: str, count: int, image: str) -> None:
    """Writes the plan of a stack of ten targets with the given number of Deployments in total."""
    objects = [placed(deployment(f"d{index}", image=IMAGE + image * 64), place) for index in range(count)]
    shell.make_targets(*(document(f"//part{part}:dev", objects[part::_TARGETS], namespace=place) for part in range(_TARGETS)))


def run(shell: Shell, server: RealServer, step: str, *verb: str) -> dict[str, int]:
    """Runs a verb as a process, checks its requests and memory, and returns the number of objects per outcome."""
    before = {event["auditID"] for event in server.audit()}
    output = shell.folder / "events"
    with output.open("w") as stream:
        process = shell.start(*verb, "--output=json", stdout=stream)
        _, status, usage = os.wait4(process.pid, 0)
    text = output.read_text()
    assert os.waitstatus_to_exitcode(status) == 0, text[-2000:]
    requests = len({event["auditID"] for event in server.audit()} - before)
    mib = usage.ru_maxrss / 1024
    print(f"{step}: {requests} requests for {DEPLOYMENTS} Deployments, {mib:.0f} MiB", flush=True)
    assert requests <= REQUESTS_PER_OBJECT * DEPLOYMENTS + REQUESTS_PER_RUN, step
    assert mib <= MOST_MIB, step
    counts: dict[str, int] = {}
    for line in text.splitlines():
        if line.startswith("{") and (event := json.loads(line))["event"] == "object":
            counts[event["outcome"]] = counts.get(event["outcome"], 0) + 1
    return counts


def test_a_large_stack_from_its_first_apply_to_its_delete(shell, server, place):
    """Every step affects every object as expected, with at most 3 requests per object plus 20, and at most 200 MiB."""
    client = admin(server)
    make_namespace(client, place)
    rest = DEPLOYMENTS // 10

    def there() -> int:
        return len(client.request("GET", f"/apis/apps/v1/namespaces/{place}/deployments")[1]["items"])

    make(shell, place, DEPLOYMENTS, "a")
    assert run(shell, server, "apply", "apply") == {"created": DEPLOYMENTS}
    writes = server.changes()
    assert run(shell, server, "apply again", "apply", "--prune") == {"unchanged": DEPLOYMENTS}
    assert server.changes() == writes
    make(shell, place, DEPLOYMENTS, "b")
    assert run(shell, server, "change", "apply", "--prune") == {"configured": DEPLOYMENTS}
    make(shell, place, rest, "b")
    assert run(shell, server, "prune nine tenths", "apply", "--prune") == {"unchanged": rest, "deleted": DEPLOYMENTS - rest}
    assert there() == rest
    make(shell, place, DEPLOYMENTS, "b")
    assert run(shell, server, "apply what was pruned", "apply", "--prune") == {"unchanged": rest, "created": DEPLOYMENTS - rest}
    assert run(shell, server, "delete", "delete") == {"deleted": DEPLOYMENTS}
    assert there() == 0
