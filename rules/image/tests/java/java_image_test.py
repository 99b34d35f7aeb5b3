"""Tests of images of Java programs: they run in their own file system, as a container runtime would run them."""

import functools
import io
import json
import os
import re
import signal
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

HERE = Path("rules/image/tests/java")
APP = "app/turnup/rules/image/tests/java"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")


@functools.cache
def _layers(name: str) -> dict[str, bytes]:
    """Returns the tars of an image's layers, base first, by what made them."""
    with tarfile.open(HERE / f"{name}.tar") as archive:
        (entry,) = json.loads(archive.extractfile("manifest.json").read())
        history = json.loads(archive.extractfile(entry["Config"]).read())["history"]
        blobs = [archive.extractfile(path).read() for path in entry["Layers"]]
    return {made["created_by"]: zstandard.ZstdDecompressor().stream_reader(blob).read() for made, blob in zip(history, blobs, strict=True)}


def _files(layer: bytes) -> dict[str, bytes]:
    """Returns the regular files of a layer by path."""
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isreg()}


def _config(name: str) -> dict:
    """Returns the settings in an image's config."""
    return json.loads((HERE / f"{name}.config.json").read_bytes())["config"]


@pytest.fixture(name="root", scope="module")
def _root(tmp_path_factory):
    """Returns a function that unpacks an image once and returns its root."""

    @functools.cache
    def unpack(name: str) -> Path:
        root = tmp_path_factory.mktemp(name)
        for folder in (root, *root.parents[:2]):
            folder.chmod(0o755)  # pytest's folders are for their owner only
        for layer in _layers(name).values():
            with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
                tar.extractall(root, numeric_owner=True)
        for folder in ("dev", "proc"):
            (root / folder).mkdir(exist_ok=True)
        return root

    return unpack


