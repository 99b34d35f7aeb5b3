"""The critical findings of kube-score that stay, from the table in the library's README."""

from __future__ import annotations

from tests.repo import tree

_HEADER = "| check | objects | why it stays |\n|---|---|---|\n"


def read_exceptions(readme: str) -> tuple[tuple[str, str, str], ...]:
    """Returns the rows of the table: (check, kind/name of the objects, why the finding stays).

    Args:
        readme: text of lib/README.md.
    """
    table = readme.split(_HEADER)[1].split("\n\n", maxsplit=1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return tuple((check, objects, reason) for check, objects, reason in rows)


# Every row must still be needed.
EXCEPTIONS = read_exceptions(tree.text(tree.Path("lib/README.md")))
