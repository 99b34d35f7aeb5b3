"""Tests of digests, configs and manifests."""

import json
import re

import pytest

from rules.image.tools.errors import InputError, run
from rules.image.tools.images import image
from rules.image.tools.oci import oci

DIGEST = "sha256:" + "a" * 64
LAYER = {"mediaType": oci.LAYER_GZIP, "digest": DIGEST, "size": 5, "diff_id": "sha256:" + "b" * 64, "created_by": "//t:l"}


@pytest.mark.parametrize("value", ["", "sha256:", "sha256:" + "A" * 64, "sha512:" + "a" * 128, DIGEST + "\n", DIGEST + "/../x", None, 7, "a" * 64])
def test_only_lower_case_sha256_digests_pass(value) -> None:
    """Anything that could change a path or URL is refused."""
    with pytest.raises(InputError, match="is not a digest"):
        oci.check_digest(value, "x")


@pytest.mark.parametrize("value", [-1, 1.5, True, "5", None, 1 << 41])
def test_only_plausible_sizes_pass(value) -> None:
    """A size is a whole number of bytes."""
    with pytest.raises(InputError, match="is not a size"):
        oci.check_size(value, "x")


@pytest.mark.parametrize("value", ["a", "a/b/c", "a-b__c.d/e2", "x" * 255])
def test_repository_names_of_the_specification_pass(value: str) -> None:
    """Names that distribution-spec allows are allowed."""
    assert oci.check_repository(value, "x") == value


@pytest.mark.parametrize("value", ["", "A", "a//b", "/a", "a/", "a:b", "a@b", "../a", "a/../b", "x" * 256, "a b", "a?b"])
def test_other_repository_names_are_refused(value: str) -> None:
    """Names that would change a URL's meaning are refused."""
    with pytest.raises(InputError, match="is not a repository name"):
        oci.check_repository(value, "x")


def test_a_config_from_scratch_has_what_was_set() -> None:
    """Settings go to the fields of image-spec, and there are no other fields."""
    settings = {"envs": [{"B": "2", "A": "1"}], "entrypoint": ["/x"], "ports": ["80", "53/udp"], "user": "65532", "labels": {"l": "v"}, "volumes": ["/data"]}
    config = oci.build_config(None, [LAYER], settings, "//t:i")
    assert config["config"] == {
        "Env": ["A=1", "B=2"],
        "Entrypoint": ["/x"],
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "User": "65532",
        "Labels": {"l": "v"},
        "Volumes": {"/data": {}},
    }
    assert (config["architecture"], config["os"], config["created"]) == ("amd64", "linux", "1970-01-01T00:00:00Z")
    assert config["rootfs"] == {"type": "layers", "diff_ids": [LAYER["diff_id"]]}


def test_a_base_is_built_upon() -> None:
    """Lists are extended, single values are replaced, and a new entrypoint drops the old arguments."""
    base = oci.build_config(None, [LAYER], {"envs": [{"PATH": "/usr/bin", "X": "1"}], "cmd": ["old"], "ports": ["1"], "user": "7", "workdir": "/w"}, "b")
    config = oci.build_config(base, [LAYER], {"envs": [{"PATH": "/app:$PATH", "Y": "${X}2$Z"}], "entrypoint": ["/n"], "ports": ["2"]}, "i")
    assert config["config"]["Env"] == ["PATH=/app:/usr/bin", "X=1", "Y=12$Z"]
    assert config["config"]["ExposedPorts"] == {"1/tcp": {}, "2/tcp": {}}
    assert "Cmd" not in config["config"]
    assert (config["config"]["User"], config["config"]["WorkingDir"]) == ("7", "/w")
    assert len(config["history"]) == len(config["rootfs"]["diff_ids"]) == 2


