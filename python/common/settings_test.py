"""Tests of settings that come from options or environment variables."""

import argparse

import pytest

from python.common import settings


def _parser(env):
    result = argparse.ArgumentParser(prog="x")
    settings.add(result, env, "--port", "PORT", "a port", type=settings.port)
    return result


def test_the_option_wins_over_the_variable():
    """An option is used although the variable is set too."""
    assert _parser({"PORT": "1"}).parse_args(["--port", "2"]).port == 2


def test_the_variable_serves_when_there_is_no_option():
    """The variable's text is parsed like the option's."""
    assert _parser({"PORT": "65535"}).parse_args([]).port == 65535


@pytest.mark.parametrize("bad", ["", "0", "65536", "x", "-1", "¹"])
def test_a_bad_port_is_refused_in_a_sentence(bad, capsys):
    """Exit code 2 and a message that says what a port is, without a traceback."""
    with pytest.raises(SystemExit) as refused:
        _parser({}).parse_args([f"--port={bad}"])

    assert refused.value.code == 2
    assert f"a port is a number from 1 to 65535, got {bad!r}" in capsys.readouterr().err


def test_a_bad_variable_is_refused_too(capsys):
    """A default from the environment is checked like an option."""
    with pytest.raises(SystemExit):
        _parser({"PORT": "http"}).parse_args([])

    assert "got 'http'" in capsys.readouterr().err


def test_a_missing_setting_names_option_and_variable(capsys):
    """Without option and variable the message names the option; help names the variable."""
    with pytest.raises(SystemExit):
        _parser({}).parse_args([])

    assert "--port" in capsys.readouterr().err
    assert "environment: PORT" in _parser({}).format_help()
