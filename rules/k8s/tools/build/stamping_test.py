"""Tests of stamp variables, substitutions and the keys of images in the build actions, which mean what they mean in rules_k8s."""

from __future__ import annotations

import json

import pytest

from rules.k8s.tools.build.fixtures import DIGEST, LABEL, fixture_tool, normalize, read, workload, write  # noqa: F401 (pytest finds the fixture by name)


def test_stamp_variables(tool):
    """Stamp variables have the values of the workspace status; the error names an unknown one."""
    status = write("status.txt", "BUILD_USER jane\nSTABLE_REPO  images\n")
    objects = {"c": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}}

    assert normalize(tool, objects, "--namespace={BUILD_USER}-test", f"--status={status}") == (0, "")
    assert read("out.json")["namespace"] == "jane-test" and read("out.json")["volatile"] == {}
    code, err = normalize(tool, objects, "--context={NO_SUCH}", f"--status={status}")
    assert code == 1 and f"{LABEL}: context: the workspace status has no NO_SUCH (it has: BUILD_USER, STABLE_REPO). Print it" in err


def test_a_volatile_stamp_variable_in_a_place(tool):
    """A note says that Bazel does not watch the variable, and the value is kept for the check of closures; in other attributes it is neither."""
    status = write("status.txt", "STABLE_A a\nBRANCH topic\n")
    objects = {"c": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "%{branch}"}}}

    substitution = "--substitutions=" + write("s.json", [["%{branch}", "{BRANCH}"]])
    assert normalize(tool, objects, "--namespace={STABLE_A}", substitution, f"--status={status}") == (0, "")
    assert read("out.json")["volatile"] == {}
    code, err = normalize(tool, objects, "--namespace=x-{BRANCH}", f"--status={status}")
    assert code == 0 and (read("out.json")["namespace"], read("out.json")["volatile"]) == ("x-topic", {"BRANCH": "topic"})
    assert err == (
        f"NOTE: {LABEL}: namespace has the stamp variable BRANCH. Bazel does not build the target again when its value changes, so the target "
        "may keep an old namespace. Print it as STABLE_BRANCH from your --workspace_status_command, and use that name.\n"
    )


def test_substitutions(tool):
    """Substitutions replace texts anywhere in the template, before it is read; their stamp variables have values and other braces stay."""
    status = write("status.txt", "STABLE_A the value\n")
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n%{data}\n"
    data = "data:\n  a: {STABLE_A}\n  b: '{\"ü\": {}}'"

    assert normalize(tool, text, "--substitutions=" + write("s.json", [["%{data}", data]]), f"--status={status}", name="m.yaml") == (0, "")
    assert read("out.json")["objects"][0]["data"] == {"a": "the value", "b": '{"ü": {}}'}
    code, err = normalize(tool, text, "--substitutions=" + write("s.json", [["%{data}", "{STABLE_B}"]]), f"--status={status}", name="m.yaml")
    assert code == 1 and f"{LABEL}: substitutions: the workspace status has no STABLE_B (it has: STABLE_A)." in err
    code, err = normalize(tool, text, "--substitutions=" + write("s.json", [["%{data}", "data: {"]]), name="m.yaml")
    assert code == 1 and "m.yaml:5:1: the text is not YAML" in err


@pytest.mark.parametrize("written", ["r/{REPOSITORY}:{STABLE_COMMIT}", "r/shop:0123"])
def test_a_stamped_key_of_images_stands_for_both_texts(tool, written):
    """The key itself and the text with values are the image, which is published under the name with values, without tag."""
    status = write("status.txt", "STABLE_COMMIT 0123\nREPOSITORY shop\n")
    key = "r/{REPOSITORY}:{STABLE_COMMIT}"
    assert normalize(tool, {"d": workload(written)}, f"--image={key}", f"--status={status}") == (0, "")
    assert read("out.json")["images"] == {key: "r/shop:0123"}
    built = json.dumps([key, "10.0.0.2:31000/{STABLE_COMMIT}", write("digest", DIGEST)])
    assert tool("resolve", "--input=out.json", "--output=r.json", f"--built={built}", f"--status={status}") == (0, "")

    reference = f"10.0.0.2:31000/0123/r/shop@{DIGEST}"
    assert read("r.json")["objects"][0]["spec"]["template"]["spec"]["containers"][0]["image"] == reference
    assert read("r.json")["references"] == {key: reference}
    code, err = tool("resolve", "--input=out.json", "--output=r.json", f"--built={built}", "--status=" + write("old.txt", "A 1\n"))
    assert code == 1 and f"{LABEL}: image_chroot: the workspace status has no STABLE_COMMIT (it has: A)." in err


def test_an_image_in_any_field(tool):
    """A key with a tag is replaced in custom resources and values of variables, too; one without a tag only where an image stands."""
    task = {"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "t"}, "spec": {"steps": [{"image": "r/a:1"}], "path": "shop/b"}}
    pod = workload("shop/b")
    pod["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "SIDECAR", "value": "r/a:1"}, {"name": "DIR", "value": "shop/b"}]
    assert normalize(tool, [task, pod], "--image=r/a:1", "--image=shop/b") == (0, "")
    built = [f"--built={json.dumps([key, 'r.example', write('digest', DIGEST)])}" for key in ("r/a:1", "shop/b")]
    assert tool("resolve", "--input=out.json", "--output=r.json", *built) == (0, "")

    resolved, container = read("r.json")["objects"][0], read("r.json")["objects"][1]["spec"]["template"]["spec"]["containers"][0]
    assert resolved["spec"] == {"steps": [{"image": f"r.example/r/a@{DIGEST}"}], "path": "shop/b"}
    assert container["image"] == f"r.example/shop/b@{DIGEST}"
    assert [each["value"] for each in container["env"]] == [f"r.example/r/a@{DIGEST}", "shop/b"]


def test_an_image_in_a_config_map(tool):
    """It stays as it is, is not pushed for this, and a note says why."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"sidecar": "r/a:1"}}
    code, err = normalize(tool, [config], "--image=r/a:1")

    assert code == 0 and err.startswith(f"NOTE: {LABEL}: ConfigMap ") and "has the image 'r/a:1', which stays as it is there" in err
    assert read("out.json")["images"] == {}
    assert tool("resolve", "--input=out.json", "--output=r.json")[0] == 0
    assert read("r.json")["objects"][0]["data"] == {"sidecar": "r/a:1"}


def test_two_keys_of_images_that_stand_for_one_text(tool):
    """They are refused with both, whether the text is a key itself or the value of a stamped key."""
    status = write("status.txt", "STABLE_COMMIT 0123\n")
    for keys in (["r/a:{STABLE_COMMIT}", "r/a:0123"], ["r/a:0123", "r/a:{STABLE_COMMIT}"]):
        code, err = normalize(tool, {"d": workload("r/a:0123")}, *(f"--image={key}" for key in keys), f"--status={status}")
        assert code == 1
        assert f"{LABEL}: images has {keys[0]!r} and {keys[1]!r}, which both stand for 'r/a:0123'. Rename or remove one of them." in err
