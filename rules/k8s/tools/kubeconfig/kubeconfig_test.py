"""Tests of reading kubeconfigs."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.kubeconfig.kubeconfig import kubeconfig_files, load


def config(user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    """Returns a kubeconfig with two contexts, one of which uses this user."""
    return {
        "contexts": [{"name": "other", "context": {"cluster": "c", "user": "other"}}, {"name": "ctx", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443/", **cluster}}],
        "users": [{"name": "u", "user": user}, {"name": "other", "user": {"token": "other-token"}}],
    }


@pytest.fixture(name="write")
def fixture_write(tmp_path):
    """Writes a kubeconfig; returns its path."""

    def write(content: Any) -> Path:
        path = tmp_path / "config"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_token_and_user_override(write):
    """A token becomes a header; another user entry can replace the context's."""
    path = write(config({"token": "abc"}))

    assert load(path, "ctx").headers() == {"Authorization": "Bearer abc"}
    assert load(path, "ctx", user="other").headers() == {"Authorization": "Bearer other-token"}
    assert load(path, "ctx").server == "https://127.0.0.1:6443"


def test_token_file_is_read_at_each_call(write, tmp_path):
    """A rotated token in a mounted file is used at once."""
    (tmp_path / "token").write_text("one\n")
    connection = load(write(config({"tokenFile": "token"})), "ctx")
    assert connection.headers() == {"Authorization": "Bearer one"}
    (tmp_path / "token").write_text("two\n")

    assert connection.headers() == {"Authorization": "Bearer two"}


def test_password_is_basic_authentication(write):
    """Name and password become a basic header."""
    expected = "Basic " + base64.b64encode(b"jane:pw").decode()

    assert load(write(config({"username": "jane", "password": "pw"})), "ctx").headers() == {"Authorization": expected}


def test_certificates_from_data_and_files(write, tmp_path):
    """Certificates come from data or from files beside the kubeconfig."""
    (tmp_path / "key.pem").write_text("KEY")
    data = base64.b64encode(b"CERT").decode()
    connection = load(write(config({"client-certificate-data": data, "client-key": "key.pem"}, **{"certificate-authority-data": data})), "ctx")

    assert (connection.certificate, connection.key, connection.ca) == (b"CERT", b"KEY", b"CERT")
    assert connection.headers() == {}
    assert "KEY" not in repr(connection)


def test_frozen_has_one_context_and_absolute_files(write, tmp_path):
    """The frozen kubeconfig has only this context and works in any folder."""
    (tmp_path / "key.pem").write_text("KEY")
    frozen = load(write(config({"client-key": "key.pem"})), "ctx").frozen

    assert [entry["name"] for entry in frozen["contexts"]] == ["ctx"]
    assert frozen["users"] == [{"name": "u", "user": {"client-key": str(tmp_path / "key.pem")}}]
    assert frozen["current-context"] == "ctx"


def test_impersonation_is_sent(write):
    """Every request has the headers of impersonation, so that a run has exactly the rights of that user."""
    with FakeServer() as server:
        kubeconfig = server.kubeconfig()
        kubeconfig["users"][0]["user"] |= {
            "as": "system:serviceaccount:dev:jané",
            "as-uid": "7",
            "as-groups": ["g1", "g2"],
            "as-user-extra": {"example.com/scopes": ["a", "b"]},
        }
        client = Client(load(write(kubeconfig), "turnup-test"))
        client.request("GET", "/api/v1/namespaces")
        client.request("PATCH", "/api/v1/namespaces/kube-system", query={"dryRun": "All"}, body={"metadata": {}})
        expected = [
            ("Impersonate-User", "system:serviceaccount:dev:jané".encode().decode("latin-1")),
            ("Impersonate-Uid", "7"),
            ("Impersonate-Group", "g1"),
            ("Impersonate-Group", "g2"),
            ("Impersonate-Extra-example.com%2Fscopes", "a"),
            ("Impersonate-Extra-example.com%2Fscopes", "b"),
        ]
        for request in server.requests:
            assert [header for header in request.headers if header[0].startswith("Impersonate-")] == expected
            assert ("Authorization", "Bearer not-a-secret") in request.headers
        assert [header for header in client.headers() if header[0].startswith("Impersonate-")] == expected


