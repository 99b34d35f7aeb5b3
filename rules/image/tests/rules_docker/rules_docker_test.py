"""Tests that images are what rules_docker's own tests say of the same calls.

Of its 54 image tests 14 need what these rules do not have: mtimes in layers, container_flatten and container_import, image names from
`repository` and contrib/with-tag, passwd_file and group_file, Windows, war_image and nodejs_image. README.md says what to use. A test
of an image over a stamped base is not here either: the time is 1970 unless the image itself is stamped. Images of Python and Java
programs have other layers; image_test.py and java_image_test.py have their tests.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

HERE = Path("rules/image/tests/rules_docker")
TWO = {"two", "usr/bin/two"}


@functools.cache
def blobs() -> dict[str, Path]:
    """Returns the built layers by digest."""
    return {"sha256:" + hashlib.sha256(path.read_bytes()).hexdigest(): path for path in HERE.rglob("*.layer.tar")}


def layers(name: str) -> list[dict[str, tarfile.TarInfo]]:
    """Returns the members of each layer of an image by path, base first, without the folders around files."""
    found = []
    for layer in json.loads((HERE / f"{name}.manifest.json").read_bytes())["layers"]:
        with tarfile.open(blobs()[layer["digest"]]) as tar:
            members = {member.name: member for member in tar}
        found.append({path: member for path, member in members.items() if not any(other.startswith(f"{path}/") for other in members)})
    return found


def config(name: str) -> dict[str, Any]:
    """Returns an image's config."""
    parsed: dict[str, Any] = json.loads((HERE / f"{name}.config.json").read_bytes())
    return parsed


def env(name: str) -> dict[str, str]:
    """Returns an image's environment."""
    return dict(item.split("=", 1) for item in config(name)["config"]["Env"])


@pytest.mark.parametrize(
    ("image", "expected"),
    {
        "files": [{"a.txt"}],
        "files_generated": [{"gen= a.out"}],
        "files_on_files": [{"a.txt"}, {"b.txt"}],
        "files_in_layer": [{"a.txt"}, {"c.txt"}, {"b.txt"}],
        "tar": [{"usr/bin/a.txt"}],
        "tar_on_tar": [{"usr/bin/a.txt"}, TWO],
        "tars_in_layer": [{"usr/bin/a.txt"}, {"three/three"}, TWO],
        "directory_on_tar": [{"usr/bin/a.txt"}, {"foo/two", "foo/usr/bin/two"}],
        "files_on_tar": [{"usr/bin/a.txt"}, {"b.txt"}],
        "workdir": [{"usr/bin/a.txt"}],
        "tar_on_files": [{"a.txt"}, TWO],
        "docker_tar": [{"a.txt"}, {"b.txt"}, {"a.txt"}],
        "docker_tar_with_layers": [{"a.txt"}, {"b.txt"}, {"c.txt"}, {"three/three"}, {"a.txt"}],
        "entrypoint": [{"b.txt", *TWO}],
        "entrypoint_with_cmd": [{"b.txt", *TWO}, {"a.txt"}, {"usr/bin/a.txt"}],
        "volumes": [{"a.txt", "b.txt"}],
        "link": [{"a.txt"}, {"usr/bin/java"}],
        "data_path_none": [{"nested.txt"}],
        "data_path": [{"data/nested.txt"}],
        "data_path_elsewhere": [{"rules/image/tests/rules_docker/data/nested.txt"}],
        "data_path_root": [{"rules/image/tests/rules_docker/data/nested.txt"}],
        "data_path_of_a_tree": [{"pear/peel.txt"}],
        "empty_files": [{"file1", "file2"}],
        "empty_dirs": [{"etc", "foo", "bar"}],
        "special_characters": [{"a.txt"}, {"root= dir/gen= a.out", "empty= dir", "empty= file", "foo= symlink"}],
        "custom": [{"a.txt"}, {"b.txt"}, {"a.txt"}, set(), {"three/three"}, {"c.txt"}, {"b.txt", "c.txt"}],
    }.items(),
)
def test_layers(image: str, expected: list[set[str]]) -> None:
    """Files, tars, links and folders are in the layers and at the paths where rules_docker puts them, without its empty layers of images."""
    assert [set(layer) for layer in layers(image)] == expected


_BOTH = {"Cmd": ["foo"], "Entrypoint": ["bar"]}


@pytest.mark.parametrize(
    ("image", "expected"),
    {
        "tar": {"Entrypoint": None, "Cmd": None},
        "workdir": {"WorkingDir": "/tmp"},
        "entrypoint": {"Entrypoint": ["/bar"], "ExposedPorts": {"8080/tcp": {}}},
        "dash_dash": {"Entrypoint": ["/bar", "--"]},
        "entrypoint_with_cmd": {"Entrypoint": ["/bar"], "Cmd": ["arg1", "arg2"], "ExposedPorts": {"8080/tcp": {}, "80/tcp": {}}},
        "volumes": {"Volumes": {"/asdf": {}, "/blah": {}, "/logs": {}}},
        "labels": {"Labels": {"com.example.bar": '{"name": "shop"}', "com.example.baz": "qux", "com.example.foo": '{"name": "shop"}'}},
        "labels_by_flag": {"Labels": {"BUILDER": "{BUILD_USER}"}},
        "user": {"User": "nobody"},
        "cmd": {"Cmd": ["foo"], "Entrypoint": None},
        "entrypoint_alone": {"Cmd": None, "Entrypoint": ["bar"]},
        "cmd_and_entrypoint": _BOTH,
        "cmd_and_entrypoint_of_base": _BOTH,
        "cmd_and_entrypoint_over_none": _BOTH,
        "clear_by_none": {"Cmd": None, "Entrypoint": None},
        "clear_by_empty_list": {"Cmd": None, "Entrypoint": None},
        "clear_by_empty_text": {"Cmd": None, "Entrypoint": None},
        "custom": {"Cmd": ["Hello World!"], "Entrypoint": ["echo"]},
    }.items(),
)
def test_settings(image: str, expected: dict[str, Any]) -> None:
    """Settings are added to those of the base, replace or clear them, as in rules_docker."""
    settings = config(image)["config"]
    assert {name: settings.get(name) for name in expected} == expected


