"""Where things are: the workspace, its constants, the caches, the account."""

import ast
import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path

from cli.errors import TurnupError

ROOT = Path(__file__).resolve().parent.parent


def constants(path: Path = ROOT / "cluster_constants.bzl") -> dict[str, object]:
    """Reads the literal assignments of a .bzl file: Starlark literals are Python literals.

    Args:
        path: the file.

    Returns:
        name -> value for every `NAME = literal` at the top level; other statements are passed over.

    Raises:
        TurnupError: the file is missing or is not Starlark.
    """
    try:
        tree = ast.parse(path.read_text())
    except OSError as error:
        raise TurnupError(f"{path}: cannot be read ({error.strerror}); turnup must stand in its workspace") from error
    except SyntaxError as error:
        raise TurnupError(f"{path}:{error.lineno}: not valid Starlark ({error.msg})") from error
    found: dict[str, object] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
            except ValueError:
                continue  # computed from other constants: only Bazel knows it
    return found


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns turnup's folder below the user's XDG cache folder."""
    base = environ.get("XDG_CACHE_HOME") or str(home(environ) / ".cache")
    return Path(base) / "turnup"


def log_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the folder for the logs of runs, below the user's XDG state folder."""
    base = environ.get("XDG_STATE_HOME") or str(home(environ) / ".local/state")
    return Path(base) / "turnup" / "logs"


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the folder that holds the state of embedded clusters."""
    return Path(environ.get("TURNUP_STATE_DIR") or "/var/lib/turnup")


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the user's home folder; the account database answers where HOME is unset."""
    return Path(environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)


def user(environ: Mapping[str, str] = os.environ) -> str:
    """Returns the user's name: $USER, or the account's name where that is unset."""
    return environ.get("USER") or pwd.getpwuid(os.getuid()).pw_name


def self_words(*words: str) -> list[str]:
    """Returns the argv that runs this same command again, in the same Python: for steps that are commands too."""
    prefix = ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
    return [sys.executable, "-I", *prefix, str(ROOT / "cli"), *words]
