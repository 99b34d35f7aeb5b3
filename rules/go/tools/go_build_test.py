"""Tests of builds with the Go command: programs, tests, and the message for each kind of failure."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from rules.common.errors import InputError
from rules.go.tools import go_build

GO = Path(os.environ["TEST_SRCDIR"], "host_go", "go.json")
HELLO = """package main

import "fmt"

var version = "none"

func main() { fmt.Println("hello", version) }
"""


@pytest.fixture
def build(tmp_path):
    """Returns a function that builds files of a module in shop/ and returns the exit code and the path of the result."""

    def run(files, *options, mode="build", go_mod="module example.com/shop\n\ngo 1.21\n", go=GO, folder="shop"):
        out = tmp_path / "out" / "program"
        out.parent.mkdir(exist_ok=True)
        mod = tmp_path / "go.mod"
        mod.write_text(go_mod)
        words = [mode, "--where=//shop:hello", f"--go={go}", f"--out={out}", f"--folder={folder}", "--go-mod", "shop/go.mod", str(mod)]
        for number, (path, text) in enumerate(files.items()):
            importpath, _, place = path.rpartition("!")
            file = tmp_path / f"{number}.source"
            file.write_text(text)
            words += ["--source", importpath, place, str(file)]
        return go_build.main([*words, *options]), out

    return run


def test_a_program_is_built(build):
    """The program runs; a variable is set by the linker, with a stamp variable's value."""
    status = Path(os.environ["TEST_TMPDIR"], "status.txt")
    status.write_text("STABLE_COMMIT abc def\n")

    code, program = build({"shop/main.go": HELLO}, "--define=main.version=at {STABLE_COMMIT}", f"--status={status}")

    assert code == 0
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "hello at abc def\n"


def test_equal_sources_give_equal_bytes(build, tmp_path):
    """A second build in another folder gives the same bytes, and they do not name the folder."""
    _, program = build({"shop/main.go": HELLO})
    first = program.read_bytes()
    program.unlink()
    _, program = build({"shop/main.go": HELLO})

    assert program.read_bytes() == first
    assert b"go_build." not in first and str(tmp_path).encode() not in first


def test_packages_and_embedded_files_are_found(build):
    """A package in a folder, a generated one by its import path, and an embedded file are part of the program."""
    main = """package main

import (
	_ "embed"

	"example.com/shop/api"
	"example.com/shop/words"
)

//go:embed text.txt
var text string

func main() { println(text, words.Word, api.Name) }
"""
    files = {
        "shop/cmd/main.go": main,
        "shop/cmd/text.txt": "embedded",
        "shop/words/words.go": "package words\n\nconst Word = 1\n",
        "example.com/shop/api!gen/api.go": "package api\n\nconst Name = 2\n",
    }

    code, program = build(files, folder="shop/cmd")

    assert code == 0
    assert subprocess.run([program], capture_output=True, text=True, check=True).stderr == "embedded 1 2\n"


