"""Names and values that are allowed and rare, as they arrive in an image."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

from rules.image.tools.oci import layer_tars, oci

HERE = Path(__file__).parent


def _members(image: str, number: int) -> dict[str, tarfile.TarInfo]:
    """Returns what a layer of an image has, by path."""
    layer = json.loads((HERE / f"{image}.manifest.json").read_bytes())["layers"][number]
    blob = HERE / f"{image}.oci/blobs/sha256" / oci.check_digest(layer["digest"], "layer").removeprefix("sha256:")
    with layer_tars.open_layer(blob, layer["mediaType"], image) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
        return {member.name: member for member in tar}


def _config(image: str) -> dict:
    return json.loads((HERE / f"{image}.config.json").read_bytes())


def test_paths_of_other_alphabets_and_with_dashes() -> None:
    """Names of files, folders, links and targets are those of the BUILD file, in UTF-8; a folder of the source tree goes in whole."""
    found = _members("image", 0)
    assert {name for name, member in found.items() if member.isreg()} == {"öpt/-file.txt", "öpt/folder/-file.txt", "é"}
    assert found["-ü"].linkname == "-日本"
    assert found["-dir"].isdir()
    assert found["öpt/-file.txt"].size == len("words\n")


def test_stamp_variables_in_every_setting() -> None:
    """cmd, entrypoint, user and workdir take them as env and labels do; a time of another zone is kept in UTC."""
    config = _config("image")
    settings = config["config"]
    user = settings["User"]
    assert re.fullmatch(r"[\w.-]+", user)
    assert (settings["Cmd"], settings["Entrypoint"], settings["WorkingDir"]) == ([user], [f"/bin/{user}"], f"/home/{user}")
    assert config["created"] == "2023-12-31T23:30:00.5Z"


def test_dollar_signs() -> None:
    """$$ is Bazel's dollar sign, so $$NAME is the base's value and $$$$NAME text; keys take Make variables, too."""
    assert _config("image")["config"]["Env"] == ["PATH=$PATH:/opt", "fastbuild=$HOME costs $5"]
    assert _config("on_settings")["config"]["Env"] == ["HOME=/root", "PATH=/bin", "LITERAL=$HOME costs $5", "MORE=/bin:/root"]


def test_a_programs_arguments_name_its_files() -> None:
    """$(location) is the path in the image, which is there."""
    data, generated, mode = _config("program")["config"]["Cmd"]
    assert (data, mode) == ("/app/turnup/rules/image/tests/app/data.txt", "fastbuild")
    assert generated == "--generated=/app/turnup/rules/image/tests/odd/-file.txt"
    assert {data, generated.removeprefix("--generated=")} <= {f"/{name}" for name in _members("program", -1)}
