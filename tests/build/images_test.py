"""Tests of images in a whole workspace: images from other sources, wrong input, and incremental builds."""

import gzip
import io
import json
import os
import re
import shutil
import tarfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from rules.image.tools.images import importing
from rules.image.tools.oci import oci
from rules.image.tools.push.push import Image, push_all
from rules.image.tools.testing.fake_registry import FakeRegistry
from tests.build.nested import Nested


@pytest.fixture(scope="module", name="nested")
def _nested(tmp_path_factory):
    """Returns a copy of the workspace in which the tools are built."""
    with Nested(tmp_path_factory.mktemp("nested")) as workspace:
        workspace.build("//rules/image/tools/images:import_tool", "//rules/image/tests:files_image")
        yield workspace


def test_images_from_a_registry_and_from_an_archive(nested):
    """Images can be built on container_pull and container_load; a missing digest is an error of one sentence."""
    here = Path(os.environ["RUNFILES_DIR"]) / "turnup"
    shutil.copy(here / "rules/image/tests/files_image.tar", nested.root / "saved.tar")
    parts = nested.root / "parts"
    parts.mkdir()
    stored = importing.read(importing.open_source("saved", [nested.root / "saved.tar"]), parts)
    (parts / "manifest").write_bytes(stored.manifest)
    (parts / "config").write_bytes(stored.config)
    layers = [(parts / str(number), parts / f"{number}.json") for number in range(len(stored.layers))]
    (nested.root / "pulled").mkdir()
    (nested.root / "pulled/BUILD").write_text("""load("//rules/image:defs.bzl", "container_image")
[container_image(name = name, base = "@%s//image" % name, empty_files = ["/mark"]) for name in ["loaded", "pulled", "missing"]]
""")
    with FakeRegistry() as registry:
        push_all([Image(parts / "manifest", parts / "config", layers, "saved")], registry.name)
        rules = f"""load("//rules/image:repositories.bzl", "container_load", "container_pull")
container_load(name = "loaded", file = "//:saved.tar")
container_pull(name = "pulled", registry = "{registry.name}", repository = "saved", digest = "{oci.sha256(stored.manifest)}")
container_pull(name = "missing", registry = "{registry.name}", repository = "saved", digest = "sha256:{"0" * 64}")
"""
        with nested.edited("WORKSPACE", r"\Z", rules):
            labels = [f"@{name}//image:{file}" for name in ("loaded", "pulled") for file in ("image.tar", "digest", "image.digest", "config.json")]
            nested.build("//pulled:loaded", "//pulled:pulled", *labels, XDG_CACHE_HOME=str(nested.root / "cache"))
            missing = nested.bazel("build", "//pulled:missing", XDG_CACHE_HOME=str(nested.root / "cache"))
    # Bazel shows the traceback of a failed repository rule before its own sentence.
    (said,) = (line for line in missing.stderr.splitlines() if "//pulled:missing depends on" in line)
    assert "answered 404; check repository, digest and tag" in said
    with tarfile.open(nested.built("external/pulled/image/image.tar")) as tar:
        assert "blobs/sha256/" + oci.sha256(stored.manifest)[7:] in tar.getnames()
    for name in ("loaded", "pulled"):
        assert json.loads(nested.built(f"pulled/{name}.manifest.json").read_bytes())["layers"][:-1] == json.loads(stored.manifest)["layers"]


def test_names_of_every_alphabet(nested):
    """Files and targets may have names in any alphabet: the file has its name in the image, and Bazel finds the tools' arguments."""
    (nested.root / "names").mkdir()
    (nested.root / "names/ünï 日本.txt").write_text("words")
    (nested.root / "names/BUILD").write_text(
        """load("//rules/image:defs.bzl", "container_image", "container_layer")
container_layer(name = "lé", files = glob(["*.txt"]), compression = "none")
container_image(name = "image", layers = [":lé"])
""",
        "utf-8",
    )
    nested.build("//names:image")
    with tarfile.open(nested.built("names/lé.layer.tar")) as layer:
        assert layer.extractfile("ünï 日本.txt").read() == b"words"


_PLATFORMS = ("linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64", "windows/amd64")


