"""Tests of built images: they run, hold what they should and nothing else, and fit their manifests."""

import functools
import gzip
import hashlib
import io
import json
import os
import posixpath
import re
import stat
import struct
import subprocess
import tarfile
from pathlib import Path

import pytest
import zstandard

HERE = Path("rules/image/tests")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")


@functools.cache
def _archive(name: str) -> dict[str, bytes]:
    """Returns the files of an image's archive."""
    with tarfile.open(HERE / f"{name}.tar") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


@functools.cache
def _plain(blob: bytes) -> bytes:
    """Returns a layer uncompressed; most images here share their base."""
    if blob.startswith(b"\x1f\x8b"):
        return gzip.decompress(blob)
    with zstandard.ZstdDecompressor().stream_reader(blob) as stream:
        return stream.read()


def _layers(name: str) -> list[tarfile.TarFile]:
    """Returns an image's layers as open tars, base first."""
    files = _archive(name)
    (entry,) = json.loads(files["manifest.json"])
    return [tarfile.open(fileobj=io.BytesIO(_plain(files[path]))) for path in entry["Layers"]]


def _config(name: str) -> dict:
    """Returns an image's config."""
    return json.loads((HERE / f"{name}.config.json").read_bytes())


def _run(image: str, root: Path, *arguments: str) -> str:
    """Runs an image in root as a container runtime would: its entrypoint, environment and user; returns its stdout."""
    root.chmod(0o755)  # the root itself is the runtime's to make, and pytest's folders are for the owner only
    for tar in _layers(image):
        tar.extractall(root, numeric_owner=True)
    config = _config(image)["config"]
    user = int(config["User"])

    def enter() -> None:
        os.chroot(root)
        os.chdir(config["WorkingDir"])
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)

    environment = dict(item.split("=", 1) for item in config["Env"])
    done = subprocess.run([*config["Entrypoint"], *arguments], env=environment, preexec_fn=enter, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@needs_root
def test_the_program_runs_as_its_user_in_its_root(tmp_path) -> None:
    """The image's Python, packages, data, certificates and time zones are found, and arguments arrive."""
    facts = json.loads(_run("hello", tmp_path, "you"))
    assert facts["greeting"] == "hello you"
    assert facts["yaml"] == [1, 2]
    assert facts["version"] == [3, 11]
    assert facts["user"] == 65532
    assert facts["authorities"] > 100
    assert facts["zone"] == "Europe/Zurich"
    assert facts["data"] == "words from a data file"
    assert facts["tool"] == "tool ran\n"
    assert facts["cached"] == "/usr/lib/python3.11/json/__pycache__/__init__.cpython-311.pyc"
    assert len(facts["path"]) == 3  # PyYAML, redis and what redis needs


@needs_root
def test_a_binary_that_exists_runs(tmp_path) -> None:
    """binary = names a py_binary; the base's layers and settings stay under it, its folder for the program too, and env reads its values."""
    facts = json.loads(_run("hello_binary", tmp_path))
    assert (facts["greeting"], len(facts["path"])) == ("hello world", 1)
    assert (tmp_path / "etc/app/data.txt").read_text() == "words from a data file\n"
    assert "GREETING=1" in _config("hello_binary")["config"]["Env"]
    home = (tmp_path / "app").stat()
    assert (stat.S_IMODE(home.st_mode), home.st_uid, home.st_gid) == (0o2750, 65532, 8)


@needs_root
def test_a_program_of_generated_code_runs(tmp_path) -> None:
    """gRPC's native module loads in the image."""
    assert _run("rpc", tmp_path) == "hello EchoStub\n"


@needs_root
@pytest.mark.parametrize(
    ("image", "arguments", "says"),
    [
        ("redis", ["--version"], r"v=7\.0"), ("registry", ["--version"], "docker-registry"), ("jre", ["-version"], 'openjdk version "17'),
        ("prometheus", ["--version"], r"prometheus, version 2\."), ("python", ["-I", "-c", "import ssl, sqlite3; print(ssl.OPENSSL_VERSION)"], "OpenSSL 3"),
    ],
)  # fmt: skip
def test_packaged_programs_run(tmp_path, image: str, arguments: list[str], says: str) -> None:
    """Each program finds all its libraries in its image, and runs in its file system alone."""
    for tar in _layers(image if image != "python" else "hello"):
        tar.extractall(tmp_path, numeric_owner=True)
    program = _config(image)["config"]["Entrypoint"] if image != "python" else ["/usr/bin/python3.11"]
    (tmp_path / "proc").mkdir(exist_ok=True)
    # Java reads where it is from /proc; in a mount namespace of its own the mount goes with the process.
    mounted = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        'mount -t proc proc "$0/proc" && exec chroot --userspec=65532:65532 "$0" "$@"',
        str(tmp_path),
    ]
    tmp_path.chmod(0o755)
    done = subprocess.run([*mounted, *program, *arguments], cwd="/", env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(says, done.stdout + done.stderr)


@needs_root
def test_dpkg_reads_what_is_inside(tmp_path) -> None:
    """Debian's own dpkg-query lists the packages of an unpacked image, each installed, with its version."""
    for tar in _layers("jre"):
        tar.extractall(tmp_path, [m for m in tar if m.name.startswith("var/lib/dpkg")], numeric_owner=True)
    admin = tmp_path / "admin"
    admin.mkdir()
    parts = [path.read_text() for path in sorted((tmp_path / "var/lib/dpkg/status.d").iterdir()) if not path.name.endswith(".md5sums")]
    (admin / "status").write_text("\n".join(parts))
    listed = subprocess.run(
        ["dpkg-query", f"--admindir={admin}", "--show", "--showformat=${Package} ${Version} ${db:Status-Status}\n"], capture_output=True, text=True, check=True
    ).stdout
    found = {line.split()[0]: line.split()[1:] for line in listed.splitlines()}
    assert found["openjdk-17-jre-headless"][0].startswith("17.") and found["openjdk-17-jre-headless"][1] == "installed"
    assert len(found) == len(parts) > 8


def test_java_trusts_the_authorities_of_the_image() -> None:
    """The key store that ca-certificates-java's script would make is there, with every authority of the bundle."""
    files = {m.name: tar.extractfile(m).read() for tar in _layers("jre") for m in tar if m.name.startswith("etc/ssl/certs/") and m.isreg()}
    store = files["etc/ssl/certs/java/cacerts"]
    magic, version, count = struct.unpack_from(">IIi", store)
    assert (magic, version, count) == (0xFEEDFEED, 2, files["etc/ssl/certs/ca-certificates.crt"].count(b"BEGIN CERTIFICATE"))
    assert store[-20:] == hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + store[:-20], usedforsecurity=False).digest()


