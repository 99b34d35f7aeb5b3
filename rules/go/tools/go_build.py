"""Builds a Go program or a Go test with the Go command, offline.

    go_build build|test --where=LABEL --go=GO_JSON --out=FILE --go-mod PATH FILE [--go-sum=FILE] [--package=PACKAGE] [--folder=FOLDER]
             [--tag=TAG]… [--define=PACKAGE.NAME=VALUE]… [--status=FILE]… [--source IMPORTPATH PATH FILE]… [--download=FILE]…

The sources are copied into the tree of a module, because the Go command does not follow links to files that `//go:embed` names.
The required modules are given in the layout of Go's module proxy protocol (go.dev/ref/mod#goproxy-protocol), which the Go command
reads from disk and checks against go.sum.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from rules.common.caches import check_trusted
from rules.common.errors import InputError, TurnupError
from rules.common.stamping import fill, read_status

__all__ = ["Source", "build", "build_parser", "cache_folder", "explain", "main", "place_sources", "quote_flag"]

_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_DOWNLOADS = "/download/"
_SCRATCH = "go_build."
# The folder of a module in an action.
_TREE = re.compile(rf"\S*/{re.escape(_SCRATCH)}[^/\s]+/module/")
_NO_PACKAGE = re.compile(r"(\S+\.go:\d+:\d+): (?:no required module provides|cannot find module providing|)\s?package (\S+?)(?:;|:| is not in std)")
# What go vet checks in `go test` (cmd/go, defaultVetFlags).
_VET = ("atomic", "bool", "buildtags", "directive", "errorsas", "ifaceassert", "nilfunc", "printf", "stringintconv", "tests")


class Source(NamedTuple):
    """One source of a module.

    Attributes:
        importpath: the import path of its package; "" if its place in the workspace decides.
        path: its path in the workspace.
        file: the file.
    """

    importpath: str
    path: str
    file: str


class _Pairs(argparse.Action):
    """Collects options with several values, which may begin with a dash."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option_string: str | None = None) -> None:
        """Appends the values."""
        getattr(namespace, self.dest).append(values)


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of this program's arguments."""
    parser = argparse.ArgumentParser(prog="go_build", allow_abbrev=False)
    parser.add_argument("mode", choices=["build", "test"])
    parser.add_argument("--where", required=True)
    parser.add_argument("--go", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--go-mod", nargs=2, required=True)
    parser.add_argument("--go-sum")
    parser.add_argument("--package", default="")
    parser.add_argument("--folder", default="")
    parser.add_argument("--tag", action="append", default=[])
    parser.add_argument("--define", action="append", default=[])
    parser.add_argument("--status", action="append", default=[])
    parser.add_argument("--source", nargs=3, action=_Pairs, default=[])
    parser.add_argument("--download", action="append", default=[])
    return parser


def place_sources(where: str, module: str, root: str, sources: Sequence[Source], tree: Path) -> dict[str, str]:
    """Copies sources into the tree of a module.

    Args:
        where: the target to name in errors.
        module: the module's path.
        root: the folder of go.mod in the workspace; "" for the workspace's own.
        sources: the sources.
        tree: the folder to copy to.

    Returns:
        The path in the workspace of each file, by its path in the tree.

    Raises:
        InputError: a file does not belong to the module.
    """
    placed: dict[str, str] = {}
    for source in sources:
        name = PurePosixPath(source.path).name
        if source.importpath:
            if not f"{source.importpath}/".startswith(f"{module}/"):
                raise InputError(
                    f"{where}: the import path {source.importpath} is not below {module}, the module of go.mod. "
                    f"Change importpath of the target with {source.path}."
                )
            place = PurePosixPath(source.importpath[len(module) :].lstrip("/"), name)
        elif not root or source.path.startswith(f"{root}/"):
            place = PurePosixPath(source.path[len(root) :].lstrip("/"))
        else:
            raise InputError(f"{where}: {source.path} is outside {root}, the folder of go.mod. Move the file, or use the module that it belongs to.")
        if placed.setdefault(str(place), source.path) != source.path:
            raise InputError(f"{where}: {placed[str(place)]} and {source.path} have the same place in the module. Rename one of them.")
        target = tree / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copyfile(source.file, target)
    return placed


def cache_folder(settings: Mapping[str, str], scratch: Path) -> Path:
    """Returns a folder for Go's caches: Turnup's own if the action may write there, otherwise one that ends with the action.

    Args:
        settings: what the Go toolchain is; `cache` is Turnup's cache folder, "" for none.
        scratch: a folder that is deleted when the action ends.
    """
    if not settings["cache"]:
        return scratch
    folder = Path(settings["cache"])
    check_trusted(folder)
    try:
        for name in ("go-build", "go-mod"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder / "go-build"):
            return folder
    except OSError:
        return scratch


def explain(output: str, placed: Mapping[str, str], where: str) -> str:
    """Returns the message for a failed build.

    Args:
        output: what the Go command printed on stderr.
        placed: the path in the workspace of each file, by its path in the module.
        where: the target.
    """
    # Also those of earlier actions: Go's cache keeps what vet has printed.
    output = _TREE.sub("", output)
    if missing := re.search(r"missing go\.sum entry for (?:module providing package|go\.mod file[^\n]*?;?) ?(\S+)", output):
        return f"{where}: go.sum has no entry for the module with {missing[1]}. Run go mod tidy in the folder of go.mod, and commit go.sum."
    if missing := _NO_PACKAGE.search(output):
        place, _, rest = missing[1].partition(":")
        return (
            f"{placed.get(place, place)}:{rest}: no module has the package {missing[2]}. Add the go_library with it to deps of {where}, "
            "or the module with it to go.mod (go get, then go mod tidy)."
        )
    if "go: updates to go.mod needed" in output:
        return f"{where}: go.mod is not complete. Run go mod tidy in the folder of go.mod, and commit go.mod and go.sum."
    if wrong := re.search(r"verifying (\S+): checksum mismatch", output):
        return f"{where}: {wrong[1]} has another checksum than go.sum says. Find out why before you change go.sum."
    lines = [line for line in output.strip().splitlines() if line and not line.startswith(("# ", "go: downloading "))]

    def named(match: re.Match[str]) -> str:
        place = str(PurePosixPath(match[1]))
        return f"{placed.get(place, place)}{match[2]}"

    lines = [re.sub(r"^(?:vet: )?([^\s:]+\.(?:go|s))(:\d+.*)", named, line) for line in lines]
    return f"{where}: Go reports:\n" + "\n".join(lines or ["nothing"])


class _Go:
    """The Go command in the tree of a module."""

    def __init__(self, settings: Mapping[str, str], tree: Path, scratch: Path, proxy: str) -> None:
        self._settings = settings
        self._tree = tree
        cache = cache_folder(settings, scratch)
        self._environment = {
            "CGO_ENABLED": "0",  # links statically
            "GOCACHE": str(cache / "go-build"),
            "GOENV": "off",  # what `go env -w` has set must not change the result
            "GOFLAGS": "-mod=readonly -modcacherw",
            "GOMODCACHE": str(cache / "go-mod"),
            "GOPROXY": proxy,
            "GOSUMDB": "off",  # go.sum has every hash, and -mod=readonly adds none
            "GOTELEMETRY": "off",
            "GOTMPDIR": str(scratch),
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "HOME": str(scratch),
            "PATH": os.environ.get("PATH", ""),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command in the module's folder."""
        go = self._settings["go"]
        try:
            return subprocess.run([go, *arguments], cwd=self._tree, env=self._environment, capture_output=True, text=True, errors="replace", check=False)
        except FileNotFoundError:
            raise TurnupError(f"{go} is gone. Run bazel sync --only=host_go, so that Bazel looks for Go again.") from None


def _package(options: argparse.Namespace, root: str) -> str:
    """Returns the package to build, as the Go command takes it in the module's folder."""
    if options.package:
        return str(options.package)
    folder = str(options.folder)
    if root and folder != root and not folder.startswith(f"{root}/"):
        raise InputError(f"{options.where}: the target's folder is outside {root}, the folder of go.mod. Set package.")
    return "./" + folder[len(root) :].lstrip("/")


def _proxy(downloads: Sequence[str]) -> str:
    """Returns GOPROXY for the given files."""
    if not downloads:
        return "off"
    folder, _, _ = os.path.abspath(downloads[0]).partition(_DOWNLOADS)
    return f"file://{folder}{_DOWNLOADS.rstrip('/')}"


def build(options: argparse.Namespace, scratch: Path) -> None:
    """Builds what the options say.

    Args:
        options: the parsed arguments.
        scratch: an empty folder.

    Raises:
        TurnupError: Go reports an error; the message has it.
    """
    where = options.where
    settings = json.loads(Path(options.go).read_text("utf-8"))
    mod_path, mod_file = options.go_mod
    text = Path(mod_file).read_text("utf-8")
    found = _MODULE.search(text)
    if not found:
        raise InputError(f"{mod_path}: has no module line. Add one, such as module example.com/shop.")
    root = str(PurePosixPath(mod_path).parent) if "/" in mod_path else ""
    tree = scratch / "module"
    tree.mkdir()
    (tree / "go.mod").write_text(text, "utf-8")
    if options.go_sum:
        shutil.copyfile(options.go_sum, tree / "go.sum")
    placed = place_sources(where, found[1], root, [Source(*source) for source in options.source], tree)
    go = _Go(settings, tree, scratch, _proxy(options.download))
    package = _package(options, root)
    status = read_status(options.status) if options.status else {}
    flags = ["-s", "-w"]
    for definition in options.define:
        flags += ["-X", quote_flag(fill(definition, status, f"{where}: x_defs") if options.status else definition)]
    common = ["-trimpath", "-buildvcs=false", *([f"-tags={','.join(options.tag)}"] if options.tag else [])]
    out = os.path.abspath(options.out)
    if options.mode == "test":
        _checked(go.run("vet", *common, *(f"-{name}" for name in _VET), package), placed, where)
        _checked(go.run("test", "-c", "-vet=off", *common, "-o", out, package), placed, where)
        if not os.path.exists(out):
            raise InputError(f"{where}: {package} has no test files. Add a file named *_test.go to srcs.")
        return
    _checked(go.run("build", *common, "-ldflags", " ".join(flags), "-o", out, package), placed, where)
    if not os.path.isfile(out) or not os.access(out, os.X_OK):
        raise InputError(f"{where}: {package} is not a program. Its files must say package main, and have a function main.")


def quote_flag(text: str) -> str:
    """Quotes a linker flag as the Go command splits -ldflags: by spaces, with quotes that have no escapes."""
    if "'" in text and '"' in text:
        raise InputError(f"x_defs: found {text!r}. Use one kind of quotation marks only.")
    mark = '"' if "'" in text else "'"
    return f"{mark}{text}{mark}"


def _checked(done: subprocess.CompletedProcess[str], placed: Mapping[str, str], where: str) -> None:
    if done.returncode:
        raise TurnupError(explain(done.stderr or done.stdout, placed, where))


def _run(argv: Sequence[str]) -> int:
    """Builds the program or the test as the arguments say (see the module's text)."""
    arguments = list(argv)
    if len(arguments) == 1 and arguments[0].startswith("@"):
        arguments = Path(arguments[0][1:]).read_text("utf-8").split("\n")[:-1]
    options = build_parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH) as scratch:
        build(options, Path(scratch))
    return 0


def main(argv: Sequence[str]) -> int:
    """Builds the program or the test, and prints an error as one message; returns the exit code."""
    try:
        return _run(argv)
    except TurnupError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"ERROR: {error.filename or 'go_build'}: {error.strerror or error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
