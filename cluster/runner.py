"""Running other programs: the seam that tests replace.

Everything in cluster/ that starts a program does it through a `Runner`, so
that unit tests see the argument lists and need no root, Docker or network.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cluster.errors import ClusterError

__all__ = ["FakeRunner", "Result", "Runner", "SystemRunner"]


@dataclass(frozen=True)
class Result:
    """What a program left: exit code and the text of its two streams."""

    code: int
    stdout: str = ""
    stderr: str = ""


class Runner(Protocol):
    """Runs a program to its end."""

    def run(
        self,
        args: Sequence[str],
        *,
        check: bool = True,
        stdin: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
    ) -> Result:
        """Runs args and returns its result.

        check: raise ClusterError when the exit code is not 0. stdin: text, or
        the path of a file to read, or None for nothing. env: the whole
        environment, None for this process's own. timeout: seconds.
        """
        ...


class SystemRunner:
    """Runs programs on this machine."""

    def run(
        self,
        args: Sequence[str],
        *,
        check: bool = True,
        stdin: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
    ) -> Result:
        """See Runner.run."""
        text = stdin if isinstance(stdin, str) else None
        source = stdin.open("rb") if isinstance(stdin, Path) else None
        try:
            done = subprocess.run(
                list(args),
                input=text.encode() if text is not None else None,
                stdin=source if text is None and source else (subprocess.DEVNULL if text is None else None),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError:
            raise ClusterError(f"{args[0]} is not installed: run `./turnup doctor`, which says how to get it") from None
        except subprocess.TimeoutExpired:
            raise ClusterError(f"`{' '.join(args)}` did not end within {timeout:g} s: see whether it hangs by running it yourself") from None
        finally:
            if source:
                source.close()
        result = Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        if check and result.code != 0:
            raise ClusterError(failure(args, result))
        return result


def failure(args: Sequence[str], result: Result) -> str:
    """The sentence for a program that failed: its command and its last words."""
    words = [line for line in (result.stderr or result.stdout).strip().splitlines() if line.strip()]
    last = "; ".join(word.strip() for word in words[-3:]) or "it said nothing"
    return f"`{' '.join(args)}` ended with exit code {result.code}: {last}"


@dataclass
class FakeRunner:
    """A Runner for tests: remembers what it was asked for and runs nothing.

    answers maps the beginning of a command line (joined by spaces) to the
    Result to give, or to a function of the argument list that makes one; the
    longest beginning wins, and a command without one succeeds silently.
    """

    answers: dict[str, Result | Callable[[Sequence[str]], Result]] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    inputs: list[str | Path | None] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(
        self,
        args: Sequence[str],
        *,
        check: bool = True,
        stdin: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
    ) -> Result:
        """See Runner.run."""
        with self._lock:
            self.calls.append(list(args))
            self.inputs.append(stdin)
        line = " ".join(args)
        matching = [beginning for beginning in self.answers if line.startswith(beginning)]
        answer = self.answers[max(matching, key=len)] if matching else Result(0)
        result = answer if isinstance(answer, Result) else answer(args)
        if check and result.code != 0:
            raise ClusterError(failure(args, result))
        return result

    def lines(self) -> list[str]:
        """The command lines that were run, in order."""
        return [" ".join(call) for call in self.calls]