def _several() -> tuple[dict[str, bytes], bytes]:
    """Returns blobs by digest, including manifests, and the index of one image per platform in _PLATFORMS, whose config names it."""
    blobs, entries = {}, []
    for platform in _PLATFORMS:
        system, architecture, *variant = platform.split("/")
        with io.BytesIO() as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                tar.addfile(tarfile.TarInfo("platform"))
            plain = file.getvalue()
        layer = gzip.compress(plain, mtime=0)
        config = oci.dump(
            {"architecture": architecture, "os": system, "config": {"Labels": {"is": platform}}, "rootfs": {"type": "layers", "diff_ids": [oci.sha256(plain)]}}
        )
        manifest = oci.dump(oci.build_manifest(config, [{"mediaType": oci.LAYER_GZIP, "digest": oci.sha256(layer), "size": len(layer)}]))
        blobs |= {oci.sha256(data): data for data in (layer, config, manifest)}
        names = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        entries.append({"mediaType": oci.MANIFEST, "digest": oci.sha256(manifest), "size": len(manifest), "platform": names})
    return blobs, oci.dump({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries})


def _label(nested, name: str) -> str:
    """Returns the label `is` in the config of a built `@NAME//image`."""
    layout = nested.built(f"external/{name}/image/image.oci")

    def read(path: str) -> dict:
        return json.loads((layout / path).read_bytes())

    manifest = read("blobs/sha256/" + read("index.json")["manifests"][0]["digest"][7:])
    return read("blobs/sha256/" + manifest["config"]["digest"][7:])["config"]["Labels"]["is"]


def test_each_attribute_of_images_from_elsewhere(nested):
    """The example's images are those that digest, tag, architecture, os and cpu_variant select; insecure allows a registry without TLS."""
    example = "rules/image/examples/elsewhere"
    blobs, index = _several()
    with tarfile.open(nested.root / example / "saved.tar", "w") as tar:
        files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index, **{f"blobs/sha256/{digest[7:]}": data for digest, data in blobs.items()}}
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with FakeRegistry() as registry, ExitStack() as edits:
        registry.name = registry.name.replace("127.0.0.1", "0.0.0.0")  # the same address, but not a loopback name
        registry.blobs |= {("shop/base", digest): data for digest, data in blobs.items()}
        registry.manifests |= {("shop/base", name): data for name, data in [*blobs.items(), (oci.sha256(index), index), ("v1", index)]}
        rules = nested.root / example / "repositories.bzl"
        rules.write_text(rules.read_text().replace("registry.example.com", registry.name).replace("sha256:" + "0" * 64, oci.sha256(index)))
        edits.enter_context(nested.edited("WORKSPACE", r"\Z", f'load("//{example}:repositories.bzl", "images_from_elsewhere")\nimages_from_elsewhere()\n'))
        names = ("pulled", "pulled_tag", "pulled_windows", "loaded")
        done = nested.bazel("build", "--output_groups=oci_layout", *(f"@{name}//image" for name in names), XDG_CACHE_HOME=str(nested.root / "elsewhere"))
        assert done.returncode == 0, done.stderr
        assert [_label(nested, name) for name in names] == ["linux/arm/v6", "linux/amd64", "windows/amd64", "linux/arm64"]
        assert f'container_pull pulled_tag: the tag v1 is an image today and may be another tomorrow: set digest = "{oci.sha256(index)}"' in done.stderr
        rules.write_text(rules.read_text().replace("insecure = True", "insecure = False"))
        refused = nested.bazel("build", "@pulled_tag//image", XDG_CACHE_HOME=str(nested.root / "nothing"))
    assert refused.returncode != 0
    assert f"registry {registry.name}: " in refused.stderr and "plain HTTP" in refused.stderr


def test_actions_block_the_network(nested):
    """Every action of the image rules and of the aspect tells Bazel to block the network."""
    shown = nested.bazel("aquery", "--include_aspects", "--output=text", 'mnemonic("Image.*", deps(//rules/image/tests:all + //rules/image/examples/...))')
    actions = [action for action in shown.stdout.split("\n\n") if action.strip()]
    assert {re.search("Mnemonic: (.*)", action)[1] for action in actions} == {
        "ImageArchive",
        "ImageImport",
        "ImageJarIndex",
        "ImageJarSplit",
        "ImageJavaProgram",
        "ImageJavaRuntime",
        "ImageJdk",
        "ImageLayer",
        "ImageLibraries",
        "ImageLower",
        "ImageManifest",
        "ImageProgram",
        "ImagePushLayout",
        "ImagePushPlan",
        "ImageSbom",
        "ImageSharedClasses",
    }
    assert any("third party: turnup_pip//redis" in action for action in actions)
    assert [action for action in actions if not re.search(r"ExecutionInfo: {.*\bblock-network: 1\b", action)] == []
    # Mnemonics identify the rules' actions, because all actions are declared in one place.
    texts = {path.name: path.read_text() for path in (nested.root / "rules/image/private").glob("*.bzl")}
    assert {name: text.count("ctx.actions.run") for name, text in texts.items() if "ctx.actions.run" in text} == {"actions.bzl": 1}
    for name, text in texts.items():
        assert text.count("mnemonic =") == text.count('mnemonic = "Image') + text.count("mnemonic = mnemonic"), name


