"""Log formats: one line per record, on stderr, with the time in UTC."""

import argparse
import json
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


class JsonFormatter(logging.Formatter):
    """Formatter for a JSON object with time, level, message and, if there is one, exception."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as one line, without a newline."""
        moment = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        line = {"time": f"{moment}.{int(record.msecs):03d}Z", "level": record.levelname, "message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


FORMATTERS = {"text": OneLineFormatter, "json": JsonFormatter}
"""Formatter by the name of its format."""


def format_name(text: str) -> str:
    """Parses the name of a format (an `argparse` type).

    Args:
        text: a key of FORMATTERS.

    Returns:
        The name.

    Raises:
        argparse.ArgumentTypeError: there is no such format.
    """
    if text not in FORMATTERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a log format; use {' or '.join(FORMATTERS)}")
    return text


def configure(stream: TextIO | None = None, level: int = logging.INFO, log_format: str = "text") -> None:
    """Configures the root logger.

    Args:
        stream: stream for log lines; stderr if None.
        level: lowest level to log.
        log_format: a key of FORMATTERS.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(FORMATTERS[log_format]())
    logging.basicConfig(level=level, handlers=[handler], force=True)
