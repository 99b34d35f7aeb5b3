"""Tests of the build actions, run as Bazel runs them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from rules.common import worker
from rules.k8s.tools.build import build_tool, image_names
from rules.k8s.tools.build.fixtures import DIGEST, LABEL, fixture_tool, normalize, read, workload, write  # noqa: F401 (pytest finds the fixture by name)
from rules.k8s.tools.objects.hashed_names import STABLE_ANNOTATION
from rules.k8s.tools.objects.objects import OWNER_ANNOTATION


def test_normalize_fills_namespace_and_owner(tool):
    """Objects get the namespace and the name of their target; a mapping of stems is flattened in order."""
    code, err = normalize(tool, {"b": workload("app"), "a": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}}, "--image=app")

    assert code == 0, err
    document = read("out.json")
    assert [obj["kind"] for obj in document["objects"]] == ["Deployment", "ConfigMap"]
    for obj in document["objects"]:
        assert obj["metadata"]["namespace"] == "jane"
        assert obj["metadata"]["annotations"][OWNER_ANNOTATION] == LABEL
    assert document["context"] == "turnup-local" and document["images"] == {"app": "app"}


def test_normalize_reads_yaml_streams_and_lists(tool):
    """YAML documents, including empty ones, and a List are read as their objects."""
    text = (
        "---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
        "---\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\n"
    )

    assert normalize(tool, text, name="m.yaml")[0] == 0
    assert [obj["metadata"]["annotations"]["turnup/base-name"] for obj in read("out.json")["objects"]] == ["a", "b"]


def test_normalize_reads_lists_of_one_kind(tool):
    """The list of one kind, as an API server returns it, is read as its items with the list's kind.

    An object of a kind like AllowList has a name, and stays.
    """
    items = [{"metadata": {"name": "a"}}, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}}]
    allowed = {"apiVersion": "example.com/v1", "kind": "AllowList", "metadata": {"name": "c"}, "items": ["x"]}

    assert normalize(tool, [{"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": "7"}, "items": items}, allowed])[0] == 0
    assert [(obj["apiVersion"], obj["kind"]) for obj in read("out.json")["objects"]] == [("v1", "ConfigMap"), ("v1", "Secret"), ("example.com/v1", "AllowList")]


@pytest.mark.parametrize(
    ("manifests", "message"),
    [
        ({"d": {"apiVersion": "v1", "kind": "ConfigMapList", "items": [{"metadata": {}}]}}, "field 'd', item 1: metadata.name of the ConfigMap is null."),
        ({"d": {"apiVersion": "v1", "kind": "List", "items": {"a": 1}}}, "field 'd': metadata.name of the List is null. Give the object a name."),
        ({"d": workload("python/sever")}, f"{LABEL}: Deployment jane/server, container 'init': nothing provides the image 'python/sever'"),
        (
            {"d": workload("nginx:1.27")},
            "Use one of the images of this target (app) or a reference with a digest (REPOSITORY@sha256:…), or lock tags with image_lock.",
        ),
        ({"d": workload("app", namespace="prod")}, "names namespace prod, but it belongs to environment myns (namespace jane). Remove metadata.namespace."),
        (
            {"d": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}},
            "Namespace x is cluster-scoped, so myns would share it with every other environment.",
        ),
        ({"d": {"kind": "Service", "metadata": {"name": "x"}}}, "m.json, field 'd': apiVersion is null. Write a non-empty string"),
        ({"d": {"apiVersion": "v1", "kind": "Service", "metadata": {}}}, "m.json, field 'd': metadata.name of the Service is null. Give the object a name."),
        ({"d": 7}, "m.json, field 'd': found 7, which is not a Kubernetes object."),
        ([], "m.json contains no Kubernetes object"),
        ('{"a": ', "m.json:1:7: the text is not JSON"),
        ([workload("app"), workload("app")], "Deployment jane/server appears twice in m.json. Keep one."),
    ],
)
def test_normalize_refuses(tool, manifests, message):
    """Bad manifests fail with one sentence that names the place, and without output."""
    code, err = normalize(tool, manifests, "--image=app")

    assert code == 1
    assert message in err and err.startswith("ERROR: ") and err.count("\n") == 1
    assert not Path("out.json").exists()


@pytest.mark.parametrize(
    "digest", ["sha256:" + "a" * 63, "sha256:" + "a" * 65, "sha256:" + "A" * 64, "sha256:" + "a" * 64 + "\n", "sha512:" + "a" * 128, "sha256:"]
)
def test_normalize_refuses_a_malformed_digest(tool, digest):
    """A malformed digest fails the build with one sentence that names the problem."""
    code, err = normalize(tool, {"d": workload(f"registry.example.com/app@{digest}")})

    assert code == 1 and err.count("\n") == 1
    assert "container 'init': the image 'registry.example.com/app@" in err
    assert "has no valid digest. Write REPOSITORY@sha256: and exactly 64 digits of 0-9 and a-f." in err
    assert not Path("out.json").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: [\n", "m.yaml:2:1: the text is not YAML"),
        ("kind: a\nkind: b\n", "m.yaml:2: the key 'kind' appears twice"),
        ("kind: !!binary aGVsbG8=\n", "m.yaml:1:7: the value has the tag !!binary, which JSON cannot express. Write it as text."),
        ("kind: .nan\n", "m.yaml:1:7: the value is .nan, which JSON cannot express. Write it as text."),
        ("kind: &a [*a]\n", "m.yaml:1:11: the alias 'a' is part of what it stands for, which JSON cannot express. Replace the alias by its value."),
        ("kind: " + "[" * 3000 + "]" * 3000, "m.yaml: is nested more than 200 levels deep"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: " + "{a: " * 300 + "1" + "}" * 300, "m.yaml: is nested more than 200 levels deep"),
    ],
)
def test_normalize_refuses_bad_yaml(tool, text, message):
    """Bad YAML is refused with the line."""
    code, err = normalize(tool, text, name="m.yaml")

    assert code == 1 and message in err


def test_dates_and_equals_signs_are_text(tool):
    """Values of YAML types that JSON does not have are read as texts, as in kubectl."""
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {day: 2024-01-01, time: 2024-01-01T10:00:00Z, sign: =}}"

    assert normalize(tool, text, name="m.yaml")[0] == 0
    assert read("out.json")["objects"][0]["data"] == {"day": "2024-01-01", "time": "2024-01-01T10:00:00Z", "sign": "="}


def test_a_namespace_of_another_environment_is_refused(tool):
    """If $USER is the name of an environment, the error names the environment and the variable to set; nothing is written."""
    code, err = normalize(tool, {"d": workload("app")}, "--image=app", "--namespace=dev", "--namespace-owner=dev")

    assert code == 1
    assert "has the namespace 'dev', which belongs to environment dev. Set USER" in err
    assert not Path("out.json").exists()


@pytest.mark.parametrize(
    ("manifests", "message"),
    [
        ({"d": 7}, "svc/x.jsonnet (rendered as m.json), field 'd': found 7, which is not a Kubernetes object."),
        (
            {"d": {"apiVersion": "v1", "kind": "Service", "metadata": {}}},
            "svc/x.jsonnet (rendered as m.json), field 'd': metadata.name of the Service is null.",
        ),
        ("[", "svc/x.jsonnet (rendered as m.json):1:2: the text is not JSON"),
        ([], "svc/x.jsonnet (rendered as m.json) contains no Kubernetes object"),
        ({"d": workload("nginx:1")}, f"{LABEL} (svc/x.jsonnet): Deployment jane/server, container 'init': nothing provides the image"),
        ({"d": workload("app", namespace="prod")}, f"{LABEL} (svc/x.jsonnet): Deployment server names namespace prod"),
        ([workload("app"), workload("app")], f"{LABEL} (svc/x.jsonnet): Deployment jane/server appears twice in svc/x.jsonnet. Keep one."),
        (
            {"d": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "annotations": {"turnup/stable-name": "no"}}}},
            f"{LABEL} (svc/x.jsonnet): ConfigMap jane/c: the annotation turnup/stable-name",
        ),
    ],
)
def test_errors_name_what_was_written(tool, manifests, message):
    """An error in rendered manifests names the source file."""
    code, err = normalize(tool, manifests, "--image=app", "--source=svc/x.jsonnet")

    assert code == 1 and message in err and err.count("\n") == 1


def test_a_target_can_keep_all_names(tool):
    """ConfigMaps have content-hashed names unless the target has stable_names."""
    objects = {"c": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}}

    assert normalize(tool, objects)[0] == 0
    assert read("out.json")["objects"][0]["metadata"]["name"].startswith("c-")
    assert normalize(tool, objects, "--stable-names")[0] == 0
    assert read("out.json")["objects"][0]["metadata"]["name"] == "c" and "immutable" not in read("out.json")["objects"][0]


def test_service_accounts_of_a_role_binding(tool):
    """A ServiceAccount without a namespace gets the environment's; one with a namespace and other subjects stay."""
    binding: dict[str, Any] = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "b"},
        "subjects": [
            {"kind": "ServiceAccount", "name": "mine"},
            {"kind": "ServiceAccount", "name": "theirs", "namespace": "monitoring"},
            {"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"},
        ],
    }
    assert normalize(tool, [binding])[0] == 0

    mine, theirs, user = read("out.json")["objects"][0]["subjects"]
    assert mine["namespace"] == "jane"
    assert [theirs, user] == binding["subjects"][1:]


