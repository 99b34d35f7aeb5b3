"""Tests of the log format."""

import argparse
import io
import json
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


def test_a_record_as_json(restored_root):
    """As JSON, a record is an object with time in UTC, level, the whole text, and the exception if there is one."""
    stream = io.StringIO()
    logs.configure(stream, log_format="json")
    logging.getLogger("x").warning('first\n"second" <é>')
    try:
        raise OSError("gone")
    except OSError:
        logging.getLogger("x").exception("a fault")

    first, second = map(json.loads, stream.getvalue().splitlines())

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {"level": "WARNING", "message": 'first\n"second" <é>'}
    assert (second["level"], second["message"]) == ("ERROR", "a fault")
    assert second["exception"].endswith("OSError: gone")


def test_an_unknown_format_lists_the_known_ones():
    """A name of a format is checked, and the error lists all names."""
    assert logs.format_name("json") == "json"
    with pytest.raises(argparse.ArgumentTypeError, match="'JSON' is not a log format; use text or json"):
        logs.format_name("JSON")
