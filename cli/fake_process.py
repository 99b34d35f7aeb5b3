"""A `Runner` for tests: answers from a table and remembers what it was asked to run."""

from collections.abc import Callable, Sequence


class FakeRunner:
    """Answers commands from rules, newest rule first; a command without a rule succeeds and prints nothing.

    Attributes:
        calls: every argv that was run, in order.
        envs: the environment that came with each.
    """

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.envs: list[dict[str, str] | None] = []
        self._rules: list[tuple[str, int, str, Callable[[], None] | None]] = []

    def answer(self, words: str, code: int = 0, output: str = "", then: Callable[[], None] | None = None) -> None:
        """Adds a rule.

        Args:
            words: matches a command whose words, joined by spaces, contain this.
            code: its exit code.
            output: what it prints.
            then: called when it runs: the change in the world that the command makes.
        """
        self._rules.insert(0, (words, code, output, then))

    def ran(self, words: str) -> int:
        """Counts the commands that were run and contain these words."""
        return sum(words in " ".join(call) for call in self.calls)

    def _find(self, argv: Sequence[str]) -> tuple[int, str]:
        self.calls.append([str(word) for word in argv])
        text = " ".join(self.calls[-1])
        for words, code, output, then in self._rules:
            if words in text:
                if then:
                    then()
                return code, output
        return 0, ""

    def run(self, argv, *, env=None, cwd=None, log=None, on_line=None) -> int:
        """See `process.Runner.run`."""
        code, output = self._find(argv)
        self.envs.append(dict(env) if env is not None else None)
        if log and output:
            with log.open("a") as sink:
                sink.write(output + "\n")
            for line in output.splitlines() if on_line else ():
                on_line(line)
        return code

    def stop(self) -> None:
        """See `process.Runner.stop`."""
        self.calls.append(["<stop>"])

    def output(self, argv, *, timeout=10.0, cwd=None) -> tuple[int, str]:
        """See `process.Runner.output`."""
        self.envs.append(None)
        return self._find(argv)
