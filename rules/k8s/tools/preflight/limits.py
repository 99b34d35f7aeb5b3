"""What no dry run tells before the first write: rights to make what could not be tried, and room in quotas."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Collection

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.preflight.quota import exceeded
from rules.k8s.tools.preflight.verdicts import Refusal


def check_rights(client: Client, items: list[Item], executor: Executor) -> list[Refusal]:
    """Asks for the right to make what could not be tried: once for each kind and namespace."""
    first = {(item.resource, item.identity.namespace): item for item in reversed(items)}
    questions = [(item, verb) for item in first.values() for verb in ("create", "patch")]

    def allowed(question: tuple[Item, str]) -> bool:
        item, verb = question
        try:
            answer = client.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body={
                "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {
                    "verb": verb, "group": item.identity.group, "resource": item.resource.plural,
                    "version": item.resource.api_version.rpartition("/")[2], "namespace": item.identity.namespace}}})[1]
        except ApiError:
            return True  # Who may not ask finds out when writing.
        return bool((answer.get("status") or {}).get("allowed", True))

    return [Refusal(item, f"{item.label}: {item.identity}: the cluster forbids it (no right to {verb} {item.resource.plural} in "
                    f"{item.identity.namespace or 'the cluster'}); ask for the rights or use another user.")
            for (item, verb), granted in zip(questions, executor.map(allowed, questions)) if not granted]


def check_quotas(client: Client, items: list[Item], new: Collection[Identity], executor: Executor) -> list[Refusal]:
    """Compares what the items ask for with the quotas of their namespaces."""
    places: dict[str, list[Item]] = {}
    for item in items:
        places.setdefault(item.identity.namespace, []).append(item)
    places.pop("", None)

    def quotas(namespace: str) -> list[Object]:
        try:
            return list(client.request("GET", f"/api/v1/namespaces/{namespace}/resourcequotas")[1].get("items") or [])
        except ApiError:
            return []  # The server itself keeps to them; this is only to know before.

    refusals = []
    for (namespace, inside), found in zip(places.items(), executor.map(quotas, places)):
        for quota in found:
            for item, sentence in exceeded(quota, inside, new):
                refusals.append(Refusal(item, f"{item.label}: namespace {namespace}: {sentence}"))
    return refusals
