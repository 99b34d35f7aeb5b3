"""Tests of logins: where they come from, where they are sent, and that errors contain no secret."""

import base64
import json
import urllib.parse

import pytest

from rules.image.tools.errors import PushError
from rules.image.tools.oci import oci
from rules.image.tools.push.push import push_all
from rules.image.tools.registry import auth
from rules.image.tools.registry.auth import Challenge, Login
from rules.image.tools.registry.registry import Registry
from rules.image.tools.testing.built_images import make_image
from rules.image.tools.testing.fake_registry import FakeRegistry

SECRET = "s3cret/+"


@pytest.fixture(name="config")
def _config(tmp_path, monkeypatch):
    """Returns a function that writes docker's config file."""
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return lambda value: (folder / "config.json").write_text(value if isinstance(value, str) else json.dumps(value))


def _helper(tmp_path, name: str, script: str) -> None:
    path = tmp_path / "docker" / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _auth(name: str = "user", password: str = SECRET) -> str:
    return base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.mark.parametrize("key", ["r.example:5000", "https://r.example:5000", "https://r.example:5000/v1/", "r.example:5000/v2/"])
def test_docker_logins_are_found(config, key: str) -> None:
    """All of docker's forms of a registry's name are recognized."""
    config({"auths": {"other": {"auth": _auth("x")}, key: {"auth": _auth()}}})
    assert auth.find_login("r.example:5000") == Login("user", SECRET)


def test_docker_hub_has_its_own_name(config) -> None:
    """docker.io's login is stored under its old index address."""
    config({"auths": {"https://index.docker.io/v1/": {"auth": _auth()}}})
    assert auth.find_login("docker.io") == Login("user", SECRET)


def test_without_a_config_there_is_no_login(config) -> None:
    """No file and no entry both mean anonymous."""
    assert auth.find_login("r.example") is None
    config({"auths": {"r.example.org": {"auth": _auth()}}})
    assert auth.find_login("r.example") is None


def test_an_identity_token_is_kept_apart(config) -> None:
    """A token that stands for a password is marked as one."""
    config({"auths": {"r.example": {"auth": _auth("<token>", ""), "identitytoken": SECRET}}})
    assert auth.find_login("r.example") == Login("<token>", SECRET)


@pytest.mark.parametrize("setting", [{"credsStore": "h"}, {"credHelpers": {"r.example": "h"}}])
def test_credential_helpers_are_asked(config, tmp_path, setting: dict) -> None:
    """docker-credential-NAME get is given the registry on stdin."""
    _helper(tmp_path, "h", 'read host; printf \'{"Username":"%s","Secret":"x"}\' "$host"')
    config(setting)
    assert auth.find_login("r.example") == Login("r.example", "x")


def test_a_helper_that_knows_nothing_means_anonymous(config, tmp_path) -> None:
    """The helper's message for an unknown registry is not an error."""
    _helper(tmp_path, "h", 'echo "credentials not found in native keychain"; exit 1')
    config({"credsStore": "h"})
    assert auth.find_login("r.example") is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "cannot be read as docker's config"),
        ("[]", "cannot be read as docker's config"),
        ({"auths": {"r.example": {"auth": "%%%"}}}, "cannot be read as docker's config"),
        ({"credsStore": "none"}, "names docker-credential-none for r.example, which is not on PATH"),
        ({"credsStore": "../x"}, "is not a valid credential helper name"),
        ({"credsStore": "broken"}, "docker-credential-broken failed for r.example"),
    ],
)
def test_a_broken_config_is_one_sentence(config, tmp_path, value, message: str) -> None:
    """The error names an unreadable file, but not the output of a failing helper."""
    _helper(tmp_path, "broken", f"echo '{SECRET}'; exit 3")
    config(value)
    with pytest.raises(PushError, match=message) as caught:
        auth.find_login("r.example")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (f"echo 'hello {SECRET}'", "docker-credential-h printed no JSON object for r.example; run it by hand"),
        (f"echo '[\"{SECRET}\"]'", "docker-credential-h printed no JSON object for r.example"),
        ("printf '\\377'", "docker-credential-h printed no text for r.example"),
        (f'echo \'{{"Username":"{SECRET}"}}\'', "docker-credential-h answered for r.example without Secret; log in again"),
        (f'echo \'{{"Secret":"{SECRET}"}}\'', "docker-credential-h answered for r.example without Username"),
        (f'echo \'{{"Username":"x","Secret":["{SECRET}"]}}\'', "docker-credential-h answered for r.example without Secret"),
    ],
)
def test_a_helper_that_answers_wrongly_is_named(config, tmp_path, script: str, words: str) -> None:
    """The error is about the helper, not docker's config, and does not show the helper's output."""
    _helper(tmp_path, "h", script)
    config({"credsStore": "h"})
    with pytest.raises(PushError, match=f"^{words}") as caught:
        auth.find_login("r.example")
    assert SECRET not in str(caught.value) and "not readable" not in str(caught.value)


