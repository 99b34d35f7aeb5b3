"""Tests of the generated parts of the architecture page."""

import pytest

from docs.tools import folders

MARKS = (
    "a\n<!-- folders: written by bazel run //docs:update -->\nSTALE\n<!-- end of folders -->\n"
    "b\n<!-- levels: written by bazel run //docs:update -->\n<!-- end of levels -->\nc\n"
)


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    """A workspace of three folders: cli imports cluster, and both import rules/common."""
    for folder, text in {
        "rules/common": "",
        "cluster": "from rules.common import one\n",
        "cli": "from cluster.one import x\nfrom rules.common.one import y\n",
    }.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "BUILD").write_text(f'"""What {folder} is,\nin a sentence.\n\nMore."""\n')
        (tmp_path / folder / "one.py").write_text(text)
        (tmp_path / folder / "one_test.py").write_text("from cli import one\n")
    return tmp_path


def test_floors_follow_the_imports(root):
    """A folder stands one level above the highest that it imports from; imports of tests do not count."""
    assert folders.levels(root) == [["rules/common"], ["cluster"], ["cli"]]


def test_import_from_an_inner_folder_does_not_count_for_the_outer_one(root):
    """`from cluster.images import archives` reads cluster/images and not cluster, so a folder can import from the folders in it."""
    (root / "cluster/images").mkdir()
    (root / "cluster/images/BUILD").write_text('"""Images."""\n')
    (root / "cluster/images/archives.py").write_text("from rules.common import one\n")
    (root / "cluster/programs").mkdir()
    (root / "cluster/programs/BUILD").write_text('"""Programs."""\n')
    (root / "cluster/programs/build.py").write_text("from cluster.images import archives\n")
    (root / "cluster/two.py").write_text("from cluster.programs.build import x\n")

    assert folders.levels(root) == [["rules/common"], ["cluster/images"], ["cluster/programs"], ["cluster"], ["cli"]]


def test_page_gets_table_and_drawing(root):
    """What stands between the marks is replaced, and nothing else; a second update changes nothing."""
    page = folders.update(root, MARKS)

    assert page.startswith("a\n<!-- folders") and page.endswith("\nc\n") and "STALE" not in page
    assert "| `cluster` | What cluster is, in a sentence. | 1 |" in page
    assert "  2  cli\n  1  cluster\n  0  rules/common\n" in page
    assert folders.update(root, page) == page


def test_page_without_marks_is_refused(root):
    """The sentence names the page and the marks."""
    with pytest.raises(ValueError, match=r"docs/architecture.md: the marks of folders are missing. Add <!-- folders"):
        folders.update(root, "nothing")
