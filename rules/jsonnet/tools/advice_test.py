"""Tests of the sentences that an error gets in addition to its stack trace, with every engine."""

import json

import pytest

from rules.jsonnet.tools import advice
from rules.jsonnet.tools.render import run
from rules.jsonnet.tools.request import ENGINES

# A library whose function returns before its parameters are checked, as those of lib/ do.
LIBRARY = """{
  box(given):: {
    local unknown = [name for name in std.objectFields(given) if name != 'size'],
    spec: if unknown == [] then given else error "box: unknown parameter '%s'; allowed: size" % unknown[0],
    size: if std.type(given.size) == 'number' then given.size else error "box: parameter 'size' is of type %s" % std.type(given.size),
  },
}
"""


def _message(tmp_path, monkeypatch, engine, program, *more):
    """Evaluates a program, and returns the lines of its error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lib.libsonnet").write_text(LIBRARY)
    (tmp_path / "main.jsonnet").write_text(program)
    deps = ["deps", "{redis: {host: 'r'}}"]
    code, text = run(["--label=//a:b", f"--engine={engine}", "--src=main.jsonnet", "--input=lib.libsonnet", f"--tla_code={json.dumps(deps)}", *more])
    assert code == 1, text
    return text.splitlines()


ADVICE = "--advice=" + json.dumps(["deps", "add the service {field} to deps in a/BUILD"])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "program",
    [
        "function(deps) { host: deps.prices.host }",
        "function(deps) { host: deps['prices'].host }",
        "function(deps) local all = [\n  deps\n    .prices,\n]; { host: all[0].host }",
        "local f(deps) = deps.prices;\nfunction(deps) { host: f(deps) }",
    ],
)
def test_a_missing_dependency_names_the_cure(tmp_path, monkeypatch, engine, program):
    """If a program reads a field that an argument lacks, the error says what to do, with the field's name."""
    first = _message(tmp_path, monkeypatch, engine, program, ADVICE)[0]

    assert first.startswith("ERROR: //a:b: ")
    assert first.endswith(": prices; add the service prices to deps in a/BUILD")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("program", ["function(deps) { a: deps.redis.prices }", "function(deps) { a: { x: 1 }.prices }", "function(deps) error 'deps.prices'"])
def test_other_missing_fields_are_reported_as_before(tmp_path, monkeypatch, engine, program):
    """The sentence is for fields of the argument itself only."""
    assert not any("a/BUILD" in line for line in _message(tmp_path, monkeypatch, engine, program, ADVICE))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("program", "place"),
    [
        ("local lib = import 'lib.libsonnet';\nfunction(deps)\n  lib.box({\n    // sise: none\n    size: 1,\n    sise: 2,\n  })", "main.jsonnet:6: sise"),
        ("local lib = import 'lib.libsonnet';\nfunction(deps)\n  lib.box({\n    'size': 'two',\n  })", "main.jsonnet:4: size"),
        ("local lib = import 'lib.libsonnet';\nfunction(deps)\n  lib.box({\n    note: 'sise: 3',  # sise: 4\n    size+: 'two',\n  })", "main.jsonnet:4: note"),
    ],
)
def test_a_rejected_parameter_has_its_line(tmp_path, monkeypatch, engine, program, place):
    """The error of a library ends with the line of the program that sets the parameter, or its trace has the program."""
    lines = _message(tmp_path, monkeypatch, engine, program)

    assert any(line.strip() == place or line.strip().startswith("main.jsonnet:") for line in lines[1:]), lines


def test_the_place_is_only_searched_if_the_trace_lacks_the_program():
    """A trace that leads to the program is left as it is, and a parameter that the program does not set has no place."""
    message = "runtime error: box: unknown parameter 'sise'; allowed: size"

    assert advice.places_of_parameter(message, ["    lib.libsonnet:3:4"], "a.jsonnet", "\n{ sise: 1 }") == ["    a.jsonnet:2: sise"]
    assert advice.places_of_parameter(message, ["    lib.libsonnet:3:4", "    a.jsonnet:9:1"], "a.jsonnet", "\n{ sise: 1 }") == []
    assert advice.places_of_parameter(message, [], "a.jsonnet", "{ other: 'sise: 1', xsise: 2, 'a.sise': 3 }  // sise: 4") == []
    assert advice.places_of_parameter("no such field: sise", [], "a.jsonnet", "{ sise: 1 }") == []


def test_a_broken_advice_is_wrong_usage():
    """An argument that is not a pair is refused."""
    code, text = run(["--src=a.jsonnet", "--advice=[1]"])

    assert code == 2 and "--advice" in text
