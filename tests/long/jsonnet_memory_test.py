"""Test of the memory of a worker over 10,000 renderings, with each engine."""

import os

import pytest

from rules.jsonnet.tools import memory, worker
from rules.jsonnet.tools.request import ENGINES

_RENDERS = int(os.environ.get("RENDERS", "10000"))
# The slow engines take half a minute per thousand; fewer renderings show a leak, too.
_SHARE = {"rjsonnet": 1, "gojsonnet": 0.2, "jsonnet": 0.05}


@pytest.mark.parametrize("engine", ENGINES)
def test_memory_is_bounded(tmp_path, engine):
    """A worker never uses much more memory than its limit, however often it renders."""
    peak = 0
    with memory.Worker(tmp_path, engine) as warm:
        for number in range(int(_RENDERS * _SHARE[engine])):
            assert warm.render()["exitCode"] == 0
            if number % 10 == 0:
                peak = max(peak, warm.memory())
    print(f"{engine}: peak {peak / 2**20:.0f} MiB")

    assert peak < worker.MEMORY_LIMIT + 64 * 2**20
