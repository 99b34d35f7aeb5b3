"""Tests of a run's output: three printers, one schema, no secret."""

from __future__ import annotations

import io
import json
import subprocess
from typing import Any

import jsonschema
import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.shell import LABEL, SCHEMA
from rules.k8s.tools.errors import run_main
from rules.k8s.tools.masking.mask import Redactor
from rules.k8s.tools.output import events, printers
from rules.k8s.tools.output.printers import JsonPrinter, PlainPrinter
from rules.k8s.tools.output.reporter import Reporter, choose_printer

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "dev"},
    "stringData": {"key": "first-line-7319\nother-line-7319\n", "target": "dev"},
}


def kinds(emitted: list[dict]) -> list[str]:
    """Returns the kinds of events in order."""
    return [event["event"] for event in emitted]


def test_json_tells_what_an_apply_did(shell):
    """An apply reports each object's outcome, the counts and the end; stderr has only errors."""
    shell.make(config_map("a"), config_map("b"))
    emitted = shell.events("apply")

    assert kinds(emitted) == ["object", "object", "note", "summary", "ended"]
    assert {event["object"]["name"]: event["outcome"] for event in emitted[:2]} == {"a": "created", "b": "created"}
    assert emitted[3]["counts"] == {"created": 2} and emitted[3]["target"] == LABEL
    assert shell.err == ""


def test_json_tells_unchanged_objects_too(shell):
    """Unchanged objects, which plain output only counts, are events."""
    shell.make(config_map("a"))
    shell.run("apply")

    assert [event.get("outcome") for event in shell.events("apply")] == ["unchanged", None, None]


def test_json_tells_data(shell):
    """show, diff and describe return their data as events."""
    shell.make(config_map("a", key="1"))
    assert [event.get("manifest", {}).get("data") for event in shell.events("show")] == [{"key": "1"}, None]
    emitted = shell.events("diff")
    assert kinds(emitted) == ["diff", "ended"] and "+  key: '1'" in emitted[0]["diff"] and emitted[-1]["exit_code"] == 1
    shell.run("apply")
    assert "ConfigMap" in shell.events("describe")[0]["text"]


def test_json_tells_waiting(shell, server):
    """A state is reported only when it changes, and the deadline is an error."""
    shell.make_targets(
        document("//redis:dev", [deployment("redis")]),
        document("//server:dev", [deployment("server")]),
        services={"//redis:dev": "redis"},
        deps={"//server:dev": ["//redis:dev", "//elsewhere:dev"]},
    )
    emitted = shell.events("apply", "--wait=1s")

    states = [event for event in emitted if event["event"] == "state"]
    assert [(state["target"], state["service"], state["ready"], state["after"]) for state in states] == [
        ("//redis:dev", "redis", False, []),
        ("//server:dev", "", False, ["//redis:dev"]),
    ]
    assert states[0]["waiting"][0]["reason"] == "its controller has not seen it yet"
    assert kinds(emitted)[-2:] == ["error", "ended"]
    assert shell.err.startswith("ERROR: not ready after 1.0s")


@pytest.mark.parametrize("arguments", [["--output=json", "--what"], ["--output", "json", "--what"], ["--what", "--output=json"]])
def test_misuse_is_an_event_too(shell, arguments):
    """A program that asked for JSON gets JSON even when its other arguments are wrong."""
    shell.make(config_map("a"))

    assert shell.run("apply", *arguments) == 2
    emitted = [json.loads(line) for line in shell.out.splitlines()]
    assert kinds(emitted) == ["error", "ended"] and emitted[0]["exit_code"] == emitted[1]["exit_code"] == 2


def test_unknown_output_is_one_sentence(shell):
    """The message for an unknown output has the valid ones."""
    shell.make(config_map("a"))

    assert shell.run("apply", "--output=yaml") == 2
    assert shell.err == ("ERROR: Argument --output: invalid choice: 'yaml' (choose from 'auto', 'plain', 'json'); see 'bazel run TARGET.apply -- --help'.\n")


@pytest.mark.parametrize("output", ["plain", "json"])
def test_no_line_of_a_secret_leaves(shell, server, output):
    """Each line of a multi-line secret is masked everywhere; names are not, even if a secret has the same value."""
    settings = config_map("a", key="see other-line-7319")
    settings["metadata"]["annotations"] = {"copy": "first-line-7319\nother-line-7319\n"}
    shell.make(SECRET, settings)
    seen = ""
    for verb in ("show", "diff", "apply", "describe"):
        shell.run(verb, f"--output={output}")
        seen += shell.out + shell.err
    shell.make({**SECRET, "type": "changed"}, settings)
    server.refuse = lambda request: (422, {"message": "first-line-7319 is invalid"}) if request.method == "PATCH" else None
    assert shell.run("apply", f"--output={output}") == 1
    seen += shell.out + shell.err

    assert "line-7319" not in seen and "Zmlyc3QtbGlu" not in seen
    assert "***" in seen and "is invalid" in seen and "dev" in seen
    if output == "json":
        assert all(json.loads(line)["target"] == "//svc:dev" for line in seen.splitlines() if '"manifest"' in line)