def test_a_cache_that_cannot_be_written_is_not_used(tmp_path):
    """Go's caches are in Turnup's folder if the action may write there, otherwise they end with the action."""
    blocked, free, scratch = tmp_path / "file", tmp_path / "free", tmp_path / "scratch"
    blocked.write_text("")

    assert go_build.cache_folder({"cache": str(free)}, scratch) == free
    assert [go_build.cache_folder({"cache": str(path) if path else ""}, scratch) for path in (blocked / "below", None)] == [scratch, scratch]


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        (
            {"shop/main.go": "package main\n\nfunc main() { wrong() }\n"},
            {},
            "//shop:hello: Go reports:\nshop/main.go:3:15: undefined: wrong\n",
        ),
        (
            {"shop/main.go": 'package main\n\nimport "example.com/shop/words"\n\nfunc main() { words.X() }\n'},
            {},
            (
                "shop/main.go:3:8: no module has the package example.com/shop/words. Add the go_library with it to deps of //shop:hello, "
                "or the module with it to go.mod (go get, then go mod tidy)."
            ),
        ),
        (
            {"shop/main.go": 'package main\n\nimport "example.com/other"\n\nfunc main() { other.X() }\n'},
            {},
            "shop/main.go:3:8: no module has the package example.com/other. ",
        ),
        (
            {"shop/main.go": 'package main\n\nimport "example.com/other"\n\nfunc main() { other.X() }\n'},
            {"go_mod": "module example.com/shop\n\ngo 1.21\n\nrequire example.com/other v1.0.0\n"},
            "//shop:hello: go.sum has no entry for the module with example.com/other. Run go mod tidy in the folder of go.mod, and commit go.sum.",
        ),
        (
            {"other/main.go": HELLO},
            {},
            "//shop:hello: other/main.go is outside shop, the folder of go.mod. Move the file, or use the module that it belongs to.",
        ),
        (
            {"shop/main.go": HELLO, "example.com/else/api!gen/api.go": "package api\n"},
            {},
            (
                "//shop:hello: the import path example.com/else/api is not below example.com/shop, the module of go.mod. "
                "Change importpath of the target with gen/api.go."
            ),
        ),
        (
            {"shop/a/x.go": "package a\n", "example.com/shop/a!gen/x.go": "package a\n"},
            {},
            "//shop:hello: shop/a/x.go and gen/x.go have the same place in the module. Rename one of them.",
        ),
        ({"shop/words.go": "package words\n"}, {}, "//shop:hello: ./ is not a program. Its files must say package main, and have a function main."),
        ({"shop/main.go": HELLO}, {"folder": "other"}, "//shop:hello: the target's folder is outside shop, the folder of go.mod. Set package."),
        ({"shop/main.go": HELLO}, {"go_mod": "go 1.21\n"}, "shop/go.mod: has no module line. Add one, such as module example.com/shop."),
        ({"shop/main.go": HELLO}, {"mode": "test"}, "//shop:hello: ./ has no test files. Add a file named *_test.go to srcs."),
        (
            {"shop/main.go": HELLO, "shop/x_test.go": 'package main\n\nimport "testing"\n\nfunc TestX(t *testing.T) { t.Errorf("%d", "x") }\n'},
            {"mode": "test"},
            '//shop:hello: Go reports:\nshop/x_test.go:5:38: (*testing.common).Errorf format %d has arg "x" of wrong type string\n',
        ),
    ],
)
def test_each_failure_says_where_and_what_to_do(build, capsys, files, options, message):
    """Errors of the compiler name the file in the workspace; others are one sentence. Nothing is written."""
    code, out = build(files, **options)

    assert code == 1
    assert message in capsys.readouterr().err
    assert not out.exists() or not os.access(out, os.X_OK)


def test_a_go_that_is_gone_says_how_to_find_another(build, tmp_path, capsys):
    """If the Go command was removed after Bazel found it, the error has the command that looks again."""
    go = tmp_path / "go.json"
    go.write_text(json.dumps({"go": "/nowhere/go", "cache": "", "version": "go1.26.0"}))

    assert build({"shop/main.go": HELLO}, go=go)[0] == 1
    assert "ERROR: /nowhere/go is gone. Run bazel sync --only=host_go, so that Bazel looks for Go again." in capsys.readouterr().err


def test_a_flag_is_quoted_as_go_splits_it():
    """Spaces and one kind of quotation marks are kept; both kinds are an error."""
    assert go_build.quote_flag("a b") == "'a b'"
    assert go_build.quote_flag("it's") == '"it\'s"'
    with pytest.raises(InputError, match="Use one kind of quotation marks only"):
        go_build.quote_flag("'\"")


def test_a_changed_module_is_reported():
    """A module whose content does not fit go.sum is an error of its own."""
    text = "verifying example.com/a@v1.0.0: checksum mismatch\n\tdownloaded: h1:x\n\tgo.sum: h1:y\n"

    assert go_build.explain(text, {}, "//a") == "//a: example.com/a@v1.0.0 has another checksum than go.sum says. Find out why before you change go.sum."
