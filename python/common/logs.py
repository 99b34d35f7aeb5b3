"""Log format: one line per record, on stderr, with the time in UTC."""

import logging
import sys
import time
from typing import TextIO


class OneLineFormatter(logging.Formatter):
    """Formatter for `2026-01-31T12:00:00.123Z INFO text`.

    Newlines become a bar, so that a multi-line message is still one record.
    """

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        """Sets the format."""
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as one line, without a newline."""
        return " | ".join(super().format(record).splitlines())


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Configures the root logger.

    Args:
        stream: stream for log lines; stderr if None.
        level: lowest level to log.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OneLineFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
