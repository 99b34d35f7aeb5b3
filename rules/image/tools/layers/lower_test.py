"""Tests of layers on top of others: folders and links of the layers below stay as they were."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from rules.image.tools.errors import InputError, run
from rules.image.tools.layers import layer, lower
from rules.image.tools.layers.entries import DIRECTORY, FILE, SYMLINK, Entry, Tree
from rules.image.tools.layers.lower import LowerLayers, fit


def _tar(*members: tuple[str, bytes | str | tuple[int, int] | None], links: tuple[str, ...] = ()) -> io.BytesIO:
    """A tar of files (bytes), links (their targets) and folders (None, or mode and owner)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, value in members:
            info = tarfile.TarInfo(name)
            if isinstance(value, bytes):
                info.size = len(value)
            elif isinstance(value, str):
                info.type, info.linkname = tarfile.LNKTYPE if name in links else tarfile.SYMTYPE, value
            else:
                info.type = tarfile.DIRTYPE
                info.mode, info.uid = value or (0o755, 0)
                info.gid = info.uid
            tar.addfile(info, io.BytesIO(value if isinstance(value, bytes) else b""))
    out.seek(0)
    return out


BASE = (("usr/lib", None), ("lib", "usr/lib"), ("tmp", (0o1777, 0)), ("data", (0o750, 65532)), ("opt/current", "/srv/real"), ("srv/real", (0o700, 7)))


def _lower(*layers: io.BytesIO) -> LowerLayers:
    """The folders and links of layers, lowest first."""
    found = LowerLayers()
    for stream in layers:
        found.add(stream, "//t")
    return found


def _fitted(*members, explicit: tuple[str, ...] = ()) -> dict[str, Entry]:
    """The entries of a tar as a layer on top of BASE."""
    tree = Tree("//t")
    tree.add_tar(_tar(*members))
    tree.explicit.update(explicit)
    return dict(fit(tree, _lower(_tar(*BASE))).sorted())


def test_folders_of_a_tar_keep_links_modes_and_owners_of_the_base() -> None:
    """lib/ goes where the base's link leads, and /tmp and /data stay as they are, wherever the folders are."""
    found = _fitted(("lib", None), ("lib/firmware.bin", b"fw"), ("tmp", None), ("data", None), ("new", (0o700, 5)))
    assert "lib" not in found and found["usr/lib/firmware.bin"].source == b"fw"
    assert found["tmp"] == Entry(DIRECTORY, 0o1777)
    assert found["data"] == Entry(DIRECTORY, 0o750, 65532, 65532)
    assert found["new"] == Entry(DIRECTORY, 0o700, 5, 5)


def test_parents_of_files_repeat_what_the_base_has() -> None:
    """Missing parents get the base's mode and owner, and 0755 if it has none; below a link they are those of its target."""
    found = _fitted(("data/conf/x", b"1"), ("opt/current/y", b"2"), ("lib/z", b"3"), ("tmp/a", b"4"))
    assert {path: entry[1:4] for path, entry in found.items() if entry.kind == DIRECTORY} == {
        "data": (0o750, 65532, 65532), "data/conf": (0o755, 0, 0), "srv": (0o755, 0, 0), "srv/real": (0o700, 7, 7),
        "usr": (0o755, 0, 0), "usr/lib": (0o755, 0, 0), "tmp": (0o1777, 0, 0),
    }  # fmt: skip
    assert {path for path, entry in found.items() if entry.kind == FILE} == {"data/conf/x", "srv/real/y", "usr/lib/z", "tmp/a"}


def test_a_folder_that_is_asked_for_gets_its_mode() -> None:
    """empty_dirs changes a folder of the base, also through a link."""
    found = _fitted(("data", (0o711, 1)), ("opt/current", (0o755, 2)), explicit=("data", "opt/current"))
    assert (found["data"][1:4], found["srv/real"][1:4]) == ((0o711, 1, 1), (0o755, 2, 2))
    assert "opt/current" not in found


def test_files_and_links_replace_links() -> None:
    """Only folders follow a link at their own path: a file or link of the layer takes its place, and so does what is below a whiteout."""
    assert _fitted(("opt/current", b"file"))["opt/current"].kind == FILE
    assert _fitted(("opt/current", "other"))["opt/current"] == Entry(SYMLINK, 0o777, target="other")
    found = _fitted((".wh.lib", b""), ("lib", (0o711, 0)), ("lib/x", b"1"))
    assert found["lib"].mode == 0o711 and "lib/x" in found


def test_whiteouts_delete_what_is_below_a_link() -> None:
    """A whiteout below a link of the base deletes where the link leads; one in a folder that the base does not have is left out."""
    found = _fitted(("opt/.wh.current", b""), ("lib/.wh.x", b""), ("lib/x", (0o700, 5)), ("new/.wh.y", b""), ("data/.wh.z", b""))
    assert {"opt/.wh.current", "usr/lib/x/.wh..wh..opq", "data/.wh.z"} <= found.keys() and "new/.wh.y" not in found
    assert found["usr/lib/x"] == Entry(DIRECTORY, 0o700, 5, 5)


