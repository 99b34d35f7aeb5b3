"""Tests of builds of the whole workspace: errors are one sentence, builds are incremental, and outputs are reproducible."""

import json
import os
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.build.nested import DEVELOPER_ENV, SHARED_ENVS, Nested

DEEP = f"//svc:{DEVELOPER_ENV}-deep.apply"
SERVICES = ("redis", "server", "client")


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    """Returns a copy of the workspace in which everything is built."""
    with Nested(tmp_path_factory.mktemp("nested")) as workspace:
        workspace.build(DEEP)
        yield workspace


def errors(said: str) -> list[str]:
    """Returns the lines of an output that start with ERROR."""
    return [line for line in said.splitlines() if line.startswith("ERROR: ")]


def test_a_misspelled_service_in_deps(nested):
    """The error for a dependency that does not exist names it and the dependent target."""
    with nested.edited("svc/BUILD", "//python/client", "//python/cleint"):
        said = nested.refused(DEEP)

    assert any("svc/BUILD:" in line and "no such package 'python/cleint'" in line for line in errors(said)), said
    assert f"referenced by '//svc:{DEVELOPER_ENV}" in said


def test_a_service_without_port(nested):
    """The error for a service.yaml without port names it and says what to write."""
    with nested.edited("python/redis/service.yaml", "^port: .*\n", ""):
        said = nested.refused(DEEP)

    assert any("python/redis/service.yaml" in line and "port" in line for line in errors(said)), said


def test_two_services_with_one_name(nested):
    """The error for two services with one name in one environment names both."""
    with nested.edited("python/server/service.yaml", "^name: .*", "name: routeguide-client"):
        said = nested.refused(DEEP)

    assert any("//python/server" in line and "//python/client" in line and "'routeguide-client'" in line for line in errors(said)), said


def test_a_jsonnet_error(nested):
    """The error for a Jsonnet error has file and line, and no Python."""
    with nested.edited("svc/svc.jsonnet", r"service\.name \+", "service.nmae +"):
        said = nested.refused(DEEP)

    assert re.search(r"svc/svc\.jsonnet:\d+", said), said
    assert ".py" not in said


def test_an_image_without_a_target(nested):
    """The error for a container image that no target provides names it and its service."""
    with nested.edited("python/server/server.jsonnet", r"images\.server", "'registry.example/nobody/has:this'"):
        said = nested.refused(DEEP)

    assert any(f"//python/server:{DEVELOPER_ENV}" in line and "registry.example/nobody/has:this" in line for line in errors(said)), said


def test_a_manifest_that_is_not_an_object(nested):
    """The error for a value that is not a Kubernetes object names the Jsonnet file and the field."""
    with nested.edited("svc/svc.jsonnet", "^  stack: k", "  seven: 7,\n  stack: k"):
        said = nested.refused(DEEP)

    assert any("svc/svc.jsonnet" in line and "field 'seven': found 7" in line for line in errors(said)), said


def test_two_users_share_nothing(nested):
    """The stacks of two developers with similar names share no objects and don't refer to each other's hosts."""
    shown = {}
    for user in ("Jane.Doe", "jane_doe"):
        done = nested.bazel("run", f"//svc:{DEVELOPER_ENV}-deep.show", USER=user)
        assert done.returncode == 0, done.stderr
        shown[user] = set(re.findall(r"^ +namespace: (\S+)$|([a-z0-9-]+)\.svc\b", done.stdout, re.MULTILINE))

    spaces = {user: {name for pair in found for name in pair if name} for user, found in shown.items()}
    assert all(len(found) == 1 for found in spaces.values()), spaces
    assert spaces["Jane.Doe"] != spaces["jane_doe"]


@pytest.mark.parametrize("user", SHARED_ENVS)
def test_a_user_named_like_an_environment(nested, user):
    """The error for a developer whose namespace is that of another environment comes before anything is applied."""
    said = nested.refused(f"//svc:{DEVELOPER_ENV}.apply", USER=user)

    assert any(f"'{user}'" in line and "USER" in line for line in errors(said)), said


def test_without_user_the_account_name_is_used(nested):
    """If $USER is empty, the namespace is that of the account's name."""
    with_account = nested.bazel("run", f"//svc:{DEVELOPER_ENV}.show", USER="")

    assert with_account.returncode == 0
    assert re.search(r"^ *namespace: \S+$", with_account.stdout, re.MULTILINE)