def test_labels_are_added_to_those_of_the_base() -> None:
    """A label with the value of a file is beside the base's labels."""
    of_base = config("labels")["config"]["Labels"]
    assert config("labels_twice")["config"]["Labels"] == {**of_base, "com.example.qux": '{"name": "shop"}'}


@pytest.mark.parametrize(
    ("image", "expected"),
    {
        "env": {"bar": "blah blah blah", "foo": "/asdf"},
        "env_twice": {"bar": "blah blah blah", "foo": "/asdf", "baz": "/asdf blah blah blah"},
        "env_of_layers": {"PATH": "$PATH:/tmp/a:/tmp/b:/tmp/c", "a": "b", "x": "y"},
        "env_csv": {"NO_PROXY": "127.0.0.1,localhost"},
        "env_make_variables": {"fastbuild_key": "fastbuild value"},
        "custom": {"PATH": "$PATH:/tmp/a", "a": "b"},
    }.items(),
)
def test_environment(image: str, expected: dict[str, str]) -> None:
    """Variables refer to those of layers and base, take Make variables in keys and values, and keep commas."""
    mode = re.search(r"-(fastbuild|dbg|opt)\b", str((HERE / "env.config.json").resolve()))
    assert mode
    found = {key.replace(mode[1], "fastbuild"): value.replace(mode[1], "fastbuild") for key, value in env(image).items()}
    assert found == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    {
        "created_in_seconds": "2009-02-13T23:31:30.12Z",
        "created_in_milliseconds": "2009-02-13T23:31:30.12345Z",
        "created_in_rfc_3339": "1989-05-03T12:58:12.345Z",
        "created_by_flag": "1970-01-01T00:00:00Z",
        "volume": "1970-01-01T00:00:00Z",
    }.items(),
)
def test_creation_time(image: str, expected: str) -> None:
    """The time is read in each form, and is 1970 where only --stamp would set it."""
    assert config(image)["created"] == expected


@pytest.mark.parametrize("image", ["created_stamped", "created_by_default_stamp"])
def test_stamped_creation_time(image: str) -> None:
    """A stamped image has the build's time, whether it names BUILD_TIMESTAMP or not."""
    created = datetime.datetime.fromisoformat(config(image)["created"])
    assert datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC) < created <= datetime.datetime.now(datetime.UTC)


def test_stamped_label() -> None:
    """A stamped label has the user's name."""
    builder = config("labels_stamped")["config"]["Labels"]["BUILDER"]
    assert builder and "{" not in builder


@pytest.mark.parametrize(("image", "kind"), [("empty_files", tarfile.REGTYPE), ("empty_dirs", tarfile.DIRTYPE)])
def test_modes_of_empty_files_and_dirs(image: str, kind: bytes) -> None:
    """They have the mode of the attribute."""
    (members,) = layers(image)
    assert {(member.mode, member.size, member.type) for member in members.values()} == {(0o777, 0, kind)}


@pytest.mark.parametrize(
    ("bundle", "names"),
    [
        ("bundle", {"docker.io/ubuntu:latest": 1, "us.gcr.io/engine/base:fresh": 2, "gcr.io/containers/pause:2.0": 1}),
        ("bundle_by_flag", {"example.com/aaaaa{BUILD_USER}:stamped": 1}),
    ],
)
def test_bundles(bundle: str, names: dict[str, int]) -> None:
    """Each image has its name and its layers; a variable stays as it is without --stamp."""
    with tarfile.open(HERE / f"{bundle}.tar") as tar:
        file = tar.extractfile("manifest.json")
        assert file
        entries = json.loads(file.read())
    assert {entry["RepoTags"][0]: len(entry["Layers"]) for entry in entries} == names


def test_a_stamped_bundle() -> None:
    """The name has the user's name."""
    builder = config("labels_stamped")["config"]["Labels"]["BUILDER"]
    with tarfile.open(HERE / "bundle_stamped.tar") as tar:
        assert f"example.com/aaaaa{builder}:stamped" in io.TextIOWrapper(tar.extractfile("manifest.json") or io.BytesIO()).read()


@pytest.mark.parametrize("push", ["push_by_flag", "push_bundle_by_flag"])
def test_pushes_by_flag_build_without_it(push: str) -> None:
    """The plan keeps the variables of names, and the digest is there."""
    assert "{BUILD_USER}" in (HERE / f"{push}.push.plan").read_text()


def test_a_python_program_starts_where_its_data_files_are() -> None:
    """The working directory is the runfiles' folder of the workspace, so that `bazel run` and the image find the same files."""
    assert config("program")["config"]["WorkingDir"] == "/app/turnup"
    top = json.loads((HERE / "program.manifest.json").read_bytes())["layers"][-1]
    with tarfile.open(HERE / "program.layer.tar") as tar:
        assert top["digest"] == "sha256:" + hashlib.sha256((HERE / "program.layer.tar").read_bytes()).hexdigest()
        assert "app/turnup/rules/image/tests/rules_docker/data/nested.txt" in tar.getnames()