@pytest.mark.parametrize(("mode", "text", "reason"), [(0o644, "#!/bin/sh\n", "Permission denied"), (0o755, "\x7fnothing", "Exec format error")])
def test_a_helper_that_cannot_be_run_is_named(config, tmp_path, mode: int, text: str, reason: str) -> None:
    """The error has the system's reason and the file that names the helper."""
    path = tmp_path / "docker" / "docker-credential-h"
    path.write_text(text)
    path.chmod(mode)
    config({"credsStore": "h"})
    with pytest.raises(
        PushError, match=f"^docker-credential-h cannot be run for r.example: {reason}; make it executable on this machine, or remove it from .*config.json$"
    ):
        auth.find_login("r.example")


def test_challenges_are_parsed() -> None:
    """Scheme and quoted parameters, in any order."""
    parsed = auth.parse_challenge('Bearer scope="repository:a/b:pull",realm="https://t.example/token",service="s"')
    assert parsed == Challenge("bearer", {"realm": "https://t.example/token", "service": "s", "scope": "repository:a/b:pull"})
    assert auth.parse_challenge("").scheme == ""


@pytest.mark.parametrize(
    ("header", "scheme", "realm"),
    [
        ('Basic realm="a, Bearer b", Bearer realm="https://t",service="s"', "bearer", "https://t"), ('Negotiate, Basic realm="x"', "basic", "x"),
        ("Negotiate YII==, Bearer realm=https://t , scope=x", "bearer", "https://t"), ('Basic realm="a\\"b"', "basic", 'a"b'), ("NTLM", "ntlm", None),
    ],
)  # fmt: skip
def test_of_several_challenges_one_that_can_be_met_is_taken(header: str, scheme: str, realm: str | None) -> None:
    """Bearer comes before basic, and basic before unknown schemes; commas and names in quotes do not separate."""
    found = auth.parse_challenge(header)
    assert (found.scheme, found.parameters.get("realm")) == (scheme, realm)


