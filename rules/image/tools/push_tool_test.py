"""Tests of the program behind container_push."""

import io
import json

import pytest

from rules.image.tools import oci, push_tool
from rules.image.tools.errors import run
from rules.image.tools.fake_registry import FakeRegistry
from rules.image.tools.push import Progress


@pytest.fixture(name="plan")
def _plan(tmp_path, monkeypatch):
    """A plan for an image of one layer, in a runfiles folder; returns a function that writes it with changes."""
    monkeypatch.setenv("RUNFILES_DIR", str(tmp_path))
    (tmp_path / "config").write_bytes(b"{}")
    (tmp_path / "layer").write_bytes(b"bytes")
    layer = {"mediaType": oci.LAYER_GZIP, "digest": oci.sha256(b"bytes"), "size": 5}
    (tmp_path / "manifest").write_bytes(oci.dump(oci.build_manifest(b"{}", [layer])))

    def write(**changes) -> list[str]:
        plan = {
            "manifest": "manifest", "config": "config", "layers": [["layer", "layer.json"]], "insecure": None,
            "registry": "example.invalid", "repository": "a/b", "repository_file": None, "tag": None, "tag_file": None, **changes,
        }
        (tmp_path / "plan.json").write_text(json.dumps(plan))
        return ["--plan", str(tmp_path / "plan.json")]

    return write


def test_the_reference_is_the_only_output(plan, tmp_path, capsys) -> None:
    """stdout is what a script needs: where the image is now."""
    with FakeRegistry() as fake:
        assert push_tool.main(plan(registry=fake.name, tag="v1")) == 0
        assert ("a/b", "v1") in fake.manifests
        output = capsys.readouterr()
        assert output.out == f"{fake.name}/a/b@{oci.sha256((tmp_path / 'manifest').read_bytes())}\n"
        assert f"sent {oci.sha256(b'bytes')} (5 bytes)" in output.err


def test_arguments_override_the_attributes(plan) -> None:
    """Registry, repository and tags from the command line win."""
    with FakeRegistry() as fake:
        assert push_tool.main([*plan(tag="v1"), "--registry", fake.name, "--repository", "c", "--tag", "x", "--tag", "y"]) == 0
        assert {name for _, name in fake.manifests if not name.startswith("sha256")} == {"x", "y"}
        assert {repository for repository, _ in fake.manifests} == {"c"}


def test_files_name_repository_and_tag(plan, tmp_path) -> None:
    """The first line of repository_file and tag_file counts."""
    (tmp_path / "r").write_text("shop/server\nmore\n")
    (tmp_path / "t").write_text("  v2  \n")
    with FakeRegistry() as fake:
        assert push_tool.main(plan(registry=fake.name, repository=None, repository_file="r", tag_file="t")) == 0
        assert ("shop/server", "v2") in fake.manifests


def test_an_empty_tag_file_is_one_sentence(plan, tmp_path, capsys) -> None:
    """Nothing is pushed under an empty name."""
    (tmp_path / "t").write_text("\n")
    assert run(push_tool.main, plan(tag_file="t")) == 1
    assert "is empty; write the tag" in capsys.readouterr().err


class _Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def test_a_terminal_gets_one_growing_line() -> None:
    """Progress is drawn over itself and ends with a newline when the image is there."""
    stream = _Terminal()
    show = push_tool.meter(stream)
    for sent in (1_000_000, 2_000_000):
        show(Progress("uploading", "a", "sha256:x", sent, 2_000_000))
    show(Progress("pushed", "a", "sha256:m", 1, 1))
    assert "\ra: 1.0 of 2.0 MB" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1 and stream.getvalue().endswith("\n")
