"""Tests of the program behind container_push."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rules.image.tools.errors import run
from rules.image.tools.oci import oci
from rules.image.tools.push import main
from rules.image.tools.testing.fake_registry import FakeRegistry, require_login

LAYER = b"bytes" * 1000


@pytest.fixture(name="plan")
def _plan(tmp_path):
    """Returns a function that writes the plan of an image with one layer, for a registry, and returns arguments."""
    (tmp_path / "config").write_bytes(b"{}")
    (tmp_path / "layer").write_bytes(LAYER)
    layer = {"mediaType": oci.LAYER_ZSTD, "digest": oci.sha256(LAYER), "size": len(LAYER)}
    manifest = oci.dump(oci.build_manifest(b"{}", [layer]))
    (tmp_path / "manifest").write_bytes(manifest)

    def write(*registries: str, repository: str = "a/b") -> list[str]:
        lines: list[tuple] = []
        for registry in registries:
            lines += [
                ("registry", registry, "auto"),
                ("image", repository, oci.sha256(manifest), oci.MANIFEST, len(manifest), "manifest"),
                ("tag", "v1"),
                ("blob", oci.sha256(b"{}"), 2, "config"),
                ("blob", oci.sha256(LAYER), len(LAYER), "layer"),
            ]
        (tmp_path / "plan").write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
        return ["--plan", str(tmp_path / "plan"), "--root", str(tmp_path)]

    return write


def test_the_reference_is_the_only_output(plan, tmp_path, capsys) -> None:
    """stdout has only the reference of the image, for scripts."""
    with FakeRegistry() as fake:
        assert main.main(plan(fake.name)) == 0
        assert ("a/b", "v1") in fake.manifests
        output = capsys.readouterr()
        assert output.out == f"{fake.name}/a/b@{oci.sha256((tmp_path / 'manifest').read_bytes())}\n"
        assert f"sent {oci.sha256(LAYER)} ({len(LAYER)} bytes)" in output.err


def test_a_name_with_a_stamp_variable(plan, capsys) -> None:
    """It is refused before anything is sent, unless an argument replaces it."""
    with FakeRegistry() as fake:
        assert run(main.main, plan(fake.name, repository="a/{BUILD_USER}")) == 1
        words = "'a/{BUILD_USER}' has a stamp variable, and the target was built without --stamp; run it with --stamp, or set stamp = True"
        assert words in capsys.readouterr().err
        assert fake.log == []
        assert run(main.main, [*plan(fake.name, repository="a/{BUILD_USER}"), "--repository", "a/me"]) == 0
        assert ("a/me", "v1") in fake.manifests


def test_the_credential_helper_is_asked_when_a_login_is_needed(plan, tmp_path, monkeypatch, capsys) -> None:
    """A login comes from docker's config, else from the helper, which is asked once, and only if something is sent."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    helper = tmp_path / "helper"
    helper.write_text(f'#!/bin/sh\nread host; echo "$1 $host" >> {tmp_path}/asked; echo \'{{"Username":"me","Secret":"s3cret"}}\'\n')
    helper.chmod(0o755)
    with FakeRegistry() as fake:
        fake.fault = require_login("me:s3cret")
        arguments = plan(fake.name)
        assert run(main.main, arguments) == 1
        assert f"answered 401 (UNAUTHORIZED: pushes need a login); log in with docker login {fake.name}" in capsys.readouterr().err
        for more in ([], ["--tag", "v1"], ["--tag", "v2"]):
            assert run(main.main, [*arguments, "--credential-helper", str(helper), *more]) == 0
        assert ("a/b", "v1") in fake.manifests
        # Not for the second push, which had nothing to send.
        assert (tmp_path / "asked").read_text() == f"get {fake.name}\n" * 2
        (tmp_path / "config.json").write_text(json.dumps({"auths": {fake.name: {"auth": "bWU6d3Jvbmc="}}}))
        assert run(main.main, [*arguments, "--credential-helper", str(helper), "--tag", "v3"]) == 1
        assert (tmp_path / "asked").read_text() == f"get {fake.name}\n" * 2
    output = capsys.readouterr()
    assert "s3cret" not in output.out + output.err


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'ERROR: no such context; correct it' >&2; exit 1", "ERROR: no such context; correct it\n"),
        ("echo 'credentials not found in native keychain'; exit 1", "answered 401"),
        ("echo s3cret; exit 3", "helper failed for"),
        (None, "cannot be run (No such file or directory)"),
    ],
)
def test_a_credential_helper_that_fails(plan, tmp_path, monkeypatch, capsys, script: str | None, words: str) -> None:
    """The error is the helper's own sentence, or one about the helper, and has nothing that it printed to stdout."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    helper = tmp_path / "helper"
    if script:
        helper.write_text(f"#!/bin/sh\n{script}\n")
        helper.chmod(0o755)
    with FakeRegistry() as fake:
        fake.fault = require_login("me:s3cret")
        assert run(main.main, [*plan(fake.name), "--credential-helper", str(helper)]) == 1
    error = capsys.readouterr().err
    assert words in error and "s3cret" not in error


def test_what_is_there_costs_one_question(plan) -> None:
    """The digest of the tag is the only question."""
    with FakeRegistry() as fake:
        main.main(plan(fake.name))
        fake.log.clear()
        assert main.main(plan(fake.name)) == 0
        assert fake.log == ["HEAD /v2/a/b/manifests/v1"]


def test_verify_asks_for_every_blob(plan) -> None:
    """--verify sends a blob that the registry lost."""
    with FakeRegistry() as fake:
        main.main(plan(fake.name))
        del fake.blobs["a/b", oci.sha256(LAYER)]
        assert main.main([*plan(fake.name), "--verify"]) == 0
        assert fake.blobs["a/b", oci.sha256(LAYER)] == LAYER


def test_a_bundle_may_go_to_several_registries(plan) -> None:
    """Each registry of a plan gets its images."""
    with FakeRegistry() as one, FakeRegistry() as two:
        assert main.main(plan(one.name, two.name)) == 0
        assert ("a/b", "v1") in one.manifests and ("a/b", "v1") in two.manifests


def test_arguments_override_the_attributes(plan) -> None:
    """Registry, repository and tags from the command line win."""
    with FakeRegistry() as fake:
        words = ["--registry", fake.name, "--repository", "c", "--tag", "x", "--tag", "y"]
        assert main.main([*plan("example.invalid"), *words]) == 0
        assert {name for _, name in fake.manifests if not name.startswith("sha256")} == {"x", "y"}
        assert {repository for repository, _ in fake.manifests} == {"c"}


def test_two_images_of_a_bundle_do_not_get_one_name(plan, tmp_path, capsys) -> None:
    """Repository and tag of the command line, for a bundle of two images, are refused before anything is sent; one of them is not."""
    with FakeRegistry() as fake:
        arguments = plan(fake.name)
        other = oci.dump({**json.loads((tmp_path / "manifest").read_bytes()), "annotations": {"a": "b"}})
        (tmp_path / "other").write_bytes(other)
        lines = [
            ("image", "c/d", oci.sha256(other), oci.MANIFEST, len(other), "other"),
            ("tag", "v1"),
            ("blob", oci.sha256(b"{}"), 2, "config"),
            ("blob", oci.sha256(LAYER), len(LAYER), "layer"),
        ]
        with open(tmp_path / "plan", "a") as file:
            file.writelines("\t".join(map(str, line)) + "\n" for line in lines)
        assert run(main.main, [*arguments, "--repository", "r", "--tag", "t"]) == 1
        assert f"ERROR: {fake.name}/r:t: two images would get this name, " in capsys.readouterr().err and fake.log == []
        assert run(main.main, [*arguments, "--repository", "r"]) == 1
        assert run(main.main, [*arguments, "--tag", "t"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tag", "a b"], "--tag: 'a b' is not a tag"),
        (["--repository", "../x"], "--repository: '../x' is not a repository name"),
        (["--registry", "http://x"], "write HOST or HOST:PORT"),
    ],
)
def test_wrong_names_are_one_sentence(plan, capsys, words: list[str], message: str) -> None:
    """Names that would change a request's path are refused before anything is sent."""
    assert run(main.main, [*plan("example.invalid"), *words]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["0", "many"])
