"""Tests of the notes about texts that do not follow a content-hashed name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules.k8s.tools.build.fixtures import fixture_tool, read, write  # noqa: F401 (pytest finds the fixture by name)
from rules.k8s.tools.build.unfollowed import MOST_NOTES, find_unfollowed, find_unreferenced
from rules.k8s.tools.objects.hashed_names import hash_names

SECRET: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "basic-auth", "namespace": "dev"}, "data": {"a": "YQ=="}}


def obj(kind: str, api: str = "example.com/v1", name: str = "x", *, scoped: bool = True, **fields: Any) -> dict[str, Any]:
    """Returns an object in the Secret's namespace; fields named metadata are added to its own."""
    meta = {"name": name, **({"namespace": "dev"} if scoped else {}), **fields.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": meta, **fields}


def find(*objects: dict[str, Any]) -> list[str]:
    """Returns the notes about objects in one target with the Secret."""
    return find_unfollowed([("//a:b", each) for each in hash_names([SECRET, *objects])], "//a:b", across=False)


def pod(container: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Returns a Deployment of one container."""
    return obj("Deployment", "apps/v1", spec={"template": {"spec": {"containers": [{"name": "main", **container}], **spec}}})


@pytest.mark.parametrize(
    ("user", "path", "annotation"),
    [
        (
            obj("ServiceMonitor", spec={"endpoints": [{"basicAuth": {"username": {"name": "basic-auth", "key": "u"}}}]}),
            "spec.endpoints[0].basicAuth.username.name",
            "Secret=spec.endpoints[].basicAuth.username.name",
        ),
        (obj("Cluster", spec={"superuserSecret": {"name": "basic-auth"}}), "spec.superuserSecret.name", "Secret=spec.superuserSecret.name"),
        (obj("Cluster", spec={"a.b": "dev/basic-auth"}), "spec[a.b]", "Secret=spec[a.b]"),
        (
            obj("Service", "v1", metadata={"annotations": {"example.com/cert": "basic-auth"}}),
            "metadata.annotations[example.com/cert]",
            "Secret=metadata.annotations[example.com/cert]",
        ),
        (
            pod({"env": [{"name": "A", "value": "basic-auth"}]}),
            "spec.template.spec.containers[0].env[0].value",
            "Secret=spec.template.spec.containers[].env[].value",
        ),
        (pod({"args": ["--x", "--secret=dev/basic-auth"]}), "spec.template.spec.containers[0].args[1]", ""),
        (
            obj("ClusterRole", "rbac.authorization.k8s.io/v1", scoped=False, rules=[{"resources": ["secrets"], "resourceNames": ["basic-auth"]}]),
            "rules[0].resourceNames[0]",
            "",
        ),
    ],
)
def test_a_text_that_does_not_follow_is_told(user, path, annotation):
    """The note has the place, both names and what to write; the advice works."""
    (note,) = find(user)
    name = hash_names([SECRET])[0]["metadata"]["name"]

    assert note.startswith(f"NOTE: //a:b: {user['kind']} ") and f": {path} has the name basic-auth, and the Secret basic-auth is applied as {name}. " in note
    assert note.endswith('annotate the Secret with turnup/stable-name: "true".')
    assert (f"turnup/references: {annotation}, or" in note) == bool(annotation) and ("turnup/references" in note) == bool(annotation)
    if annotation:
        user["metadata"]["annotations"] = {**user["metadata"].get("annotations", {}), "turnup/references": annotation}
        assert find(user) == [] and name in repr(hash_names([SECRET, user])[1])


@pytest.mark.parametrize(
    "user",
    [
        pod({"envFrom": [{"secretRef": {"name": "basic-auth"}}]}, volumes=[{"name": "basic-auth", "secret": {"secretName": "basic-auth"}}]),
        pod({"volumeMounts": [{"name": "basic-auth", "mountPath": "/basic-auth", "subPath": "basic-auth"}]}),
        obj("Cluster", spec={"a": "basic-auth-2", "b": "other/basic-auth/x", "selector": {"app": "basic-auth"}}),
        obj("Cluster", spec={"a": "basic-auth"}, metadata={"namespace": "prod"}),
        obj("Cluster", spec={"a": "prod/basic-auth", "b": "/etc/basic-auth", "c": "--config=/etc/basic-auth"}),
        obj("Cluster", metadata={"labels": {"app": "basic-auth"}}, spec={"app": "basic-auth"}),
        obj("Cluster", name="basic-auth", spec={"app": "basic-auth"}),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "dev"}, "data": {"a": "basic-auth"}},
    ],
)
def test_other_texts_are_not_told(user):
    """References that follow, names of other things, and the name of another namespace's object are no notes."""
    assert find(user) == []


def test_a_common_name_is_told_where_the_field_means_configuration():
    """A name that other objects have, too, is told only in fields named like configuration."""
    (note,) = find(obj("Cluster", name="basic-auth", spec={"app": "basic-auth", "adminSecret": "basic-auth"}))

    assert "spec.adminSecret has the name basic-auth" in note


@pytest.mark.parametrize(("resources", "told"), [(["secrets"], True), (["*"], True), (["pods", "secrets"], True), (["pods"], False)])
@pytest.mark.parametrize("scoped", [False, True])
def test_names_in_rules(resources, told, scoped):
    """A ClusterRole's name of a Secret is told even if other objects have it; a Role's follows, and other resources have other names."""
    rule = {"apiGroups": [""], "resources": resources, "resourceNames": ["basic-auth"], "verbs": ["get"]}
    role = obj("Role" if scoped else "ClusterRole", "rbac.authorization.k8s.io/v1", "basic-auth", scoped=scoped, rules=[rule])

    assert len(find(role, obj("Service", "v1", "basic-auth"))) == (told and not scoped)


def test_many_notes_are_counted():
    """Of many notes, the first ones and the number of the others are printed."""
    notes = find(obj("Cluster", spec={"list": ["basic-auth"] * (MOST_NOTES + 3)}))

    assert len(notes) == MOST_NOTES + 1 and notes[-1] == "NOTE: //a:b: 3 more texts like these."


def test_the_build_prints_notes(tool):
    """The build of a target tells about its own objects, that of a closure about references across targets; both succeed."""
    user = obj("Cluster", spec={"superuserSecret": "basic-auth"})
    arguments = ("normalize", "--label=//a:b", "--namespace=dev", "--output=out.json")
    code, err = tool(*arguments, write("both.json", [SECRET, user]))
    assert code == 0 and err.startswith("NOTE: //a:b: Cluster dev/x: spec.superuserSecret has the name basic-auth") and err.count("\n") == 1
    assert len(read("out.json")["objects"]) == 2

    entries = []
    for label, each in (("//a:secret", SECRET), ("//a:user", user)):
        assert tool("normalize", f"--label={label}", "--namespace=dev", f"--output={label[4:]}.json", write("one.json", each)) == (0, "")
        entries.append("--entry=" + json.dumps([label, f"{label[4:]}.json", ""]))
    code, err = tool("closure", "--label=//a:all", "--output=c.json", *entries)
    assert code == 0 and err.startswith("NOTE: //a:all: Cluster dev/x: spec.superuserSecret has") and err.count("\n") == 1


def unreferenced(*objects: dict[str, Any], label: str = "//a:b") -> list[str]:
    """Returns the notes about a closure of a target with the Secret, and another target."""
    return find_unreferenced([*(("//a:b", each) for each in hash_names([SECRET, pod({})])), *((label, each) for each in objects)], "//a:deep")


def test_an_object_that_nothing_refers_to_is_told():
    """The note names target, object and name on the cluster, and what to write; a Role is not a user."""
    name = hash_names([SECRET])[0]["metadata"]["name"]
    role = obj("Role", "rbac.authorization.k8s.io/v1", rules=[{"resources": ["secrets"], "resourceNames": [name], "verbs": ["get"]}])

    for others in ((), (role,)):
        (note,) = unreferenced(*others)
        assert note.startswith(
            f"NOTE: //a:deep: no object here refers to the Secret basic-auth of //a:b, applied as {name}, so a change of it restarts no pod. "
        )
        assert 'turnup/stable-name: "true"' in note


@pytest.mark.parametrize("label", ["//a:b", "//c:d"])
def test_an_object_with_a_user_is_not_told(label):
    """A reference from any target of the closure is enough."""
    name = hash_names([SECRET])[0]["metadata"]["name"]
    assert unreferenced(pod({"envFrom": [{"secretRef": {"name": name}}]}), label=label) == []


def test_configuration_for_others_is_not_told():
    """Nothing is said of a target with configuration only, of stable names, and of what the other note is about."""
    assert find_unreferenced([("//a:b", each) for each in hash_names([SECRET])], "//a:b") == []
    stable = {**SECRET, "metadata": {**SECRET["metadata"], "annotations": {"turnup/stable-name": "true"}}}
    assert find_unreferenced([("//a:b", each) for each in hash_names([stable, pod({})])], "//a:b") == []
    assert unreferenced(obj("Cluster", spec={"superuserSecret": {"name": "basic-auth"}})) == []
