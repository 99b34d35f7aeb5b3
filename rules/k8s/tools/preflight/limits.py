"""The check of permissions for objects that no dry run can try."""

from __future__ import annotations

from concurrent.futures import Executor

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.preflight.verdicts import Refusal


def check_rights(client: Client, items: list[Item], executor: Executor) -> list[Refusal]:
    """Checks the permissions to create and patch objects that no dry run could try.

    Args:
        client: client of the API server.
        items: the items; each kind and namespace is checked once.
        executor: runs requests in parallel.

    Returns:
        A refusal for each missing permission.
    """
    first = {(item.resource, item.identity.namespace): item for item in reversed(items)}
    questions = [(item, verb) for item in first.values() for verb in ("create", "patch")]

    def allowed(question: tuple[Item, str]) -> bool:
        item, verb = question
        try:
            answer = client.request(
                "POST",
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                body={
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {
                        "resourceAttributes": {
                            "verb": verb,
                            "group": item.identity.group,
                            "resource": item.resource.plural,
                            "version": item.resource.api_version.rpartition("/")[2],
                            "namespace": item.identity.namespace,
                        }
                    },
                },
            )[1]
        except ApiError:
            return True  # If the account may not even ask, the write itself tells.
        return bool((answer.get("status") or {}).get("allowed", True))

    return [
        Refusal(
            item,
            f"{item.label}: {item.identity}: the cluster forbids it (no permission to {verb} {item.resource.plural} in "
            f"{item.identity.namespace or 'the cluster'}); ask for the permission, or use another user.",
        )
        for (item, verb), granted in zip(questions, executor.map(allowed, questions), strict=True)
        if not granted
    ]
