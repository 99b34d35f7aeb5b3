"""Tests of the greeter."""

from greeter.main import greeting


def test_greeting() -> None:
    """The greeting has the name of the query, or the world."""
    assert greeting("name=Ada") == "Hello, Ada!\n"
    assert greeting("") == "Hello, world!\n"
