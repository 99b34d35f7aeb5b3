"""Tests of what manifests may hold: objects that are switched off, images of volumes, and the values of Secrets and ConfigMaps."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.tools.build.fixtures import fixture_tool, read, write  # noqa: F401 (pytest finds the fixture by name)

DIGEST = "sha256:" + "d" * 64


def config(name: str, kind: str = "ConfigMap", **fields: Any) -> dict[str, Any]:
    """Returns a ConfigMap or Secret."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **fields}


def normalize(tool, manifests: Any, *arguments: str, name: str = "m.json") -> tuple[int, str]:
    """Normalizes manifests into out.json."""
    return tool("normalize", "--label=//a:b", "--namespace=jane", "--output=out.json", *arguments, write(name, manifests))


def names() -> list[str]:
    """Returns the names in the manifest of the objects in out.json."""
    return [obj["metadata"]["annotations"].get("turnup/base-name", obj["metadata"]["name"]) for obj in read("out.json")["objects"]]


@pytest.mark.parametrize(
    "off", [None, {}, [], [None, {}], {"deeper": None}, {"a": {"b": [{}, None]}}, {"apiVersion": "v1", "kind": "List", "items": [None, {}]}]
)
def test_objects_that_are_switched_off(tool, off):
    """null and {} in a mapping, a list or the items of a List stand for no object, at any depth."""
    manifests = {"a": config("a"), "off": off, "list": [config("b"), off], "items": {"apiVersion": "v1", "kind": "ConfigMapList", "items": [off, config("c")]}}

    if isinstance(off, dict) and off:  # An item of a ConfigMapList cannot be a mapping of objects.
        del manifests["items"]
    code, err = normalize(tool, manifests)
    assert code == 0, err
    assert names() == (["a", "b", "c"] if "items" in manifests else ["a", "b"])


@pytest.mark.parametrize("nothing", [None, {}, [], {"a": None, "b": [{}]}])
def test_a_target_of_no_object_is_refused(tool, nothing):
    """A target with all of its objects switched off is refused with one sentence."""
    assert normalize(tool, nothing) == (1, "ERROR: m.json contains no Kubernetes object. Write at least one.\n")


@pytest.mark.parametrize("wrong", [False, 0, ""])
def test_other_empty_values_are_not_objects(tool, wrong):
    """Only null and {} switch an object off; other values that Jsonnet gives by mistake are refused."""
    code, err = normalize(tool, {"a": config("a"), "b": wrong})

    assert code == 1 and "m.json, field 'b': found " in err


def pod(reference: Any, image: str = "app") -> dict[str, Any]:
    """Returns a Deployment with an image as a volume."""
    volumes = [{"name": "model", "image": {"reference": reference, "pullPolicy": "Always"}}, {"name": "tmp", "emptyDir": {}}]
    spec = {"containers": [{"name": "main", "image": image}], "volumes": volumes}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "server"}, "spec": {"template": {"spec": spec}}}


def test_an_image_volume_is_an_image(tool):
    """A volume's image is one of the target's images: it counts as used, which pushes it, and is replaced by its digest."""
    assert normalize(tool, pod("model"), "--image=app", "--image=model", "--image=unused")[0] == 0
    assert set(read("out.json")["images"]) == {"app", "model"}
    write("digest", DIGEST)
    assert tool("resolve", "--input=out.json", "--output=resolved.json", '--built=["model", "registry.example.com/team", "digest"]')[0] == 0

    (volume, _) = read("resolved.json")["objects"][0]["spec"]["template"]["spec"]["volumes"]
    assert volume["image"] == {"reference": f"registry.example.com/team/model@{DIGEST}", "pullPolicy": "Always"}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("model:1", "Deployment jane/server, volume 'model': nothing provides the image 'model:1'. Use one of the images of this target (app)"),
        ("model@sha256:12", "Deployment jane/server, volume 'model': the image 'model@sha256:12' has no valid digest."),
    ],
)
def test_an_image_volume_needs_a_digest(tool, reference, message):
    """A volume's image without a digest is refused, as a container's is."""
    code, err = normalize(tool, pod(reference), "--image=app")

    assert code == 1 and message in err
    assert normalize(tool, pod(f"model@{DIGEST}"), "--image=app") == (0, "")


TAGGED = {"a": pod("example.com/model:2", "nginx:1.27"), "b": config("b")}
UPDATE = "//a:b.update_images"
HEAD = f"# Images by tag: reference, digest. Update with: bazel run {UPDATE}\n"


