"""Reads a kubeconfig once and freezes the one context that a run uses.

Client certificates, tokens and passwords are read here, exec plugins by exec_plugin.py, because importing the `kubernetes`
package costs a quarter of a second.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.kubeconfig.fields import as_list, check_entry, token_of
from rules.k8s.tools.kubeconfig.proxy import proxy_of
from rules.k8s.tools.objects.yaml_documents import load_yaml_documents

if TYPE_CHECKING:
    from rules.k8s.tools.kubeconfig.exec_plugin import PluginLogin


@dataclass(frozen=True)
class Connection:
    """One context of a kubeconfig, everything read into memory.

    Attributes:
        context: the context's name.
        cluster: the name of the cluster entry that it uses.
        server: URL of the API server without a trailing slash.
        ca: PEM of the certificate authority; None for those of the system.
        verify: False if the kubeconfig has insecure-skip-tls-verify.
        server_name: TLS server name that differs from the URL's host; "" for none.
        certificate, key: PEM of the client certificate and its key; None for none.
        headers: returns the request headers that authenticate; each call renews them.
        frozen: a kubeconfig mapping with only this context, for child processes.
        source: the files that it was read from, for errors.
        impersonate: headers that name the user to act as; a name may appear more than once.
        proxy: URL of the proxy in front of the server; "" for none.
        plugin: gets further credentials; None for none.
    """

    context: str
    cluster: str
    server: str
    ca: bytes | None
    verify: bool
    server_name: str
    certificate: bytes | None
    key: bytes | None = field(repr=False)
    headers: Callable[[], Mapping[str, str]] = field(repr=False)
    frozen: dict[str, Any] = field(repr=False)
    source: str = "the kubeconfig"
    impersonate: tuple[tuple[str, str], ...] = ()
    proxy: str = ""
    plugin: PluginLogin | None = None


def kubeconfig_files(explicit: str, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Returns the kubeconfigs in use: the explicit one, those of $KUBECONFIG, or ~/.kube/config.

    A relative name is relative to the folder in which the user typed the command, because `bazel run` starts in the runfiles.

    Args:
        explicit: a file that the command line names; "" for none.
        environ: contains KUBECONFIG, HOME and BUILD_WORKING_DIRECTORY.
    """
    if explicit:
        return (Path(explicit),)
    here = Path(environ.get("BUILD_WORKING_DIRECTORY", ""))
    named = tuple(here / entry for entry in environ.get("KUBECONFIG", "").split(os.pathsep) if entry)
    return named or (Path(environ.get("HOME") or os.path.expanduser("~")) / ".kube" / "config",)


def load(
    files: Path | Sequence[Path], context: str, user: str = "", *, environ: Mapping[str, str] | None = None, say: Callable[[str], None] = lambda text: None
) -> Connection:
    """Reads one context of a kubeconfig.

    Args:
        files: the kubeconfig, or several that count as one: the first entry of a name counts.
        context: the context to use.
        user: name of a user entry that replaces the context's own; "" keeps it.
        environ: the environment of plugins, which also names proxies; os.environ when None.
        say: gets a line if a login takes long.

    Raises:
        TurnupError: no file exists, the context is missing, or an entry is invalid.
    """
    environ = os.environ if environ is None else environ
    config = _Merged((files,) if isinstance(files, Path) else files, context)
    chosen = config.find("context", context)
    if chosen is None:
        have = ", ".join(sorted(config.names("context"))) or "none"
        raise TurnupError(
            f"{config.place} has no context {context!r} (it has: {have}). Run './turnup cluster create', or name an existing context with TURNUP_CONTEXT."
        )
    user_name = user or chosen.content.get("user") or ""
    cluster = config.find("cluster", chosen.content.get("cluster") or "")
    if cluster is None or not cluster.content.get("server"):
        raise TurnupError(f"{chosen.file}: context {context!r} uses cluster {chosen.content.get('cluster')!r}, which has no server. Correct the kubeconfig.")
    login = config.find("user", user_name)
    if login is None and user_name:
        raise TurnupError(f"{chosen.file}: context {context!r} uses user {user_name!r}, which does not exist. Correct the kubeconfig.")
    login = login or _Entry({}, chosen.file)
    server = cluster.content["server"].rstrip("/")
    ca = _data(cluster, "certificate-authority")
    frozen = _freeze(context, {**chosen.content, "user": user_name}, cluster, login)
    plugin = None
    if login.content.get("exec"):
        from rules.k8s.tools.kubeconfig.exec_plugin import PluginLogin, cluster_info

        plugin = PluginLogin(frozen["users"][0]["user"]["exec"], login.file, context, cluster_info(cluster.content, ca), environ, say)
    return Connection(
        context=context,
        cluster=chosen.content["cluster"],
        server=server,
        ca=ca,
        verify=not cluster.content.get("insecure-skip-tls-verify", False),
        server_name=cluster.content.get("tls-server-name") or "",
        certificate=_data(login, "client-certificate"),
        key=_data(login, "client-key"),
        headers=_headers(login, user_name),
        frozen=frozen,
        source=config.place,
        impersonate=_impersonation(login, context),
        proxy=proxy_of(server, cluster.content.get("proxy-url") or "", environ, str(cluster.file)),
        plugin=plugin,
    )


