"""The guard: a target acts on the cluster that it was made for, or not at all.

Four facts are compared before the first request that writes:
1. the context named on the command line, if any, with the one in the plan;
2. the cluster entry of the kubeconfig with the target's `cluster` attribute, if set;
3. the server (and certificate authority) behind the context with what is recorded of it:
   the record of a cluster made by `turnup cluster create`, else the server that this
   context led to when it was first used from this account;
4. the UID of the namespace kube-system, which no two clusters share, with the one
   recorded at first use: an address can come to belong to another cluster.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Callable, Mapping

from rules.k8s.tools.api.client import METADATA_ONLY, Client
from rules.k8s.tools.errors import ApiError, TurnupError, WrongClusterError
from rules.k8s.tools.kubeconfig.kubeconfig import Connection, kubeconfig_files, load
from rules.k8s.tools.objects.plan import Plan

_OWN_CONTEXT = "turnup-"


def connect(plan: Plan, context: str, environ: Mapping[str, str], *, accept_cluster: bool = False,
            say: Callable[[str], None] = lambda text: None) -> Connection:
    """Reads the kubeconfig once and checks that it leads where the plan wants to go.

    Args:
        plan: the plan of the target.
        context: the context asked for on the command line, "" for none.
        environ: the process' environment (KUBECONFIG, HOME, TURNUP_STATE_DIR, XDG_STATE_HOME).
        accept_cluster: take the server that the context leads to now as the right one.
        say: told when a login takes long, and when it cannot be recorded where the context leads.

    Raises:
        WrongClusterError: any of the first three comparisons fails.
        TurnupError: the kubeconfig does not have the context.
    """
    documents = [entry.document for entry in plan.entries]
    expected = documents[0]["context"]
    if context and context != expected:
        raise WrongClusterError(f"{plan.label} is made for context {expected!r}, not for {context!r}; nothing was sent. Build it "
                                f"for the other cluster with TURNUP_CONTEXT={context}.")
    if not expected:
        raise WrongClusterError(f"{plan.label} names no context; set context in its k8s_object.")
    files = kubeconfig_files(str(plan.kubeconfig or ""), environ)
    connection = load(files, expected, documents[0]["user"], environ=environ, say=say)
    for document in documents:
        if document["cluster"] and document["cluster"] != connection.cluster:
            raise WrongClusterError(f"{document['label']} is made for cluster {document['cluster']!r}, but context {expected!r} of "
                                    f"{connection.source} uses cluster {connection.cluster!r}; nothing was sent. Correct the kubeconfig.")
    _compare(connection, plan.label, environ, accept_cluster, say)
    return connection


def _compare(connection: Connection, label: str, environ: Mapping[str, str], accept: bool, say: Callable[[str], None]) -> None:
    recorded_ca = _own_cluster_ca(connection.context, environ)
    if recorded_ca is not None:
        if connection.ca is None or recorded_ca.strip() != connection.ca.strip():
            raise WrongClusterError(f"{label}: context {connection.context!r} of {connection.source} leads to {connection.server}, which is not the "
                                    "cluster recorded under that name; nothing was sent. Renew the kubeconfig with "
                                    "'./turnup cluster kubeconfig --merge'.")
        return
    record = _record_path(connection.context, environ)
    recorded = {} if accept else _read_record(record)
    if not recorded:
        _write_record(record, connection, "", say)
    elif recorded["server"] != connection.server:
        raise WrongClusterError(f"{label}: context {connection.context!r} of {connection.source} leads to {connection.server}, but led to {recorded['server']} "
                                "when it was first used; nothing was sent. Correct the kubeconfig, or say that the new server is "
                                "right with '-- --accept-cluster'.")


def confirm(client: Client, label: str, environ: Mapping[str, str], say: Callable[[str], None] = lambda text: None) -> None:
    """Asks the cluster who it is and compares that with what is recorded; records it when nothing is.

    The UID of kube-system stays what it is for a cluster's whole life. A user who may not
    read that namespace goes on with the first three comparisons alone. A cluster of
    `turnup cluster create` is known by its certificate authority and is not asked.

    Args:
        client: requests over the connection that `connect` gave.
        label: the target that is run.
        environ, say: as for `connect`.

    Raises:
        WrongClusterError: another cluster answers at the recorded address.
        TurnupError: the server cannot be reached.
    """
    connection = client.connection
    if _own_cluster_ca(connection.context, environ) is not None:
        return
    try:
        uid = client.request("GET", "/api/v1/namespaces/kube-system", accept=METADATA_ONLY)[1]["metadata"]["uid"]
    except ApiError as error:
        if error.status in (403, 404):
            return
        raise TurnupError(f"{connection.server}: does not say which cluster it is ({error.status} {error.message}); try again.") from None
    path = _record_path(connection.context, environ)
    record = _read_record(path)
    recorded = record.get("uid")
    if not record:
        return  # It could not be written a moment ago, which has been said.
    if not recorded:
        _write_record(path, connection, uid, say)
    elif recorded != uid:
        raise WrongClusterError(f"{label}: context {connection.context!r} leads to {connection.server}, but another cluster answers there now "
                                f"(kube-system has UID {uid}, it had {recorded}); nothing was written. Correct the kubeconfig, or say "
                                "that the new cluster is right with '-- --accept-cluster'.")


def _own_cluster_ca(context: str, environ: Mapping[str, str]) -> bytes | None:
    """Returns the CA of the cluster that Turnup made under this context's name, None without one."""
    if not context.startswith(_OWN_CONTEXT):
        return None
    state = Path(environ.get("TURNUP_STATE_DIR") or "/var/lib/turnup/clusters")
    try:
        return (state / context[len(_OWN_CONTEXT):] / "pki" / "ca.crt").read_bytes()
    except OSError:
        return None


def _record_path(context: str, environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    return state / "turnup" / "contexts" / (hashlib.sha256(context.encode()).hexdigest()[:32] + ".json")


def _read_record(path: Path) -> dict[str, str]:
    """Returns what is recorded of a context: its server and, once known, its uid; {} where nothing is.

    Raises:
        WrongClusterError: a record is there and does not say it, so nothing tells this use from the first one.
    """
    try:
        text = path.read_text(encoding="utf-8")
        record = json.loads(text)
        return {"server": record["server"] + "", "uid": (record.get("uid") or "") + ""}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        if not os.access(path.parent, os.X_OK):
            return {}  # An account without a state folder of its own, which is said where it cannot be written.
        what = f"cannot be read ({error.strerror})"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        what = "is damaged"
    raise WrongClusterError(f"{path}: {what}, so it cannot be told whether the context leads to the cluster of its first use; nothing was sent. Check "
                            "the context's server in the kubeconfig, then delete the file, or say that the server is right with '-- --accept-cluster'.")


def _write_record(path: Path, connection: Connection, uid: str, say: Callable[[str], None]) -> None:
    """Records where a context leads; for an account without a writable state folder it says that nothing is."""
    import tempfile  # Only a context's first use writes.

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"context": connection.context, "server": connection.server, "uid": uid}, file)
        os.replace(name, path)
    except OSError as error:
        say(f"note: {path.parent} cannot be written ({error.strerror}), so no later run notices when context {connection.context!r} leads to another cluster")


