"""Tests of fetch: where a locked file comes from, and what happens if it cannot be had."""

import hashlib
import io
import os
import stat
import threading
from pathlib import Path

import pytest

from rules.java.tools.maven import download, fetch, java_program
from rules.java.tools.maven.coordinates import Coordinates
from rules.java.tools.maven.errors import FetchError, InputError, run
from rules.java.tools.maven.store import Store
from rules.java.tools.maven.testing.fake_repository import FakeRepository

_JAR = "com.example:lib:jar::1.0"
_PATH = "com/example/lib/1.0/lib-1.0.jar"


@pytest.fixture(name="user")
def _user(monkeypatch, tmp_path):
    """Returns a function that makes this process act for a user whose only repository is the given one; waits take no time."""
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)

    def become(repository: FakeRepository, **arguments: str) -> Path:
        for name, value in repository.home(tmp_path / "home", **arguments).items():
            monkeypatch.setenv(name, value)
        return tmp_path / "home"

    return become


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _fetch(text: str, sha256: str, folder: Path) -> tuple[int, str]:
    """Runs the tool; returns its exit code and what it prints on stderr."""
    folder.mkdir(exist_ok=True)
    said = io.StringIO()
    return run(fetch.main, [text, sha256, str(folder)], said), said.getvalue()


def test_a_second_fetch_downloads_nothing(user, tmp_path):
    """The file comes from the mirror once; another repository gets it from the cache, without a request."""
    with FakeRepository() as repository:
        data = repository.put(_JAR)
        user(repository)

        assert [_fetch(_JAR, _sha256(data), tmp_path / name) for name in ("one", "two")] == [(0, ""), (0, "")]
        assert (tmp_path / "two/lib-1.0.jar").read_bytes() == data
        assert repository.requests == [_PATH]


def test_maven_local_repository_is_a_source(user, tmp_path):
    """A file in ~/.m2/repository with the locked checksum is used; one with another checksum is not."""
    with FakeRepository() as repository:
        data = repository.put(_JAR)
        local = user(repository) / ".m2/repository" / _PATH
        local.parent.mkdir(parents=True)
        local.write_bytes(data)

        assert _fetch(_JAR, _sha256(data), tmp_path / "one") == (0, "")
        assert repository.requests == []
        newer = repository.put(_JAR, content=b"newer")
        assert _fetch(_JAR, _sha256(newer), tmp_path / "two") == (0, "")
        assert repository.requests == [_PATH]


def test_programs_are_executable(user, tmp_path):
    """A file of packaging exe is executable, the cache's copy is not, and a jar is not."""
    with FakeRepository() as repository:
        user(repository)
        program = repository.put("com.example:tool:exe:linux-x86_64:2.0", content=b"#!/bin/sh\n")
        data = repository.put(_JAR)

        assert _fetch("com.example:tool:exe:linux-x86_64:2.0", _sha256(program), tmp_path / "tool")[0] == 0
        assert _fetch(_JAR, _sha256(data), tmp_path / "jar")[0] == 0
    assert stat.S_IMODE((tmp_path / "tool/tool-2.0-linux-x86_64.exe").stat().st_mode) == 0o555
    assert stat.S_IMODE((tmp_path / "jar/lib-1.0.jar").stat().st_mode) == 0o444
    cached = Store().find(_sha256(program))
    assert cached
    assert stat.S_IMODE(cached.stat().st_mode) == 0o444


def test_the_mirror_gets_its_login_from_the_environment(user, tmp_path, monkeypatch):
    """A password that settings.xml takes from a variable opens the mirror; a wrong one fails without being shown."""
    with FakeRepository(login=("me", "s3cret")) as repository:
        data = repository.put(_JAR)
        user(repository, server="<username>me</username><password>${env.HOUSE_PASSWORD}</password>")
        monkeypatch.setenv("HOUSE_PASSWORD", "wr0ng")

        code, said = _fetch(_JAR, _sha256(data), tmp_path / "one")
        assert (code, said) == (
            1,
            f"ERROR: com.example:lib:1.0: repository house refused {repository.url}/{_PATH} (401). Correct the server's login in ~/.m2/settings.xml.\n",
        )
        assert "wr0ng" not in said
        monkeypatch.setenv("HOUSE_PASSWORD", "s3cret")
        assert _fetch(_JAR, _sha256(data), tmp_path / "one") == (0, "")