def test_environments_of_layers_build_on_each_other() -> None:
    """Each environment sees the values of the one before it, not its own; the order of names does not depend on where they come from."""
    envs = [{"PATH": "$PATH:/a", "Z": "1"}, {"PATH": "$PATH:/b", "A": "$Z"}, {"Z": "$A", "A": "$Z$$Z"}]
    assert oci.merge_env([], envs, "i") == ["A=1$Z", "PATH=$PATH:/a:/b", "Z=1"]
    assert oci.merge_env(["Z=0", "PATH=/bin"], envs, "i") == ["Z=1", "PATH=/bin:/a:/b", "A=1$Z"]


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({}, {"Entrypoint": ["bar"], "Cmd": ["foo"]}),
        ({"cmd": None, "entrypoint": None}, {"Entrypoint": ["bar"], "Cmd": ["foo"]}),
        ({"cmd": []}, {"Entrypoint": ["bar"]}),
        ({"entrypoint": []}, {"Cmd": ["foo"]}),
        ({"cmd": [], "entrypoint": []}, {}),
        ({"entrypoint": ["new"]}, {"Entrypoint": ["new"]}),
        ({"entrypoint": [], "cmd": ["new"]}, {"Cmd": ["new"]}),
    ],
    ids=str,
)
def test_cmd_and_entrypoint_are_kept_replaced_or_cleared(settings: dict, left: dict) -> None:
    """None keeps the base's command and an empty one removes it from the config."""
    base = oci.build_config(None, [LAYER], {"cmd": ["foo"], "entrypoint": ["bar"]}, "b")
    assert oci.build_config(base, [LAYER], settings, "i")["config"] == left


def test_what_a_base_says_of_its_machine_and_author_is_kept() -> None:
    """The author and the variant, versions and features of the operating system stay; another operating system drops them."""
    said = {"variant": "v7", "os.version": "10.0.17763", "os.features": ["win32k"], "author": "somebody"}
    base = {"architecture": "arm", "os": "windows", "rootfs": {"diff_ids": []}, **said}
    assert said.items() <= oci.build_config(base, [LAYER], {"os": "windows"}, "i").items()
    other = oci.build_config(base, [LAYER], {"os": "linux"}, "i")
    assert other["variant"] == "v7" and "os.version" not in other and "os.features" not in other


@pytest.mark.parametrize("value", ["0", "65536", "x", "80/sctp2", "-1", ""])
def test_bad_ports_are_refused(value: str) -> None:
    """A port is a number from 1 to 65535 and a protocol that Kubernetes knows."""
    with pytest.raises(InputError, match="is not a port"):
        oci.port(value, "x")


def test_parts_for_two_machines_are_refused() -> None:
    """An arm64 layer on an amd64 base is an error that names both."""
    base = oci.build_config(None, [LAYER], {}, "b")
    with pytest.raises(InputError, match="base is for amd64, layer 1 is for arm64"):
        oci.build_config(base, [{**LAYER, "architecture": "arm64"}], {}, "i")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schemaVersion": 1}, "docker's schema 1"),
        ({"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"}, "docker's schema 1"),
        ({"mediaType": oci.INDEX}, "found 'application/vnd.oci.image.index.v1.json', but an image manifest is needed"),
        ({"config": {"mediaType": oci.CONFIG, "digest": "sha256:../..", "size": 1}}, "config.digest"),
        ({"layers": [{**LAYER, "size": -1}]}, r"layers\[0\].size"),
        ({"layers": [{**LAYER, "mediaType": "text/html"}]}, r"layers\[0\].mediaType"),
        ({"layers": {}}, "layers is a dict, but must be a list"),
        ({"config": 7}, "a descriptor"),
    ],
)
def test_hostile_manifests_are_refused(change: dict, message: str) -> None:
    """The error names each malformed field."""
    manifest = {**oci.build_manifest(b"{}", [LAYER]), **change}
    with pytest.raises(InputError, match=message):
        oci.check_manifest(oci.dump(manifest), "m.json")


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"{", b"[" * 100_000, b" " * (oci.MAX_JSON + 1)])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    """Damaged, deep and huge JSON are one-sentence errors."""
    with pytest.raises(InputError, match="^f: "):
        oci.load(data, "f")


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("", oci.EPOCH),
        ("86400", "1970-01-02T00:00:00Z"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.123456789+05:30", "2026-01-01T21:34:05.123456789Z"),
    ],
)
def test_creation_times(value: str, time: str) -> None:
    """Seconds and RFC 3339 are accepted; the default is 1970."""
    assert image.parse_created(value, "//t") == time


