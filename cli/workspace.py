"""Where things are: the workspace, its constants, the caches, the account."""

import ast
import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path

from cli.errors import TurnupError

ROOT = Path(__file__).resolve().parent.parent
# The environment that is each developer's own namespace.
OWN_ENVIRONMENT = "myns"


def shared_environments(path: Path = ROOT / "cluster_constants.bzl") -> list[str]:
    """Reads the environments that everybody shares: ENVS of a .bzl file, without the developer's own.

    Args:
        path: the file; a Starlark literal is a Python literal.

    Raises:
        TurnupError: the file is missing, or does not assign ENVS a list of names.
    """
    try:
        tree = ast.parse(path.read_text())
    except (OSError, SyntaxError) as error:
        raise TurnupError(f"{path}: cannot be read ({error}); turnup must stand in its whole workspace") from error
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "ENVS":
            return [name for name in ast.literal_eval(statement.value) if name != OWN_ENVIRONMENT]
    raise TurnupError(f"{path}: ENVS is not assigned; write the list of environments into it")


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns turnup's folder below the user's XDG cache folder."""
    base = environ.get("XDG_CACHE_HOME") or str(home(environ) / ".cache")
    return Path(base) / "turnup"


def log_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the folder for the logs of runs, below the user's XDG state folder."""
    base = environ.get("XDG_STATE_HOME") or str(home(environ) / ".local/state")
    return Path(base) / "turnup" / "logs"


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the user's home folder; the account database answers where HOME is unset."""
    return Path(environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)


def self_words(*words: str) -> list[str]:
    """Returns the argv that runs this same command again, in the same Python: for steps that are commands too."""
    prefix = ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
    return [sys.executable, "-I", *prefix, str(ROOT / "cli"), *words]
