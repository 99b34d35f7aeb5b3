"""Tests of options with defaults from environment variables."""

import argparse

import pytest

from python.common import settings


def _parser(env):
    result = argparse.ArgumentParser(prog="x")
    settings.add(result, env, "--port", "PORT", "a port", parse=settings.port)
    return result


def test_the_option_wins_over_the_variable():
    """If both option and variable are set, the option is used."""
    assert _parser({"PORT": "1"}).parse_args(["--port", "2"]).port == 2


def test_the_variable_is_the_default():
    """Without the option, the variable's value is used and parsed."""
    assert _parser({"PORT": "65535"}).parse_args([]).port == 65535


@pytest.mark.parametrize("bad", ["", "0", "65536", "x", "-1", "¹"])
def test_a_bad_port_is_wrong_usage(bad, capsys):
    """A bad port exits with code 2 and a message that says what is valid."""
    with pytest.raises(SystemExit) as refused:
        _parser({}).parse_args([f"--port={bad}"])

    assert refused.value.code == 2
    assert f"{bad!r} is not a port; use a number from 1 to 65535" in capsys.readouterr().err


def test_a_bad_variable_is_wrong_usage(capsys):
    """A variable's value is checked like an option's."""
    with pytest.raises(SystemExit):
        _parser({"PORT": "http"}).parse_args([])

    assert "'http' is not a port" in capsys.readouterr().err


def test_a_missing_setting_names_option_and_variable(capsys):
    """Without option and variable, the error names the option, and the help text names the variable."""
    with pytest.raises(SystemExit):
        _parser({}).parse_args([])

    assert "--port" in capsys.readouterr().err
    assert "environment: PORT" in _parser({}).format_help()