def test_proxy_of_the_kubeconfig_and_of_the_environment(write):
    """proxy-url is used, else the environment's proxy."""
    environ = {"HTTPS_PROXY": "http://p:1"}
    path = write(config({}, server="https://api.example.com", **{"proxy-url": "http://own:1"}))
    assert load(path, "ctx", environ=environ).proxy == "http://own:1"
    assert load(write(config({}, server="https://api.example.com")), "ctx", environ=environ).proxy == "http://p:1"


def test_plain_logins_do_not_load_the_library(write):
    """Reading a kubeconfig does not import the kubernetes package, which takes a quarter of a second."""
    import subprocess

    program = (
        "import sys; from pathlib import Path; from rules.k8s.tools.api import client; "
        "from rules.k8s.tools.kubeconfig import kubeconfig; from rules.k8s.tools.verbs import main; "
        "client.Client(kubeconfig.load(Path(sys.argv[1]), 'ctx')); "
        "print([m for m in ('kubernetes', 'rich', 'requests') if m in sys.modules])"
    )
    answer = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}'
    plugin = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "echo", "args": [answer], "interactiveMode": "Never"}}
    for user in ({"token": "t"}, plugin):
        done = subprocess.run(
            [sys.executable, "-c", program, str(write(config(user)))],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": ":".join(sys.path), "PATH": os.environ["PATH"]},
        )

        assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- a", "is not a kubeconfig"),
        ("a: [", "the text is not YAML"),
        ({}, "has no context 'ctx' (it has: none). Run './turnup cluster create'"),
        ({"contexts": [{"name": "ctx", "context": {"cluster": "c"}}]}, "uses cluster 'c', which has no server"),
        ({**config({}), "users": []}, "uses user 'u', which does not exist. Correct the kubeconfig."),
        (config({"client-certificate-data": "%"}), "client-certificate-data is not base64"),
        (config({"as-groups": ["g"]}), "has as-groups, as-uid or as-user-extra without as. Name the user in as."),
        (config({"as": "jane", "as-groups": "g"}), "has as-groups or as-user-extra in a wrong form"),
        (config({}, **{"proxy-url": "socks5://p:1"}), "config: proxy-url is 'socks5://p:1'"),
        (config({"client-key": "absent.pem"}), "absent.pem cannot be read (No such file or directory)"),
    ],
)
def test_bad_kubeconfigs(write, content, message):
    """An invalid kubeconfig is refused with the reason."""
    with pytest.raises(TurnupError) as caught:
        load(write(content), "ctx")

    assert message in str(caught.value)


