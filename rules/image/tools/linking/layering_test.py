"""Tests of the programs that list libraries and write the layers of a program."""

import io
import json
import os
import tarfile

import pytest

from rules.image.tools.errors import run
from rules.image.tools.linking import indexing, layering
from rules.image.tools.linking.file_system import FileSystem
from rules.image.tools.linking.testing import elf_files

LIB = "usr/lib/x86_64-linux-gnu"


def tar_of(files, links=(), folders=()):
    """Returns a tar with files, links and folders."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in folders:
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
        for name, target in dict(links).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return out.getvalue()


def write_deb(path, name, files, links=()):
    """Writes a Debian package."""
    control = f"Package: {name}\nVersion: 1\nArchitecture: amd64\n".encode()
    members = {"debian-binary": b"2.0\n", "control.tar": tar_of({"./control": control}), "data.tar": tar_of(files, links)}
    data = b"!<arch>\n"
    for member, content in members.items():
        data += f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content + b"\n" * (len(content) % 2)
    path.write_bytes(data)
    return str(path)


@pytest.fixture
def place(tmp_path):
    """Returns a folder with a package of a C library, one of another library, and a program that needs the first."""
    linker = elf_files.make(soname="ld-linux-x86-64.so.2")
    libc = elf_files.make(soname="libc.so.6", needed=["ld-linux-x86-64.so.2"])
    files = {f"./{LIB}/libc.so.6": libc, f"./{LIB}/ld-linux-x86-64.so.2": linker, f"./{LIB}/gconv/X.so": libc, f"./{LIB}/libc.so": b"/* GNU ld script */"}
    write_deb(tmp_path / "libc6.deb", "libc6", files, {"./lib64/ld-linux-x86-64.so.2": "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"})
    write_deb(tmp_path / "other.deb", "other", {f"./{LIB}/libother.so.1": elf_files.make(soname="libother.so.1")})
    (tmp_path / "program").write_bytes(elf_files.make(interpreter="/lib64/ld-linux-x86-64.so.2", needed=["libc.so.6"]))
    (tmp_path / "static").write_bytes(elf_files.make(dynamic=False))
    (tmp_path / "data.txt").write_text("data")
    return tmp_path


def index(place, *debs):
    """Lists the libraries of packages; returns the file."""
    out = place / "index.json"
    assert run(indexing.main, ["--where=//a:image", f"--out={out}", *(f"--deb={place / deb}" for deb in debs)]) == 0
    return out


def write(place, program, *debs, own=(), options=()):
    """Writes both layers; returns exit code, the names in the program's layer and in that of the libraries."""
    common = ["--where=//a:image", "--compression=none"]
    names = [f"--selection={place / 'selection.json'}"]
    words = [word for path in own for word in ("--own", f"/app/w/{path}", str(place / path))]
    first = [f"--blob={place / 'program.tar'}", f"--descriptor={place / 'program.json'}", f"--index={index(place, *debs)}"]
    packages = ["--packages"] if debs else []
    code = run(layering.main, ["program", *common, *names, *first, *packages, *options, "--binary", f"/app/w/{program}", str(place / program), *words])
    if code:
        return code, [], []
    second = [f"--blob={place / 'libraries.tar'}", f"--descriptor={place / 'libraries.json'}", "--exclude=usr/lib/*/gconv/*"]
    assert run(layering.main, ["libraries", *common, *names, *second, *options]) == 0

    def files(name):
        with tarfile.open(place / name) as tar:
            return [member.name for member in tar if not member.isdir()]

    return 0, files("program.tar"), files("libraries.tar")


def test_both_layers_are_written(place):
    """The program's layer has its own files, the other one the needed packages with their status, and the image its architecture."""
    code, program, libraries = write(place, "program", "libc6.deb", "other.deb", own=["data.txt"])

    assert (code, program) == (0, ["app/w/data.txt", "app/w/program"])
    assert f"{LIB}/libc.so.6" in libraries and "usr/lib64/ld-linux-x86-64.so.2" in libraries and "var/lib/dpkg/status.d/libc6" in libraries
    assert [name for name in libraries if "other" in name or "gconv" in name] == []
    assert json.loads((place / "program.json").read_text())["architecture"] == "amd64"
    with tarfile.open(place / "program.tar") as tar:
        assert {member.name: member.mode for member in tar if member.isfile()} == {"app/w/data.txt": 0o444, "app/w/program": 0o555}


def test_an_edit_leaves_the_selection(place):
    """A changed program with the same needs gives the same selection, byte for byte."""
    write(place, "program", "libc6.deb", "other.deb")
    before = (place / "selection.json").read_bytes()
    with open(place / "program", "ab") as program:
        program.write(b"more code")
    write(place, "program", "libc6.deb", "other.deb")

    assert (place / "selection.json").read_bytes() == before


