"""One line a log record, on stderr, in UTC: what `kubectl logs` shows well."""

import logging
import sys
import time
from typing import TextIO


class OneLineFormatter(logging.Formatter):
    """Formats `2026-01-31T12:00:00.123Z INFO text`; line ends become a bar, so
    that a multi-line message still is one record."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"
        )

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as one line without a line end."""
        return " | ".join(super().format(record).splitlines())


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Sends every record of `level` and above to `stream` (default: stderr)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OneLineFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
