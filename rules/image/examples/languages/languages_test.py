"""Tests of an image of each kind of program: it runs as a container runtime would run it, and the documentation shows how it is built."""

import io
import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import zstandard

HERE = Path("rules/image/examples/languages")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")


def unpack(image, root):
    """Unpacks an image into a folder, and returns its config and the names of the files in each layer, base first."""
    root.chmod(0o755)  # pytest's folders are for their owner only
    layers = []
    with tarfile.open(HERE / f"{image}.tar") as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}
    (entry,) = json.loads(files["manifest.json"])
    for path in entry["Layers"]:
        with zstandard.ZstdDecompressor().stream_reader(files[path]) as stream, tarfile.open(fileobj=io.BytesIO(stream.read())) as tar:
            tar.extractall(root, numeric_owner=True)
            layers.append([member.name for member in tar if not member.isdir()])
    return json.loads(files[entry["Config"]]), layers


def run(config, root, *arguments):
    """Runs an unpacked image in its root, with its entrypoint, environment, folder and user, and returns its output."""
    settings = config["config"]
    environment = dict(item.split("=", 1) for item in settings["Env"])
    (root / "proc").mkdir(exist_ok=True)
    (root / "dev").mkdir(exist_ok=True)
    # The dynamic linker reads from /proc where the program is, and a JVM gathers its own randomness for seconds without /dev. In a
    # mount namespace of its own both mounts go with the process.
    script = 'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot --userspec="$1:$1" "$0" "${@:2}"'
    command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, str(root), settings["User"], *settings["Entrypoint"], *arguments]
    done = subprocess.run(command, env={**environment, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@needs_root
@pytest.mark.parametrize("image", ["static", "built_elsewhere", "dynamic", "script", "jar"])
def test_program_runs(tmp_path, image):
    """The program finds what it needs in its image, gets its arguments, and runs as a user without rights."""
    config, _ = unpack(image, tmp_path)

    assert run(config, tmp_path, "you") == "hello you, from user 65532\n"


@needs_root
def test_program_of_a_wheel_runs(tmp_path):
    """The module in the wheel is the program."""
    config, _ = unpack("wheel", tmp_path)

    assert run(config, tmp_path, "-V").startswith("Pygments version 2.")


def test_static_image_has_no_library(tmp_path):
    """The image of a static program has one layer on top of its base, and neither libraries nor a shell."""
    _, layers = unpack("static", tmp_path)
    files = [name for layer in layers for name in layer]

    assert layers[1:] == [["app/turnup/rules/image/examples/languages/static.binary"]]
    assert [name for name in files if ".so" in name or name.endswith("/sh")] == []
    assert {"etc/passwd", "etc/ssl/certs/ca-certificates.crt", "usr/share/zoneinfo/Europe/Zurich"} <= set(files)


def test_dynamic_image_has_the_libraries_that_the_program_needs(tmp_path):
    """Debian's libraries are a layer of their own, with their packages' status; the program's own library is beside it."""
    config, layers = unpack("dynamic", tmp_path)
    _, libraries, program = layers

    status = sorted(name.rpartition("/")[2] for name in libraries if "/status.d/" in name and not name.endswith(".md5sums"))
    assert status == ["libc6", "libgcc-s1", "libstdc++6"]
    assert {"libc.so.6", "libstdc++.so.6", "ld-linux-x86-64.so.2"} <= {name.rpartition("/")[2] for name in libraries} or config["architecture"] != "amd64"
    assert [name for name in libraries if "/gconv/" in name] == []
    assert sorted(name.rpartition("/")[2] for name in program) == ["greet", "librules_Simage_Sexamples_Slanguages_Slibwords.so"]


def test_java_image_has_only_the_modules_that_the_program_needs(tmp_path):
    """The runtime is a layer of its own, with the module of the class that the program names, and no compiler."""
    config, layers = unpack("jar", tmp_path)
    release = (tmp_path / "usr/lib/jvm/java/release").read_text()
    files = [name for layer in layers for name in layer]

    assert "jdk.security.auth" in release and "jdk.compiler" not in release
    assert sum("usr/lib/jvm/java/bin/java" in layer for layer in layers) == 1
    assert [name for name in files if name.endswith(("/sh", "/javac"))] == []
    assert config["config"]["Entrypoint"][0] == "/usr/lib/jvm/java/bin/java"


def test_the_page_shows_these_targets():
    """Every rule call in docs/languages.md is in the BUILD file, word for word, and each image of the file is on the page."""
    build = (HERE / "BUILD").read_text()
    page = Path("docs/languages.md").read_text()
    calls = re.findall(r"^\w+\(\n.*?^\)$", "\n".join(re.findall(r"^```starlark\n(.*?)^```", page, re.MULTILINE | re.DOTALL)), re.MULTILINE | re.DOTALL)
    here = [call for call in calls if call in build]

    assert [call for call in calls if call not in build and "debian_packages(" not in call] == []
    assert {re.search(r'name = "(\w+)"', call)[1] for call in here} >= {"static", "built_elsewhere", "dynamic", "script", "jar", "wheel"}
