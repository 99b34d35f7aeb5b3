"""Prints the user's name and the namespace made of it, a line each."""

import hashlib
import os
import pwd
import re
import sys
from collections.abc import Mapping

LONGEST = 63
"""Characters that a namespace may have (RFC 1123 label)."""

# Namespaces that Kubernetes makes, and names of the form that namespace_of gives to others.
_TAKEN = re.compile(r"default|kube-.*|.*-[0-9a-f]{8}")


def user_name(environ: Mapping[str, str] = os.environ) -> str:
    """$USER of environ, or the account's name where $USER is unset or empty.

    Raises:
      KeyError: the account has no name either.
    """
    return environ.get("USER") or pwd.getpwuid(os.getuid()).pw_name


def namespace_of(user: str) -> str:
    """A user's name as a DNS label (RFC 1123).

    A name that is one already stays as it is, unless it is Kubernetes' own (`default`, `kube-*`) or looks like what this
    function makes. Any other is made lower case with dashes for what does not fit, and gets eight hexadecimal digits of
    its SHA-256, so that `Jane.Doe`, `jane-doe` and whoever is called `jane-doe-1a2b3c4d` keep apart.

    Args:
      user: any non-empty text.

    Returns:
      1 to 63 characters of a-z, 0-9 and dashes, with a letter or digit at both ends.
    """
    if re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", user) and not _TAKEN.fullmatch(user):
        return user
    digest = hashlib.sha256(user.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    readable = re.sub(r"[^a-z0-9]+", "-", user.lower()).strip("-")[: LONGEST - len(digest) - 1].strip("-")
    return f"{readable or 'user'}-{digest}"


def main() -> int:
    """Prints both; returns 0, or 1 after one sentence on stderr."""
    try:
        user = user_name()
    except KeyError:
        print(f"USER is unset and account {os.getuid()} has no name: set USER to the name of your namespace", file=sys.stderr)
        return 1
    print(user.encode("ascii", "backslashreplace").decode())
    print(namespace_of(user))
    return 0


if __name__ == "__main__":
    sys.exit(main())
