"""A `Runner` for tests: takes its answers from a table and records what it was asked to run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.common.process import Result, describe_failure

__all__ = ["Answer", "FakeRunner"]

Answer = Result | Callable[[Sequence[str]], Result]


class FakeRunner:
    """Runs nothing; gives each command line the answer that was set for it.

    A command line gets the answer with the longest words that it contains; among equally long ones, the newest. A command
    without an answer succeeds and prints nothing.

    Attributes:
        calls: the words of every command, in order.
        envs: the environment of each command; None for this process's own.
        inputs: the standard input of each command.

    Args:
        answers: words → the result, or a function of the arguments that returns it. Such words must begin the command line.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.calls: list[list[str]] = []
        self.envs: list[dict[str, str] | None] = []
        self.inputs: list[str | Path | None] = []
        self._contained: list[tuple[str, Answer]] = []
        self._lock = threading.Lock()

    def answer(self, words: str, code: int = 0, output: str = "", then: Callable[[], None] | None = None) -> None:
        """Sets the answer for command lines that contain these words.

        Args:
            words: the words, separated by spaces.
            code: the exit code.
            output: what the command prints.
            then: called when the command runs, to make the change that the command would make.
        """

        def result(_args: Sequence[str]) -> Result:
            if then:
                then()
            return Result(code, output)

        self._contained.insert(0, (words, result))

    def count(self, words: str) -> int:
        """Returns how many of the commands contained these words."""
        return sum(words in line for line in self.lines())

    def lines(self) -> list[str]:
        """Returns the command lines, in order."""
        return [" ".join(call) for call in self.calls]

    def run(
        self,
        args: Sequence[str],
        *,
        check: bool = True,
        stdin: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        errors: str = "replace",
    ) -> Result:
        """See `Runner.run`."""
        result = self._result(args, env, stdin)
        if check and result.code != 0:
            raise ClusterError(describe_failure(args, result))
        return result

    def stream(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> int:
        """See `Runner.stream`."""
        result = self._result(argv, env, None)
        if log and result.stdout:
            with log.open("a") as sink:
                sink.write(result.stdout + "\n")
            if on_line:
                for line in result.stdout.splitlines():
                    on_line(line)
        return result.code

    def stop(self) -> None:
        """See `Runner.stop`."""
        self.calls.append(["<stop>"])

    def _result(self, args: Sequence[str], env: Mapping[str, str] | None, stdin: str | Path | None) -> Result:
        with self._lock:
            self.calls.append([str(word) for word in args])
            self.envs.append(dict(env) if env is not None else None)
            self.inputs.append(stdin)
            line = " ".join(self.calls[-1])
        matching = [pair for pair in self._contained if pair[0] in line]
        matching += [pair for pair in self.answers.items() if line.startswith(pair[0])]
        if not matching:
            return Result(0)
        _, found = max(matching, key=lambda pair: len(pair[0]))
        return found if isinstance(found, Result) else found(args)
