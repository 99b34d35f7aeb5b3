"""Tests of Java targets in a whole build: what a change recompiles, what bad input gets, and reproducible jars."""

import hashlib
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.build.nested import Nested

_BUILD = """load("@rules_java//java:defs.bzl", "java_binary", "java_library", "java_test")
java_library(name = "base", srcs = ["Base.java"])
java_library(name = "middle", srcs = ["Middle.java"], deps = [":base"])
java_library(name = "top", srcs = ["Top.java"], deps = [":middle"])
java_binary(name = "program", srcs = ["Program.java"], main_class = "javatop.Program", deps = [":middle"])
java_test(name = "tests", srcs = ["Tests.java"], test_class = "javatop.Tests", deps = ["@maven//:org_junit_jupiter_junit_jupiter_api"])
filegroup(name = "unrelated", srcs = ["BUILD"])
"""
_SOURCES = {
    "Base.java": "package javatop;\npublic class Base {\n  public static int value() { return 1; }\n}\n",
    "Middle.java": "package javatop;\npublic class Middle {\n  public static int value() { return Base.value() + 1; }\n}\n",
    "Top.java": "package javatop;\npublic class Top {\n  int value = Middle.value();\n}\n",
    "Program.java": "package javatop;\npublic class Program {\n  public static void main(String[] args) { System.out.println(Middle.value()); }\n}\n",
    "Tests.java": "package javatop;\nclass Tests {\n  @org.junit.jupiter.api.Test void passes() {}\n}\n",
}


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    """Returns a copy of the workspace with a chain of Java targets, built once."""
    with Nested(tmp_path_factory.mktemp("nested")) as workspace:
        (workspace.root / "javatop").mkdir()
        (workspace.root / "javatop/BUILD").write_text(_BUILD)
        for name, text in _SOURCES.items():
            (workspace.root / "javatop" / name).write_text(text)
        workspace.build("//javatop:all")
        yield workspace


def _compiled(nested: Nested) -> list[str]:
    """Builds the chain and returns the labels of the targets that were compiled."""
    done = nested.bazel("build", "--subcommands", "//javatop:top", "//javatop:program")
    assert done.returncode == 0, done.stderr
    return sorted(re.findall(r"SUBCOMMAND: # (//javatop:\w+) \[action 'Compiling ", done.stderr))


def test_a_changed_body_recompiles_no_dependent(nested):
    """A change inside a method body compiles its own target only; a changed signature also compiles direct dependents."""
    assert _compiled(nested) == []
    with nested.edited("javatop/Base.java", "return 1;", "int two = 2; return two;"):
        assert _compiled(nested) == ["//javatop:base"]
    with nested.edited("javatop/Base.java", "public static int value", "public static Integer value"):
        # Base is on the class path of Top and Program too, where it makes the error of a missing dependency.
        assert _compiled(nested) == ["//javatop:base", "//javatop:middle", "//javatop:program", "//javatop:top"]
    assert _compiled(nested) == ["//javatop:base", "//javatop:middle", "//javatop:program", "//javatop:top"]


def test_jars_do_not_depend_on_the_worker(nested):
    """A compilation in a new process writes the same bytes as the warm worker, in another locale and time zone."""
    names = ["libbase.jar", "libbase-hjar.jar", "libmiddle.jar", "program_deploy.jar", "libbase-src.jar"]
    targets = [f"//javatop:{name}" for name in ("libbase.jar", "libmiddle.jar", "program_deploy.jar", "libbase-src.jar")]

    def digests(*flags):
        nested.build(*flags, *targets, TZ="Asia/Kathmandu", LC_ALL="C")
        return [hashlib.sha256(nested.built(f"javatop/{name}").read_bytes()).hexdigest() for name in names]

    with nested.edited("javatop/Base.java", "return 1;", "return 5;"):
        warm = digests()
    with nested.edited("javatop/Base.java", "return 1;", "return 6;"):
        assert digests() != warm
    with nested.edited("javatop/Base.java", "return 1;", "return 5;"):
        assert digests("--spawn_strategy=processwrapper-sandbox", "--disk_cache=", "--action_env=DIFFERENT=1") == warm