@pytest.mark.parametrize("key", ["port", "containerPort", "nodePort"])
def test_an_octal_port_in_a_template(tool, key):
    """A port that YAML reads in base 8 is refused with the line; a file mode in base 8 is not."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nspec:\n  mode: 0644\n"
    assert normalize(tool, text, name="m.yaml")[0] == 0
    code, err = normalize(tool, f"{text}  {key}: 08080\n  other: {{{key}: 07070}}\n", name="m.yaml")

    assert code == 1 and f"m.yaml:7: {key} is 07070, which YAML reads in base 8. Write 7070." in err


def test_resolve_puts_digests_everywhere(tool):
    """Every container runs the digest; the image is published below image_chroot, without tag."""
    normalize(tool, {"d": workload("python/server:dev")}, "--image=python/server:dev")
    code, err = tool(
        "resolve", "--input=out.json", "--output=r.json", "--built=" + json.dumps(["python/server:dev", "10.0.0.2:31000", write("digest", DIGEST)])
    )

    assert code == 0, err
    reference = f"10.0.0.2:31000/python/server@{DIGEST}"
    spec = read("r.json")["objects"][0]["spec"]["template"]["spec"]
    assert [container["image"] for container in spec["containers"] + spec["initContainers"]] == [reference, reference]
    assert read("r.json")["references"] == {"python/server:dev": reference}


def test_resolve_leaves_pins(tool):
    """A pinned environment runs its pin; an image without a pin is listed as missing and keeps its name."""
    normalize(tool, {"d": workload("python/server")}, "--image=python/server", environment="dev")
    arguments = ["resolve", "--input=out.json", "--output=r.json", "--environments=prod,dev", "--pin", "python/server", "server"]
    pin = f"10.0.0.2:31000/python/server@{DIGEST}"

    assert tool(*arguments, "--pins", write("pins.yaml", f"dev:\n  server: {pin}\n"))[0] == 0
    assert read("r.json")["references"] == {"python/server": pin} and read("r.json")["missing_pins"] == []
    for more in ([], ["--pins", write("pins.yaml", f"prod:\n  server: {pin}\n")]):
        assert tool(*arguments, *more)[0] == 0
        assert read("r.json")["missing_pins"] == ["server"] and read("r.json")["references"] == {}
    code, err = tool(*arguments, "--pins", write("pins.yaml", "dev:\n  server: latest\n"))
    assert code == 1 and "pins.yaml: dev.server is 'latest'" in err


@pytest.mark.parametrize(
    ("key", "chroot", "name"),
    [
        ("python/server", "10.0.0.2:31000", "10.0.0.2:31000/python/server"),
        ("localhost:5000/app", "gcr.io/team/", "gcr.io/team/localhost-5000/app"),
        ("gcr.io/team/app:v1", "gcr.io/team", "gcr.io/team/app"),
        ("gcr.io/teamwork/app", "gcr.io/team", "gcr.io/team/gcr.io/teamwork/app"),
        ("app:v1", "", "10.0.0.2:31000/app"),
        ("app:v1", "team", "10.0.0.2:31000/team/app"),
        ("10.0.0.2:31000/app:v1", "", "10.0.0.2:31000/app"),
        ("localhost:5000/app:v1", "", "localhost:5000/app"),
        ("192.168.0.1/app:v1", "", "192.168.0.1/app"),
    ],
)
def test_publish_name(key, chroot, name):
    """image_chroot is prefixed to the reference without its tag, unless it is below it; a name without a registry gets the workspace's."""
    assert image_names.publish_name(key, chroot, "10.0.0.2:31000", LABEL) == name


