"""Tests of the build actions, run as Bazel runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.tools import build_tool
from rules.k8s.tools.manifests import OWNER_ANNOTATION

DIGEST = "sha256:" + "d" * 64
LABEL = "//python/server:myns"


@pytest.fixture(name="tool")
def fixture_tool(tmp_path, monkeypatch, capsys):
    """Runs the tool in an empty folder; returns (exit code, what it said)."""
    monkeypatch.chdir(tmp_path)

    def tool(*arguments: str) -> tuple[int, str]:
        code = build_tool.main(list(arguments))
        return code, capsys.readouterr().err

    return tool


def write(name: str, content: Any) -> str:
    """Writes a file, JSON unless it is text; returns its name."""
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content))
    return name


def read(name: str) -> Any:
    """Reads a JSON file."""
    return json.loads(Path(name).read_text())


def workload(image: str, **meta: str) -> dict[str, Any]:
    """Returns a Deployment that runs one image."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "server", **meta},
            "spec": {"template": {"spec": {"initContainers": [{"name": "init", "image": image}], "containers": [{"name": "main", "image": image}]}}}}


def normalize(tool, manifests: Any, *arguments: str, environment: str = "myns", name: str = "m.json") -> tuple[int, str]:
    """Normalizes manifests into out.json."""
    return tool("normalize", "--label", LABEL, "--context=turnup-local", "--namespace=jane", f"--environment={environment}",
                "--output=out.json", *arguments, write(name, manifests))


def test_normalize_fills_namespace_and_owner(tool):
    """Objects get the namespace and the name of their target; a mapping of stems is taken apart in order."""
    code, err = normalize(tool, {"b": workload("app"), "a": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}}, "--image=app")

    assert code == 0, err
    document = read("out.json")
    assert [obj["kind"] for obj in document["objects"]] == ["Deployment", "ConfigMap"]
    for obj in document["objects"]:
        assert obj["metadata"]["namespace"] == "jane"
        assert obj["metadata"]["annotations"] == {OWNER_ANNOTATION: LABEL}
    assert document["context"] == "turnup-local" and document["images"] == {"app": "app"}


def test_normalize_reads_yaml_streams_and_lists(tool):
    """YAML documents, empty ones included, and a List give their objects."""
    text = "---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\n"

    assert normalize(tool, text, name="m.yaml")[0] == 0
    assert [obj["metadata"]["name"] for obj in read("out.json")["objects"]] == ["a", "b"]


@pytest.mark.parametrize(("manifests", "message"), [
    ({"d": workload("python/sever")}, f"{LABEL}: Deployment jane/server, container 'init': nothing provides the image 'python/sever'"),
    ({"d": workload("nginx:1.27")}, "a reference by digest (REPOSITORY@sha256:…)"),
    ({"d": workload("app", namespace="prod")}, "names namespace prod, but it belongs to environment myns (namespace jane); remove metadata.namespace."),
    ({"d": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}}, "lives outside any namespace, so myns would share it"),
    ({"d": {"kind": "Service", "metadata": {"name": "x"}}}, "m.json, field 'd': the object has apiVersion null"),
    ({"d": {"apiVersion": "v1", "kind": "Service", "metadata": {}}}, "m.json, field 'd': the Service has metadata.name null; give it a name."),
    ({"d": 7}, "m.json, field 'd': found 7 where a Kubernetes object should stand"),
    ([], "m.json: holds no Kubernetes object"),
    ('{"a": ', "m.json:1:7: not JSON"),
    ([workload("app"), workload("app")], "Deployment jane/server stands twice in m.json; keep one."),
])
def test_normalize_refuses(tool, manifests, message):
    """Bad manifests end with one sentence that names the place, and no output."""
    code, err = normalize(tool, manifests, "--image=app")

    assert code == 1
    assert message in err and err.startswith("ERROR: ") and err.count("\n") == 1
    assert not Path("out.json").exists()


@pytest.mark.parametrize(("text", "message"), [
    ("kind: [\n", "m.yaml:2:1: not YAML"),
    ("kind: a\nkind: b\n", "m.yaml:2: the key 'kind' stands twice"),
])
def test_normalize_refuses_bad_yaml(tool, text, message):
    """Bad YAML is refused with its line."""
    code, err = normalize(tool, text, name="m.yaml")

    assert code == 1 and message in err


def test_a_namespace_of_another_environment_is_refused(tool):
    """A developer named like an environment is told whose namespace it is and what to set; nothing is written."""
    code, err = normalize(tool, {"d": workload("app")}, "--image=app", "--namespace=dev", "--namespace-owner=dev")

    assert code == 1
    assert "has the namespace 'dev', which belongs to environment dev; set USER" in err
    assert not Path("out.json").exists()