def _ran(nested, *targets: str) -> list[str]:
    """Builds targets and returns the actions that ran, except Bazel's own action of each build."""
    explanation = nested.root / "explanation.txt"
    nested.build(*targets, f"--explain={explanation}", "--verbose_explanations")
    ran = re.findall(r"Executing action '([^']*)'", explanation.read_text())
    return [action for action in ran if not action.startswith("BazelWorkspaceStatusAction")]


def test_an_unchanged_tree_runs_no_actions(nested):
    """A second build runs no action of an image, bundle or push, even with a new Bazel server; an edit runs only the affected layers."""
    folder = "rules/image/examples/drop_in"
    targets = [f"//{folder}:{name}" for name in ("image.tar", "bundle.tar", "program", "push", "push_bundle", "push_docker")]
    nested.build(*targets)
    assert _ran(nested, *targets) == []
    assert nested.bazel("shutdown").returncode == 0
    assert _ran(nested, *targets) == []
    with nested.edited(f"{folder}/hello.py", r"print\(.*", "print()"):
        layers = [action for action in _ran(nested, *targets) if action.startswith("Writing layer")]
    assert sorted(layers) == [f"Writing layer //{folder}:{name}" for name in ("from_root", "image", "program")]


def _tar(path: Path, member: str) -> None:
    """Writes a tar with one empty file."""
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo(member))


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ('bse = ":x"', "//bad:bad: container_image has no attribute bse. Correct the name, or remove it. The attributes are architecture, base, "),
        ('docker_run_flags = "-it"', "//bad:bad: docker_run_flags is not supported. Remove it; bazel run does not start a container."),
        ('cmd = "serve"', "cmd: found the string 'serve'. Use a list of the program and its arguments."),
        ('empty_files = ["/a"], labels = {"a": 1}', "labels: found 1 for a. Use a string."),
        ('empty_files = ["/a"], label_files = [":one/file"]', "label_files: found a list. Use a dict from name to label"),
        ('stamp = "sometimes", empty_files = ["/a"]', 'stamp: found "sometimes". Use True, False, or -1'),
        ('base = "one/file"', "//bad:bad: base of //bad:one/file is not a readable tar"),
        ('base = "nothing.tar"', "//bad:bad: base of //bad:nothing.tar: neither index.json nor manifest.json in it"),
        ('files = ["one/file", "two/file"]', "//bad:bad: two files at one path, /file; remove one of them"),
        ('files = ["one/file"], symlinks = {"/file": "x"}', "//bad:bad: two files at one path, /file"),
        ('tars = ["absolute.tar"]', "//bad:bad: bad/absolute.tar: the path '/etc/x' is absolute; make the tar with"),
        ('tars = ["climbing.tar"]', "//bad:bad: bad/climbing.tar: the path '../x' contains '..'"),
        ('files = [":missing"]', "not all outputs were created or valid"),
        ('empty_files = ["/a"], creation_time = "yesterday"', "//bad:bad: creation_time: found 'yesterday'; write seconds since 1970"),
        ('empty_files = ["/a"], env = {"A=B": "c"}', "//bad:bad: env: 'A=B' is not a name for an environment variable"),
        ('empty_files = ["/a"], labels = {"a": "{NOBODY_SAYS}"}, stamp = True', "//bad:bad: labels: the workspace status has no NOBODY_SAYS"),
        ('empty_files = ["/a"], labels = {"a": "$(nobody)"}', "uses the Make variable $(nobody), which is not defined. Pass --define=nobody=VALUE"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(nested, attributes, words):
    """Each error names target and attribute or file, says what is wrong and what to do, and has no Python traceback."""
    folder = nested.root / "bad"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_text(name)
    for name, member in (("nothing", "etc/x"), ("absolute", "/etc/x"), ("climbing", "../x")):
        _tar(folder / f"{name}.tar", member)
    (folder / "BUILD").write_text(f"""load("//rules/image:defs.bzl", "container_image")
genrule(name = "missing", outs = ["never"], cmd = "true")
container_image(name = "bad", {attributes})
""")
    done = nested.bazel("build", "//bad:bad")

    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback (most recent call last):\n  File" not in done.stderr


# Attributes of rules_docker that these rules don't have, by rule: attribute and value.
_GONE: dict[str, dict[str, object]] = {
    "container_bundle": {
        "docker_run_flags": "-it",
        "experimental_tarball_format": "legacy",
        "extract_config": "x",
        "image_target_strings": ["x"],
        "image_targets": ["x"],
        "tar_output": "x.tar",
    },
    "container_image": {
        "build_layer": "x",
        "build_script": "x",
        "compression_options": ["-1"],
        "docker_run_flags": "-it",
        "enable_mtime_preservation": True,
        "experimental_tarball_format": "legacy",
        "incremental_load_template": "x",
        "label_file_strings": ["x"],
        "launcher": "x",
        "launcher_args": ["x"],
        "legacy_repository_naming": True,
        "legacy_run_behavior": False,
        "mtime": 1,
        "os_version": "10",
        "portable_mtime": True,
        "repository": "x",
        "sha256": "x",
        "tag_name": "x",
    },
    "container_layer": {
        "build_layer": "x",
        "compression_options": ["-1"],
        "enable_mtime_preservation": True,
        "mtime": 1,
        "operating_system": "linux",
        "portable_mtime": True,
        "sha256": "x",
    },
    "container_push": {"docker_client_config": "x", "extension": ".sh", "retry_count": 3, "tag_tpl": "x", "windows_paths": False},
}
_CALLS = {"container_bundle": 'images = {"a": "x"}', "container_push": 'image = "x", registry = "r.example", repository = "a"'}


def test_rules_docker_attributes_are_rejected(nested):
    """The error for an attribute without a counterpart, or a misspelled one, names it with its target and says what to do."""
    cases = [(rule, attribute, value) for rule, attributes in _GONE.items() for attribute, value in attributes.items()]
    cases += [(rule, "bogus", 1) for rule in _GONE]
    for rule, attribute, value in cases:
        folder = nested.root / "gone" / rule / attribute
        folder.mkdir(parents=True)
        (folder / "BUILD").write_text(f"""load("//rules/image:defs.bzl", "{rule}")
{rule}(name = "x", {attribute} = {value!r}, {_CALLS.get(rule, "")})
""")
    done = nested.bazel("build", "--keep_going", "//gone/...")

    said = [line.partition(": ")[2] for line in done.stderr.splitlines() if line.startswith("Error in fail: ")]
    for rule, attribute, _ in cases:
        words = (
            f"{rule} has no attribute bogus. Correct the name, or remove it. The attributes are " if attribute == "bogus" else f"{attribute} is not supported. "
        )
        start = f"//gone/{rule}/{attribute}:x: {words}"
        (line,) = (line for line in said if line.startswith(start))
        assert len(line) > len(start) + 10
    assert len(said) == len(cases)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            'container_pull(name = "gone", registry = "r.example", repository = "a", os_version = "10")',
            "@gone: os_version is not supported. Remove it; images are for Linux",
        ),
        (
            'container_pull(name = "gone", registry = "r.example", repository = "a", docker_client_config = "x")',
            "@gone: docker_client_config is not supported. Remove it; the login is",
        ),
        (
            'debian_packages(name = "gone", packages = ["a"], exclude = ["b"], without = ["c"], lock = "//:WORKSPACE")',
            "@gone: exclude and its old name without are both set. Move all",
        ),
        (
            'container_load(name = "gone", file = "//:x.tar", tag = "x")',
            "@gone: container_load has no attribute tag. Correct the name, or remove it. The attributes are architecture, file, os",
        ),
    ],
)
def test_unknown_repository_attributes_are_rejected(nested, call, words):
    """The error for an unknown attribute of a repository rule names it and says what to do."""
    with nested.edited("WORKSPACE", r"\Z", f'load("//rules/image:repositories.bzl", "container_load", "container_pull", "debian_packages")\n{call}\n'):
        done = nested.bazel("build", "@gone//image")

    assert done.returncode != 0
    assert words in done.stderr