def test_a_token_header_is_sent(user, tmp_path):
    """The HTTP headers of a server go with each request."""
    header = "<configuration><httpHeaders><property><name>Job-Token</name><value>t0ken</value></property></httpHeaders></configuration>"
    with FakeRepository() as repository:
        data = repository.put(_JAR)
        user(repository, server=header)

        assert _fetch(_JAR, _sha256(data), tmp_path / "one")[0] == 0
        assert repository.headers[0]["Job-Token"] == "t0ken"


def test_downloads_go_through_the_proxy(user, tmp_path, monkeypatch):
    """The proxy of the settings is used with its login; the proxy of the environment is not, as mvn does not use it either."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with FakeRepository() as proxy:
        data = proxy.put(_JAR)
        host, port = proxy.url.removeprefix("http://").removesuffix("/maven").split(":")
        login = "<username>me</username><password>a@b</password>"
        home = user(proxy, extra=f"<proxies><proxy><host>{host}</host><port>{port}</port>{login}</proxy></proxies>")
        settings = home / ".m2/settings.xml"
        settings.write_text(settings.read_text().replace(proxy.url, "http://house.test/maven"))

        assert _fetch(_JAR, _sha256(data), tmp_path / "one") == (0, "")
        assert (proxy.requests, proxy.headers[0]["Proxy-Authorization"]) == ([_PATH], "Basic bWU6YUBi")


def test_a_redirect_gets_no_login_of_another_host(user, tmp_path):
    """A login goes with a redirect on the same host, and never to another one."""
    with FakeRepository() as other, FakeRepository() as repository:
        data = other.put(_JAR)
        user(repository, server="<username>me</username><password>s3cret</password>")
        repository.redirects[_PATH] = f"{repository.url}/moved.jar"
        repository.redirects["moved.jar"] = f"{other.url}/{_PATH}"

        assert _fetch(_JAR, _sha256(data), tmp_path / "one") == (0, "")
        assert ["Authorization" in headers for headers in repository.headers + other.headers] == [True, True, False]


def test_encrypted_passwords_are_decrypted_by_maven(user, tmp_path, monkeypatch):
    """A password in braces is replaced by what Maven makes of it."""
    asked = []

    def decrypt(main_class, *arguments):
        asked.append(main_class)
        return ["server\taG91c2U=\tczNjcmV0"]

    monkeypatch.setattr(java_program, "run", decrypt)
    with FakeRepository(login=("me", "s3cret")) as repository:
        data = repository.put(_JAR)
        user(repository, server="<username>me</username><password>{COQLCE6DU6GtcS5P=}</password>")

        assert _fetch(_JAR, _sha256(data), tmp_path / "one") == (0, "")
    assert asked == ["Decrypt"]


def test_a_file_that_no_repository_has(user, tmp_path):
    """Unknown coordinates are one sentence that names the repositories."""
    with FakeRepository() as repository:
        user(repository)

        code, said = _fetch("com.example:gone:jar::9", "0" * 64, tmp_path / "one")
        assert code == 1
        assert said == (
            "ERROR: com.example:gone:9 is in none of the machine's repositories (house). "
            "Choose a version that exists, or add the repository that has it to ~/.m2/settings.xml.\n"
        )


def test_a_file_that_differs_from_the_lock(user, tmp_path):
    """A checksum mismatch names both checksums, and neither the cache nor the folder keeps the file."""
    with FakeRepository() as repository:
        data = repository.put(_JAR)
        home = user(repository)

        code, said = _fetch(_JAR, "0" * 64, tmp_path / "one")
        assert code == 1
        assert f"com.example:lib:1.0: repository house has another file than the lock: its SHA-256 is {_sha256(data)}, and the lock has {'0' * 64}." in said
    assert list((tmp_path / "one").iterdir()) == []
    assert [path.name for path in (home / ".cache").rglob("*") if path.is_file()] == [f"{'0' * 64}.lock"]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_repository_that_is_down(user, tmp_path, status):
    """A passing failure is retried; after four tries the error names the repository and the answer."""
    with FakeRepository() as repository:
        data = repository.put(_JAR)
        user(repository)
        repository.status = status

        code, said = _fetch(_JAR, _sha256(data), tmp_path / "one")
        assert (code, len(repository.requests)) == (1, 4)
        assert f"repository house answered {status} to {repository.url}/{_PATH}. Try again later, or use a mirror" in said


def test_nothing_listens(user, tmp_path):
    """A repository that does not answer at all is one sentence, too."""
    with FakeRepository() as repository:
        user(repository)

    code, said = _fetch(_JAR, "0" * 64, tmp_path / "one")
    assert code == 1
    assert said.startswith(f"ERROR: com.example:lib:1.0: repository house did not send {repository.url}/{_PATH} in 4 tries (")
    assert said.count("\n") == 1


def test_a_download_goes_on_where_it_ended(user, tmp_path):
    """A connection that ends early is followed by a request for the rest only."""
    with FakeRepository() as repository:
        data = repository.put(_JAR, content=b"0123456789")
        user(repository)
        repository.cut = 4

        assert _fetch(_JAR, _sha256(data), tmp_path / "one") == (0, "")
        assert repository.requests == [_PATH, f"{_PATH} bytes=4-"]


@pytest.mark.parametrize("part", [b"01234", b"damaged", b"longer than the file"])
def test_a_half_downloaded_file_of_an_earlier_run(user, tmp_path, part):
    """What an interrupted run left is used if it fits, and thrown away if it does not."""
    with FakeRepository() as repository:
        data = repository.put(_JAR, content=b"0123456789")
        user(repository)
        Store().part(_sha256(data)).write_bytes(part)

        assert _fetch(_JAR, _sha256(data), tmp_path / "one") == (0, "")
    assert (tmp_path / "one/lib-1.0.jar").read_bytes() == data


def test_two_fetches_at_once_download_once(user, tmp_path):
    """The second fetch waits for the first one's download, and both have the file."""
    with FakeRepository() as repository:
        data = repository.put(_JAR)
        user(repository)
        started = threading.Event()

        def hold() -> None:
            started.set()
            threading.Event().wait(0.3)

        repository.hold = hold
        results: list[tuple[int, str]] = []
        threads = [threading.Thread(target=lambda name=name: results.append(_fetch(_JAR, _sha256(data), tmp_path / name))) for name in "ab"]
        threads[0].start()
        assert started.wait(10)
        threads[1].start()
        for thread in threads:
            thread.join(20)

        assert results == [(0, ""), (0, "")]
        assert repository.requests == [_PATH]