def test_gone_reader_is_not_an_error(tmp_path):
    """A closed output at the end of a run is not an error."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    report = Reporter(JsonPrinter(Gone(), io.StringIO()), Redactor())

    report.end(0)


def test_plain_lines_say_what_is_waited_for(monkeypatch):
    """From time to time, a run without a terminal prints which target everything else waits for, and why."""
    monkeypatch.setattr(printers, "_PLAIN_EVERY", -1.0)
    err = io.StringIO()
    report = Reporter(PlainPrinter(io.StringIO(), err), Redactor())
    waiting = [
        {
            "object": {"group": "apps", "kind": "Deployment", "namespace": "dev", "name": "redis"},
            "reason": "0 of 1 replicas are available",
            "failed": False,
            "pods": [{"pod": "redis-0", "reason": "is starting"}],
        }
    ]
    with report.waiting(LABEL):
        report.progress(
            [
                {"event": "state", "target": "//redis:dev", "service": "redis", "ready": False, "after": [], "waiting": waiting},
                {"event": "state", "target": "//a:dev", "service": "a", "ready": False, "after": ["//redis:dev"], "waiting": waiting},
            ]
        )

    assert err.getvalue() == "  waiting     redis: Deployment dev/redis 0 of 1 replicas are available, pod redis-0: is starting\n"


def test_plain_lines_are_not_repeated(monkeypatch):
    """What the run waits for is printed once for each change, and at most 200 characters of it."""
    monkeypatch.setattr(printers, "_PLAIN_EVERY", -1.0)
    err = io.StringIO()
    report = Reporter(PlainPrinter(io.StringIO(), err), Redactor())

    def state(reason: str) -> list[dict[str, Any]]:
        thing = {"group": "apps", "kind": "Deployment", "namespace": "dev", "name": "redis"}
        waiting = [{"object": thing, "reason": reason, "failed": False, "pods": []}]
        return [{"event": "state", "target": "//redis:dev", "service": "redis", "ready": False, "after": [], "waiting": waiting}]

    with report.waiting(LABEL):
        for reason in ("0 of 2", "0 of 2", "1 of 2", "1 of 2", "0 of 2", "long " * 100):
            report.progress(state(reason))
    said = err.getvalue().splitlines()

    assert [line.rpartition("dev/redis ")[2] for line in said[:3]] == ["0 of 2", "1 of 2", "0 of 2"]
    assert len(said) == 4
    assert len(said[3]) == len("  waiting     ") + 200 and said[3].endswith("…")


def test_stuck_object_is_explained_in_lines():
    """An explanation has the reason, the last event and the log on separate lines."""
    err = io.StringIO()
    Reporter(PlainPrinter(io.StringIO(), err), Redactor()).emit(
        {
            "event": "stuck",
            "target": "//redis:dev",
            "service": "redis",
            "pod": "redis-0",
            "reason": "CrashLoopBackOff",
            "container": "main",
            "object": {"group": "apps", "kind": "Deployment", "namespace": "dev", "name": "redis"},
            "last_event": "Warning BackOff (x3): back-off",
            "log": ["starting", "no memory"],
        }
    )
    text = err.getvalue().splitlines()

    assert text == [
        "  stuck       redis: pod redis-0: CrashLoopBackOff",
        "              last event: Warning BackOff (x3): back-off",
        "              last lines of container main:",
        "                starting",
        "                no memory",
    ]


def test_terminal_gets_the_live_printer():
    """A terminal gets the tree unless lines or JSON are requested; a pipe never does."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    chosen = [
        type(choose_printer(arguments, io.StringIO(), stream)).__name__
        for arguments, stream in (([], Terminal()), (["--output=plain"], Terminal()), ([], io.StringIO()))
    ]
    assert chosen == ["LivePrinter", "PlainPrinter", "PlainPrinter"]


def test_schema_refuses_what_is_not_published():
    """The schema rejects an unknown event or field."""
    SCHEMA.check_schema(SCHEMA.schema)
    good = {**events.note("x"), "seconds": 0.0}
    SCHEMA.validate(good)
    for bad in ({**good, "more": 1}, {**good, "event": "other"}, {"event": "note", "text": "x"}):
        with pytest.raises(jsonschema.ValidationError):
            SCHEMA.validate(bad)


