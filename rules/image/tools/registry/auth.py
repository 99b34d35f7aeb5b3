"""Logging in to a registry: docker's config file, credential helpers, basic and bearer authentication.

A registry answers 401 with a challenge (RFC 9110, section 11.6.1). Basic asks for name and password; Bearer names
a token service (distribution's token authentication), which exchanges them for a token for one repository.
Errors never contain a name, password or token.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rules.image.tools.errors import LoginError, PushError, mask_login
from rules.image.tools.registry import http1, refusals
from rules.image.tools.registry.names import DOCKER_HUB, DOCKER_HUB_HOST, DOCKER_HUB_LOGIN
from rules.image.tools.registry.retry import RETRYABLE_STATUSES

if TYPE_CHECKING:
    from rules.image.tools.registry.retry import RetryPolicy

# A parameter, or the name of a scheme, in a list of challenges.
_WORD = re.compile(r'(?<![\w-])(?:([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|([\w-]+)(?=[\s,]|$))', re.ASCII)
_CHALLENGE_LIMIT = 8192  # characters of challenges that are read; those of registries have a few hundred
_TOKEN_LIMIT = 1 << 16  # characters of a token; registries take headers of a few KiB


class Login(NamedTuple):
    """Name and password; name `<token>` means that password is an identity token (docker's convention)."""

    name: str
    password: str

    def basic(self) -> str:
        """Returns the value of an Authorization header with name and password."""
        return "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()


class Challenge(NamedTuple):
    """The challenge of a 401: `basic` or `bearer`, and its parameters (realm, service, scope)."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenge(header: str) -> Challenge:
    """Returns the challenge to meet of those in a WWW-Authenticate header: bearer, else basic, else the first."""
    found: list[tuple[str, dict[str, str]]] = []
    for name, quoted, bare, scheme in _WORD.findall(header[:_CHALLENGE_LIMIT]):
        if scheme:
            found.append((scheme.lower(), {}))
        elif found:
            found[-1][1].setdefault(name.lower(), quoted.replace("\\", "") or bare)
    best = sorted(found, key=lambda challenge: {"bearer": 0, "basic": 1}.get(challenge[0], 2))
    return Challenge(*best[0]) if best else Challenge("", {})


def config_path() -> str:
    """Returns the path of docker's logins: config.json in $DOCKER_CONFIG or ~/.docker."""
    return os.path.join(os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"), "config.json")


def find_login(registry: str) -> Login | None:
    """Returns the user's login for a registry, as `docker login` or a credential helper stored it.

    Args:
        registry: HOST[:PORT].

    Raises:
        PushError: the config file is malformed, or the credential helper it names fails.
    """
    path = config_path()
    try:
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        helpers, logins = config.get("credHelpers") or {}, config.get("auths") or {}
        names = [registry] + [DOCKER_HUB_LOGIN] * (registry in (*DOCKER_HUB, DOCKER_HUB_HOST))
        for name in names:
            helper = helpers.get(name) or config.get("credsStore")
            if helper and (login := _ask_helper(str(helper), name, registry)):
                return login
        for key, value in logins.items():
            host = key.partition("://")[2].partition("/")[0] if "://" in key else key.partition("/")[0]
            if (host == registry or key in names) and value.get("auth"):
                name, _, password = base64.b64decode(value["auth"], validate=True).decode().partition(":")
                return Login("<token>", value["identitytoken"]) if value.get("identitytoken") else Login(name, password.rstrip("\0"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        raise PushError(f"{path} cannot be read as docker's config; log in again with docker login {registry}, or correct it") from None
    return None


def _ask_helper(helper: str, name: str, registry: str) -> Login | None:
    """Returns what a credential helper (docker-credential-HELPER get) knows about a registry; None if nothing."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", helper):
        raise PushError(f"{config_path()}: {helper!r:.60} is not a valid credential helper name; write the NAME of docker-credential-NAME")
    program = f"docker-credential-{helper}"
    try:
        return ask_program([program], name, registry)
    except FileNotFoundError:
        raise PushError(f"{config_path()} names {program} for {registry}, which is not on PATH; install it, or remove it from the file") from None
    except OSError as error:
        raise PushError(
            f"{program} cannot be run for {registry}: {error.strerror}; make it executable on this machine, or remove it from {config_path()}"
        ) from None


def ask_program(command: Sequence[str], name: str, registry: str, *, quote: bool = False) -> Login | None:
    """Returns what a program that speaks the protocol of docker's credential helpers knows about a registry; None if nothing.

    Args:
        command: the program and its first arguments.
        name: the name to ask for.
        registry: the registry, for errors.
        quote: whether to quote an ERROR line of the program; only of one whose errors have no secrets.

    Raises:
        OSError: the program cannot be started.
        PushError: it fails, or its answer is not a login.
    """
    import subprocess  # few users have a helper

    program = os.path.basename(command[0])
    try:
        done = subprocess.run([*command, "get"], input=name, capture_output=True, text=True, timeout=60, check=False)
    except ValueError:
        raise PushError(f"{program} printed no text for {registry}; run it by hand to see what, or log in again with docker login {registry}") from None
    except subprocess.TimeoutExpired:
        raise PushError(f"{program} did not answer for {registry} within a minute; run it by hand and see what it waits for") from None
    if done.returncode:
        if "not found" in (done.stdout + done.stderr).lower():
            return None
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        if quote and lines:
            raise PushError(lines[-1].removeprefix("ERROR: "))
        raise PushError(f"{program} failed for {registry} (exit code {done.returncode}); log in again, or run it by hand to see why")
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise PushError(f"{program} printed no JSON object for {registry}; run it by hand to see what, or log in again with docker login {registry}")
    for key in ("Username", "Secret"):
        if not isinstance(answer.get(key), str):
            raise PushError(f"{program} answered for {registry} without {key}; log in again with docker login {registry}, or run it by hand to see why")
    return Login(answer["Username"], answer["Secret"])


def authorize(
    challenge: Challenge,
    login: Login | None,
    registry: str,
    *,
    plain: bool,
    actions: str = "pull,push",
    sleep: Callable[[float], None] = time.sleep,
    note: Callable[[str], None] = lambda _: None,
) -> str | None:
    """Returns the Authorization header that answers a challenge; None without a login.

    Args:
        challenge: what the registry asked for.
        login: the user's login; None asks the token service for anonymous access.
        registry: the registry's name, for errors.
        plain: whether the registry uses plain HTTP; only then may its token service use it.
        actions: the actions that a token must allow.
        sleep: what waits between attempts to reach the token service.
        note: called with a line before each pause.

    Raises:
        LoginError: the token service refuses.
        PushError: the token service can't be reached, or is not a token service.
    """
    if challenge.scheme == "basic":
        return login.basic() if login else None
    if challenge.scheme != "bearer":
        raise PushError(
            f"registry {registry}: asks for {challenge.scheme[:40]!r} authentication, but only Basic and Bearer are supported; "
            "turn one of them on in the registry, or use another registry"
        )
    from rules.image.tools.registry.retry import RetryPolicy

    return "Bearer " + _token(challenge.parameters, login, registry, plain, actions, RetryPolicy(sleep, note))


def _is_here(netloc: str) -> bool:
    """Returns whether HOST[:PORT] is this machine; False for anything else."""
    from rules.image.tools.registry.names import is_loopback

    try:
        return is_loopback(netloc)
    except PushError:
        return False


def _token(parameters: Mapping[str, str], login: Login | None, registry: str, plain: bool, actions: str, policy: RetryPolicy) -> str:
    """Asks the token service that a challenge names for a token."""
    try:
        realm = urllib.parse.urlsplit(parameters.get("realm", ""))
        port = realm.port
    except ValueError:  # half an IPv6 address, or a port that is not a number
        realm, port = urllib.parse.urlsplit(""), None
    # Plain HTTP is safe for a registry on this machine, but not for its token service on another machine.
    plain = plain and not (_is_here(registry) and not _is_here(realm.netloc.rpartition("@")[2]))
    if realm.scheme not in (("https", "http") if plain else ("https",)) or not realm.hostname:
        raise PushError(
            f"registry {registry}: its token service {mask_login(parameters.get('realm', ''))[:200]!r} is not an https address; logins are not sent there"
        )
    scopes = parameters.get("scope", "").split(" ")
    if len(scopes) == 1:
        # More than the refused request needs: the token of a question must also be good for the upload after it.
        scopes = [re.sub(r"^(repository:[^:]+):.*", rf"\1:{actions}", scopes[0])]
    query = [("service", parameters.get("service", "")), *(("scope", scope) for scope in scopes)]
    headers = {"Accept": "application/json"}
    method, body = "GET", None
    path = (realm.path or "/") + "?" + "&".join(filter(None, [realm.query, urllib.parse.urlencode(query)]))
    if login and login.name == "<token>":
        method, path = "POST", realm.path or "/"
        body = urllib.parse.urlencode(
            [("service", query[0][1]), ("scope", " ".join(scopes)), ("grant_type", "refresh_token"), ("client_id", "turnup"), ("refresh_token", login.password)]
        ).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif login:
        headers["Authorization"] = login.basic()
    connection = http1.Connection(realm.hostname, port or (443 if realm.scheme == "https" else 80), realm.scheme == "http")
    head = http1.request_head(method, path, realm.netloc.rpartition("@")[2], headers, len(body or b""))
    service = f"registry {registry}: its token service {realm.hostname}"
    answer = _with_retries(connection, head, body, service, policy)
    if answer.status != 200:
        advice = f"log in with docker login {registry}" if answer.status in (400, 401, 403) else "check its log"
        raise LoginError(f"registry {registry}: its token service answered {answer.status}; {advice}")
    try:
        fields = json.loads(answer.body)
        token: str = fields.get("token") or fields["access_token"]
        if len(token) > _TOKEN_LIMIT or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise ValueError
        return token
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise PushError(f"{service} did not answer with a token; log in with docker login {registry}") from None


def _with_retries(connection: http1.Connection, head: bytes, body: bytes | None, service: str, policy: RetryPolicy) -> http1.Answer:
    """Returns the answer of a token service; asks again while it is unavailable."""
    try:
        while True:
            retry_after = None
            try:
                answer = connection.request(head, body)
                if answer.status not in RETRYABLE_STATUSES:
                    return answer
                problem, retry_after = f"answered {answer.status}", answer.headers.get("retry-after")
            except OSError as error:
                refusals.check_tls(error, connection.host)
                problem = f"cannot be reached ({error or type(error).__name__})"
            if not policy.wait(f"{service} {problem}", retry_after):
                raise PushError(f"{service} {problem}, {policy.tried}; check that it runs and is reachable, then run this again")
    finally:
        connection.close()
