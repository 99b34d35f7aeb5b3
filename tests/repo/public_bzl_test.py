"""docs/reference: every .bzl file that others load has a page."""

from docs.tools.generator import PAGES
from tests.repo import tree


def test_every_public_bzl_file_is_on_a_page():
    """A .bzl file directly in a rule set's folder is public: its symbols are in the reference."""
    public = {str(path) for path in tree.with_suffix(".bzl") if path.parts[0] == "rules" and len(path.parts) == 3}
    # worker.bzl is shared by the rule sets and not for BUILD files.
    shared = {"rules/common/worker.bzl"}

    assert public - shared == {file for files in PAGES.values() for file in files}