def test_kind_must_be_there(tool):
    """A kind that the template does not hold is refused with those that it does; case does not matter."""
    assert normalize(tool, {"d": workload("app")}, "--image=app", "--kind=deployment")[0] == 0
    code, err = normalize(tool, {"d": workload("app")}, "--image=app", "--kind=service")

    assert code == 1 and "kind is 'service', but the template holds Deployment" in err


def test_stamp_variables(tool):
    """Stamp variables take their values from the workspace status; an unknown one is named."""
    status = write("status.txt", "BUILD_USER jane\nSTABLE_REPO  images\n")
    objects = {"c": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}}

    assert normalize(tool, objects, "--namespace={BUILD_USER}-test", f"--status={status}")[0] == 0
    assert read("out.json")["namespace"] == "jane-test"
    code, err = normalize(tool, objects, "--context={NO_SUCH}", f"--status={status}")
    assert code == 1 and "uses the stamp variable NO_SUCH, which the workspace status does not have" in err


def test_resolve_puts_digests_everywhere(tool):
    """Every container runs the digest; what is published is the key below image_chroot, without tag."""
    normalize(tool, {"d": workload("python/server:dev")}, "--image=python/server:dev")
    code, err = tool("resolve", "--input=out.json", "--output=r.json",
                     "--built", "python/server:dev", "10.0.0.2:31000", write("digest", DIGEST))

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


@pytest.mark.parametrize(("key", "chroot", "name"), [
    ("python/server", "10.0.0.2:31000", "10.0.0.2:31000/python/server"),
    ("gcr.io/team/app:v1", "", "gcr.io/team/app"),
    ("localhost:5000/app", "gcr.io/team/", "gcr.io/team/localhost-5000/app"),
])
def test_publish_name(key, chroot, name):
    """image_chroot is prefixed to the reference without its tag."""
    assert build_tool.publish_name(key, chroot) == name


def entry(label: str, service: str = "", **changes: Any) -> list[str]:
    """Writes the files of one target of a closure; returns its arguments."""
    stem = label.strip("/").replace("/", "_").replace(":", "_")
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": stem, "namespace": "jane"}}
    document = {"label": label, "environment": "myns", "namespace": "jane", "context": "turnup-local", "objects": [obj], **changes}
    write(f"{stem}.json", document)
    return ["--entry", label, f"{stem}.json", write(f"{stem}.service.json", {"name": service, "port": 1}) if service else ""]


def closure(tool, *entries: list[str]) -> tuple[int, str]:
    """Checks a closure."""
    return tool("closure", "--label=//svc:myns-deep", "--output=c.json", *[argument for each in entries for argument in each])


def test_closure_of_different_services(tool):
    """A closure without clashes is summed up."""
    assert closure(tool, entry("//a:myns", "redis"), entry("//b:myns", "server"), entry("//c:myns")) == (0, "")
    assert read("c.json") == {"label": "//svc:myns-deep", "objects": 3, "services": ["redis", "server"]}


def test_two_services_of_one_name(tool):
    """Two services with one name in one environment are refused with both labels; in two environments they are not."""
    code, err = closure(tool, entry("//a:myns", "redis"), entry("//b:myns", "redis"))

    assert code == 1
    assert err == ("ERROR: //svc:myns-deep: //a:myns and //b:myns are both services named 'redis' in environment myns; "
                   "change the name in one of their service.yaml files.\n")
    assert closure(tool, entry("//a:myns", "redis"), entry("//b:dev", "redis", environment="dev"))[0] == 0


def test_two_targets_with_one_object(tool):
    """Two targets that hold the same object are refused with both labels."""
    shared = [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "jane"}}]
    code, err = closure(tool, entry("//a:myns", objects=shared), entry("//b:myns", objects=shared))

    assert code == 1 and "//a:myns and //b:myns both hold Secret jane/s; rename it in one of them." in err


def test_two_contexts(tool):
    """A closure of targets for two clusters is refused."""
    code, err = closure(tool, entry("//a:myns"), entry("//b:myns", context="production"))

    assert code == 1 and "//a:myns is made for context 'turnup-local' and //b:myns for 'production'" in err


def test_service_is_written_as_json(tool):
    """A good service.yaml becomes JSON; a bad one leaves no output."""
    assert tool("service", write("service.yaml", "name: redis\nport: 6379\n"), "service.json")[0] == 0
    assert read("service.json") == {"name": "redis", "port": 6379}
    code, err = tool("service", write("service.yaml", "name: redis\n"), "bad.json")
    assert code == 1 and "service.yaml: has no port" in err and not Path("bad.json").exists()


def test_files_that_are_no_text(tool):
    """A file in another encoding is refused by its name."""
    Path("service.yaml").write_bytes(b"name: caf\xe9\n")

    assert tool("service", "service.yaml", "out.json") == (1, "ERROR: service.yaml: is not UTF-8 text; save it as UTF-8.\n")
    assert not Path("out.json").exists()