def test_a_creation_time_that_is_none_is_refused() -> None:
    """Other text is refused with an example, and an impossible date as such."""
    for value in ("2026-02-30T00:00:00Z", "0001-01-01T00:00:00+01:00"):
        with pytest.raises(InputError, match="which is not a date and time"):
            image.parse_created(value, "//t")
    with pytest.raises(InputError, match="creation_time: found 'yesterday'"):
        image.parse_created("yesterday", "//t")


def _layer(tmp_path, **change) -> str:
    path = tmp_path / "layer.json"
    path.write_bytes(oci.dump({**LAYER, **change}))
    return str(path)


def _arguments(tmp_path, *more: str) -> list[str]:
    outputs = [word for name in ("config", "manifest", "digest") for word in (f"--{name}", str(tmp_path / name))]
    return ["--where", "//t:i", *outputs, *more]


def test_the_tool_writes_files_that_fit_each_other(tmp_path) -> None:
    """The manifest names the config's digest, the digest file the manifest's, without a newline."""
    (tmp_path / "label").write_text("abc\n")
    (tmp_path / "settings").write_text(json.dumps({"user": "1", "labels": {"a": "b"}}))
    arguments = _arguments(tmp_path, "--layer", _layer(tmp_path), "--settings", str(tmp_path / "settings"), "--label-file", "commit", str(tmp_path / "label"))
    assert image.main(arguments) == 0
    manifest = oci.check_manifest((tmp_path / "manifest").read_bytes(), "m")
    assert manifest["config"]["digest"] == oci.sha256((tmp_path / "config").read_bytes())
    assert (tmp_path / "digest").read_text() == oci.sha256((tmp_path / "manifest").read_bytes())
    assert json.loads((tmp_path / "config").read_text())["config"]["Labels"] == {"a": "b", "commit": "abc"}


def test_the_tool_refuses_a_base_whose_parts_do_not_fit(tmp_path, capsys) -> None:
    """A base with more layers in its config than in its manifest is refused."""
    assert image.main(_arguments(tmp_path, "--layer", _layer(tmp_path))) == 0
    config = json.loads((tmp_path / "config").read_text())
    config["rootfs"]["diff_ids"] *= 2
    (tmp_path / "base").write_text(json.dumps(config))
    code = run(image.main, _arguments(tmp_path, "--base-config", str(tmp_path / "base"), "--base-manifest", str(tmp_path / "manifest")))
    assert code == 1
    assert capsys.readouterr().err.startswith("ERROR: //t:i: base has 1 layers in its manifest and 2 in its config")


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"Env": [1]}},
        {"config": {"Env": "A=1"}},
        {"config": {"Labels": ["a"]}},
        {"config": {"Labels": {"a": 5}}},
        {"config": {"ExposedPorts": ["80"]}},
        {"config": {"Volumes": "v"}},
        {"config": {"Entrypoint": 5}},
        {"config": {"Cmd": "run"}},
        {"config": {"User": 7}},
        {"config": {"WorkingDir": ["x"]}},
        {"config": 7},
        {"history": 7},
        {"architecture": ["amd64"]},
        {"os": {}},
    ],
    ids=str,
)
def test_a_base_config_of_other_types_is_refused(change: dict) -> None:
    """The fields that an image on top extends must have the types of image-spec."""
    with pytest.raises(InputError, match="^c: .* must (be|hold) "):
        oci.check_config(oci.dump({"rootfs": {"diff_ids": [DIGEST]}, **change}), "c")


def test_a_base_config_without_settings_is_one() -> None:
    """null, which Go's tools write for empty fields, is accepted."""
    value = {"rootfs": {"diff_ids": [DIGEST]}, "config": None, "history": None}
    assert oci.check_config(oci.dump(value), "c") == value
    assert oci.build_config(value, [LAYER], {"envs": [{"A": "1"}]}, "i")["config"] == {"Env": ["A=1"]}


def test_a_label_file_that_is_no_text_is_refused(tmp_path, capsys) -> None:
    """The error names the attribute and the file."""
    (tmp_path / "label").write_bytes(b"\xff\xfe")
    assert run(image.main, _arguments(tmp_path, "--layer", _layer(tmp_path), "--label-file", "commit", str(tmp_path / "label"))) == 1
    assert re.fullmatch(r"ERROR: //t:i: label_files: .*/label is not UTF-8 text .*; save it as UTF-8\n", capsys.readouterr().err)
    assert not (tmp_path / "config").exists()