def test_a_static_program_has_no_libraries(place):
    """A static program takes nothing from the packages, and needs none."""
    assert write(place, "static", "libc6.deb")[2] == []
    assert write(place, "static")[0] == 0


def test_a_library_of_the_program_is_replaced_by_its_package(place):
    """A library beside the program that is the same as the package's is not in the program's layer."""
    libc = elf_files.make(soname="libc.so.6", needed=["ld-linux-x86-64.so.2"])
    (place / "libc.so.6").write_bytes(libc)
    (place / "program").write_bytes(elf_files.make(needed=["libc.so.6"], runpath="$ORIGIN"))

    assert write(place, "program", "libc6.deb", own=["libc.so.6", "data.txt"])[1] == ["app/w/data.txt", "app/w/program"]


@pytest.mark.parametrize(
    ("program", "debs", "options", "message"),
    [
        (
            "program",
            [],
            [],
            (
                "//a:image: program is dynamically linked (it needs libc.so.6), and the base has no libraries. "
                "Build it statically, with CGO_ENABLED=0 for Go, or add @NAME//:debs of a debian_packages repository to packages."
            ),
        ),
        ("program", ["other.deb"], [], "//a:image: /app/w/program needs the dynamic linker /lib64/ld-linux-x86-64.so.2, which neither"),
        ("data.txt", ["libc6.deb"], [], "data.txt is not a Linux program"),
        ("program", ["libc6.deb"], ["--architecture=arm64"], "//a:image: architecture is arm64, but the program is for amd64. Remove architecture, or build"),
        ("program", ["libc6.deb"], ["--library=libnss_x.so.2"], "//a:image: /app/w/program needs libnss_x.so.2, which none of the packages has."),
    ],
)
def test_what_cannot_be_built_is_one_sentence(place, capsys, program, debs, options, message):
    """Each wrong input is an error that names the target, and no layer is written."""
    assert write(place, program, *debs, options=options)[0] == 1

    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1
    assert not (place / "program.tar").exists()


def test_layers_of_a_base_replace_and_delete():
    """An upper layer of the base replaces and deletes libraries of the layers below it; links and hard links are known."""
    system = FileSystem()
    files = {"usr/lib/liba.so": elf_files.make(), "usr/lib/libb.so": elf_files.make(), "usr/lib/libtext.so": b"text"}
    indexing.add_tar(system, io.BytesIO(tar_of(files, {"lib": "usr/lib", "usr/lib/liblink.so": "libb.so"})), "base")
    indexing.add_tar(system, io.BytesIO(tar_of({"usr/lib/.wh.liba.so": b""}, folders=["usr/lib"])), "base")

    assert set(system.libraries) == {"usr/lib/libb.so"}
    assert system.find("/lib/liblink.so") is not None
    assert FileSystem.from_json(json.loads(json.dumps(system.to_json()))) == system


def test_a_damaged_package_is_named(place, capsys):
    """A package that was cut short is one sentence with its path."""
    data = (place / "libc6.deb").read_bytes()
    (place / "libc6.deb").write_bytes(data[: len(data) // 2])

    assert run(indexing.main, ["--where=//a:image", f"--out={place / 'index.json'}", f"--deb={place / 'libc6.deb'}"]) == 1
    assert "libc6.deb is damaged or cut short" in capsys.readouterr().err
    assert not os.path.exists(place / "index.json")


def test_both_layers_keep_the_folders_of_the_base(place):
    """An owned home below the program and a link among the libraries' folders stay as the base has them."""
    home, plain = [0o750, 65532, 8, {}], [0o755, 0, 0, {}]
    base = {"folders": {"app": home, "usr": [0o711, 0, 0, {}], "usr/lib": plain, "srv/cpu": plain}, "links": {LIB: "/srv/cpu"}}
    (place / "base.json").write_text(json.dumps(base))
    code, program, libraries = write(place, "program", "libc6.deb", options=[f"--lower={place / 'base.json'}"])

    assert (code, program) == (0, ["app/w/program"]) and "srv/cpu/libc.so.6" in libraries and not [name for name in libraries if name.startswith(LIB)]
    folders = {}
    for name in ("program.tar", "libraries.tar"):
        with tarfile.open(place / name) as tar:
            folders |= {member.name: (member.mode, member.uid, member.gid) for member in tar if member.isdir()}
    assert (folders["app"], folders["usr"], folders["srv"]) == ((0o750, 65532, 8), (0o711, 0, 0), (0o755, 0, 0))