def test_a_loop_of_links_and_two_files_at_one_place_are_refused() -> None:
    """Both are one-sentence errors with the paths."""
    tree = Tree("//t")
    tree.add("a/x", Entry(FILE, 0o444))
    with pytest.raises(InputError, match="//t: /a/x is below a loop of links in the layers below, at /[ab]. Choose another path."):
        fit(tree, LowerLayers({}, {"a": "b", "b": "a"}))
    with pytest.raises(InputError, match="two files at one path, /usr/lib/x"):
        _fitted(("lib/x", b"1"), ("usr/lib/x", b"2"))


@pytest.mark.parametrize(
    ("upper", "links", "folders"),
    [
        ((("a/.wh.b", b""),), {"c": "a"}, ["a"]),
        ((("a/.wh..wh..opq", b""), ("a/n", None)), {"c": "a"}, ["a", "a/n"]),
        (((".wh.a", b""),), {"c": "a"}, []),
        ((("a", b"file"),), {"c": "a"}, []),
        ((("c", None),), {}, ["a", "a/b", "c"]),
        ((("c", b"file"),), {}, ["a", "a/b"]),
        ((("h", "c"),), {"c": "a", "h": "a"}, ["a", "a/b"]),
    ],
    ids=["whiteout", "opaque", "whole folder", "file over folder", "folder over link", "file over link", "hard link to link"],
)
def test_upper_layers_change_what_is_below(upper, links, folders) -> None:
    """Whiteouts delete, files replace folders with their content and folders replace links."""
    found = _lower(_tar(("a", None), ("a/b/x", b"1"), ("c", "a")), _tar(*upper, links=("h",)))
    assert (found.links, sorted(found.folders)) == (links, folders)


def _layer(folder: Path, name: str, *arguments: str) -> list[str]:
    """Builds a layer and returns its blob and descriptor."""
    files = [str(folder / f"{name}.{kind}") for kind in ("blob", "json")]
    assert layer.main(["--where", f"//t:{name}", "--blob", files[0], "--descriptor", files[1], *arguments]) == 0
    return files


def _list(folder: Path, *layers: list[str]) -> int:
    """Runs the tool on layers without a base."""
    return run(lower.main, ["--where", "//t:i", "--output", str(folder / "lower.json"), *(word for pair in layers for word in ("--upper", *pair))])


def test_a_layer_that_replaces_a_folder_or_link_fails_the_image(tmp_path, capsys) -> None:
    """A layer is built without its base, so the image reports parents that would replace what is below; asked-for folders pass."""
    low = _layer(tmp_path, "low", "--empty-dir", "/data", "--empty-dir", "/srv/real", "--symlink", "/opt/current", "/srv/real")
    (tmp_path / "x").write_bytes(b"1")
    conf = _layer(tmp_path, "conf", "--directory", "/data/conf", "--file", "x", str(tmp_path / "x"))
    current = _layer(tmp_path, "current", "--directory", "/opt/current", "--file", "x", str(tmp_path / "x"))
    asked = _layer(tmp_path, "asked", "--empty-dir", "/data", "--owner", "1:1")
    assert _list(tmp_path, low, asked) == 0
    assert json.loads((tmp_path / "lower.json").read_bytes())["folders"]["data"] == [0o755, 1, 1, {}]
    assert [_list(tmp_path, low, other) for other in (conf, current)] == [1, 1]
    assert capsys.readouterr().err.splitlines() == [
        (
            "ERROR: //t:conf: the folder /data would get mode 0755 and owner 0:0, but the layers below have it with mode 0755 and owner 65532:65532. "
            "Add the content to the container_image itself, which keeps them, or name the folder in empty_dirs."
        ),
        "ERROR: //t:current: the folder /opt/current would replace a link to /srv/real in the layers below. Use the path /srv/real.",
    ]


def test_an_images_own_layer_keeps_what_is_below(tmp_path) -> None:
    """The layer tool reads the list of the tool, and its layer has the folders of the layers below."""
    low = _layer(tmp_path, "low", "--empty-dir", "/data", "--empty-dir", "/srv/real", "--symlink", "/opt/current", "/srv/real")
    assert _list(tmp_path, low) == 0
    (tmp_path / "x").write_bytes(b"1")
    arguments = ["--lower", str(tmp_path / "lower.json"), "--compression", "none", "--file", "x", str(tmp_path / "x"), "--directory"]
    facts = {}
    for place in ("/data/conf", "/opt/current"):
        with tarfile.open(_layer(tmp_path, "high", *arguments, place)[0]) as tar:
            facts |= {member.name: (member.mode, member.uid) for member in tar if member.isdir()}
            assert not [member.name for member in tar if member.name.startswith("opt")]
    assert facts == {"data": (0o755, 65532), "data/conf": (0o755, 0), "srv": (0o755, 0), "srv/real": (0o755, 65532)}


