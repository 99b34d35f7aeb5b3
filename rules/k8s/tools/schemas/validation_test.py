"""Tests of what the schemas of Kubernetes say of correct and of wrong manifests."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.schemas.mutations import MANIFESTS, MUTATIONS, Mutation
from rules.k8s.tools.schemas.published import Published, spell
from rules.k8s.tools.schemas.validation import Validation, check_definition

WHERE = "//shop:prod (shop/shop.jsonnet)"


@pytest.fixture(name="validation", scope="module")
def fixture_validation() -> Validation:
    """Returns the schemas of Kubernetes 1.32 to 1.35, extracted as builds do."""
    return Validation.read(os.environ["SCHEMAS"].split())


def refusal(validation: Validation, obj: dict[str, Any], sources: dict[str, str] | None = None) -> str:
    """Returns the error about an object."""
    with pytest.raises(TurnupError) as error:
        validation.check([obj], WHERE, sources or {})
    return str(error.value)


@pytest.mark.parametrize("name", MANIFESTS)
def test_correct_manifests_pass(validation: Validation, name: str) -> None:
    """A correct manifest gives neither an error nor a note."""
    assert validation.check([MANIFESTS[name]], WHERE, {}) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_mistake_is_one_sentence(validation: Validation, mutation: Mutation) -> None:
    """A mistake is named with target, object and field, and with what to write."""
    said = refusal(validation, mutation.apply())
    assert said.startswith(f"{WHERE}: {mutation.apply()['kind']} default/shop: ")
    assert mutation.says in said
    assert len(said.splitlines()) == 1


def test_all_mistakes_of_a_target_are_named_together(validation: Validation) -> None:
    """An error names the first five mistakes, and says how many more there are."""
    obj = copy.deepcopy(MANIFESTS["configmap"])
    obj["data"] = {f"key{index}": index for index in range(9)}
    lines = refusal(validation, obj).splitlines()
    assert len(lines) == 7
    assert lines[-1] == "  4 more mistakes like these"


def test_a_secrets_value_is_never_shown(validation: Validation) -> None:
    """An error about a Secret does not quote its values."""
    obj = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "hunter2!"}, "stringData": {"b": 4711}}
    said = refusal(validation, obj)
    assert "hunter2" not in said
    assert "4711" not in said


def test_a_field_of_some_versions_is_named_with_them(validation: Validation) -> None:
    """A field that only newer versions know is an error that names the older ones."""
    obj = copy.deepcopy(MANIFESTS["deployment"])
    obj["spec"]["template"]["spec"]["hostnameOverride"] = "shop"
    assert "hostnameOverride: unknown field in Kubernetes 1.32 to 1.33; " in refusal(validation, obj)


def test_a_kind_of_newer_versions(validation: Validation) -> None:
    """A kind that only newer versions serve is an error that names the older ones."""
    obj = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": "gpu"}, "spec": {}}
    assert "ResourceClaim of resource.k8s.io/v1 is not served by Kubernetes 1.32 to 1.33; use another apiVersion, or take 1.32 to 1.33 out" in refusal(
        validation, obj
    )


def test_a_deprecated_kind_is_a_note() -> None:
    """A deprecated API that all named versions serve is a note that names its successor."""
    validation = Validation(Published([document("1.31")]))
    obj = {"apiVersion": "flowcontrol.apiserver.k8s.io/v1beta3", "kind": "FlowSchema", "metadata": {"name": "a"}}
    [note] = validation.check([obj], WHERE, {})
    assert note == (
        f"NOTE: {WHERE}: FlowSchema a: Kubernetes 1.29 deprecates FlowSchema of flowcontrol.apiserver.k8s.io/v1beta3 and 1.32 no longer serves it; "
        "use FlowSchema of flowcontrol.apiserver.k8s.io/v1."
    )


def document(version: str) -> dict[str, Any]:
    """Returns a document of one kind, with the lifecycles of the real ones."""
    real = json.loads(Path(os.environ["SCHEMAS"].split()[0]).read_text(encoding="utf-8"))
    kind = "flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema"
    return {"version": version, "kinds": {kind: "a"}, "definitions": {"a": {"type": "object"}}, "lifecycles": real["lifecycles"]}


def test_custom_resources_are_not_judged(validation: Validation) -> None:
    """A kind of a group that Kubernetes does not serve passes."""
    assert validation.check([{"apiVersion": "example.com/v1", "kind": "Shop", "metadata": {"name": "a"}, "anything": 1}], WHERE, {}) == []


def test_the_line_of_a_field(validation: Validation) -> None:
    """The error names the line of the source in which the field stands, if it stands in one."""
    obj = copy.deepcopy(MANIFESTS["deployment"])
    obj["spec"]["replica"] = 2
    once = "{\n  spec+: {\n    replica: 2,  // replica\n  },\n}\n"
    assert refusal(validation, obj, {"shop/shop.jsonnet": once}).endswith("write replicas? (shop/shop.jsonnet:3).")
    assert refusal(validation, obj, {"shop/shop.jsonnet": once + once}).endswith("write replicas?.")
    assert refusal(validation, obj, {"shop/shop.jsonnet": "{ 'replica':: 2 }"}).endswith("(shop/shop.jsonnet:1).")


def test_null_is_a_field_that_is_not_there(validation: Validation) -> None:
    """Null passes where the server reads it as absent."""
    obj = copy.deepcopy(MANIFESTS["deployment"])
    obj["spec"]["strategy"] = None
    obj["metadata"]["labels"] = None
    assert validation.check([obj], WHERE, {}) == []


@pytest.mark.parametrize("text", ["1", "0.5", ".5", "5.", "+1", "-1", "100m", "1Ki", "1Ei", "1k", "1E", "1e3", "1E-3", "1n", "1u"])
def test_quantities(validation: Validation, text: str) -> None:
    """Every form of a quantity passes, also as a number."""
    obj = copy.deepcopy(MANIFESTS["claim"])
    obj["spec"]["resources"]["requests"]["storage"] = text
    assert validation.check([obj], WHERE, {}) == []
    obj["spec"]["resources"]["requests"]["storage"] = 1
    assert validation.check([obj], WHERE, {}) == []


@pytest.mark.parametrize(("versions", "text"), [(["1.32"], "1.32"), (["1.32", "1.33"], "1.32 to 1.33"), (["1.30", "1.32", "1.33"], "1.30 and 1.32 to 1.33")])
def test_spelling_of_versions(versions: list[str], text: str) -> None:
    """Neighbouring versions are one range."""
    assert spell(versions) == text


def test_a_definition_without_schema() -> None:
    """A CustomResourceDefinition must say what its objects look like."""
    obj = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "shops.example.com"}}
    check_definition({**obj, "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object"}}}]}}, WHERE)
    with pytest.raises(TurnupError, match=r"CustomResourceDefinition shops.example.com: version v1 has no schema.openAPIV3Schema; write"):
        check_definition({**obj, "spec": {"versions": [{"name": "v1"}]}}, WHERE)