def test_a_second_header_with_a_challenge_counts_too(tmp_path) -> None:
    """A registry that offers Negotiate first, in a header of its own, gets the password that it offers to take next."""
    login = Login("user", SECRET)

    def fault(handler) -> bool:
        if handler.headers.get("Authorization") == login.basic():
            return False
        handler.body()
        handler.send_response(401)
        for value in ("Negotiate", 'Basic realm="r"'):
            handler.send_header("WWW-Authenticate", value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    with FakeRegistry() as fake:
        fake.fault = fault
        push_all([make_image(tmp_path, "a", [b"x"], ("t",))], fake.name, client=Registry(fake.name, login=lambda _: login), jobs=1)
        assert ("a", "t") in fake.manifests


@pytest.mark.parametrize("realm", ["http://t.example/token", "", "ftp://t.example", "https:///x", "token"])
def test_logins_go_to_no_plain_token_service(realm: str) -> None:
    """A registry with TLS can't redirect the login to plain HTTP."""
    with pytest.raises(PushError, match="not an https address") as caught:
        auth.authorize(Challenge("bearer", {"realm": realm}), Login("user", SECRET), "r.example", plain=False)
    assert SECRET not in str(caught.value)


def _basic(fault_login: Login):
    """Returns a fault that lets only this login through."""

    def fault(handler) -> bool:
        if handler.headers.get("Authorization") == fault_login.basic():
            return False
        handler.body()
        handler.answer(401, WWW_Authenticate='Basic realm="r"')
        return True

    return fault


def _bearer(login: Login, asked: list[str]):
    """Returns a fault that is a token service too, and lets only its tokens through, one for each repository."""

    def fault(handler) -> bool:
        parts = urllib.parse.urlsplit(handler.path)
        if parts.path == "/token":
            query = dict(urllib.parse.parse_qsl(parts.query))
            asked.append(query["scope"])
            good = handler.headers.get("Authorization") == login.basic()
            handler.answer(200 if good else 401, json.dumps({"token": "t-" + query["scope"].split(":")[1].replace("/", "-")}).encode())
            return True
        repository = parts.path.split("/v2/")[1].split("/blobs/")[0].split("/manifests/")[0]
        if handler.headers.get("Authorization") == "Bearer t-" + repository.replace("/", "-"):
            return False
        handler.body()
        handler.answer(401, WWW_Authenticate=f'Bearer realm="http://{handler.state.name}/token",service="s",scope="repository:{repository}:pull"')
        return True

    return fault


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_a_registry_that_wants_a_login_gets_it(tmp_path, kind: str) -> None:
    """Images are pushed with both kinds of authentication; a token is requested once per repository."""
    login, asked = Login("user", SECRET), []
    images = [make_image(tmp_path, f"shop/{i}", [b"base" * 1000, b"%d" % i]) for i in range(2)]
    with FakeRegistry() as fake:
        fake.fault = _basic(login) if kind == "basic" else _bearer(login, asked)
        client = Registry(fake.name, login=lambda _: login)
        assert len(push_all(images, fake.name, client=client, jobs=1)) == 2
        assert len([key for key in fake.manifests if key[0].startswith("shop/")]) == 2
    assert asked == (["repository:shop/0:pull,push", "repository:shop/1:pull,push"] if kind == "bearer" else [])


def test_a_token_service_that_refuses_two_scopes_gets_the_blob_sent(tmp_path) -> None:
    """If there is no token for a mount from another repository, both get the blob itself."""
    login = Login("user", SECRET)
    service = _bearer(login, [])

    def fault(handler) -> bool:
        if "mount=" in handler.path:
            scopes = "repository:shop/1:pull,push repository:shop/0:pull"
            handler.answer(401, WWW_Authenticate=f'Bearer realm="http://{handler.state.name}/token",service="s",scope="{scopes}"')
            return True
        if handler.path.count("scope=") > 1:
            handler.answer(403)
            return True
        return service(handler)

    with FakeRegistry() as fake:
        fake.fault = fault
        images = [make_image(tmp_path, f"shop/{i}", [b"base" * 1000]) for i in range(2)]
        push_all(images, fake.name, client=Registry(fake.name, login=lambda _: login), jobs=1)
        assert [found for _, found in fake.uploads].count(oci.sha256(b"base" * 1000)) == 2


def _out_of_order(login: Login, times: int, act):
    """Returns a fault that is a token service, which acts in another way at first."""
    service, left = _bearer(login, []), [times]

    def fault(handler) -> bool:
        if handler.path.startswith("/token") and left[0]:
            left[0] -= 1
            act(handler)
            return True
        return service(handler)

    return fault


@pytest.mark.parametrize(
    "act", [lambda h: h.answer(503, Retry_After="3"), lambda h: h.answer(429, Retry_After="3"), lambda h: h.cut()], ids=["503", "429", "cut"]
)
def test_a_token_service_that_is_out_of_order_is_waited_for(tmp_path, act) -> None:
    """A temporary error of the token service is retried like the registry's, with its Retry-After and a line for each pause."""
    login, pauses, notes = Login("user", SECRET), [], []
    with FakeRegistry() as fake:
        fake.fault = _out_of_order(login, 3, act)
        push_all(
            [make_image(tmp_path, "a", [b"x"])], fake.name, client=Registry(fake.name, login=lambda _: login, sleep=pauses.append, note=notes.append), jobs=1
        )
    assert len(pauses) == 3 and (pauses == [3.0] * 3 or max(pauses) < 1)
    assert len(notes) == 3 and all("its token service 127.0.0.1 " in line and "; attempt " in line and SECRET not in line for line in notes)


def test_a_token_service_that_stays_out_of_order_is_named(tmp_path) -> None:
    """The error for a 503 does not ask for a login."""
    login = Login("user", SECRET)
    with FakeRegistry() as fake:
        fake.fault = _out_of_order(login, 99, lambda h: h.answer(503))
        client = Registry(fake.name, login=lambda _: login, sleep=lambda _: None)
        with pytest.raises(PushError, match=f"^registry {fake.name}: its token service 127.0.0.1 answered 503, 8 times; check that it runs") as caught:
            push_all([make_image(tmp_path, "a", [b"x"])], fake.name, client=client, jobs=1)
    assert "docker login" not in str(caught.value)


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_a_wrong_login_is_one_sentence(tmp_path, kind: str) -> None:
    """The error says what to do, does not contain the password, and the login is not retried."""
    right, wrong = Login("user", "right"), Login("user", SECRET)
    with FakeRegistry() as fake:
        fake.fault = _basic(right) if kind == "basic" else _bearer(right, [])
        with pytest.raises(PushError, match=f"log in with docker login {fake.name}") as caught:
            push_all([make_image(tmp_path, "a", [b"x"])], fake.name, client=Registry(fake.name, login=lambda _: wrong), jobs=1)
        assert len(fake.log) <= 3
    assert SECRET not in str(caught.value)
    assert wrong.basic() not in str(caught.value)


def test_without_a_login_a_basic_challenge_is_the_registrys_refusal(tmp_path) -> None:
    """Without a login, the error for the 401 says what to do."""
    with FakeRegistry() as fake:
        fake.fault = _basic(Login("user", "x"))
        with pytest.raises(PushError, match="answered 401; log in"):
            push_all([make_image(tmp_path, "a", [b"x"])], fake.name, client=Registry(fake.name, login=lambda _: None))


@pytest.mark.parametrize("realm", ["https://[::1/token", "https://t.example:99999/token", "https://t.example:x/token"])
def test_a_token_service_without_an_address_is_refused(realm: str) -> None:
    """A realm that is not a URL is a one-sentence error."""
    with pytest.raises(PushError, match="not an https address"):
        auth.authorize(Challenge("bearer", {"realm": realm}), Login("user", SECRET), "r.example", plain=False)


def test_a_registry_on_loopback_may_not_send_the_login_elsewhere_in_plain() -> None:
    """Plain HTTP by default is for this machine only, also for the token service of its registry."""
    with pytest.raises(PushError, match="not an https address"):
        auth.authorize(Challenge("bearer", {"realm": "http://t.example/token"}), Login("user", SECRET), "127.0.0.1:5000", plain=True)