def resolve_tagged(tool, *lock: str) -> tuple[int, str, list[str]]:
    """Normalizes and resolves manifests with two images by tag; returns exit code, stderr and the images that would be sent."""
    assert normalize(tool, TAGGED, "--by-tag") == (0, "")
    code, err = tool("resolve", "--input=out.json", "--output=resolved.json", *lock)
    if code:
        return code, err, []
    spec = read("resolved.json")["objects"][0]["spec"]["template"]["spec"]
    return code, err, [spec["containers"][0]["image"], spec["volumes"][0]["image"]["reference"]]


def test_images_by_tag_stay_as_they_are(tool):
    """With other_images = "as-is" references by tag are sent as the manifests have them, and malformed digests are still refused."""
    assert resolve_tagged(tool) == (0, "", ["nginx:1.27", "example.com/model:2"])
    assert read("resolved.json")["references"] == {}
    assert normalize(tool, pod("model@sha256:12"), "--by-tag")[0] == 1


def test_images_by_tag_get_their_locked_digests(tool):
    """With image_lock each reference by tag keeps its tag and gets the digest of the lock; other lines of the lock do not matter."""
    lock = write("images.lock", f"{HEAD}\nexample.com/model:2 {DIGEST}\nnginx:1.27 {DIGEST}\nunused:1 {DIGEST}\n")

    assert resolve_tagged(tool, "--lock", lock, "--lock-update", UPDATE) == (0, "", [f"nginx:1.27@{DIGEST}", f"example.com/model:2@{DIGEST}"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"//a:b: Deployment jane/server, container 'main': the image 'nginx:1.27' is not in images.lock. Lock it with 'bazel run {UPDATE}'."),
        ("nginx:1.27\n", f"images.lock:1: 'nginx:1.27' is not 'REFERENCE sha256:DIGEST'. Remove the line and run 'bazel run {UPDATE}'."),
        (f"{HEAD}<<<<<<< HEAD\n", "images.lock:2: '<<<<<<< HEAD' is not 'REFERENCE sha256:DIGEST'."),
        (f"nginx:1.27 {DIGEST}\n" * 2, "images.lock:2: nginx:1.27 appears twice."),
        (HEAD.replace("//a:b", "//c:d"), f"images.lock:1: //c:d.update_images writes this lock, not {UPDATE}. Give each target a lock"),
    ],
)
def test_a_lock_that_does_not_fit_is_refused(tool, text, message):
    """A lock that lacks an image, is damaged or is another target's ends the build with one sentence that names the command to run."""
    code, err, _ = resolve_tagged(tool, "--lock", write("images.lock", text), "--lock-update", UPDATE)

    assert code == 1 and message in err and err.count("\n") == 1


@pytest.mark.parametrize("extra", [{}, {"immutable": False}, {"type": "kubernetes.io/service-account-token"}])
@pytest.mark.parametrize("field", ["data", "stringData"])
@pytest.mark.parametrize("value", [867530912345, 8675309.12345, True, ["867530912345"], {"pin": "867530912345"}])
def test_values_of_secrets_are_texts(tool, field, value, extra):
    """A Secret's value that is not text is refused at the build without the value, which the API server's answer and log would quote."""
    code, err = normalize(tool, config("n", "Secret", **{field: {"user": "YQ==", "pin": value}}, **extra))

    assert code == 1 and f"//a:b: Secret jane/n: {field}.pin is a " in err and err.endswith(". Write it in quotes.\n")
    assert "8675309" not in err and "rue" not in err


@pytest.mark.parametrize("data", ["pin=867530912345", ["867530912345"], 867530912345])
def test_the_data_of_a_secret_is_a_mapping(tool, data):
    """Data of a Secret that is not a mapping is refused without the data, also where the name has no hash."""
    for field in ("data", "stringData"):
        code, err = normalize(tool, config("n", "Secret", immutable=False, **{field: data}))
        assert code == 1 and f"//a:b: Secret jane/n: {field} is a " in err and "Write a mapping of keys to texts." in err
        assert "8675309" not in err


def test_values_of_config_maps_are_texts(tool):
    """An unquoted number in a ConfigMap is refused at the build, with the key."""
    code, err = normalize(tool, "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {time: 22:30, port: 8080}}", name="m.yaml")

    assert (code, err) == (1, "ERROR: //a:b: ConfigMap jane/c: data.port is a number, which is not text. Write it in quotes.\n")


def test_null_is_no_value(tool):
    """null as data or as a value is fine, as it is for the API server."""
    assert normalize(tool, [config("a", "Secret", data=None, stringData={"a": None}), config("b", data={"a": None}, binaryData=None)]) == (0, "")
