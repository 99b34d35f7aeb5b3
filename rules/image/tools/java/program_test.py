"""Tests of the program tool: what it refuses, and what the JVM is started with."""

import json
from pathlib import Path

import pytest

from rules.image.tools.errors import InputError
from rules.image.tools.java import jars, jdk, program

JAVA_17 = jdk.Modules(
    "17.0.15",
    "amd64",
    {
        "java.base": ["java/lang", "java/util"],
        "java.management": ["java/lang/management"],
        "java.sql": ["java/sql"],
        "jdk.crypto.ec": ["sun/security/ec"],
        "jdk.management": ["com/sun/management"],
        "jdk.zipfs": ["jdk/nio/zipfs"],
    },
)


def _index(name: str = "a.jar", **fields) -> jars.Index:
    """Returns the index of a jar with one class."""
    empty = {"classes": {"a/A": []}, "newest": ("a/A", 61), "jdk": [], "mains": [], "services": {}, "machines": {}}
    return jars.Index(name=name, **{**empty, **fields})


def test_a_main_class_is_found() -> None:
    """The class that is named, or without a name the only one with a main method."""
    index = _index(classes={"a/Main": [], "a/B": []}, mains=["a/Main"])
    assert program.find_main("a.B", [index], [index], "//x:i") == "a/B"
    assert program.find_main("", [index], [index], "//x:i") == "a/Main"


@pytest.mark.parametrize(
    ("name", "mains", "advice"),
    [
        ("a.Mian", ["a/Main", "a/Other"], r"main_class: no jar of the program has the class a.Mian; did you mean a.Main\?"),
        ("b.Main", ["a/Main"], r"did you mean a.Main\?"),
        ("a.Main.Inner", [], r"did you mean a.Main\$Inner\?"),
        ("x.y.Zzzzz", [], "add the library that has it to deps or runtime_deps"),
        ("", [], "main_class is not set, and the program has none with a main method; set main_class"),
        ("", ["a/Main", "a/Other"], r"has 2 with a main method \(a.Main, a.Other\); set main_class"),
    ],
)
def test_a_main_class_that_is_not_there_is_refused(name: str, mains: list[str], advice: str) -> None:
    """The error names the target and the nearest class."""
    index = _index(classes={"a/Main": [], "a/Other": [], "a/Main$Inner": []}, mains=mains)
    with pytest.raises(InputError, match=rf"^//x:image: .*{advice}"):
        program.find_main(name, [index], [index], "//x:image")


def test_a_jar_for_a_newer_java_is_refused() -> None:
    """The error names the target, the jar, a class, both versions and the cure."""
    with pytest.raises(InputError) as error:
        program.check_jars([_index(), _index("lib/new.jar", newest=("b/New", 65))], JAVA_17, "//x:image")
    assert str(error.value) == (
        "//x:image: lib/new.jar has classes for Java 21, such as b.New, but the image has Java 17; "
        "compile it with --release 17, or use a version of the library for Java 17"
    )


def test_a_native_library_for_other_processors_is_refused() -> None:
    """A jar with libraries for several processors is fine if the image's is among them."""
    program.check_jars([_index(machines={"amd64": "a.so", "arm64": "b.so"})], JAVA_17, "//x:image")
    with pytest.raises(InputError) as error:
        program.check_jars([_index("lib/n.jar", machines={"arm64": "META-INF/native/n.so"})], JAVA_17, "//x:image")
    assert str(error.value) == (
        "//x:image: lib/n.jar has native libraries only for other processors (META-INF/native/n.so is for arm64), but the image is for amd64; "
        "use the library's jar for linux and amd64"
    )


def test_modules_are_those_of_used_packages_and_what_they_find_as_services() -> None:
    """Packages name their modules; a service's module comes with the one that looks it up; a minus sign leaves one out."""
    index = _index(jdk=["java/lang", "java/lang/management", "java/sql", "b"])
    assert program.find_modules([index], [], JAVA_17, "//x:i") == ["java.base", "java.management", "java.sql", "jdk.crypto.ec", "jdk.management", "jdk.zipfs"]
    assert program.find_modules([_index()], ["java.sql", "-jdk.zipfs"], JAVA_17, "//x:i") == ["java.base", "java.sql", "jdk.crypto.ec"]


