"""Tests that docs/reference has a page for every public .bzl file."""

from docs.tools.generator import PAGES
from tests.repo import tree


def test_every_public_bzl_file_is_on_a_page():
    """The reference has the symbols of every .bzl file directly in a rule set's folder, because these files are public."""
    public = {str(path) for path in tree.with_suffix(".bzl") if path.parts[0] == "rules" and len(path.parts) == 3}
    # The rule sets share these; BUILD files do not load them.
    shared = {f"rules/common/{name}.bzl" for name in ("labels", "make_variables", "protoc", "repositories", "runfiles", "shell", "stamping", "worker")}

    assert public - shared == {file for files in PAGES.values() for file in files}