@pytest.mark.parametrize(
    ("file", "pattern", "replacement", "target", "message"),
    [
        ("Base.java", "return 1;", "return true;", "base", "javatop/Base.java:3: error: incompatible types: boolean cannot be converted to int"),
        (
            "Top.java",
            r"Middle\.value",
            "Base.value",
            "top",
            "javatop/Top.java:3: error: javatop.Base comes from //javatop:base, which is not a direct dependency. Add //javatop:base to deps of //javatop:top.",
        ),
        (
            "BUILD",
            r"javatop\.Program",
            "javatop.Gone",
            "program",
            "ERROR: //javatop:program: main_class is javatop.Gone, which is not in srcs, deps or runtime_deps. Set it to javatop.Program.",
        ),
        (
            "BUILD",
            r"javatop\.Tests",
            "javatop.Gone",
            "tests",
            "ERROR: //javatop:tests: test_class is javatop.Gone, which is not in srcs, deps or runtime_deps. Set it to a class with tests.",
        ),
    ],
)
def test_bad_input_gets_one_sentence(nested, file, pattern, replacement, target, message):
    """A wrong source or attribute fails the build with the place and the cure, and without a stack trace."""
    with nested.edited(f"javatop/{file}", pattern, replacement):
        printed = nested.refused(f"//javatop:{target}")

    assert message in printed.splitlines()
    assert "\tat " not in printed


def test_a_class_without_tests_fails(nested):
    """A test class without tests fails its test and says how to annotate one."""
    with nested.edited("javatop/Tests.java", "@org.junit.jupiter.api.Test ", ""):
        done = nested.bazel("test", "--test_output=all", "//javatop:tests")

    assert done.returncode == 3
    assert "ERROR: javatop.Tests has no tests. Annotate its methods with org.junit.jupiter.api.Test" in done.stdout + done.stderr


def test_error_prone_can_be_switched_on(nested):
    """With the setting on, a mistake that javac accepts is an error; without it the target builds."""
    with nested.edited("javatop/Base.java", "return 1;", 'new Exception("unused"); return 1;'):
        nested.build("//javatop:base")
        printed = nested.refused("--//rules/java:error_prone", "//javatop:base")

    assert "javatop/Base.java:3: error: [DeadException] Exception created but not thrown" in printed


def _jdk(folder: Path, version: str) -> Path:
    """Returns a folder that looks like a JDK."""
    (folder / "bin").mkdir(parents=True)
    for name in ("java", "javac"):
        (folder / "bin" / name).write_text("#!/bin/sh\n")
        (folder / "bin" / name).chmod(0o755)
    (folder / "release").write_text(f'JAVA_VERSION="{version}"\n')
    return folder


def test_an_unusable_jdk_is_named(nested, tmp_path):
    """JAVA_HOME without a JDK, or with an old one, fails Java targets with a sentence, and no other target."""
    old = _jdk(tmp_path / "old", "11.0.20")
    cure = "Set it to the folder of a JDK 17 or newer, or unset it."
    for home, problem in [(tmp_path / "none", "which has no JDK"), (old, "which is JDK 11.0.20")]:
        # Not in the environment: Bazel itself would start on it.
        flag = f"--repo_env=JAVA_HOME={home}"
        nested.build(flag, "//javatop:unrelated")
        assert f"ERROR: JAVA_HOME is {home}, {problem}. {cure}" in nested.refused(flag, "//javatop:base").splitlines()


def _workers(nested: Nested) -> list[int]:
    """Returns the process IDs of the copy's Java workers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            here = os.readlink(folder / "cwd").startswith(str(nested.root.parent))
            if here and b"rules.java.tools.compiler.Main\0--persistent_worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue  # the process has exited
    return found


def test_a_killed_worker_is_replaced(nested):
    """After a kill between two builds and one during a build, the next build starts another worker and succeeds."""
    with nested.edited("javatop/Base.java", "return 1;", "return 7;"):
        nested.build("//javatop:base")
    before = _workers(nested)
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    nested.build("//javatop:base")

    lines = "\n".join(f"  static int m{i}() {{ return java.util.List.of({i}).stream().mapToInt(x -> x).sum(); }}" for i in range(3000))
    with nested.edited("javatop/Base.java", r"^public class Base \{", "public class Base {\n" + lines):
        done = []
        build = threading.Thread(target=lambda: done.append(nested.bazel("build", "//javatop:base")))
        build.start()
        deadline = time.monotonic() + 60
        while not (running := _workers(nested)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in running:
            os.kill(pid, signal.SIGKILL)
        build.join()
        assert done[0].returncode in (0, 1)
        nested.build("//javatop:base")