def rendered_by(nested: Nested) -> set[str]:
    """Builds the deep stack and returns the packages whose manifests were rendered in this build."""
    explanation = nested.root / "explanation.txt"
    nested.build(DEEP, f"--explain={explanation}", "--verbose_explanations")
    return set(re.findall(r"Executing action '[^']*//(python/\w+|svc):[\w.-]*manifests", explanation.read_text()))


def test_a_new_port_rebuilds_the_dependents_only(nested):
    """A changed port of Redis renders Redis and the server again, and neither client nor stack."""
    rendered_by(nested)
    with nested.edited("python/redis/service.yaml", "^port: .*", "port: 6390"):
        rendered = rendered_by(nested)
        server = nested.built(f"python/server/{DEVELOPER_ENV}.manifests.json").read_text()
    rendered_by(nested)

    assert rendered == {"python/redis", "python/server"}
    assert "6390" in server


def test_a_new_name_reaches_the_dependents(nested):
    """The client's manifests have the server's new name; Redis, which does not depend on it, is not rendered again."""
    rendered_by(nested)
    with nested.edited("python/server/service.yaml", "^name: .*", "name: guide"):
        rendered = rendered_by(nested)
        client = nested.built(f"python/client/{DEVELOPER_ENV}.manifests.json").read_text()
    rendered_by(nested)

    assert rendered == {"python/server", "python/client"}
    assert '"guide.' in client


def test_a_comment_renders_nothing(nested):
    """A new comment in a service.yaml renders no manifest again."""
    rendered_by(nested)
    with nested.edited("python/redis/service.yaml", r"\A", "# words\n"):
        rendered = rendered_by(nested)

    assert rendered == set()


def test_pins_are_copied_and_built(nested):
    """--from takes over every pin of the closure; a dry run prints the digests of what is built and writes nothing."""
    pin = "192.0.2.1:31000/some/image@sha256:" + "a" * 64
    files = {name: nested.root / f"python/{name}/pins.yaml" for name in SERVICES}
    with ExitStack() as edits:
        for name in SERVICES:
            edits.enter_context(nested.edited(f"python/{name}/pins.yaml", r"\Z", f"dev:  # by hand\n  {name}: {pin}\n"))
        before = {name: path.read_text() for name, path in files.items()}
        moved = nested.bazel("run", "//svc:pin", "--", "staging", "--from=dev")
        after = {name: path.read_text() for name, path in files.items()}
        dry = nested.bazel("run", "//svc:pin.push", "--", "dev", "--dry-run")
        unchanged = {name: path.read_text() for name, path in files.items()}

    assert moved.returncode == 0, moved.stderr
    assert after == {name: f"{text}staging:\n  {name}: {pin}\n" for name, text in before.items()}
    assert dry.returncode == 0, dry.stderr
    for name in SERVICES:
        assert f"/python/{name}@{nested.built(f'python/{name}/image.digest').read_text()}" in dry.stdout
    assert unchanged == after


_NEIGHBOURS = """load("@k8s_object//:defaults.bzl", "k8s_object")
load("//rules/image:defs.bzl", "container_image")
load("//rules/k8s:defs.bzl", "k8s_objects")
container_image(name = "image", empty_files = ["/a"])
k8s_object(name = "settings", args = ["--wait"], substitutions = {"%{a}": "{STABLE_A}", "%{b}": "ü 日本"}, template = "settings.yaml")
k8s_object(name = "stamped", image_chroot = "r.example/{STABLE_A}", images = {"r/{REPOSITORY}:{STABLE_A}": ":image"}, template = "pod.yaml")
[k8s_object(name = name, namespace = "{BRANCH}", template = name + ".yaml") for name in ["one", "two"]]
k8s_objects(name = "both", objects = [":one", ":two"])
k8s_objects(name = "chosen", objects = {"//rules/image:stamping": [":both"], "//conditions:default": [":settings"]})
"""


