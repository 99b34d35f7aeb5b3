"""Tests of the log format."""

import io
import logging
import re

import pytest

from python.common import logs


@pytest.fixture
def restored_root():
    """Restores the root logger's handlers after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_record_is_one_line_with_utc_time(restored_root):
    """A record is one line with time in UTC, level and text."""
    stream = io.StringIO()
    logs.configure(stream)
    logging.getLogger("x").info("first\nsecond %d", 2)

    written = stream.getvalue()

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO first \| second 2\n", written)


def test_debug_is_not_logged(restored_root):
    """Records below the level are not logged."""
    stream = io.StringIO()
    logs.configure(stream)
    logging.getLogger("x").debug("hidden")

    assert stream.getvalue() == ""
