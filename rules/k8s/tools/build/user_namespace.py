"""Prints the user's name and the namespace derived from it, one per line."""

import hashlib
import os
import pwd
import re
import sys
from collections.abc import Mapping

LONGEST = 63
"""Characters that a namespace may have (RFC 1123 label)."""

# Namespaces of Kubernetes itself, and names of the form that namespace_of derives.
_TAKEN = re.compile(r"default|kube-.*|.*-[0-9a-f]{8}")


def user_name(environ: Mapping[str, str] = os.environ) -> str:
    """Returns $USER of environ, or the account's name if $USER is unset or empty.

    Raises:
        KeyError: the account has no name either.
    """
    return environ.get("USER") or pwd.getpwuid(os.getuid()).pw_name


def namespace_of(user: str) -> str:
    """Returns a user's name as a DNS label (RFC 1123).

    A name that is a DNS label stays as it is, unless it belongs to Kubernetes (`default`, `kube-*`) or has the form of a
    derived name. Any other name becomes lower case, with dashes for other characters, and gets eight hexadecimal digits of
    its SHA-256, so that `Jane.Doe`, `jane-doe` and a user named `jane-doe-1a2b3c4d` have different namespaces.

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
    """Prints name and namespace; returns 0, or 1 after an error on stderr."""
    try:
        user = user_name()
    except KeyError:
        print(f"USER is unset, and account {os.getuid()} has no name. Set USER to the name of your namespace.", file=sys.stderr)
        return 1
    print(user.encode("ascii", "backslashreplace").decode())
    print(namespace_of(user))
    return 0


if __name__ == "__main__":
    sys.exit(main())
