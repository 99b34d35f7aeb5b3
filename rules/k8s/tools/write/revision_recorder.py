"""The recording of an applied set as a revision that a rollback can return to, and of how its run ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError, UnreachableError
from rules.k8s.tools.stack import history
from rules.k8s.tools.stack.commit import commit_of
from rules.k8s.tools.stack.former_history import move_history
from rules.k8s.tools.stack.inventory import ApplySetParent

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run

# A run may exceed the time that it waits by what it does before and after.
_MARGIN_SECONDS = 60.0
_INTERRUPTED_SECONDS = 1.0


class RevisionRecorder:
    """Records what was applied, and how that ended. A revision that cannot be written does not fail the apply; a note says so.

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
        self._revision: history.Revision | None = None

    def needed(self) -> bool:
        """Returns whether the newest revision is another set, as after a run that was killed before it recorded one."""
        try:
            self._revision = history.find_recorded(self._client, self._run.plan, self._items)
        except TurnupError as error:
            self._note(error)
            return False
        return self._revision is None

    def write(self) -> None:
        """Writes a revision, unless the newest one is the same. Needs the stack's lease, so that no number is given twice."""
        wait = self._run.options.wait
        try:
            source = self._source
            self._revision, new = history.record(
                self._client,
                self._run.plan,
                self._items,
                f"back to {source.number}" if source else "",
                commit=lambda: source.commit if source else commit_of(self._run.environ),
                seconds=wait + _MARGIN_SECONDS if wait else 0.0,
            )
        except TurnupError as error:
            self._note(error)
            return
        if new:
            self._run.report.note(f"{self._run.plan.label}: this is revision {self._revision.number}")

    def take_over(self, parent: ApplySetParent) -> None:
        """Makes the history of a former inventory the stack's own. Needs the leases of both."""
        move_history(self._client, parent, self._run.plan, self._run.report.note)

    @contextmanager
    def concluding(self) -> Iterator[None]:
        """Records how the wait inside of it ends. A record that cannot be written does not change the end of the run."""
        try:
            yield
        except (KeyboardInterrupt, UnreachableError):
            self._conclude(history.INTERRUPTED)
            raise
        except TurnupError:
            self._conclude(history.FAILED)
            raise
        self._conclude(history.READY)

    def _conclude(self, outcome: str) -> None:
        revision = self._revision
        if revision is None:
            return

        def send(revision: history.Revision = revision) -> None:
            try:
                history.conclude(self._client, revision, outcome)
            except TurnupError as error:
                self._run.report.note(f"note: revision {revision.number} could not be marked as {outcome}: {error}")

        if outcome != history.INTERRUPTED:
            send()
            return
        # An interrupted run ends at once, even if the server does not answer.
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        thread.join(_INTERRUPTED_SECONDS)

    def _note(self, error: TurnupError) -> None:
        self._run.report.note(f"no revision was written, so .rollback cannot return to this set: {error}")
