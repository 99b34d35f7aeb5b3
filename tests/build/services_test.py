"""Tests that a change of one service in a repository of many runs only its own actions."""

import re

import pytest

from tests.build import services
from tests.build.nested import DEVELOPER_ENV, Nested

COUNT = 12
DEEP = f"//svc:{DEVELOPER_ENV}-deep.apply"


@pytest.fixture(scope="module", name="nested")
def fixture_nested(tmp_path_factory):
    """Returns a copy of the workspace with a dozen more services, in which everything is built."""
    with Nested(tmp_path_factory.mktemp("many")) as workspace:
        services.generate(workspace.root, COUNT)
        workspace.build(DEEP)
        yield workspace


def executed(nested: Nested) -> tuple[set[str], list[str]]:
    """Builds the deep stack; returns the services whose actions ran, and the other actions."""
    explanation = nested.root / "explanation.txt"
    nested.build(DEEP, f"--explain={explanation}", "--verbose_explanations")
    actions = re.findall(r"Executing action '([^']*)'", explanation.read_text())
    actions = [action for action in actions if not action.startswith("BazelWorkspaceStatusAction")]  # Bazel's own action of each build.
    owners = [re.search(rf"{services.FOLDER}/(s\d+)", action) for action in actions]
    return {owner[1] for owner in owners if owner}, [action for action, owner in zip(actions, owners, strict=False) if not owner]


@pytest.mark.parametrize(
    ("path", "pattern", "replacement"),
    [
        ("main.py", r"print\(4\)", "print(44)"),
        ("service.jsonnet", "number: 4 ", "number: 44 "),
    ],
)
def test_an_edit_runs_only_its_own_actions(nested, path, pattern, replacement):
    """A change of code or configuration of a service with dependents runs only that service's actions and the stack's check."""
    edited = services.name_of(4)
    assert any(4 in services.dependencies(number) for number in range(COUNT))
    executed(nested)
    assert executed(nested) == (set(), []), "a build without a change runs nothing"
    with nested.edited(f"{services.FOLDER}/{edited}/{path}", pattern, replacement):
        ran, others = executed(nested)
    executed(nested)

    assert ran == {edited}
    assert all("//svc:" in action for action in others), others
