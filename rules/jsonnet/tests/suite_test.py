"""Every engine against the test programs of go-jsonnet, in the worker that renders for jsonnet_to_json."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from rules.jsonnet.tests import suite

_MODULE = Path(os.environ.get("GO_JSONNET_ZIP", "../jsonnet_modules/download/github.com/google/go-jsonnet/@v/v0.22.0.zip")).absolute()
_README = Path(__file__).parents[1] / "README.md"
_TABLE = json.loads(Path(__file__).with_name("suite_differences.json").read_text(encoding="utf-8"))
_DEFAULT = "gojsonnet"


def test_the_engine_agrees_but_for_the_rows_of_the_table(tmp_path: Path) -> None:
    """The programs that differ from their golden files are those of suite_differences.json: no more, no fewer, in the same way."""
    engine = os.environ.get("ENGINE", _DEFAULT)
    programs = suite.unpack(_MODULE, tmp_path)
    assert len(programs) == 718

    found: dict[str, list[str]] = {kind: names for kind, names in _TABLE[engine].items() if kind.startswith("not run")}
    skipped = {name for names in found.values() for name in names}
    chosen = [program for program in programs if program.name not in skipped]
    assert len(chosen) == len(programs) - len(skipped) > 700
    for name, difference, output in suite.run(chosen, tmp_path, engine.removesuffix("_wheel"), errors=engine.startswith(_DEFAULT)):
        found.setdefault(difference, []).append(name)
        print(f"{name}: {difference}: {output[:300]}")  # pytest shows it if the test fails
    print(json.dumps(found))

    assert found == _TABLE[engine]


_ROWS = {"another value": "another value", "refused": "valid, but refused", "accepted": "an error, but accepted"}


def test_the_numbers_of_the_readme() -> None:
    """README has the number of differing programs of each kind and engine."""
    rows = {line.split(" | ")[0].strip("| "): line for line in _README.read_text(encoding="utf-8").splitlines() if line.startswith("| ")}

    for kind, words in _ROWS.items():
        numbers = [len(_TABLE[engine].get(kind, [])) for engine in ("gojsonnet", "rjsonnet", "jsonnet")]
        assert rows[words] == f"| {words} | {' | '.join(map(str, numbers))} |"


def test_the_default_engine_differs_only_where_no_manifest_can_meet_it() -> None:
    """The default engine's rows are imports that fail with our own sentence, and native functions, which no rule can declare."""
    names = {name for names in _TABLE[_DEFAULT].values() for name in names}

    assert _TABLE["gojsonnet_wheel"] == _TABLE[_DEFAULT]
    assert all(re.match(r"native\d|native_|import_failure|nonexistent_import", name) for name in names)
    assert all(f"`{name}`" in _README.read_text(encoding="utf-8") for name in names)