@pytest.mark.parametrize("key", ["quay.io/vendor/app:v1", "docker.io/library/nginx:1", "registry.k8s.io:443/pause"])
def test_nothing_is_pushed_to_a_registry_that_only_manifests_name(tool, key):
    """Without image_chroot, an image under a vendor's name fails the build with one sentence that names the registry and the attribute."""
    normalize(tool, {"d": workload(key)}, f"--image={key}")
    built = "--built=" + json.dumps([key, "", write("digest", DIGEST)])
    code, err = tool("resolve", "--input=out.json", "--output=r.json", "--registry=10.0.0.2:31000", built)

    registry = key.partition("/")[0]
    assert code == 1 and err.count("\n") == 1 and not Path("r.json").exists()
    assert f"{LABEL}: images: {key!r} would be pushed to {registry}, which only the manifests name. Set image_chroot to" in err


def test_an_object_that_names_default_and_one_that_names_no_namespace(tool):
    """They are the same object, which is refused in one target and across targets without a cluster."""
    named, unnamed = ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta} for meta in ({"name": "s", "namespace": "default"}, {"name": "s"}))

    code, err = normalize(tool, [named, unnamed], "--namespace=", environment="")
    assert code == 1 and f"{LABEL}: ConfigMap default/s appears twice in m.json. Keep one." in err
    for name, manifest in (("a.json", named), ("b.json", unnamed)):
        assert normalize(tool, [manifest], "--namespace=", f"--label=//{name[0]}:x", f"--output={name}.out", environment="", name=name)[0] == 0
    code, err = tool("closure", "--label=//svc:x", "--output=c.json", *(f'--entry=["//{name}:x", "{name}.json.out", ""]' for name in "ab"))
    assert code == 1 and "//svc:x: //a:x and //b:x both hold ConfigMap default/s. Rename or remove one of them." in err


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a%2Fb"])
def test_a_name_that_cannot_be_in_a_path_fails_the_build(tool, name):
    """The target and the name are in the error, and nothing is written."""
    code, err = normalize(tool, {"a": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": {STABLE_ANNOTATION: "true"}}}})

    assert code == 1 and err.startswith(f"ERROR: {LABEL}: ConfigMap {name!r} is not a valid name of an object. Use a name without '/' and '%'")
    assert not Path("out.json").exists()


def test_one_worker_does_one_verb_after_another(tool):
    """A worker answers each request with exit code and error, and continues after bad input and wrong usage."""
    good = ["service", write("service.yaml", "name: redis\nport: 6379\n"), "service.json"]
    requests = [good, ["service", write("bad.yaml", "name: redis\n"), "bad.json"], ["no-such-verb"], good]
    stream = "".join(json.dumps({"arguments": arguments, "requestId": number}) for number, arguments in enumerate(requests))
    responses = io.BytesIO()

    assert worker.serve(build_tool.run, io.BytesIO(stream.encode()), responses, "k8s_build") == 0

    answers = [json.loads(line) for line in responses.getvalue().splitlines()]
    assert [(answer["requestId"], answer["exitCode"]) for answer in answers] == [(0, 0), (1, 1), (2, 2), (3, 0)]
    assert "bad.yaml: port is missing. Add a line" in answers[1]["output"] and "invalid choice" in answers[2]["output"]
    assert answers[0]["output"] == answers[3]["output"] == ""
    assert read("service.json") == {"name": "redis", "port": 6379} and not Path("bad.json").exists()


def test_a_broken_stream_ends_the_worker(capsys):
    """Requests that are not JSON end the worker with one sentence."""
    assert worker.serve(build_tool.run, io.BytesIO(b"not json"), io.BytesIO(), "k8s_build") == 1
    assert capsys.readouterr().err.startswith("ERROR: k8s_build worker: ")


def test_service_is_written_as_json(tool):
    """A valid service.yaml becomes JSON; an invalid one leaves no output."""
    assert tool("service", write("service.yaml", "name: redis\nport: 6379\n"), "service.json")[0] == 0
    assert read("service.json") == {"name": "redis", "port": 6379}
    code, err = tool("service", write("service.yaml", "name: redis\n"), "bad.json")
    assert code == 1 and "service.yaml: port is missing. Add a line" in err and not Path("bad.json").exists()


def test_files_that_are_not_text(tool):
    """A file in another encoding is refused with its name."""
    Path("service.yaml").write_bytes(b"name: caf\xe9\n")

    assert tool("service", "service.yaml", "out.json") == (1, "ERROR: service.yaml is not UTF-8 text. Save it as UTF-8.\n")
    assert not Path("out.json").exists()
