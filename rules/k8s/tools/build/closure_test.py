"""Tests of the check of a closure, run as Bazel runs it."""

from __future__ import annotations

import json
from typing import Any

from rules.k8s.tools.build.fixtures import fixture_tool, read, write  # noqa: F401 (pytest finds the fixture by name)
from rules.k8s.tools.objects.hashed_names import hash_names


def entry(label: str, service: str = "", **changes: Any) -> list[str]:
    """Writes the files of one target of a closure; returns its arguments."""
    stem = label.strip("/").replace("/", "_").replace(":", "_")
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": stem, "namespace": "jane"}}
    document = {"label": label, "environment": "myns", "namespace": "jane", "context": "turnup-local", "volatile": {}, "objects": [obj], **changes}
    write(f"{stem}.json", document)
    service_file = write(f"{stem}.service.json", {"name": service, "port": 1}) if service else ""
    return ["--entry=" + json.dumps([label, f"{stem}.json", service_file])]


def closure(tool, *entries: list[str]) -> tuple[int, str]:
    """Checks a closure."""
    return tool("closure", "--label=//svc:myns-deep", "--output=c.json", *[argument for each in entries for argument in each])


def test_closure_of_different_services(tool):
    """The summary of a closure without clashes has its objects and services."""
    assert closure(tool, entry("//a:myns", "redis"), entry("//b:myns", "server"), entry("//c:myns")) == (0, "")
    assert read("c.json") == {"label": "//svc:myns-deep", "objects": 3, "services": ["redis", "server"], "names": [], "scopes": [], "changed": []}


def test_two_services_of_one_name(tool):
    """Two services with one name in one environment are refused with both labels; in two environments they are not."""
    code, err = closure(tool, entry("//a:myns", "redis"), entry("//b:myns", "redis"))

    assert code == 1
    assert err == (
        "ERROR: //svc:myns-deep: //a:myns and //b:myns are both services named 'redis' in environment myns. "
        "Change the name in one of their service.yaml files.\n"
    )
    assert closure(tool, entry("//a:myns", "redis"), entry("//b:dev", "redis", environment="dev"))[0] == 0


def test_two_targets_with_one_object(tool):
    """Two targets with the same object are refused with both labels."""
    shared = [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "jane"}}]
    code, err = closure(tool, entry("//a:myns", objects=shared), entry("//b:myns", objects=shared))

    assert code == 1 and "//a:myns and //b:myns both hold Secret jane/s. Rename or remove one of them." in err


def test_one_target_uses_anothers_configuration(tool):
    """The new name in a reference to another target's ConfigMap is in the summary; equal base names are refused."""
    shared = hash_names([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s", "namespace": "jane"}, "data": {"a": "1"}}])
    user = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "jane"},
        "spec": {"volumes": [{"configMap": {"name": "s"}}, {"secret": {"secretName": "by-hand"}}]},
    }

    assert closure(tool, entry("//a:myns", objects=shared), entry("//b:myns", objects=[user])) == (0, "")
    assert read("c.json")["names"] == [["ConfigMap", "jane", "s", shared[0]["metadata"]["name"]]]
    assert read("c.json")["changed"] == ["//b:myns"]
    other = hash_names([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s", "namespace": "jane"}, "data": {"a": "2"}}])
    code, err = closure(tool, entry("//a:myns", objects=shared), entry("//b:myns", objects=other))
    assert code == 1 and "//a:myns and //b:myns both hold ConfigMap jane/s. Rename or remove one of them." in err


def test_two_contexts(tool):
    """A closure of targets for two clusters is refused."""
    code, err = closure(tool, entry("//a:myns"), entry("//b:myns", context="production"))

    assert code == 1 and "//a:myns is made for context 'turnup-local' and //b:myns for 'production'" in err


def test_one_volatile_stamp_variable_with_two_values(tool):
    """A closure of targets that were built with two values of a stamp variable is refused with both labels and the cure; equal values are not."""
    first, same, other = (entry(f"//{name}:myns", volatile={"BRANCH": value}) for name, value in (("a", "main"), ("b", "main"), ("c", "topic")))

    assert closure(tool, first, same, entry("//d:myns")) == (0, "")
    code, err = closure(tool, first, same, other)
    assert code == 1
    assert err == (
        "ERROR: //svc:myns-deep: //a:myns was built when the stamp variable BRANCH was 'main', and //c:myns when it was 'topic', so the closure "
        "would be in two places. Print it as STABLE_BRANCH from your --workspace_status_command, and use that name.\n"
    )


def test_labels_of_other_repositories(tool):
    """A label with @ in front is a label and not the name of a file with arguments."""
    assert closure(tool, entry("@other//a:myns", "redis")) == (0, "")
