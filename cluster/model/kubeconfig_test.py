"""Tests of merging into and removing from a kubeconfig."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from cluster.common.errors import ClusterError
from cluster.model import kubeconfig
from cluster.model.kubeconfig import Access

_ACCESS = Access("turnup-local", "https://172.19.0.2:6443", b"CA", b"CERT", b"KEY")
_OTHER = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "work", "cluster": {"server": "https://work"}}],
    "users": [{"name": "me", "user": {"token": "t"}}],
    "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me"}}],
    "current-context": "work",
    "preferences": {"colors": True},
}


def _load(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def test_new_file_has_no_current_context(tmp_path: Path) -> None:
    """The first merge creates the file, which only its owner can read, without a current context."""
    path = tmp_path / "new" / "config"
    kubeconfig.merge(path, _ACCESS)

    assert "current-context" not in _load(path)
    assert kubeconfig.contexts(path) == ["turnup-local"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_others_stay_as_they_are(tmp_path: Path) -> None:
    """Merging and removing a cluster changes nothing else, not even the current context."""
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(_OTHER))
    kubeconfig.merge(path, _ACCESS)

    assert kubeconfig.contexts(path) == ["work", "turnup-local"]
    assert _load(path)["current-context"] == "work"

    kubeconfig.remove(path, "turnup-local")
    assert _load(path) == _OTHER


def test_merging_twice_replaces(tmp_path: Path) -> None:
    """A recreated cluster replaces its old entries."""
    path = tmp_path / "config"
    kubeconfig.merge(path, _ACCESS)
    kubeconfig.merge(path, Access("turnup-local", "https://new", b"CA2", b"CERT2", b"KEY2"))
    content = _load(path)

    assert [len(content[kind]) for kind in ("clusters", "users", "contexts")] == [1, 1, 1]
    assert content["clusters"][0]["cluster"]["server"] == "https://new"
    assert base64.b64decode(content["users"][0]["user"]["client-key-data"]) == b"KEY2"


def test_use_context(tmp_path: Path) -> None:
    """The context becomes the current one only on request; after its removal there is no current context."""
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(_OTHER))
    kubeconfig.merge(path, _ACCESS, use_context=True)
    assert _load(path)["current-context"] == "turnup-local"

    kubeconfig.remove(path, "turnup-local")
    assert "current-context" not in _load(path)


def test_a_file_that_we_made_goes_again(tmp_path: Path) -> None:
    """A kubeconfig that had only our cluster is removed."""
    path = tmp_path / "config"
    kubeconfig.merge(path, _ACCESS)
    kubeconfig.remove(path, "turnup-local")

    assert not path.exists()
    kubeconfig.remove(path, "turnup-local")


def test_links_stay_links(tmp_path: Path) -> None:
    """A kubeconfig that is a symbolic link stays one."""
    (tmp_path / "real").write_text("")
    (tmp_path / "config").symlink_to("real")
    kubeconfig.merge(tmp_path / "config", _ACCESS)

    assert (tmp_path / "config").is_symlink()
    assert kubeconfig.contexts(tmp_path / "real") == ["turnup-local"]


@pytest.mark.parametrize("text", ["a: [", "- a", "clusters: 3", "contexts: [{a: b}]"])
def test_broken_files_are_left_alone(tmp_path: Path, text: str) -> None:
    """The error for a file that is not a kubeconfig names it, and the file does not change."""
    path = tmp_path / "config"
    path.write_text(text)

    with pytest.raises(ClusterError, match="config"):
        kubeconfig.merge(path, _ACCESS)
    assert path.read_text() == text


def test_user_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The path is the first nonempty entry of KUBECONFIG, otherwise the file in the home folder."""
    monkeypatch.setenv("KUBECONFIG", f":{tmp_path}/a:{tmp_path}/b")
    assert kubeconfig.user_path() == tmp_path / "a"

    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfig.user_path() == tmp_path / ".kube" / "config"


def test_render() -> None:
    """A rendered kubeconfig is complete, and a printed Access has no key."""
    content = yaml.safe_load(kubeconfig.render(_ACCESS))

    assert content["current-context"] == "turnup-local"
    assert content["contexts"][0]["context"] == {"cluster": "turnup-local", "user": "turnup-local"}
    assert "KEY" not in repr(_ACCESS)