@pytest.mark.parametrize("output", ["json", "plain"])
def test_a_verb_that_writes_outlives_its_reader(shell, server, output):
    """If `head` exits, an apply still writes everything, and its exit code reports its result."""
    shell.make(*(config_map(f"c{index}", key="1") for index in range(300)))
    for code, refuse in ((1, "c299"), (0, "")):
        server.refuse = lambda request, refuse=refuse: (
            (422, {"reason": "Invalid", "message": "no"}) if refuse and request.path.endswith(refuse) and "dryRun" not in request.query else None
        )
        process = shell.start("apply", f"--output={output}", stdout=subprocess.PIPE)
        assert process.stdout and process.stdout.readline()
        process.stdout.close()

        assert process.wait(30) == code
        assert sum("/configmaps/c" in path for path in server.paths()) == 300 - code


def test_a_verb_that_reads_ends_with_its_reader(shell):
    """If `head` exits, a show ends silently with 0."""
    shell.make(*(config_map(f"c{index}", key="1" * 1000) for index in range(300)))
    process = shell.start("show", stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline()
    process.stdout.close()

    assert process.wait(30) == 0


def test_a_pipe_that_breaks_elsewhere_is_a_failure():
    """In a program that writes, a broken pipe that is not its output is a failure."""

    def body() -> int:
        raise BrokenPipeError(32, "Broken pipe")

    err = io.StringIO()
    assert run_main(body, stderr=err, reads=False) == 1
    assert err.getvalue() == "ERROR: Broken pipe; correct it and run again.\n"


def test_a_remark_is_said_once():
    """A note about an object that two checks come to is printed once; a step of the run as often as it happens."""
    err = io.StringIO()
    report = Reporter(PlainPrinter(io.StringIO(), err), Redactor())
    for _ in range(2):
        report.note("note: //a:b: Service dev/x: nothing gives it an address")
        report.note("waiting for the lease")

    assert err.getvalue().splitlines() == ["note: //a:b: Service dev/x: nothing gives it an address", "waiting for the lease", "waiting for the lease"]


EVIL = "no \x1b]0;TITLE\x07\x1b[2J\x9b31m\u202eway"


def hostile_events() -> list[dict[str, Any]]:
    """Returns events whose texts come from servers, containers and names, all with escape sequences."""
    identity = {"kind": "Pod", "namespace": "dev", "name": EVIL}
    return [
        events.error(EVIL, 1),
        {"event": "warning", "target": "//a", "object": identity, "text": EVIL},
        {"event": "object", "target": "//a", "object": identity, "outcome": "failed to apply", "message": EVIL},
        {"event": "log", "target": "//a", "service": "a", "pod": EVIL, "container": EVIL, "line": EVIL},
        {
            "event": "stuck",
            "target": "//a",
            "service": EVIL,
            "object": identity,
            "reason": EVIL,
            "pod": EVIL,
            "container": EVIL,
            "last_event": EVIL,
            "log": [EVIL],
        },
        {"event": "diff", "target": "//a", "object": identity, "diff": EVIL},
        {"event": "description", "target": "//a", "text": EVIL},
    ]


@pytest.mark.parametrize("printer", [JsonPrinter, PlainPrinter])
def test_nothing_printed_commands_a_terminal(printer):
    """Neither stdout nor stderr has a control character of a server, a container or a name, as text and as JSON, on pipes as well."""
    for event in hostile_events():
        out, err = io.StringIO(), io.StringIO()
        report = Reporter(printer(out, err), Redactor())
        report.emit(event)
        printed = out.getvalue() + err.getvalue()

        assert printed and printed.replace("\n", "").isprintable(), (event["event"], printed)
        if printer is JsonPrinter:
            assert json.loads(out.getvalue().splitlines()[0])["event"] == event["event"]


def test_an_error_without_a_reporter_commands_no_terminal():
    """The one place that prints errors strips them, too."""
    err = io.StringIO()

    def body() -> int:
        raise ValueError(EVIL)

    assert run_main(body, stderr=err) == 1
    assert err.getvalue().strip("\n").isprintable() and err.getvalue().count("\n") == 1


@pytest.mark.parametrize("between", ["\x00", "\x1b[0m", "\x1b[31m", "\x9b1m", "\x1b]0;x\x07", "\x08", "\u202e"])
def test_a_value_with_control_characters_inside_is_masked(between):
    """A value that would be whole again on a screen, once what stands inside it is gone or only colors it, is masked."""
    out = io.StringIO()
    report = Reporter(PlainPrinter(out, io.StringIO()), Redactor())
    report.learn([SECRET])
    report.emit({"event": "log", "target": "//a", "service": "a", "pod": "p", "container": "c", "line": f"got first-line{between}-7319 here"})

    assert out.getvalue() == "p c | got *** here\n"
