"""Test of the memory of a worker over 10,000 renderings, with each engine."""

import os

import pytest

from rules.jsonnet.tools import memory, worker
from rules.jsonnet.tools.request import ENGINES

_RENDERS = int(os.environ.get("RENDERS", "10000"))
# The slow engine takes minutes per thousand; fewer renderings show a leak, too.
_SHARE = {"gojsonnet": 1, "rjsonnet": 1, "jsonnet": 0.05}
# go-jsonnet collects its garbage; of the others the evaluator is replaced when it has grown.
_PEAK_MIB = {"gojsonnet": 200, "rjsonnet": (worker.MEMORY_LIMIT >> 20) + 64, "jsonnet": 200}


@pytest.mark.parametrize("engine", ENGINES)
def test_memory_is_bounded(tmp_path, engine):
    """A worker never uses much more memory than its limit, or its few live values, however often it renders."""
    peak = 0
    with memory.Worker(tmp_path, engine) as warm:
        for number in range(int(_RENDERS * _SHARE[engine])):
            assert warm.render()["exitCode"] == 0
            if number % 10 == 0:
                peak = max(peak, warm.memory())
    print(f"{engine}: peak {peak / 2**20:.0f} MiB")

    assert peak < _PEAK_MIB[engine] << 20
