"""Cluster guard: a target runs only against the cluster that it was built for.

Four comparisons come before the first write:
1. the context on the command line, if any, with the context in the plan;
2. the kubeconfig's cluster entry with the target's `cluster` attribute, if set;
3. the server of the context with its record: for a cluster of `turnup cluster create`,
   the certificate authority; for any other, the server at the context's first use from
   this account;
4. the UID of the namespace kube-system, which is unique per cluster, with the UID at
   first use, because another cluster may get the same address.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from rules.k8s.tools.api.client import METADATA_ONLY, Client
from rules.k8s.tools.errors import ApiError, TurnupError, WrongClusterError
from rules.k8s.tools.kubeconfig.kubeconfig import Connection, kubeconfig_files, load
from rules.k8s.tools.objects.plan import Plan

_OWN_CONTEXT = "turnup-"


def connect(
    plan: Plan, context: str, environ: Mapping[str, str], *, accept_cluster: bool = False, note: Callable[[str], None] = lambda text: None
) -> Connection:
    """Reads the kubeconfig once and makes the first three comparisons.

    Args:
        plan: the plan of the target.
        context: the context on the command line; "" for none.
        environ: the process' environment (KUBECONFIG, HOME, TURNUP_STATE_DIR, XDG_STATE_HOME).
        accept_cluster: whether to accept the context's present server as the right one.
        note: receives a line if a login takes long, or if the server cannot be recorded.

    Returns:
        The connection settings of the plan's context.

    Raises:
        WrongClusterError: one of the first three comparisons fails.
        TurnupError: the kubeconfig does not have the context.
    """
    documents = [entry.document for entry in plan.entries]
    expected = documents[0]["context"]
    if context and context != expected:
        raise WrongClusterError(
            f"{plan.label} is made for context {expected!r}, not for {context!r}; nothing was sent. Build it "
            f"for the other cluster with TURNUP_CONTEXT={context}."
        )
    if not expected:
        raise WrongClusterError(f"{plan.label} has no context; nothing was sent. Set context in its k8s_object.")
    files = kubeconfig_files(str(plan.kubeconfig or ""), environ)
    connection = load(files, expected, documents[0]["user"], environ=environ, say=note)
    for document in documents:
        if document["cluster"] and document["cluster"] != connection.cluster:
            raise WrongClusterError(
                f"{document['label']} is made for cluster {document['cluster']!r}, but context {expected!r} of "
                f"{connection.source} uses cluster {connection.cluster!r}; nothing was sent. Correct the kubeconfig."
            )
    _compare(connection, plan.label, environ, accept_cluster, note)
    return connection


def _compare(connection: Connection, label: str, environ: Mapping[str, str], accept: bool, note: Callable[[str], None]) -> None:
    recorded_ca = _own_cluster_ca(connection.context, environ)
    if recorded_ca is not None:
        if connection.ca is None or recorded_ca.strip() != connection.ca.strip():
            raise WrongClusterError(
                f"{label}: context {connection.context!r} of {connection.source} leads to {connection.server}, which is not the "
                "cluster recorded under that name; nothing was sent. Renew the kubeconfig with "
                "'./turnup cluster kubeconfig --merge'."
            )
        return
    record = _record_path(connection.context, environ)
    recorded = {} if accept else _read_record(record)
    if not recorded:
        _write_record(record, connection, "", note)
    elif recorded["server"] != connection.server:
        raise WrongClusterError(
            f"{label}: context {connection.context!r} of {connection.source} leads to {connection.server}, but led to {recorded['server']} "
            "when it was first used; nothing was sent. Correct the kubeconfig, or accept the new server "
            "with '-- --accept-cluster'."
        )


def verify_cluster(client: Client, label: str, environ: Mapping[str, str], note: Callable[[str], None] = lambda text: None) -> None:
    """Makes the fourth comparison; records the UID of kube-system at the context's first use.

    The UID never changes while a cluster exists. For an account that may not read the
    namespace, the first three comparisons must do. A cluster of `turnup cluster create`
    is identified by its certificate authority and needs no request.

    Args:
        client: client with the connection settings that `connect` returned.
        label: label of the target.
        environ: the process' environment, see `connect`.
        note: receives a line if the UID cannot be recorded.

    Raises:
        WrongClusterError: another cluster answers at the recorded address.
        TurnupError: the server does not answer, or refuses for another reason than missing permissions.
    """
    connection = client.connection
    if _own_cluster_ca(connection.context, environ) is not None:
        return
    try:
        uid = client.request("GET", "/api/v1/namespaces/kube-system", accept=METADATA_ONLY)[1]["metadata"]["uid"]
    except (KeyError, TypeError):
        raise TurnupError(
            f"{connection.server} does not return the namespace kube-system, so it is not an API server; correct the server of context {connection.context!r}."
        ) from None
    except ApiError as error:
        if error.status in (403, 404):
            return
        raise TurnupError(f"{connection.server}: the UID of the namespace kube-system cannot be read ({error.status} {error.message}); try again.") from None
    path = _record_path(connection.context, environ)
    record = _read_record(path)
    recorded = record.get("uid")
    if not record:
        return  # `connect` could not write the record, and has said so.
    if not recorded:
        _write_record(path, connection, uid, note)
    elif recorded != uid:
        raise WrongClusterError(
            f"{label}: context {connection.context!r} leads to {connection.server}, but another cluster answers there now "
            f"(kube-system has UID {uid}, it had {recorded}); nothing was written. Correct the kubeconfig, or accept "
            "the new cluster with '-- --accept-cluster'."
        )


def _own_cluster_ca(context: str, environ: Mapping[str, str]) -> bytes | None:
    """Returns the CA of the cluster of `turnup cluster create` with this context; None if there is none."""
    if not context.startswith(_OWN_CONTEXT):
        return None
    state = Path(environ.get("TURNUP_STATE_DIR") or "/var/lib/turnup/clusters")
    try:
        return (state / context[len(_OWN_CONTEXT) :] / "pki" / "ca.crt").read_bytes()
    except OSError:
        return None


def _record_path(context: str, environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    return state / "turnup" / "contexts" / (hashlib.sha256(context.encode()).hexdigest()[:32] + ".json")


def _read_record(path: Path) -> dict[str, str]:
    """Returns the record of a context: `server` and `uid` ("" until known); {} if there is no record.

    Raises:
        WrongClusterError: the record cannot be read or is damaged, so it is unknown where the context led before.
    """
    try:
        text = path.read_text(encoding="utf-8")
        record = json.loads(text)
        return {"server": record["server"] + "", "uid": (record.get("uid") or "") + ""}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        if not os.access(path.parent, os.X_OK):
            return {}  # The account has no state folder. _write_record reports it.
        what = f"cannot be read ({error.strerror})"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        what = "is damaged"
    raise WrongClusterError(
        f"{path} {what}, so it is unknown whether the context still leads to the cluster of its first use; nothing was sent. Check "
        "the context's server in the kubeconfig, then delete the file, or accept the server with '-- --accept-cluster'."
    )


def _write_record(path: Path, connection: Connection, uid: str, note: Callable[[str], None]) -> None:
    """Records the server and UID of a context; notes it if the state folder cannot be written."""
    import tempfile  # Only a context's first use needs it.

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"context": connection.context, "server": connection.server, "uid": uid}, file)
        os.replace(name, path)
    except OSError as error:
        note(
            f"note: {path.parent} cannot be written ({error.strerror}), so later runs will not notice if context {connection.context!r} leads "
            "to another cluster"
        )
