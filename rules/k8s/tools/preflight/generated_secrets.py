"""The generated values of a run's Secrets: read from the cluster, or chosen where it has none (see objects/generated_values.py)."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import replace

from rules.k8s.tools.api.api_errors import is_missing_right
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, error_sentence
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.masking.mask import Learn
from rules.k8s.tools.objects.generated_values import GENERATE_ANNOTATION, generated_keys, with_generated

# A resourceVersion that no object ever has: with it, an apply can create an object, but not change one that exists by then.
_NO_VERSION = "1"


class GeneratedSecrets:
    """Fills the generated keys of Secrets; every value is masked from the moment that it is known.

    Args:
        client: the API server.
        learn: receives the Secrets, so that their values are masked.
    """

    def __init__(self, client: Client, learn: Learn) -> None:
        self._client = client
        self._learn = learn

    def fill_all(self, items: Iterable[Item], executor: Executor) -> list[Item]:
        """Returns the items, Secrets with a value for each generated key.

        Raises:
            TurnupError: a Secret may not be read.
        """
        return list(executor.map(lambda item: self._fill(item)[0] if generated_keys(item.obj) else item, items))

    def to_write(self, item: Item) -> Item:
        """Returns an item as it is sent: a Secret with the values that the cluster has by now, and the version that it has them in.

        Somebody else may have created it since the preflight. The server refuses the write (409) if the Secret changes once more before
        it; then call this again.

        Raises:
            TurnupError: the Secret may not be read.
        """
        if not generated_keys(item.obj):
            return item
        filled, version = self._fill(item)
        return replace(filled, obj={**filled.obj, "metadata": {**filled.obj["metadata"], "resourceVersion": version}})

    def _fill(self, item: Item) -> tuple[Item, str]:
        """Returns a Secret with values, and the resourceVersion of the live one."""
        try:
            live = self._client.get_or_none(item.path)
        except ApiError as error:
            if not is_missing_right(error):
                raise TurnupError(error_sentence(item, error)) from None
            raise TurnupError(
                f"{item.label}: {item.identity}: this account may not read the Secret, and values of its annotation {GENERATE_ANNOTATION} must be kept. "
                f"Ask for the right to get Secrets in {item.identity.namespace}."
            ) from None
        obj = with_generated(item.obj, live)
        self._learn([each for each in (live, obj) if each])
        return replace(item, obj=obj), live["metadata"]["resourceVersion"] if live else _NO_VERSION