HOME = ("--empty-dir", "/app", "--mode-of-empty", "0750", "--owner", "65532:8")


def _home(folder: Path, *more: str) -> str:
    """Lists a base with a usr-merged /lib, a /tmp for everybody and an owned home at /app; returns the list."""
    tops = _layer(folder, "tops", "--empty-dir", "/tmp", "--mode-of-empty", "1777", "--symlink", "/lib", "usr/lib", "--owner", "0:0")
    base = [word for pair in (tops, _layer(folder, "home", *HOME, *more)) for word in ("--own", *pair)]
    assert run(lower.main, ["--where", "//t:base", "--output", str(folder / "base.json"), *base]) == 0
    return str(folder / "base.json")


def _folders(blob: str) -> dict[str, tuple[int, int, int]]:
    """The modes and owners of the folders in a layer, which is uncompressed."""
    with tarfile.open(blob) as tar:
        return {member.name: (member.mode, member.uid, member.gid) for member in tar if member.isdir()}


@pytest.mark.parametrize(
    "content",
    [["--directory=/app", "--mode=content", "--owner=65532:65532", "--file", "w/x", "{x}"], ["--mode=content", "--tree", ".", "{tree}"]],
    ids=["py_image and cc_image", "java_image"],
)
def test_layers_of_programs_keep_the_folders_of_the_base(tmp_path, content) -> None:
    """In a layer as the rules for programs write it, the base's owned home, /tmp and /lib stay as they are."""
    base = _home(tmp_path)
    for name in ("app/w/x", "lib/y", "tmp/z"):
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(b"1")
    words = [word.format(x=tmp_path / "tree/app/w/x", tree=tmp_path / "tree") for word in content]
    found = _folders(_layer(tmp_path, "program", "--compression=none", f"--lower={base}", *words)[0])
    wanted = {"app": (0o750, 65532, 8), "app/w": (0o755, 0, 0), "tmp": (0o1777, 0, 0), "usr": (0o755, 0, 0), "usr/lib": (0o755, 0, 0)}
    assert found == (wanted if "--tree" in content else {name: wanted[name] for name in ("app", "app/w")})


def test_layers_that_images_share_leave_the_base_its_folders(tmp_path, capsys) -> None:
    """The layer above those of third-party packages repeats the base's folders; a link of the base that they would replace fails the image."""
    base = _home(tmp_path, "--empty-dir", "/app/pip/old", "--empty-dir", "/app/other")
    (tmp_path / "x").write_bytes(b"1")
    words = ["--compression=none", f"--lower={base}", "--beside=/app/pip", "--directory=/app/w", "--file", "x", str(tmp_path / "x")]
    owned = (0o750, 65532, 8)
    assert _folders(_layer(tmp_path, "program", *words)[0]) == {"app": owned, "app/pip": (0o755, 0, 0), "app/pip/old": owned, "app/w": (0o755, 0, 0)}

    for number, (link, target) in enumerate([("/app", "/srv/app"), ("/app/pip", "/opt/pip"), ("/app/pip/redis", "/opt/redis")]):
        (tmp_path / f"{number}").mkdir()
        linked = _layer(tmp_path, f"linked{number}", "--symlink", link, target)
        assert run(lower.main, ["--where=//t:base", f"--output={base}", "--own", *linked]) == 0
        assert run(layer.main, ["--where=//t:image", "--blob", str(tmp_path / "b"), "--descriptor", str(tmp_path / "d"), *words]) == 1
        assert capsys.readouterr().err == (
            f"ERROR: //t:image: the base has a link from {link} to {target}, and third-party packages have a layer with the folder /app/pip, which would "
            "replace it. Use a base without this link.\n"
        )


def test_a_list_continues_that_of_the_base(tmp_path) -> None:
    """An image's list is that of its base with its own layers on top, which may replace folders and links."""
    base = _home(tmp_path)
    own = _layer(tmp_path, "own", "--empty-dir", "/lib", "--empty-dir", "/app", "--owner", "1:1")
    assert run(lower.main, ["--where=//t", f"--base={base}", f"--output={tmp_path / 'lower.json'}", "--own", *own]) == 0
    found = LowerLayers.read(str(tmp_path / "lower.json"))
    assert found.links == {} and {name: entry[1:4] for name, entry in found.folders.items()} == {
        "app": (0o755, 1, 1), "lib": (0o755, 1, 1), "tmp": (0o1777, 0, 0),
    }  # fmt: skip