CANARY = "CANARY-TOKEN-1"
# (fields of the user, fields of the cluster, part of the error)
ODD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"server": 5}, "cluster 'c': server is 5, a number. Write a text, in quotes."),
    ({}, {"server": "https://[::1"}, "cluster 'c': server is 'https://[::1', which is not a URL. Write https://HOST:PORT."),
    ({}, {"server": "https://h:99999"}, "cluster 'c': server is 'https://h:99999', which is not a URL"),
    ({}, {"tls-server-name": 5}, "cluster 'c': tls-server-name is 5, a number"),
    ({}, {"proxy-url": 5}, "cluster 'c': proxy-url is a number. Write a text, in quotes."),
    ({}, {"insecure-skip-tls-verify": "no"}, "cluster 'c': insecure-skip-tls-verify is 'no', a text. Write true or false."),
    ({}, {"certificate-authority": "a\0b"}, "cluster 'c': certificate-authority is 'a\\x00b', which is not a valid name"),
    ({}, {"extensions": [5]}, "cluster 'c': extensions[0] is 5, a number. Write a mapping."),
    ({"client-certificate-data": 5}, {}, "user 'u': client-certificate-data is a number"),
    ({"client-key": [CANARY]}, {}, "user 'u': client-key is a list. Write a text."),
    ({"token": 12345678901}, {}, "user 'u': token is a number. Write a text, in quotes."),
    ({"token": f"{CANARY}\nx"}, {}, "user 'u' has control characters, line breaks or letters beyond ASCII in the token"),
    ({"token": f"{CANARY}ü"}, {}, "user 'u' has control characters, line breaks or letters beyond ASCII in the token"),
    ({"username": "jane", "password": 123456}, {}, "user 'u': password is a number"),
    ({"exec": "foo"}, {}, "user 'u': exec is 'foo', a text. Write a mapping."),
    ({"exec": {"command": ["foo"]}}, {}, "user 'u': exec: command is a list. Write a text."),
    ({"exec": {"command": "foo", "args": "x"}}, {}, "user 'u': exec: args is 'x', a text. Write a list."),
    ({"exec": {"command": "foo", "args": [f"{CANARY}\0"]}}, {}, "user 'u': exec has a zero byte in args or env"),
    ({"as": "a\nb"}, {}, "user 'u': as is 'a\\nb', which a header cannot contain"),
    ({"as": 5}, {}, "user 'u': as is 5, a number. Write a text, in quotes."),
    ({"as": "jane", "as-groups": [5]}, {}, "has a value in as-groups or as-user-extra that is not a text on one line"),
    ({"as": "jane", "as-user-extra": {"a": ["x\ny"]}}, {}, "has a value in as-groups or as-user-extra that is not a text on one line"),
    ({"auth-provider": "gcp"}, {}, "user 'u': auth-provider is 'gcp', a text. Write a mapping."),
    ({"auth-provider": {"name": "gcp"}}, {}, "user 'u': auth-provider 'gcp' is not supported. Use the exec plugin gke-gcloud-auth-plugin instead."),
    ({"auth-provider": {"name": "azure"}}, {}, "user 'u': auth-provider 'azure' is not supported. Use the exec plugin Azure's kubelogin"),
    ({"auth-provider": {"name": "oidc"}}, {}, "user 'u': auth-provider 'oidc' is not supported. Use the exec plugin kubelogin ('kubectl oidc-login') instead."),
    ({"auth-provider": {"name": "oidc", "config": {"id-token": CANARY, "refresh-token": CANARY}}}, {}, "user 'u': auth-provider 'oidc' is not supported."),
    ({"auth-provider": {"name": "oidc", "config": CANARY}, "token": CANARY}, {}, "user 'u': auth-provider 'oidc' is not supported."),
    ({"auth-provider": {"name": "own"}}, {}, "user 'u': auth-provider 'own' is not supported. Use the exec plugin of your provider instead."),
    ({"auth-provider": {"name": 5}}, {}, "user 'u': auth-provider: name is 5, a number. Write a text, in quotes."),
    ({"auth-provider": {"config": {}}}, {}, "user 'u': auth-provider None is not supported. Use the exec plugin of your provider instead."),
]


@pytest.mark.parametrize(("user", "cluster", "message"), ODD)
def test_odd_fields_get_one_sentence(write, user, cluster, message):
    """A field with a wrong type or an invalid value is refused with the entry, the field and the value, unless the value is secret."""
    path = write(config(user, **cluster))
    with pytest.raises(TurnupError) as caught:
        load(path, "ctx", environ={})

    assert str(caught.value).startswith(f"{path}: ") and message in str(caught.value)
    assert CANARY not in str(caught.value) and "123456" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({**config({}), "users": 5}, "config: users is 5, a number. Write a list."),
        ({**config({}), "clusters": [{"name": "c", "cluster": 5}]}, "cluster 'c' is 5, a number. Write a mapping of fields to values."),
        ({**config({}), "contexts": [{"name": "ctx", "context": {"cluster": "c", "user": 5}}]}, "context 'ctx': user is 5, a number"),
    ],
)
def test_odd_entries_get_one_sentence(write, content, message):
    """Entries and lists of entries of a wrong form are refused with one sentence."""
    with pytest.raises(TurnupError) as caught:
        load(write(content), "ctx")

    assert message in str(caught.value)


def test_an_entry_that_is_not_used_may_be_odd(write):
    """Only the entries of the context in use are checked."""
    content = config({"token": "t"})
    content["users"][1]["user"] = {"token": 5}

    assert load(write(content), "ctx").headers() == {"Authorization": "Bearer t"}


