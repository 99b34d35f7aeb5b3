"""Files that unpack or expand to far more than their size: each is refused with one sentence, in bounded time and memory.

The long form has the sizes with which the faults were found.
"""

from __future__ import annotations

import gzip
import os
import resource
import tarfile
import time
from pathlib import Path

import pytest

from cluster.common.errors import ClusterError
from cluster.images.archives import archive_digest, check_archive
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.yaml_documents import load_yaml_documents

LONG = os.environ.get("FORM") == "long"


@pytest.mark.parametrize("read", [archive_digest, check_archive])
def test_an_index_that_unpacks_to_gigabytes(tmp_path: Path, read) -> None:
    """An image archive with a huge index is refused before it is in memory."""
    mebibytes = 3 << 10 if LONG else 64
    with gzip.open(tmp_path / "idx.tar.gz", "wb", 1) as out:
        member = tarfile.TarInfo("index.json")
        member.size = mebibytes << 20
        out.write(member.tobuf())
        for _ in range(mebibytes):
            out.write(bytes(1 << 20))
        out.write(bytes(1024))
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if read is archive_digest or LONG:
        with pytest.raises(ClusterError, match="too many for an image's metadata|decompression bomb"):
            read(tmp_path / "idx.tar.gz")
    else:
        read(tmp_path / "idx.tar.gz")  # within the limit
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 50_000
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("levels", range(5, 40 if LONG else 12))
def test_aliases_of_aliases(levels: int) -> None:
    """YAML of a few hundred bytes that stands for billions of values is refused at once."""
    text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{level}: &a{level} [" + ",".join([f"*a{level - 1}"] * 9) + "]\n" for level in range(1, levels))
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TurnupError, match="aliases of the document"):
        load_yaml_documents(text, "service.yaml")
    assert time.monotonic() - begun < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 20_000