def test_a_module_that_is_none_is_refused() -> None:
    """The error names the nearest module."""
    with pytest.raises(InputError, match=r"^//x:i: modules: Java 17 has no module java.sqll; did you mean java.sql\?"):
        program.find_modules([], ["java.sqll"], JAVA_17, "//x:i")
    with pytest.raises(InputError, match="has no module zzz; see java --list-modules"):
        program.find_modules([], ["-zzz"], JAVA_17, "//x:i")


def test_classes_are_ordered_by_their_distance_from_the_main_class() -> None:
    """The first jar with a class has it; services lead to their providers, JDK classes come last, unused ones not at all."""
    first = _index(classes={"a/Main": ["b/B", "java/util/List", "s/Service"], "s/Service": []})
    second = _index(classes={"a/Main": ["c/Wrong"], "b/B": ["b/C"], "b/C": ["a/Main"], "c/Wrong": [], "p/Provider": []}, services={"s.Service": ["p.Provider"]})
    assert program.find_classes("a/Main", [first, second], JAVA_17) == ["a/Main", "b/B", "s/Service", "b/C", "p/Provider", "java/util/List"]


@pytest.mark.parametrize(
    ("argument", "line"), [("-Da=b c", '"-Da=b c"'), ('a"b\\c', '"a\\"b\\\\c"'), ("#x", '"#x"'), ("a\tb\nc", '"a\\tb\\nc"'), ("", '""'), ("@x", '"@x"')]
)
def test_arguments_are_quoted_as_java_reads_them(argument: str, line: str) -> None:
    """Spaces, quotes, backslashes, comments and lines survive an argument file."""
    assert program.quoted(argument) == line
    assert json.loads(line) == argument


def _run(folder: Path, *options: str) -> dict[str, str]:
    """Runs the tool on a program of two jars, with the first one's resources, and returns its outputs."""
    jdk.write_modules(JAVA_17, str(folder / "jdk.json"))
    for name, index in (("own", _index("own.jar", classes={"a/Main": ["b/B"]}, mains=["a/Main"])), ("lib", _index("lib.jar", classes={"b/B": []}))):
        (folder / f"{name}.json").write_text(json.dumps(index._asdict()), encoding="utf-8")
    (folder / "r/app").mkdir(parents=True)
    (folder / "r/app/own.resources.jar").write_bytes(b"")
    files = [f"--{name}={folder / name}" for name in ("arguments", "flags", "modules", "class-list")]
    given = ["--jar=/app/own.jar", f"--index={folder}/own.json", "--own=/app/own.jar", "--jar=/app/lib.jar", f"--index={folder}/lib.json"]
    assert program.main(["--where=//x:i", f"--jdk={folder}/jdk.json", "--flags-path=/app/i.flags", *files, *given, f"--resources={folder}/r", *options]) == 0
    return {name: (folder / name).read_text("utf-8") for name in ("arguments", "flags", "modules", "class-list")}


def test_the_files_of_a_program(tmp_path) -> None:
    """The class path has the resources after their classes; flags that a user may override are in a file of their own."""
    found = _run(tmp_path, "--archive=/app/i.jsa", "--jvm-flag=-Dx=a b")
    assert found["arguments"] == '"-XX:Flags=/app/i.flags"\n"-Dx=a b"\n"-cp"\n"/app/own.jar:/app/own.resources.jar:/app/lib.jar"\n"a.Main"\n'
    assert found["flags"] == "MaxRAMPercentage=60\n+ExitOnOutOfMemoryError\nSharedArchiveFile=/app/i.jsa\n"
    assert found["class-list"] == "a/Main\nb/B\n"
    assert found["modules"] == "java.base\njdk.crypto.ec\njdk.zipfs\n"


def test_a_recorded_list_replaces_the_computed_one(tmp_path) -> None:
    """--list is what the archive has; without an archive there is no list."""
    (tmp_path / "list").write_text("b/B\n", encoding="utf-8")
    assert _run(tmp_path, "--archive=/app/i.jsa", f"--list={tmp_path}/list")["class-list"] == "b/B\n"


def test_without_an_archive_there_is_no_list(tmp_path) -> None:
    """Neither flags nor the list name an archive."""
    found = _run(tmp_path)
    assert (found["class-list"], "SharedArchiveFile" in found["flags"]) == ("", False)