@pytest.fixture(scope="module", name="neighbours")
def _neighbours(nested):
    """Returns a folder with calls as in repositories that used rules_k8s; a file `branch` in it is the stamp variable BRANCH."""
    folder = nested.root / "neighbours"
    folder.mkdir()
    (folder / "BUILD").write_text(_NEIGHBOURS, "utf-8")
    (folder / "settings.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {key: '%{a}', other: '%{b}'}\n")
    (folder / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: main, image: 'r/{REPOSITORY}:{STABLE_A}'}]}\n")
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n")
    status = folder / "status.sh"
    status.write_text("#!/bin/sh\necho STABLE_A value\necho REPOSITORY shop\necho BRANCH $(cat neighbours/branch)\n")
    status.chmod(0o755)
    (folder / "branch").write_text("main")
    repositories = """load("//rules/k8s:repositories.bzl", "k8s_defaults")
k8s_defaults(name = "k8s_deploy", kind = "configmap", namespace = "from-defaults")
k8s_defaults(name = "k8s_object", context = "c", kind = "deployment")
"""
    with nested.edited("WORKSPACE", r"\Z", repositories), nested.edited(".bazelrc", r"\Z", f"build --workspace_status_command={status}\n"):
        yield folder


def test_defaults_and_variables(nested, neighbours):
    """k8s_defaults sets attributes of k8s_object; Make variables and stamp variables are substituted."""
    folder = neighbours / "defaults"
    folder.mkdir()
    (folder / "BUILD").write_text("""load("@k8s_deploy//:defaults.bzl", "k8s_deploy")
load("//rules/k8s:defs.bzl", "k8s_object")
k8s_deploy(name = "defaults", template = "settings.yaml")
k8s_object(name = "variables", context = "ctx-{BUILD_USER}", namespace = "$(place)", substitutions = {"%{value}": "$(place)"},
           template = "settings.yaml")
""")
    (folder / "settings.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {key: '%{value}'}\n")
    defaults = nested.bazel("run", "//neighbours/defaults")
    variables = nested.bazel("run", "--define=place=here", "//neighbours/defaults:variables")
    document = nested.built("neighbours/defaults/variables.resolved.json").read_text()

    assert "namespace: from-defaults" in defaults.stdout, defaults.stderr
    assert "namespace: here" in variables.stdout and "key: here" in variables.stdout, variables.stderr
    assert re.search(r'"context": "ctx-[^"{]+"', document)


def test_calls_of_rules_k8s(nested, neighbours):
    """k8s_defaults may be named k8s_object, kind may be another, NAME.resolve and the program NAME print, and stamp variables are filled in."""
    resolved = nested.bazel("run", "//neighbours:settings.resolve")
    bare = nested.bazel("run", "//neighbours:settings")
    program = subprocess.run([nested.built("neighbours/settings")], capture_output=True, text=True, check=False)
    nested.build("//neighbours:stamped", "//neighbours:settings.diff", "//neighbours:chosen")
    (settings,) = json.loads(nested.built("neighbours/settings.resolved.json").read_text("utf-8"))["objects"]

    assert settings["data"] == {"key": "value", "other": "ü 日本"}
    assert "key: value" in resolved.stdout, resolved.stderr
    assert bare.stdout == resolved.stdout, bare.stderr
    assert program.stdout == resolved.stdout, program.stderr
    assert nested.built("neighbours/settings.diff").is_file()
    assert json.loads(nested.built("neighbours/chosen.closure.json").read_text())["objects"] == 1
    digest = nested.built("neighbours/image.digest").read_text()
    assert f'"image": "r.example/value/r/shop@{digest}"' in nested.built("neighbours/stamped.resolved.json").read_text()


def test_one_closure_in_two_places(nested, neighbours):
    """The error for targets that were built with two values of a volatile stamp variable names both and says what to do."""
    nested.build("//neighbours:both")
    (neighbours / "branch").write_text("topic")
    (neighbours / "two.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: {name: other}\n")
    said = nested.refused("//neighbours:both")

    (line,) = (line for line in errors(said) if "stamp variable" in line)
    assert line == (
        "ERROR: //neighbours:both: //neighbours:one was built when the stamp variable BRANCH was 'main', and //neighbours:two when it was 'topic', "
        "so the closure would be in two places. Print it as STABLE_BRANCH from your --workspace_status_command, and use that name."
    )


def test_two_folders_give_the_same_bytes(nested):
    """Images and manifests that are built in two folders at different times are identical."""
    here = Path(os.environ["RUNFILES_DIR"]) / "turnup"
    for path in [f"python/{name}/{file}" for name in SERVICES for file in (f"{DEVELOPER_ENV}.resolved.json", "image.manifest.json")]:
        assert nested.built(path).read_bytes() == (here / path).read_bytes(), path
