"""Turns refusals of a registry into one sentence each that says what to do."""

from __future__ import annotations

from rules.image.tools.errors import PushError, mask_login

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rules.image.tools.registry.http1 import Answer

_ADVICE = {
    400: "build the image again and push again",
    403: "ask for the right to push there, or choose another repository",
    404: "check that this is a registry (API version 2) and that you may create the repository",
    405: "this registry is read-only; push to another one",
    413: "raise the size limit of the registry, or of the proxy in front of it",
}
_FULL = "its storage is full; free space there, then push again"


def is_full(answer: Answer) -> bool:
    """Returns whether a registry's storage is full, so that a retry would fail too."""
    # The distribution project's registry answers 500 with the system's error; ENOSPC is 28.
    return answer.status == 507 or (answer.status == 500 and (b'"Err":28' in answer.body or b"no space left" in answer.body))


def detail(answer: Answer) -> str:
    """Returns the first error of a registry's JSON answer as ` (CODE: message)`, or nothing."""
    import json  # only when something is wrong

    try:
        error = json.loads(answer.body)["errors"][0]
        text = f"{error.get('code', '')!s:.60}: {error.get('message', '')!s:.200}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return f" ({_printable(text)})"


def _printable(text: str) -> str:
    """Returns text of a registry with only the characters that are safe on a terminal."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text[:200])


def refusal(answer: Answer, what: str, registry: str) -> PushError:
    """Returns the error for an answer that ends the work.

    Args:
        answer: the registry's answer.
        what: the subject of the request, such as `blob sha256:… of app/server`.
        registry: the registry's name.
    """
    if is_full(answer):
        advice = _FULL
    elif answer.status == 401:
        advice = f"log in with docker login {registry}"
    elif 300 <= answer.status < 400:
        advice = _redirected(answer.headers.get("location", ""))
    elif answer.status < 300:
        advice = "that is not what a registry answers to it; check the registry's name and port"
    else:
        advice = _ADVICE.get(answer.status, "check the registry's log")
    return PushError(f"registry {registry}: {what}: answered {answer.status}{detail(answer)}; {advice}")


def _redirected(location: str) -> str:
    """Returns what to do about a redirect, which a push does not follow, because its login is for the named registry."""
    scheme, _, rest = location.partition("//")
    host = mask_login(rest.partition("/")[0])
    if scheme not in ("http:", "https:") or not host:
        return f"it redirects to {mask_login(location)!r:.200}; name the registry itself, without what redirects there"
    tls = ", and speak TLS to it: do not name it insecure" if scheme == "https:" else ""
    return f"it redirects to {_printable(f'{scheme}//{host}')}; name that as the registry{tls}"


def check_no_page(status: int, headers: Mapping[str, str], registry: str) -> None:
    """Raises PushError if a successful answer is a web page, which no registry sends."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        raise PushError(
            f"registry {registry}: answered {status} with a page ({kind}), so it is not a registry; check its name and port, and the proxy in front of it"
        )


def check_tls(error: OSError, registry: str) -> None:
    """Raises PushError if a connection failed for a TLS reason that a retry can't fix."""
    kind = type(error).__name__
    if kind == "SSLCertVerificationError":
        why = getattr(error, "verify_message", str(error)).rstrip(".")
        if "ostname mismatch" in why or "IP address mismatch" in why:
            raise PushError(f"registry {registry}: its certificate is for another name ({why}); use a name that is in it") from None
        raise PushError(
            f"registry {registry}: its certificate is not trusted ({why}); set SSL_CERT_FILE to its authority's certificate, "
            "or install it with update-ca-certificates"
        ) from None
    if kind == "SSLError" and any(word in str(error) for word in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")):
        raise PushError(f"registry {registry}: no TLS connection, it speaks plain HTTP: name it insecure, or give the port that speaks TLS") from None