def _needed(data: bytes) -> list[str]:
    """Returns the DT_NEEDED names of a 64-bit little-endian ELF file, empty for anything else."""
    if data[:6] != b"\x7fELF\x02\x01":
        return []
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQ", data, offset + i * size) for i in range(count)]
    dynamic = next((data[at : at + length] for kind, _, at, _, _, length in headers if kind == 2), b"")
    entries = list(struct.iter_unpack("<QQ", dynamic[: len(dynamic) // 16 * 16]))
    address = next((value for tag, value in entries if tag == 5), 0)
    table = next((at + address - start for kind, _, at, start, _, length in headers if kind == 1 and start <= address < start + length), 0)
    return [data[table + value : data.index(b"\0", table + value)].decode() for tag, value in entries if tag == 1]


@pytest.mark.parametrize("image", ["hello", "jre", "prometheus", "redis", "registry", "rpc"])
def test_every_library_that_is_needed_is_there(image: str) -> None:
    """Each ELF file finds each library it names; so no native module fails at import for a missing one."""
    names, needed = set(), {}
    for tar in _layers(image):
        for member in tar:
            names.add(member.name.rpartition("/")[2])
            if member.isreg():
                for library in _needed(tar.extractfile(member).read()):
                    needed.setdefault(library, member.name)
    assert len(needed) > 2 or image in ("prometheus", "registry")
    assert {library: user for library, user in needed.items() if library not in names} == {}


def test_what_a_package_depends_on_is_there_and_what_is_left_out_is_not() -> None:
    """Each script and font that Prometheus' pages link to in other packages is in the image; debconf and its Perl are not."""
    members = {m.name: m for tar in _layers("prometheus") for m in tar}
    links = {name: posixpath.normpath(posixpath.join(posixpath.dirname("/" + name), m.linkname)) for name, m in members.items() if m.issym()}
    pages = {name: target for name, target in links.items() if name.startswith("usr/share/prometheus/")}
    assert any(target.startswith("/usr/share/javascript/") for target in pages.values())
    assert [name for name, target in pages.items() if target[1:] not in members] == []
    packages = {name.rpartition("/")[2] for name in members if name.startswith("var/lib/dpkg/status.d/")}
    assert {"libjs-jquery", "libjs-d3"} < packages and not {"debconf", "perl-base", "dpkg"} & packages


@pytest.mark.parametrize("image", ["hello", "jre", "prometheus", "redis", "registry"])
def test_no_shell_and_no_package_manager(image: str) -> None:
    """Nothing that could run a script or install something is in the image."""
    programs = {m.name for tar in _layers(image) for m in tar if re.match(r"(usr/(lib/jvm/[^/]+/)?)?s?bin/.", m.name)}
    forbidden = {"sh", "bash", "dash", "ash", "zsh", "busybox", "apt", "apt-get", "dpkg", "pip", "pip3", "perl"}
    assert programs
    assert not {path.rpartition("/")[2] for path in programs} & forbidden


@pytest.mark.parametrize("image", ["hello", "jre", "prometheus", "redis", "registry"])
def test_scanners_can_tell_what_is_inside(image: str) -> None:
    """Each image names its distribution and its packages with versions."""
    found = {}
    for tar in _layers(image):
        for member in tar:
            if member.isreg():
                found[member.name] = tar.extractfile(member).read()
    assert b'VERSION_ID="12"' in found["usr/lib/os-release"]
    assert re.search(rb"^Package: libc6\nStatus: install ok installed\n(.*\n)*Version: 2\.36", found["var/lib/dpkg/status.d/libc6"])


def test_nothing_is_writable_by_the_program() -> None:
    """What the program runs from is read-only for its user; only its home and the temporary folders are not."""
    loose = []
    for tar in _layers("hello"):
        for member in tar:
            mine = member.uid == 65532 and member.mode & stat.S_IWUSR
            if (mine or member.mode & stat.S_IWOTH) and not member.issym():
                loose.append(member.name)
    assert sorted(set(loose)) == ["home/nonroot", "tmp", "var/tmp"]


def test_programs_and_only_programs_can_be_executed() -> None:
    """Scripts, native modules and executables of data targets are 0555, all else 0444, whatever the checkout's modes."""
    _, *layers = _layers("hello")
    modes = {m.name: m.mode for tar in layers for m in tar if m.isreg()}
    programs = {name for name, mode in modes.items() if mode == 0o555}
    here = "app/turnup/rules/image/tests"
    assert {f"{here}/app/tool", f"{here}/words.run"} <= programs
    assert all(name.startswith(here) or ".so" in name for name in programs) and any(".so" in name for name in programs)
    assert modes[f"{here}/app/data.txt"] == modes[f"{here}/app/hello.py"] == 0o444
    assert set(modes.values()) == {0o444, 0o555}


@pytest.mark.parametrize("image", ["hello", "files_image"])
def test_manifest_config_and_blobs_fit(image: str) -> None:
    """Every digest, size and diff_id is that of the file it names, and the digest file is the manifest's."""
    files = _archive(image)
    manifest_bytes = (HERE / f"{image}.manifest.json").read_bytes()
    assert (HERE / f"{image}.digest").read_text() == "sha256:" + hashlib.sha256(manifest_bytes).hexdigest()
    manifest, config = json.loads(manifest_bytes), _config(image)
    for part in [manifest["config"], *manifest["layers"]]:
        data = files["blobs/sha256/" + part["digest"][7:]]
        assert (len(data), "sha256:" + hashlib.sha256(data).hexdigest()) == (part["size"], part["digest"])
    plain = ["sha256:" + hashlib.sha256(_plain(files["blobs/sha256/" + p["digest"][7:]])).hexdigest() for p in manifest["layers"]]
    assert plain == config["rootfs"]["diff_ids"]


def test_an_image_of_files_has_what_its_attributes_say() -> None:
    """Every attribute of container_image and container_layer reaches the image."""
    config = _config("files_image")["config"]
    assert config == {
        "Cmd": ["--verbose"],
        "Entrypoint": ["/srv/app/greeting.py"],
        "Env": ["FROM_LAYER=1", "GREETING=hello"],
        "ExposedPorts": {"53/udp": {}, "8080/tcp": {}},
        "Labels": {"also": "words from a data file", "file": "words from a data file", "kind": "test"},
        "User": "1000:1000",
        "Volumes": {"/data": {}},
        "WorkingDir": "/srv",
    }
    found = {m.name: m for tar in _layers("files_image") for m in tar}
    assert {name: (m.mode, m.uid, m.gid) for name, m in found.items() if m.isreg()} == {
        "srv/app/greeting.py": (0o555, 65532, 65532),
        "etc/app/data.txt": (0o440, 7, 8),
        "etc/empty": (0o440, 7, 8),
    }
    assert found["etc/link"].linkname == "app/data.txt"
    assert found["var/spool/app"].isdir() and found["var/spool/app"].mode == 0o440
    assert {m.mtime for m in found.values()} == {0}


def test_an_image_clears_and_extends_what_is_below_it() -> None:
    """An empty cmd and entrypoint leave none; env extends the layer's, which extends the base's."""
    config = _config("cleared")["config"]
    assert "Cmd" not in config and "Entrypoint" not in config
    assert "GREETING=hello, one and two" in config["Env"]


def test_a_file_that_is_not_below_data_path_keeps_its_path() -> None:
    """It keeps its path from the workspace, and mode holds for files, empty files and folders."""
    found = {m.name: m.mode for m in _layers("cleared")[-1]}
    assert found.items() >= {"rules/image/tests/app/data.txt": 0o777, "srv/shared": 0o777, "srv/flag": 0o777}.items()


def test_folders_and_links_of_a_base_stay() -> None:
    """Files below a folder of the base leave it its owner, and files below a link go where it leads; the link has no entry."""
    _, *upper = ({m.name: (m.isdir(), m.uid) for m in tar} for tar in _layers("higher"))
    assert upper[0] == {"data": (True, 65532), "data/conf": (True, 0), "data/conf/data.txt": (False, 65532)}
    assert {name: upper[1][name] for name in ("srv", "srv/real", "srv/real/data.txt")} == {
        "srv": (True, 0),
        "srv/real": (True, 65532),
        "srv/real/data.txt": (False, 65532),
    }
    assert not [name for name in upper[1] if name.startswith("opt")]


def test_an_image_on_a_tar_and_on_a_layout_has_their_layers() -> None:
    """Files of another rule's image are a base as the image itself is: same layers, same settings."""
    below = json.loads((HERE / "files_image.manifest.json").read_bytes())["layers"]
    for name in ("on_a_tar", "on_a_layout"):
        assert json.loads((HERE / f"{name}.manifest.json").read_bytes())["layers"][:-1] == below
        assert _config(name)["config"]["Entrypoint"] == ["/srv/app/greeting.py"]
    assert [m.name for m in _layers("on_a_layout")[-1] if m.isreg()] == ["on/a/layout"]


def test_stamps_and_make_variables_are_filled_in() -> None:
    """stamp fills in the build's time and user; Make variables stand in env; a label may come from a file."""
    config = _config("on_a_layout")
    assert config["created"] > "2020"
    assert "MODE=fastbuild" in config["config"]["Env"]
    assert re.fullmatch(r"[\w.-]+", config["config"]["Labels"]["user"])
    assert config["config"]["Labels"]["file"] == "words from a data file"


def test_a_bundle_holds_its_images_under_their_names() -> None:
    """Each image is there with its own layers, by the names of the attribute; shared layers are there once."""
    files = _archive("bundle")
    entries = {entry["RepoTags"][0]: entry for entry in json.loads(files["manifest.json"])}
    assert [re.sub("shop/.*:mine", "shop/USER:mine", name) for name in entries] == [
        "shop/both:fastbuild",
        "shop/files:v1",
        "shop/files:v2",
        "shop/layout:latest",
        "shop/USER:mine",
    ]
    layers = {name: entry["Layers"] for name, entry in entries.items()}
    assert layers["shop/files:v1"] == layers["shop/files:v2"] == layers["shop/layout:latest"] == layers["shop/both:fastbuild"]
    assert all(path in files for entry in entries.values() for path in (entry["Config"], *entry["Layers"]))
    named = [entry["annotations"]["io.containerd.image.name"] for entry in json.loads(files["index.json"])["manifests"]]
    assert named == [f"docker.io/{name}" for name in entries]


@needs_root
def test_libraries_in_layers_of_their_own(tmp_path) -> None:
    """py3_image: each of layers is one, below the program's; the program runs with its args."""
    *_, library, program = _layers("in_layers")
    assert [m.name for m in library if m.name.endswith(".py")] == ["app/turnup/rules/image/tests/app/greeting.py"]
    assert [m.name for m in program if m.name.endswith("app/hello.py")] != []
    assert _config("in_layers")["config"]["Cmd"] == ["nobody"]
    assert json.loads(_run("in_layers", tmp_path, "nobody"))["greeting"] == "hello nobody"


def test_a_second_image_has_the_same_base_layer() -> None:
    """Images share layers by digest: the base of hello is that of redis."""
    digests = [json.loads((HERE / f"{name}.manifest.json").read_bytes())["layers"][0]["digest"] for name in ("hello", "redis")]
    assert digests[0] == digests[1]


def test_the_layout_is_the_archive_unpacked() -> None:
    """The OCI layout has the archive's files, and nothing else."""
    files = {str(path.relative_to(HERE / "hello.oci")): path.read_bytes() for path in (HERE / "hello.oci").rglob("*") if path.is_file()}
    assert files == _archive("hello")