@dataclass(frozen=True)
class _Entry:
    """An entry of a kubeconfig, and its file: names in the entry are relative to that file."""

    content: dict[str, Any]
    file: Path


class _Merged:
    """Several kubeconfigs as one, as kubectl reads $KUBECONFIG: missing files are ignored."""

    def __init__(self, files: Sequence[Path], context: str) -> None:
        self._files = files
        self._entries: dict[str, dict[str, _Entry]] = {"context": {}, "cluster": {}, "user": {}}
        configs = [(file, config) for file in files if (config := _read(file)) is not None]
        if not configs:
            raise TurnupError(
                f"{self.place}: there is no kubeconfig, so context {context!r} is unknown. Run './turnup cluster "
                "create', or set KUBECONFIG and TURNUP_CONTEXT to use an existing cluster."
            )
        for file, config in configs:
            for kind, found in self._entries.items():
                for entry in as_list(kind, config, file):
                    if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                        found.setdefault(entry["name"], _Entry(entry.get(kind) or {}, file))

    @property
    def place(self) -> str:
        """The files, for errors."""
        return os.pathsep.join(map(str, self._files))

    def names(self, kind: str) -> Iterable[str]:
        """Returns the names of all contexts, clusters or users."""
        return self._entries[kind]

    def find(self, kind: str, name: str) -> _Entry | None:
        """Returns a context, cluster or user; only entries that a run uses are checked.

        Raises:
            TurnupError: a field has a wrong type or value.
        """
        found = self._entries[kind].get(name)
        if found:
            check_entry(kind, name, found.content, found.file)
        return found


