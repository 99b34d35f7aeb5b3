"""Who could change what a folder holds: a cache of programs is used only if nobody but this user and root can write there.

Root in particular may get the cache of another user (`sudo` that keeps HOME, or XDG_CACHE_HOME), and what is in a cache is run, or
trusted for its name. The launcher `turnup` runs this file with -IS before anything of the cache is used, so it imports very little.
"""

from __future__ import annotations

import os
import stat
import sys

__all__ = ["main", "problem"]


def problem(path: str, variable: str = "XDG_CACHE_HOME") -> str:
    """Returns why a folder or file must not be trusted, as a sentence that says who owns what and what to do; "" if it may be.

    Args:
        path: an absolute path, of which only the beginning may exist.
        variable: the environment variable that names another folder.
    """
    user, seen = os.geteuid(), set()
    todo = [os.path.normpath(path)]
    while todo:
        current = todo.pop()
        for folder in _prefixes(current):
            if folder in seen:
                continue
            seen.add(folder)
            try:
                found = os.lstat(folder)
            except OSError:
                break  # what does not exist will be made by this user, in a folder that was checked
            words = _problem_of(folder, found, user, last=folder == current)
            if words:
                advice = f"set {variable} to a folder of your own" + (", or use sudo -H" if user == 0 and variable == "XDG_CACHE_HOME" else "")
                return f"{path} must not be used: {folder} {words} and could put programs there that {_name(user)} would run; {advice}"
            if stat.S_ISLNK(found.st_mode) and os.path.isdir(folder):
                todo.append(os.path.realpath(folder))
    return ""


def _problem_of(folder: str, found: os.stat_result, user: int, last: bool) -> str:
    """Returns who else can write to one folder, as words after its name; "" for nobody."""
    if found.st_uid not in (0, user):
        return f"belongs to {_name(found.st_uid)} (uid {found.st_uid}), who owns what is below it,"
    if stat.S_ISLNK(found.st_mode):
        return ""
    if found.st_mode & stat.S_ISVTX and not last:
        return ""  # like /tmp: others can add entries, and their owner is checked next
    if found.st_mode & stat.S_IWOTH:
        return "can be written by every user (chmod o-w it), who is not trusted"
    if found.st_mode & stat.S_IWGRP and not _is_private(found.st_gid, user):
        return f"can be written by its group {found.st_gid} (chmod g-w it), which has other users"
    return ""


def _is_private(group: int, user: int) -> bool:
    """Returns whether a group is a user's own one, which has the user's name and no other member."""
    import grp
    import pwd

    try:
        account, found = pwd.getpwuid(user), grp.getgrgid(group)
    except KeyError:
        return False
    return account.pw_gid == group and found.gr_name == account.pw_name and not set(found.gr_mem) - {account.pw_name}


def _prefixes(path: str) -> list[str]:
    """Returns a path's folders from the root to itself."""
    words = path.split("/")
    return ["/".join(words[:count]) or "/" for count in range(1, len(words) + 1)]


def _name(user: int) -> str:
    """Returns the name of an account, or its number."""
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def main(paths: list[str]) -> int:
    """Checks paths; returns 1 after one line on stderr if one of them must not be trusted."""
    found = next(filter(None, map(problem, paths)), "")
    if found:
        print(f"ERROR: {found}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
