"""The recording of an applied set as a revision that a rollback can return to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.stack import history
from rules.k8s.tools.stack.commit import commit_of

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


class RevisionRecorder:
    """Records what was applied. A revision that cannot be written does not fail the apply; a note says so.

    Args:
        run: the run.
        client: the API server.
        items: what is applied.
        source: the revision that the set comes from; None when it comes from the workspace.
    """

    def __init__(self, run: Run, client: Client, items: list[Item], source: history.Revision | None = None) -> None:
        self._run = run
        self._client = client
        self._items = items
        self._source = source

    def needed(self) -> bool:
        """Returns whether the newest revision is another set, as after a run that was killed before it recorded one."""
        try:
            return not history.is_recorded(self._client, self._run.plan, self._items)
        except TurnupError as error:
            self._note(error)
            return False

    def write(self) -> None:
        """Writes a revision, unless the newest one is the same. Needs the stack's lease, so that no number is given twice."""
        try:
            source = self._source
            number = history.record(
                self._client,
                self._run.plan,
                self._items,
                f"back to {source.number}" if source else "",
                commit=lambda: source.commit if source else commit_of(self._run.environ),
            )
        except TurnupError as error:
            self._note(error)
            return
        if number:
            self._run.report.note(f"{self._run.plan.label}: this is revision {number}")

    def _note(self, error: TurnupError) -> None:
        self._run.report.note(f"no revision was written, so .rollback cannot return to this set: {error}")
