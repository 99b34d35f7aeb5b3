"""Tests of jars: their indexes, and the program's own jar as two."""

import json
import struct
import zipfile
from pathlib import Path

import pytest

from rules.image.tools.errors import InputError
from rules.image.tools.java import jars


def class_bytes(name: str, *uses: str, version: int = 61, main: bool = False) -> bytes:
    """Returns a class file with nothing but a constant pool."""
    texts = [name, *uses, *(["main", "([Ljava/lang/String;)V"] if main else [])]
    pool = b"".join(b"\1" + struct.pack(">H", len(text)) + text.encode() for text in texts)
    pool += b"".join(b"\7" + struct.pack(">H", number) for number in range(1, len(uses) + 2))
    return b"\xca\xfe\xba\xbe" + struct.pack(">HHH", 0, version, len(texts) + len(uses) + 2) + pool + bytes(8)


def library(machine: int, order: str = "<") -> bytes:
    """Returns the start of an ELF file for a machine."""
    return b"\x7fELF\2" + (b"\1" if order == "<" else b"\2") + bytes(10) + struct.pack(order + "HH", 3, machine)


def write_jar(path: Path, entries: dict[str, bytes], **options) -> Path:
    """Writes a jar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as jar:
        for name, data in entries.items():
            jar.writestr(zipfile.ZipInfo(name, options.get("time", (2020, 1, 2, 3, 4, 6))), data)
    return path


def test_an_index_has_classes_services_and_libraries(tmp_path) -> None:
    """The index has what each class uses, the newest class, mains, providers without comments, and a library of each machine."""
    jar = write_jar(
        tmp_path / "a.jar",
        {
            "a/A.class": class_bytes("a/A", "java/sql/Driver", "a/B", main=True),
            "a/B.class": class_bytes("a/B", version=52),
            "module-info.class": b"not read",
            "META-INF/versions/21/a/B.class": class_bytes("a/B", "java/net/http/HttpClient", version=65),
            "META-INF/services/java.sql.Driver": b"# drivers\na.A  # ours\n\n",
            "META-INF/native/liba_x.so": library(62),
            "META-INF/native/liba_b.so.1": library(62),
            "linux/liba_arm.so": library(183),
            "s390/liba.so": library(22, ">"),
            "notes.so": b"words",
        },
    )
    index = jars.make_index(str(jar), "a.jar")
    assert index.classes == {"a/A": ["a/B", "java/sql/Driver"], "a/B": []}
    assert (index.newest, index.mains) == (("a/A", 61), ["a/A"])
    assert index.services == {"java.sql.Driver": ["a.A"]}
    assert index.machines == {"amd64": "META-INF/native/liba_b.so.1", "arm64": "linux/liba_arm.so", "s390x": "s390/liba.so"}
    assert {"java/sql", "java/net/http"} <= set(index.jdk)


def test_an_index_is_the_same_after_a_file(tmp_path) -> None:
    """What index writes read_index reads, whatever the order of entries and the times of the jar."""
    entries = {"a/A.class": class_bytes("a/A", "a/B"), "a/B.class": class_bytes("a/B")}
    outputs = []
    for number, (order, time) in enumerate((((1, 2), (1980, 1, 1, 0, 0, 0)), ((2, 1), (2024, 5, 6, 7, 8, 10)))):
        jar = write_jar(tmp_path / f"{number}.jar", dict(list(entries.items())[:: 1 if order == (1, 2) else -1]), time=time)
        output = tmp_path / f"{number}.json"
        assert jars.index(["--jar", str(jar), "--name=a.jar", "--output", str(output)]) == 0
        outputs.append(output)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert jars.read_index(str(outputs[0])) == jars.make_index(str(tmp_path / "0.jar"), "a.jar")


def test_a_damaged_jar_is_one_sentence(tmp_path) -> None:
    """A file that is no jar, one cut short, and a damaged class are errors with the jar's name."""
    whole = write_jar(tmp_path / "a.jar", {"a/A.class": class_bytes("a/A"), "b": b"x" * 1000}).read_bytes()
    for data in (b"", b"words", whole[: len(whole) // 2]):
        (tmp_path / "cut.jar").write_bytes(data)
        with pytest.raises(InputError, match="lib/cut.jar is not a readable jar .*; build or fetch it again"):
            jars.make_index(str(tmp_path / "cut.jar"), "lib/cut.jar")
    write_jar(tmp_path / "b.jar", {"a/A.class": b"words"})
    with pytest.raises(InputError, match="b.jar: a/A.class is not a class file"):
        jars.make_index(str(tmp_path / "b.jar"), "b.jar")


def test_a_jar_is_split_into_classes_and_resources(tmp_path) -> None:
    """Classes and the manifest stay; services, configuration and texts move; folders are in both; times are gone."""
    jar = write_jar(
        tmp_path / "a.jar",
        {"META-INF/": b"", "META-INF/MANIFEST.MF": b"x: y\n", "META-INF/services/x.Y": b"a.A", "a/": b"", "a/A.class": b"1", "a/words.txt": b"2"},
    )
    assert jars.split(["--classes", str(tmp_path / "c"), "--resources", str(tmp_path / "r"), "--jar", "app/a.jar", str(jar)]) == 0
    with zipfile.ZipFile(tmp_path / "c/app/a.jar") as classes, zipfile.ZipFile(tmp_path / "r/app/a.resources.jar") as resources:
        assert classes.namelist() == ["META-INF/", "META-INF/MANIFEST.MF", "a/", "a/A.class"]
        assert resources.namelist() == ["META-INF/", "a/", "META-INF/services/x.Y", "a/words.txt"]
        assert {entry.date_time for jar in (classes, resources) for entry in jar.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert resources.read("a/words.txt") == b"2"


def test_a_change_of_one_part_changes_only_its_jar(tmp_path) -> None:
    """A changed resource leaves the jar of classes as it was, byte for byte, and a changed class that of resources."""
    made = []
    for number, (code, text) in enumerate(((b"1", b"2"), (b"1", b"changed"), (b"changed", b"2"))):
        jar = write_jar(tmp_path / f"{number}.jar", {"a/A.class": code, "a/words.txt": text}, time=(2020 + number, 1, 1, 0, 0, 0))
        jars.split_jar(str(jar), "a.jar", tmp_path / f"{number}/c.jar", tmp_path / f"{number}/r.jar")
        made.append(((tmp_path / f"{number}/c.jar").read_bytes(), (tmp_path / f"{number}/r.jar").read_bytes()))
    assert made[0][0] == made[1][0] != made[2][0]
    assert made[0][1] == made[2][1] != made[1][1]


def test_a_jar_without_resources_stays_one_and_a_signed_one_whole(tmp_path) -> None:
    """There is no empty jar of resources, and a signature keeps the entries that it signs."""
    jars.split_jar(str(write_jar(tmp_path / "a.jar", {"a/A.class": b"1"})), "a.jar", tmp_path / "c.jar", tmp_path / "r.jar")
    assert not (tmp_path / "r.jar").exists()
    signed = write_jar(tmp_path / "s.jar", {"META-INF/SHOP.SF": b"", "a/A.class": b"1", "a/words.txt": b"2"})
    jars.split_jar(str(signed), "s.jar", tmp_path / "c.jar", tmp_path / "r.jar")
    with zipfile.ZipFile(tmp_path / "c.jar") as classes:
        assert "a/words.txt" in classes.namelist() and not (tmp_path / "r.jar").exists()


def test_an_index_is_json(tmp_path) -> None:
    """The file of an index can be read with any tool."""
    output = tmp_path / "a.json"
    jars.index(["--jar", str(write_jar(tmp_path / "a.jar", {"a/A.class": class_bytes("a/A")})), "--name=x", "--output", str(output)])
    assert json.loads(output.read_text("utf-8"))["classes"] == {"a/A": []}
