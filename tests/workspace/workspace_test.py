"""What a build says about bad input, and what a change rebuilds."""

from __future__ import annotations

import re

from tests.workspace.conftest import STACK


def test_port_reaches_direct_dependents_only(workspace):
    """A new port re-renders the service and its direct dependents, in every environment, and carries the new value."""
    workspace.write("stack/base/service.yaml", "name: base\nport: 7999\n")
    ran = workspace.ran(*STACK)

    rendered = {output.partition("/")[0] for mnemonic, output in ran if mnemonic == "Jsonnet"}
    assert rendered == {"base", "middle"}
    assert not [output for _, output in ran if output.startswith("aside/")]
    code, said = workspace.bazel("run", "//stack/middle:myns")
    assert code == 0 and "base: base.jane.svc:7999" in said


def test_name_reaches_direct_dependents_only(workspace):
    """A new name re-renders the same, and dependents find the service under it."""
    workspace.write("stack/base/service.yaml", "name: renamed\nport: 7001\n")
    ran = workspace.ran("//stack/top:dev-deep")

    assert {output.partition("/")[0] for mnemonic, output in ran if mnemonic == "Jsonnet"} == {"base", "middle"}
    assert "renamed.dev.svc:7001" in workspace.bazel("run", "//stack/middle:dev")[1]


def test_comment_renders_nothing(workspace):
    """A comment in a service.yaml is read, and nothing is rendered again."""
    workspace.write("stack/base/service.yaml", "# words\nname: base\nport: 7001\n")

    assert workspace.ran(*STACK) == {("K8sService", "base/service.json")}


def test_misspelled_dependency(workspace):
    """A dependency on a package that is not there names the BUILD file, the line and the package."""
    workspace.write("stack/middle/BUILD", workspace.read("stack/middle/BUILD").replace("//stack/base", "//stack/bass"))

    errors = workspace.error("//stack/top:myns-deep")
    assert re.search(r"stack/middle/BUILD:\d+:\d+: no such package 'stack/bass'", errors[0])


def test_relative_dependency(workspace):
    """A dependency that is no absolute label is refused with how to write it."""
    workspace.write("stack/middle/BUILD", workspace.read("stack/middle/BUILD").replace("//stack/base", "base"))

    code, said = workspace.build("//stack/middle:myns")
    assert code != 0
    assert "microservice middle: deps: \"base\" is not an absolute label" in said and "write it as //path/to/service" in said


def test_service_without_port(workspace):
    """A service.yaml without port ends the build with its name and the line to add."""
    workspace.write("stack/base/service.yaml", "name: base\n")

    assert "ERROR: stack/base/service.yaml: has no port; add a line such as 'port: 8080'." in workspace.error("//stack/top:myns-deep")


def test_two_services_of_one_name(workspace):
    """Two services of one name in a closure end the build of the closure with both labels."""
    workspace.write("stack/top/service.yaml", "name: base\nport: 7003\n")
    workspace.write("stack/top/top.jsonnet", workspace.read("stack/top/top.jsonnet"))

    assert [line for line in workspace.error("//stack/top:dev-deep") if line.startswith(
        "ERROR: //stack/top:dev-deep: //stack/base:dev and //stack/top:dev are both services named 'base' in environment dev")]


def test_image_that_nothing_provides(workspace):
    """A container's image that is neither an image target nor named by digest ends the build."""
    workspace.write("stack/base/base.jsonnet", workspace.read("stack/base/base.jsonnet").replace("images.base", "'python/sever'"))

    assert [line for line in workspace.error("//stack/base:myns") if line.startswith(
        "ERROR: //stack/base:myns: Pod jane/base, container 'main': nothing provides the image 'python/sever'; use one of")]


def test_jsonnet_error(workspace):
    """An error in a manifest's program names file and line."""
    workspace.write("stack/base/base.jsonnet", workspace.read("stack/base/base.jsonnet").replace("images.base", "images.bass"))

    code, said = workspace.build("//stack/base:myns")
    assert code != 0
    assert "ERROR: //stack/base:myns_manifests: no such field: bass" in said and "stack/base/base.jsonnet:4:" in said


def test_user_with_the_name_of_an_environment(workspace):
    """A user named after an environment cannot build myns, and can build that environment."""
    code, said = workspace.build("//stack/base:myns", USER="dev")

    assert code != 0
    assert ('//stack/base:myns: environment myns has the namespace "dev", which belongs to environment dev; '
            "set USER to a name that no environment has, for example USER=dev-me") in said
    assert workspace.build("//stack/base:dev", USER="dev")[0] == 0


def test_defaults_and_variables(workspace):
    """k8s_defaults gives attributes; Make and stamp variables are filled in; a missing one is named."""
    assert "namespace: from-defaults" in workspace.bazel("run", "//stack/objects:defaults")[1]
    code, said = workspace.bazel("run", "--define=place=here", "//stack/objects:variables")

    assert code == 0, said
    assert "namespace: here" in said and "key: here" in said
    document = workspace.read("bazel-bin/stack/objects/variables.resolved.json")
    assert '"context": "ctx-' in document and "BUILD_USER" not in document


def test_pins_from_build_to_build(workspace):
    """--from moves pins without building; without it the image is built and its digest named; a dry run writes nothing."""
    pin = "192.0.2.1:31000/stack/base@sha256:" + "a" * 64
    image = "bazel-bin/stack/base/image.digest"
    before = workspace.read(image)
    # The image holds the pins file, so a build would give it another digest.
    workspace.write("stack/base/pins.yaml", f"# mine\ndev:\n  base: {pin}\n")

    code, said = workspace.bazel("run", "//stack/top:pin", "--", "staging", "--from=dev")
    assert code == 0, said
    assert workspace.read("stack/base/pins.yaml") == f"# mine\ndev:\n  base: {pin}\nstaging:\n  base: {pin}\n"
    assert workspace.read(image) == before
    code, said = workspace.bazel("run", "//stack/top:pin", "--", "dev", "--dry-run")
    assert code == 0, said
    digest = workspace.read(image)
    assert digest != before
    assert "would pin  stack/base/pins.yaml: dev.base = " in said and f"/stack/base@{digest}" in said
    assert workspace.read("stack/base/pins.yaml").count(pin) == 2
