"""Records what was applied as a revision, for a rollback."""

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
    """Writes down what was applied, for a rollback. Not being able to is no failure of the apply, and is said.

    Args:
        run: the run.
        client: the API server.
        items: what is applied.
        back_to: the revision that the set comes from, None when it comes from the workspace.
    """

    def __init__(self, run: Run, client: Client, items: list[Item], back_to: history.Revision | None = None):
        self._run = run
        self._client = client
        self._items = items
        self._back_to = back_to

    def needed(self) -> bool:
        """Says whether the newest revision is another set, as after a run that was killed before it wrote one."""
        try:
            return not history.is_recorded(self._client, self._run.plan, self._items)
        except TurnupError as error:
            self._say(error)
            return False

    def write(self) -> None:
        """Writes a revision, unless the newest one is the same; with the stack's lease, so that two get no one number."""
        try:
            back = self._back_to
            number = history.record(self._client, self._run.plan, self._items, f"back to {back.number}" if back else "",
                                    commit=lambda: back.commit if back else commit_of(self._run.environ))
        except TurnupError as error:
            self._say(error)
            return
        if number:
            self._run.report.note(f"{self._run.plan.label}: this is revision {number}")

    def _say(self, error: TurnupError) -> None:
        self._run.report.note(f"no revision was written, so .rollback cannot come back to this set: {error}")
