"""A client of the registry API (OCI distribution-spec 1.1) over kept-alive HTTP connections.

One Registry serves many threads; connections stay open for the next request. Requests are retried after 429, 5xx and broken
connections (see retry.py); everything that this client sends may be repeated. A 401 is answered with the user's login (see
auth.py), and again when a token expires.
"""

from __future__ import annotations

import _thread
import time

from rules.image.tools.errors import PushError, mask_login
from rules.image.tools.registry import refusals
from rules.image.tools.registry.http1 import Answer, Connection, request_head
from rules.image.tools.registry.names import DOCKER_HUB, DOCKER_HUB_HOST, split_name, wants_plain_http
from rules.image.tools.registry.retry import RETRYABLE_STATUSES, Interrupted, RetryPolicy
from rules.image.tools.registry.sockets import BadAnswer, speaks_tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from rules.image.tools.registry.auth import Login


def _find_login(registry: str) -> Login | None:
    """Returns the login that docker's config file has for a registry."""
    from rules.image.tools.registry import auth

    return auth.find_login(registry)


class Registry:
    """Requests to one registry.

    Attributes:
        name: HOST or HOST:PORT.
        plain: whether it uses plain HTTP.
        actions: the actions that a token must allow.
        authorizations: Authorization header by repository; "" has the one for all of them.

    Args:
        name: HOST or HOST:PORT.
        insecure: True for plain HTTP, False for TLS, None for plain HTTP on loopback only.
        login: finds the user's name and password for a registry's name, or None; called once, when the registry
            asks for them. None: docker's config file is read.
        sleep: what waits between attempts (tests put a recorder here).
        note: called with a line for each pause before another attempt, from several threads.

    Raises:
        PushError: name is not HOST[:PORT].
    """

    actions = "pull,push"

    def __init__(
        self,
        name: str,
        *,
        insecure: bool | None = None,
        login: Callable[[str], Login | None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._address = DOCKER_HUB_HOST if name in DOCKER_HUB else name
        self._host, port = split_name(self._address)
        self.name = name
        self.plain = wants_plain_http(name, insecure)
        self._port = port or (80 if self.plain else 443)
        self.sleep = sleep
        self.note = note
        self._insecure = insecure
        self._probed = False
        self.authorizations: dict[str, str] = {}
        self._find_login = login or _find_login
        self._login: tuple[Login | None] | None = None
        self._lock = _thread.allocate_lock()
        self._authorizing: dict[str, _thread.LockType] = {}
        self._idle: list[Connection] = []

    def close(self) -> None:
        """Closes every connection that no request is using."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        repository: str = "",
        body: bytes | BinaryIO | None = None,
        size: int = 0,
        headers: dict[str, str] | None = None,
        again: bool = True,
        sent: Callable[[int], None] | None = None,
    ) -> Answer:
        """Sends one request and reads its answer.

        Args:
            method: HTTP method.
            path: path and query, beginning with '/'.
            repository: the repository of the request, for its token; to mount from another one, `TO FROM`,
                separated by a space.
            body: bytes, or an unbuffered binary file, which is sent from its start.
            size: length of the body in bytes.
            headers: further headers.
            again: whether to retry after 429, 5xx and broken connections; False if an error ends the session
                of the request, so that the caller must repeat an earlier step.
            sent: called with the number of body bytes after each block handed to the connection.

        Returns:
            The answer, whatever its status, except statuses that were retried.

        Raises:
            PushError: no answer after all attempts. With again=False, Interrupted after the first.
        """
        policy = RetryPolicy(self.sleep, self.note)
        while True:
            retry_after = None
            try:
                answer = self._authorized(method, path, repository, body, size, headers, sent)
                if answer.status == 400 and not refusals.detail(answer):
                    self._check_plain()
                if answer.status not in RETRYABLE_STATUSES or refusals.is_full(answer):
                    return answer
                problem = f"answered {answer.status}{refusals.detail(answer)}"
                retry_after = answer.headers.get("retry-after")
            except EOFError:
                raise PushError(f"{getattr(body, 'name', '')}: became shorter during the upload; build and push again") from None
            except OSError as error:
                refusals.check_tls(error, self.name)
                if isinstance(error, (BadAnswer, ConnectionResetError)):
                    self._check_plain()
                problem = f"{method} {path.partition('?')[0]}: {error or type(error).__name__}"
            if not again:
                raise Interrupted(problem, retry_after)
            if not policy.wait(f"registry {self.name}: {problem}", retry_after):
                raise PushError(f"registry {self.name}: {problem}, {policy.tried}; check that it runs and is reachable, then run this again")

    def head_all(self, questions: Sequence[tuple[str, str]], accept: str = "") -> list[Answer | None]:
        """Asks several HEAD questions, on one connection without waiting for each answer.

        Args:
            questions: (path, repository) each.
            accept: the Accept header of all of them; empty: none.

        Returns:
            The answers in order; None for each question to ask again with login and retries, because there was
            no answer, or a 400, a 401 or a status that is retried.
        """
        headers = {"Accept": accept} if accept else {}
        connection = self._acquire_connection()
        try:
            answers = connection.pipeline([self._head("HEAD", path, headers, self._known(repository)) for path, repository in questions])
        except OSError as error:
            answers = []
            if isinstance(error, TimeoutError):  # other errors come back at once when the questions are asked again
                self.note(f"registry {self.name}: {error}; asking again")
        self._release_connection(connection)
        useful = [None if answer.status in RETRYABLE_STATUSES or answer.status in (400, 401) else answer for answer in answers]
        return useful + [None] * (len(questions) - len(answers))

    def _known(self, repository: str) -> str | None:
        """Returns the authorization that a repository needed before."""
        known = self.authorizations
        return known.get(repository) or known.get(repository.partition(" ")[0]) or known.get("")

    def _head(self, method: str, path: str, headers: dict[str, str], authorization: str | None, size: int | None = None) -> bytes:
        """Returns a request's first line and headers."""
        login = {"Authorization": authorization} if authorization else {}
        return request_head(method, path, self._address, {**headers, **login}, size)

    def _authorized(
        self,
        method: str,
        path: str,
        repository: str,
        body: bytes | BinaryIO | None,
        size: int,
        headers: dict[str, str] | None,
        sent: Callable[[int], None] | None,
    ) -> Answer:
        """Sends a request, and again with the user's login after a 401."""
        length = None if body is None and method not in ("POST", "PUT") else size
        used = self._known(repository)
        answer = self._once(self._head(method, path, headers or {}, used, length), body, size, sent)
        if answer.status == 401 and (value := self._authorize(answer, repository, used)):
            answer = self._once(self._head(method, path, headers or {}, value, length), body, size, sent)
        return answer

    def _authorize(self, answer: Answer, repository: str, used: str | None) -> str | None:
        """Answers the challenge of a 401; returns the authorization to try next, None if there is none."""
        from rules.image.tools.registry import auth

        challenge = auth.parse_challenge(answer.headers.get("www-authenticate", ""))
        if not challenge.scheme:
            return None
        with self._lock:
            authorizing = self._authorizing.setdefault(repository, _thread.allocate_lock())
        with authorizing:  # one of several requests that are refused at once asks for a token
            known = self._known(repository)
            if known != used:
                return known
            if self._login is None:
                self._login = (self._find_login(self.name),)
            value = auth.authorize(challenge, self._login[0], self.name, plain=self.plain, actions=self.actions, sleep=self.sleep, note=self.note)
            if value is None or value == used:
                return None
            # A password is for every repository, a token for one.
            self.authorizations[repository if challenge.scheme == "bearer" else ""] = value
        return value

    def _once(self, head: bytes, body: bytes | BinaryIO | None, size: int, sent: Callable[[int], None] | None) -> Answer:
        """Sends the request on an idle connection, without repeating."""
        connection = self._acquire_connection()
        stale = connection.opened
        try:
            answer = connection.request(head, body, size, sent)
        except (BadAnswer, BrokenPipeError, ConnectionResetError):
            if not stale or not (body is None or isinstance(body, bytes)):
                raise
            # The registry closed it while it was idle. The caller restarts a request that has a session.
            answer = connection.request(head, body, size, sent)
        self._release_connection(connection)
        return answer

    def _acquire_connection(self) -> Connection:
        """Returns an idle connection, or a new one that is not open yet."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return Connection(self._host, self._port, self.plain)

    def _release_connection(self, connection: Connection) -> None:
        """Keeps a connection for the next request."""
        if connection.opened:
            with self._lock:
                self._idle.append(connection)

    def _check_plain(self) -> None:
        """Raises PushError if a registry that gave no useful answer in plain HTTP speaks TLS."""
        with self._lock:
            probed, self._probed = self._probed or not self.plain, True
        if not probed and speaks_tls(self._host, self._port):
            here = ", as registries of this machine are; push with --secure, or use another name of this machine"
            raise PushError(f"registry {self.name}: it speaks TLS but was asked in plain HTTP{'; do not name it insecure' if self._insecure else here}")

    def location(self, answer: Answer) -> str:
        """Returns path and query of the Location that an upload answer gives.

        Raises:
            PushError: there is none, or it points to another host: blobs and credentials only go to the
                registry that the user named.
        """
        value = answer.headers.get("location", "")
        scheme, separator, rest = value.partition("//")
        path, netloc = value, ""
        if separator and scheme in ("", "http:", "https:"):
            netloc, slash, path = rest.partition("/")
            path = slash + path
        default = ":80" if self.plain else ":443"
        elsewhere = netloc and netloc.lower().removesuffix(default) != self._address.lower().removesuffix(default)
        if elsewhere or not path.startswith("/"):
            raise PushError(f"registry {self.name}: sent an upload to {mask_login(value)!r:.200}; only paths of the registry itself are followed")
        if not path.isascii() or not path.isprintable() or " " in path:
            raise PushError(f"registry {self.name}: the upload location {mask_login(value)!r:.200} has control characters or spaces in it; check the registry")
        return path.partition("#")[0]