def test_a_damaged_file_in_the_cache_is_replaced(user, tmp_path):
    """Bytes that no longer have their checksum are downloaded again."""
    with FakeRepository() as repository:
        data = repository.put(_JAR)
        user(repository)
        _fetch(_JAR, _sha256(data), tmp_path / "one")
        cached = Store().find(_sha256(data))
        assert cached
        cached.chmod(0o644)
        cached.write_bytes(b"damaged")

        assert _fetch(_JAR, _sha256(data), tmp_path / "two") == (0, "")
        assert (tmp_path / "two/lib-1.0.jar").read_bytes() == data


def test_offline_settings(user, tmp_path):
    """A user who is offline gets what the cache has, and otherwise a sentence."""
    with FakeRepository() as repository:
        user(repository, extra="<offline>true</offline>")

        assert "settings.xml says offline. Remove <offline>" in _fetch(_JAR, "0" * 64, tmp_path / "one")[1]
        assert repository.requests == []


def test_an_unwritable_cache(user, tmp_path):
    """A cache that cannot be written names the folder."""
    with FakeRepository() as repository:
        home = user(repository)
        (home / ".cache").mkdir()
        (home / ".cache/turnup").write_text("a file")

        code, said = _fetch(_JAR, "0" * 64, tmp_path / "one")
        assert code == 1
        assert said.startswith(f"ERROR: {home}/.cache/turnup/maven/00")
        assert "Not a directory. Check that the disk has space" in said


@pytest.mark.parametrize("text", ["a:b:1", "a:b:jar::", "../a:b:jar::1", "a:b/c:jar::1"])
def test_malformed_coordinates(text):
    """Coordinates that are not five parts, or leave their folder, are refused."""
    with pytest.raises(InputError) as caught:
        fetch.main([text, "0" * 64, os.devnull])
    assert str(caught.value) == (
        f'"{text}" is not group:artifact:extension:classifier:version. Update the lock with the command at its top: bazel run @NAME//update.'
    )


def test_error_without_maven_and_without_mirror(monkeypatch, tmp_path):
    """A machine that has neither Maven nor a mirror knows no repository, and the sentence says how to get one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("rules.java.tools.maven.installation.find", lambda: None)

    with pytest.raises(FetchError, match=r"Maven is not installed, and .* has no mirror of central.*apt-get install maven"):
        fetch.fetch(Coordinates.parse(_JAR), "0" * 64, Store())