def _read(path: Path) -> dict[str, Any] | None:
    """Returns the content of a kubeconfig, None if the file does not exist."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise TurnupError(f"{path}: the kubeconfig cannot be read ({error}). Correct its permissions or KUBECONFIG.") from None
    documents = load_yaml_documents(text, str(path))
    if len(documents) > 1 or (documents and documents[0] is not None and not isinstance(documents[0], dict)):
        raise TurnupError(f"{path} is not a kubeconfig. Correct it or set KUBECONFIG.")
    return (documents[0] if documents else None) or {}


def _data(entry: _Entry, name: str) -> bytes | None:
    """Returns NAME-data decoded, or the content of the file NAME, or None."""
    data, file = entry.content.get(f"{name}-data"), entry.content.get(name)
    if data:
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raise TurnupError(f"{entry.file}: {name}-data is not base64. Correct the kubeconfig.") from None
    return _read_beside(entry, name) if file else None


def _read_beside(entry: _Entry, name: str) -> bytes:
    """Returns the content of the file that the field `name` names.

    Raises:
        TurnupError: the file cannot be read.
    """
    file: Path = entry.file.parent / entry.content[name]
    try:
        return file.read_bytes()
    except OSError as error:
        raise TurnupError(f"{entry.file}: {name} {file} cannot be read ({error.strerror}). Correct the kubeconfig.") from None


def _headers(login: _Entry, user: str) -> Callable[[], Mapping[str, str]]:
    """Returns the function that returns the headers of a login without an exec plugin."""
    fields = login.content
    if fields.get("tokenFile"):
        # Mounted service account tokens rotate, so each call reads the file.
        return lambda: {
            "Authorization": "Bearer "
            + token_of(_read_beside(login, "tokenFile").decode("utf-8", "replace"), f"{login.file}: tokenFile {fields['tokenFile']} of user {user!r}")
        }
    if fields.get("token"):
        token = token_of(fields["token"], f"{login.file}: user {user!r}")
        return lambda: {"Authorization": "Bearer " + token}
    if fields.get("username"):
        pair = f"{fields['username']}:{fields.get('password') or ''}".encode()
        return lambda: {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    return dict


def _impersonation(login: _Entry, context: str) -> tuple[tuple[str, str], ...]:
    """Returns the headers of impersonation.

    Raises:
        TurnupError: groups, a UID or extra fields appear without a user, or in a wrong form.
    """
    fields = login.content
    groups, extra = fields.get("as-groups") or [], fields.get("as-user-extra") or {}
    found = [("Impersonate-Uid", fields["as-uid"])] if fields.get("as-uid") else []
    if not isinstance(groups, list) or not isinstance(extra, dict) or not all(isinstance(values, list) for values in extra.values()):
        raise TurnupError(
            f"{login.file}: the user of context {context!r} has as-groups or as-user-extra in a wrong form. Write a list of groups, "
            "and a mapping of names to lists."
        )
    texts = [*groups, *extra, *(value for values in extra.values() for value in values)]
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise TurnupError(
            f"{login.file}: the user of context {context!r} has a value in as-groups or as-user-extra that is not a text on one line. "
            "Write texts, and numbers in quotes."
        )
    found += [("Impersonate-Group", group) for group in groups]
    # Header names allow few characters; the API server decodes the others as in URLs.
    found += [("Impersonate-Extra-" + quote(name, safe="!#$&'*+^`|"), value) for name, values in extra.items() for value in values]
    if found and not fields.get("as"):
        raise TurnupError(f"{login.file}: the user of context {context!r} has as-groups, as-uid or as-user-extra without as. Name the user in as.")
    if not fields.get("as"):
        return ()
    # Header lines are sent as Latin-1, so these bytes arrive as UTF-8.
    return tuple((name, str(value).encode().decode("latin-1")) for name, value in [("Impersonate-User", fields["as"]), *found])


def _freeze(context: str, chosen: dict[str, Any], cluster: _Entry, login: _Entry) -> dict[str, Any]:
    """Returns a kubeconfig of only this context, with absolute file names."""
    server = _absolute(cluster, "certificate-authority")
    user = _absolute(login, "client-certificate", "client-key", "tokenFile")
    plugin = user.get("exec")
    if plugin and os.sep in str(plugin.get("command", "")):
        # A name without a slash is searched in PATH.
        user["exec"] = {**plugin, "command": str((login.file.parent / plugin["command"]).absolute())}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": chosen}],
        "clusters": [{"name": chosen["cluster"], "cluster": server}],
        "users": [{"name": chosen["user"], "user": user}],
    }


def _absolute(entry: _Entry, *names: str) -> dict[str, Any]:
    """Returns an entry's content with some file names made absolute."""
    content = entry.content
    return {**content, **{name: str((entry.file.parent / content[name]).absolute()) for name in names if content.get(name)}}


def write_frozen(connection: Connection, folder: Path) -> Path:
    """Writes the frozen kubeconfig (mode 0600) for a child process, as JSON, which is YAML.

    Returns:
        The file.

    Raises:
        TurnupError: the file cannot be written.
    """
    path = folder / "kubeconfig"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(connection.frozen, file)
    except OSError as error:
        raise TurnupError(f"{path} cannot be written ({error.strerror}). Check the folder for temporary files.") from None
    return path