def test_wrong_numbers_are_wrong_usage(plan, capsys, jobs: str) -> None:
    """The exit code is 2, and the error names the argument."""
    with pytest.raises(SystemExit) as caught:
        main.main([*plan("example.invalid"), "--jobs", jobs])
    assert caught.value.code == 2 and "--jobs" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["layer", "config"])
def test_a_truncated_file_is_found_before_anything_is_sent(plan, tmp_path, capsys, name: str) -> None:
    """The error names the file, its value and the expected one."""
    (tmp_path / name).write_bytes(b"x")
    with FakeRegistry() as fake:
        assert run(main.main, plan(fake.name)) == 1
        assert fake.log == []
    assert f"{name} has 1 bytes, but its manifest says" in capsys.readouterr().err


class _Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Is always a terminal."""
        return True


def test_a_terminal_gets_a_bar() -> None:
    """The bar is redrawn in place and the cursor ends below it; without an upload nothing is drawn."""
    stream = _Terminal()
    shown = main.progress_display(stream)
    shown.show("exists", "a", "sha256:m", 0, 9)
    shown.stop()
    assert stream.getvalue() == ""
    for sent in (1_000_000, 2_000_000):
        shown.show("uploading", "shop/a", "sha256:x", sent, 2_000_000)
    shown.stop()
    assert "shop/a" in stream.getvalue() and "2.0/2.0 MB" in stream.getvalue() and stream.getvalue().endswith("\n\x1b[?25h")


def test_starting_loads_next_to_nothing(plan) -> None:
    """A push without a login loads no slow module."""
    root = Path(main.__file__).parents[4]
    code = "import sys; sys.path.append(sys.argv.pop(1)); from rules.image.tools.push import main; main.main(sys.argv[1:]); print(*sys.modules)"
    with FakeRegistry() as fake:
        command = [sys.executable, "-I", "-S", "-c", code, str(root), *plan(fake.name)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": ""})
        assert ("a/b", "v1") in fake.manifests
    loaded = set(done.stdout.split())
    assert "rules.image.tools.registry.http1" in loaded
    assert not loaded & {"argparse", "dataclasses", "enum", "http.client", "json", "pathlib", "re", "rich", "socket", "ssl", "threading", "typing"}


def _start(*arguments: str) -> list[str]:
    """Returns the command that the launcher of a push runs."""
    code = "import sys; sys.path.append(sys.argv.pop(1)); from rules.image.tools.push.main import start; start()"
    return [sys.executable, "-I", "-S", "-B", "-c", code, str(Path(main.__file__).parents[4]), *arguments]


@pytest.mark.parametrize("streams", [">&-", "2>&-", "2>/dev/full", "<&- >&- 2>&-", "2>&- >/dev/null"])
def test_a_push_works_with_closed_streams(plan, streams: str) -> None:
    """Closed streams and a full stderr do not prevent a push."""
    with FakeRegistry() as fake:
        done = subprocess.run(["sh", "-c", f'"$@" {streams}', "sh", *_start(*plan(fake.name))], capture_output=True, text=True, check=False)
        assert (done.returncode, ("a/b", "v1") in fake.manifests) == (0, True)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("words", [(), ("--verify",)])
def test_a_reader_that_goes_away_does_not_end_a_push(plan, stream: str, words: tuple[str, ...]) -> None:
    """`push | true` pushes and succeeds."""
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: writer}
    with FakeRegistry() as fake:
        command = _start(*plan(fake.name), *words)
        done = subprocess.run(command, check=False, text=True, stdout=streams["stdout"], stderr=streams["stderr"])
        os.close(writer)
        assert (done.returncode, ("a/b", "v1") in fake.manifests) == (0, True)
        assert "Traceback" not in (done.stderr or "")


def test_a_reference_that_cannot_be_printed_is_one_sentence(plan) -> None:
    """If stdout is on a full disk, all registries get the images, and the exit code says that the reference is missing."""
    with FakeRegistry() as one, FakeRegistry() as two, open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run(_start(*plan(one.name, two.name)), check=False, text=True, stdout=full, stderr=subprocess.PIPE)
        assert ("a/b", "v1") in one.manifests and ("a/b", "v1") in two.manifests
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if ": sent " not in line]
    assert len(errors) == 1 and errors[0].startswith("ERROR: stdout: No space left on device; ") and "was pushed but not printed" in errors[0]


def test_wrong_usage_and_help_have_their_exit_codes(plan) -> None:
    """argparse sets the exit code, even if stdout is closed."""
    assert subprocess.run(_start(*plan("r.example"), "--jobs", "0"), check=False, capture_output=True).returncode == 2
    done = subprocess.run(_start("--help"), check=False, capture_output=True, text=True)
    assert done.returncode == 0 and "--secure" in done.stdout


@pytest.mark.parametrize("option", ["--registry", "--repository"])
def test_an_empty_name_is_not_the_attributes(plan, capsys, option: str) -> None:
    """An empty option does not fall back to the attribute."""
    with FakeRegistry() as fake:
        assert run(main.main, [*plan(fake.name), option, ""]) == 1
        assert fake.log == []
    assert f"ERROR: {option}: " in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--registry", "user:S3cret@reg.example:5000"), ("--repository", "user:S3cret@reg.example/a")])
def test_a_password_in_a_name_is_not_shown(plan, capsys, words: tuple[str, str]) -> None:
    """The part before the @ is masked, the rest is quoted."""
    assert run(main.main, [*plan("r.example"), *words]) == 1
    error = capsys.readouterr().err
    assert "S3cret" not in error and "'***@reg.example" in error


def test_each_retry_is_a_line(plan, capsys, monkeypatch) -> None:
    """The line has the registry, the reason, the next attempt and the pause, so that a waiting push does not seem to hang."""
    monkeypatch.setattr("rules.image.tools.registry.retry.FIRST_PAUSE", 0.0)
    left = [2]
    with FakeRegistry() as fake:

        def fault(handler) -> bool:
            if handler.command == "HEAD" or not left[0]:
                return False
            left[0] -= 1
            handler.body()
            handler.answer(429, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"later"}]}', Retry_After="0")
            return True

        fake.fault = fault
        assert main.main([*plan(fake.name), "--jobs", "1"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "attempt" in line]
    assert lines == [f"registry {fake.name}: answered 429 (TOOMANYREQUESTS: later); attempt {number} of 8 in 0.0 s" for number in (2, 3)]


def test_secure_speaks_tls_to_this_machine(plan) -> None:
    """--secure takes precedence over loopback and the attribute."""
    for arguments in ([*plan("127.0.0.1:5000"), "--secure"], [*plan("r.example"), "--registry", "localhost:5000", "--secure"]):
        ((client, _),) = main.read_plan(main.Options(arguments))
        assert not client.plain


def test_plain_http_is_for_the_registry_that_the_attribute_names(plan, tmp_path) -> None:
    """insecure_repository does not apply to a registry from the command line."""
    arguments = plan("r.example:5000")
    (tmp_path / "plan").write_text((tmp_path / "plan").read_text().replace("\tauto\n", "\tplain\n"))
    ((client, _),) = main.read_plan(main.Options(arguments))
    assert client.plain
    for words, is_plain in (
        (["--registry", "r.example:5000"], True),
        (["--registry", "other.example"], False),
        (["--registry", "other.example", "--insecure"], True),
    ):
        ((client, _),) = main.read_plan(main.Options([*arguments, *words]))
        assert client.plain == is_plain