def test_white_space_around_a_token_is_none_of_it(write, tmp_path):
    """The line break at the end of a YAML block or a file is not sent; a token that contains one is refused without being shown."""
    assert load(write(config({"token": "abc\n"})), "ctx").headers() == {"Authorization": "Bearer abc"}
    (tmp_path / "token").write_text(f" {CANARY}\nsecond\n")
    with pytest.raises(TurnupError, match="tokenFile token of user 'u' has control characters") as caught:
        load(write(config({"tokenFile": "token"})), "ctx").headers()

    assert CANARY not in str(caught.value)


def test_missing_kubeconfig_names_the_cures(tmp_path):
    """Without a kubeconfig, the error has the command that makes one and the variables that name another."""
    with pytest.raises(TurnupError, match="there is no kubeconfig, .*'./turnup cluster create'.*KUBECONFIG and TURNUP_CONTEXT"):
        load(tmp_path / "none", "ctx")


def test_which_files_count():
    """The explicit file takes precedence over KUBECONFIG, which takes precedence over the home folder."""
    environ = {"KUBECONFIG": ":/k1:/k2", "HOME": "/home/jane"}

    assert kubeconfig_files("/explicit", environ) == (Path("/explicit"),)
    assert kubeconfig_files("", environ) == (Path("/k1"), Path("/k2"))
    assert kubeconfig_files("", {"HOME": "/home/jane"}) == (Path("/home/jane/.kube/config"),)


def test_relative_name_is_beside_the_user():
    """Under `bazel run`, which starts in the runfiles, a relative KUBECONFIG is relative to the user's folder."""
    environ = {"KUBECONFIG": "own/config:/k2", "BUILD_WORKING_DIRECTORY": "/home/jane"}

    assert kubeconfig_files("", environ) == (Path("/home/jane/own/config"), Path("/k2"))
    assert kubeconfig_files("", {"KUBECONFIG": "own/config"}) == (Path("own/config"),)


def test_several_files_count_as_one(tmp_path):
    """The first entry of a name counts, missing files are ignored, and names in a file are relative to it."""
    for name, content in (
        ("one", {"contexts": [{"name": "ctx", "context": {"cluster": "c", "user": "u"}}]}),
        ("two", {**config({"tokenFile": "token"}), "contexts": [{"name": "ctx", "context": {"cluster": "other"}}]}),
        ("three", {"users": [{"name": "u", "user": {"token": "last"}}]}),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config").write_text(json.dumps(content))
    (tmp_path / "two" / "token").write_text("beside the second")
    files = [tmp_path / name / "config" for name in ("absent", "one", "two", "three")]
    connection = load(files, "ctx")

    assert (connection.cluster, connection.headers()) == ("c", {"Authorization": "Bearer beside the second"})
    assert connection.frozen["users"][0]["user"] == {"tokenFile": str(tmp_path / "two" / "token")}
    with pytest.raises(TurnupError, match="absent.config: there is no kubeconfig, so context 'ctx' is unknown"):
        load(files[:1], "ctx")
    with pytest.raises(TurnupError, match="one/config: context 'ctx' uses cluster 'c', which has no server"):
        load(files[:2], "ctx")
    with pytest.raises(TurnupError, match="one/config:.*two/config has no context 'none' .it has: ctx."):
        load(files[1:3], "none")


def test_overloaded_server_is_asked_again(write):
    """After an answer 429 or 503 the request is sent again, as the server asks."""
    with FakeServer() as server:
        answers = [(429, {}), (503, {"message": "later"})]
        server.refuse = lambda request: answers.pop(0) if answers else None
        client = Client(load(write(server.kubeconfig()), "turnup-test"))

        assert client.request("GET", "/api/v1/namespaces")[0] == 200
        assert len(server.requests) == 3


def test_a_schema_error_is_not_asked_again(write):
    """An answer 500 with an error of the object's schema is final."""
    with FakeServer() as server:
        server.refuse = lambda request: (
            500,
            {"message": "failed to create typed patch object (dev/a; apps/v1, Kind=Deployment): .spec.replicas: expected numeric"},
        )
        client = Client(load(write(server.kubeconfig()), "turnup-test"))

        with pytest.raises(ApiError, match="expected numeric"):
            client.request("GET", "/api/v1/namespaces")
        assert len(server.requests) == 1