def _command(name: str, root: Path, *arguments: str, options: tuple[str, ...] = ()) -> dict:
    """Returns what subprocess needs to start an image's entrypoint as its user, in its root with /dev and /proc, as PID 1 of its namespace."""
    config = _config(name)
    java, *rest = config["Entrypoint"]
    enter = (
        'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && cd "$0" && exec '
        f"{os.path.realpath('/proc/self/exe')} -I -c 'import os, sys; os.chroot(sys.argv[1]); os.chdir(sys.argv[2]); os.setgroups([]); "
        'os.setgid(65532); os.setuid(65532); os.execv(sys.argv[3], sys.argv[3:])\' "$0" "$@"'
    )
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", enter, str(root)]
    return {
        "args": [*command, config["WorkingDir"], java, *options, *rest, *arguments],
        "env": dict(item.split("=", 1) for item in config["Env"]),
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def _facts(name: str, root: Path, *arguments: str, variables: dict[str, str] | None = None) -> dict:
    """Runs an image and returns the facts that it prints."""
    command = _command(name, root, *arguments)
    command["env"].update(variables or {})
    done = subprocess.run(**command, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@needs_root
def test_the_program_runs_as_its_user_with_its_files(root) -> None:
    """The program has its arguments, libraries, resource, data, flags, authorities and runfiles, and is PID 1."""
    facts = _facts("facts", root("facts"), "a", "b c", "@d")
    assert facts["arguments"] == ["a", "b c", "@d"]
    assert (facts["greeting"], facts["resource"]) == ("hello", "words from the class path")
    assert facts["file"] == facts["relative"] == "words from a data file"
    assert facts["property"] == 'a "quoted" \\ word'
    assert facts["user"].split() == ["Uid:", *["65532"] * 4]
    assert facts["authorities"] > 100 and "TLSv1.3" in facts["protocols"]
    assert (facts["version"], facts["javaHome"], facts["runfiles"], facts["pid"]) == ("17", "/usr/lib/jvm/java", "/app", 1)


@needs_root
def test_the_class_path_lists_each_jar_once_in_the_program_s_order(root) -> None:
    """The class path is explicit: the program's classes, its resources, then its libraries in the order of the java_binary."""
    path = _facts("facts", root("facts"))["classPath"].split(":")
    assert path[:3] == [f"/{APP}/facts.binary.jar", f"/{APP}/facts.binary.resources.jar", f"/{APP}/libgreeting.jar"]
    assert [re.sub(r".*/", "", jar).partition("-")[0] for jar in path[3:]] == ["gson", "error_prone_annotations"]
    assert len(set(path)) == len(path) and not any("*" in jar for jar in path)


@needs_root
def test_classes_come_from_the_archive(root) -> None:
    """The JVM maps classes of the JDK, of a library and of the program from the archive, which is valid to the last byte."""
    done = subprocess.run(**_command("facts", root("facts"), options=("-Xlog:class+load:stdout", "-XX:+VerifySharedSpaces")), check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    sources = dict(re.findall(r"\[class,load\] (\S+) source: (.*)", done.stdout))
    for name in ("java.util.TreeMap", "com.google.gson.Gson", "app.Facts", "app.Greeting"):
        assert sources[name].startswith("shared objects file"), (name, sources[name])
    unshared = [name for name, source in sources.items() if not source.startswith("shared objects file")]
    assert [name for name in unshared if name.startswith(("app.", "com.google.gson.")) and "$$Lambda" not in name] == []


@needs_root
def test_a_recorded_list_decides_what_is_in_the_archive(root) -> None:
    """With class_list the archive has the listed classes; modules adds modules and leaves them out."""
    done = subprocess.run(**_command("facts_with_modules", root("facts_with_modules"), options=("-Xlog:class+load:stdout",)), check=False, timeout=300)
    sources = dict(re.findall(r"\[class,load\] (\S+) source: (.*)", done.stdout))
    assert sources["app.Facts"].startswith("shared objects file") and not sources["com.google.gson.Gson"].startswith("shared objects file")
    modules = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))["modules"]
    assert "jdk.localedata" in modules and "java.sql" not in modules


@needs_root
def test_a_mismatch_is_silent(root, tmp_path) -> None:
    """A jar that is not the archive's costs only the archive: the program starts as without, and says nothing."""
    copy = tmp_path / "root"
    subprocess.run(["cp", "-a", root("facts"), copy], check=True)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    jar = copy / APP / "libgreeting.jar"
    with zipfile.ZipFile(jar, "a") as opened:
        opened.writestr("more.txt", "changed")
    done = subprocess.run(**_command("facts", copy), check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["greeting"] == "hello"


@needs_root
@pytest.mark.parametrize("name", ["facts", "facts_on_jre"])
def test_sigterm_reaches_the_program(root, name: str) -> None:
    """SIGTERM runs the shutdown hooks of a JVM that is PID 1, and it exits with 143."""
    with subprocess.Popen(**_command(name, root(name), "serve")) as process:
        try:
            assert "greeting" in process.stdout.readline()
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGTERM)
            assert process.wait(60) == 143
            assert process.stdout.read() == "stopping\n"
        finally:
            process.kill()


@needs_root
def test_the_heap_follows_the_memory_limit(root) -> None:
    """The heap has 60 % of the memory that the JVM sees; JAVA_TOOL_OPTIONS overrides it."""
    usual = _facts("facts", root("facts"), variables={"JAVA_TOOL_OPTIONS": "-XX:MaxRAM=1g"})["maxHeap"]
    less = _facts("facts", root("facts"), variables={"JAVA_TOOL_OPTIONS": "-XX:MaxRAM=1g -XX:MaxRAMPercentage=20"})["maxHeap"]
    assert 0.55 < usual / (1 << 30) < 0.61
    assert 0.17 < less / (1 << 30) < 0.21


def _memory_group() -> tuple[Path, str] | None:
    """Returns the folder of the memory controller's groups and the name of a group's limit; None if groups can't be made."""
    for folder, limit in ((Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"), (Path("/sys/fs/cgroup"), "memory.max")):
        control = folder / "cgroup.subtree_control"  # only version 2 has it
        if os.access(folder, os.W_OK) and (folder / "cgroup.procs").exists() and (not control.exists() or "memory" in control.read_text()):
            return folder, limit
    return None


@needs_root
@pytest.mark.skipif(_memory_group() is None, reason="this machine has no writable cgroup with a memory controller")
def test_the_heap_follows_the_limit_of_a_cgroup(root) -> None:
    """In a cgroup of 512 MiB the heap has 60 % of it."""
    folder, limit = _memory_group()
    group = folder / f"turnup-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / limit).write_text(str(512 << 20))
        command = _command("facts", root("facts"))
        command["args"] = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command["args"]]
        # The JVM finds its limit in the file system of groups, which a container runtime mounts.
        (root("facts") / "sys").mkdir(exist_ok=True)
        mounted = 'mount --rbind /sys "$0/sys" && mount -t proc proc'
        command["args"] = [argument.replace("mount -t proc proc", mounted, 1) if "mount -t proc" in argument else argument for argument in command["args"]]
        command["env"]["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        done = subprocess.run(**command, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        assert 0.5 < json.loads(done.stdout)["maxHeap"] / (512 << 20) < 0.61
    finally:
        group.rmdir()


@needs_root
def test_a_full_heap_ends_the_program(root) -> None:
    """OutOfMemoryError exits with 3 instead of leaving a program that does nothing."""
    done = subprocess.run(**_command("facts", root("facts"), "fill", options=("-Xmx64m",)), check=False, timeout=300)
    assert done.returncode == 3
    assert "OutOfMemoryError" in done.stdout + done.stderr


@needs_root
def test_a_base_with_java_runs_the_program(root) -> None:
    """With java the base's JRE runs the program, with its own archive of shared classes, the image's flags last."""
    facts = _facts("facts_on_jre", root("facts_on_jre"), "x")
    assert (facts["javaHome"], facts["property"], facts["arguments"]) == ("/usr/lib/jvm/java-17-openjdk-amd64", "image", ["x"])
    assert "java.desktop" in facts["modules"]
    assert _config("facts_on_jre")["Cmd"] == [f"/{APP}/data.txt"]
    done = subprocess.run(**_command("facts_on_jre", root("facts_on_jre"), options=("-Xlog:class+load:stdout",)), check=False, timeout=300)
    assert re.search(r"app\.Facts source: shared objects file", done.stdout)


@needs_root
def test_without_an_archive_the_program_starts_too(root) -> None:
    """class_data_sharing = False leaves the archive and its flag out, and nothing else changes."""
    assert _facts("facts_unshared", root("facts_unshared"))["greeting"] == "hello"
    assert "shared classes" not in _layers("facts_unshared")
    assert b"SharedArchiveFile" not in _files(_layers("facts_unshared")["//rules/image/tests/java:facts_unshared"])[f"{APP}/facts_unshared.flags"]


def test_each_part_is_in_its_own_layer() -> None:
    """Each third-party jar, libraries, data, resources and classes have a layer each, and the files of the build's names."""
    layers = _layers("facts")
    jars = [made for made in layers if made.startswith("third party: ")]
    artifacts = ["com.google.code.gson:gson", "com.google.errorprone:error_prone_annotations"]
    assert [re.sub(r":[\d.]+\Z", "", jar) for jar in jars] == [f"third party: {artifact}" for artifact in artifacts]
    assert all(len(_files(layers[made])) == 1 for made in jars)
    assert list(_files(layers["libraries"])) == [f"{APP}/libgreeting.jar"]
    assert list(_files(layers["data"])) == [f"{APP}/data.txt", f"{APP}/tool.run"]
    for part, entries in (("classes", ["META-INF/MANIFEST.MF", "app/Facts.class"]), ("resources", ["app/words.txt"])):
        (jar,) = _files(layers[part]).values()
        with zipfile.ZipFile(io.BytesIO(jar)) as opened:
            assert [name for name in opened.namelist() if not name.endswith("/")] == entries


def test_an_image_shares_the_layers_of_third_party_jars() -> None:
    """Two images have the same bytes for a jar, on whatever base."""
    shared = [{made: layer for made, layer in _layers(name).items() if made.startswith("third party")} for name in ("facts", "facts_on_jre")]
    assert shared[0] == shared[1] != {}


def test_the_runtime_has_only_the_modules_that_are_needed() -> None:
    """The runtime has no desktop and no compiler, and is less than a third of Debian's."""
    runtime = _layers("facts")["Java runtime"]
    release = _files(runtime)["usr/lib/jvm/java/release"].decode()
    modules = re.search(r'MODULES="([^"]*)"', release)[1].split()
    assert {"java.base", "java.management", "java.sql", "jdk.crypto.ec"} <= set(modules) and not {"java.desktop", "jdk.compiler"} & set(modules)
    with tarfile.open(fileobj=io.BytesIO(runtime)) as tar:
        assert [m.name for m in tar if m.name.startswith("usr/lib/jvm/java/bin/")] == ["usr/lib/jvm/java/bin/java"]
    sizes = [json.loads((HERE / f"{name}.manifest.json").read_bytes())["layers"] for name in ("facts", "facts_on_jre")]
    assert sum(layer["size"] for layer in sizes[0][:2]) < sizes[1][0]["size"] / 3


@pytest.mark.parametrize("name", ["facts", "facts_on_jre"])
def test_nothing_is_writable_and_there_is_no_shell(name: str) -> None:
    """Files of the program are read-only for its user, and no file of the image is a shell."""
    for made, layer in _layers(name).items():
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            for member in tar:
                assert not (member.isreg() and member.mode & 0o022), (made, member.name)
                assert not re.search(r"/(sh|bash|dash|busybox)\Z", member.name)
                assert member.mtime == 0


def test_scanners_see_the_runtime_and_the_jars() -> None:
    """The bill of materials has the JRE's Debian package and the Maven artifacts, with package URLs; the program's own jar is a file."""
    bill = json.loads((HERE / "facts.cdx.json").read_bytes())
    purls = [component.get("purl", "") for component in bill["components"]]
    assert any(purl.startswith("pkg:deb/debian/openjdk-17-jre-headless@17.") for purl in purls)
    assert any(re.match(r"pkg:maven/com\.google\.code\.gson/gson@2\.", purl) for purl in purls)
    files = {component["name"] for component in bill["components"] if component["type"] == "file"}
    assert f"/{APP}/facts.binary.jar" in files
    assert not [name for name in files if "gson" in name or name.startswith("/usr/lib/jvm/java/lib/")]
