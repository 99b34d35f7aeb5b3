"""Runs the README and the pages for tasks: every shell block, in order, in a clean copy of the workspace with its own cluster.

The copy's Bazel has its own outputs, so it does not wait for the Bazel that runs this test. The built Kubernetes and the
downloads are the user's, as for a person who follows the README.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.readme.blocks import blocks
from tests.repo import tree

# In the order in which a newcomer reads them: each page goes on from where the page before it ends.
PAGES = [
    "README.md",
    "docs/add-a-service.md",
    "docs/add-another-image.md",
    "docs/promote-to-production.md",
    "docs/troubleshooting.md",
]
BLOCKS = [(page, block) for page in PAGES for block in blocks(tree.text(Path(page)))]
RUN = [(page, block) for page, block in BLOCKS if not block.reason]
# Blocks that no test can run, by first command; a new entry needs a good reason.
NOT_RUN = {
    "./turnup test": "it is the command that runs this test",
    "./turnup cluster create --provider k3d": "needs Docker and k3d",
    "./turnup --context kind-kind up": "needs a cluster that turnup did not make",
    "bazel run //rules/image:update_debian_lock -- debian_mine": "it is about packages of yours",
    "bazel run //svc:staging-deep.diff": "a test machine has room for two stacks, and the commands are those of dev",
    "bazel run //svc:dev-deep.rollback": "dev has one revision here, and a rollback needs two",
    "./turnup cluster logs --node local-1 --lines 100 kubelet": "the node's name is that of the default cluster",
    "bazel clean --expunge": "it removes the caches of the machine",
}
# Next to the default cluster's subnet. The state folder is fixed, so that the next run finds what a killed run has left.
CLUSTER = {"TURNUP_CLUSTER": "readme", "TURNUP_SUBNET": "172.19.0.128/26", "TURNUP_STATE_DIR": "/var/lib/turnup/readme-test"}
BLOCK_SECONDS = 1200


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Returns the copy of the workspace and the environment for commands; deletes the cluster at the end."""
    folder = tmp_path_factory.mktemp("readme")
    workspace = folder / "turnup"
    for path in tree.files():
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree.ROOT / path, workspace / path)
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("TEST_", "RUNFILES", "BUILD_", "TURNUP_"))},
        **CLUSTER,
        "KUBECONFIG": str(folder / "kubeconfig"),
        "TEST_TMPDIR": str(folder / "bazel"),  # a Bazel inside a test writes its outputs here
        "USER": "reader",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    git = ["git", "-c", "user.name=reader", "-c", "user.email=reader@example.com"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "the workspace as it is"]):
        subprocess.run([*git, *words], cwd=workspace, env=env, check=True)
    try:
        sh("./turnup cluster delete", workspace, env)
        yield workspace, env
    finally:
        sh("./turnup cluster delete; bazel shutdown", workspace, env)
        shutil.rmtree(folder, onerror=_make_writable)


def _make_writable(function, path, _error):
    """Makes folders that Bazel made read-only writable, so that rmtree can delete them."""
    os.chmod(os.path.dirname(path), 0o700)
    os.chmod(path, 0o700)
    function(path)


def sh(text, workspace, env):
    """Runs a block in a shell, writes its output to the test's log, and returns its exit code."""
    print(f"$ {text}", flush=True)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=workspace,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        timeout=BLOCK_SECONDS,
    )
    print(done.stdout, flush=True)
    return done.returncode


def test_blocks_that_are_not_run():
    """Only these blocks are not run, each with its reason on its page."""
    assert {block.title: block.reason for _, block in BLOCKS if block.reason} == NOT_RUN


def test_every_page_has_something_to_run():
    """No page has lost its blocks."""
    assert [page for page in PAGES if not any(page == other for other, _ in RUN)] == []


def test_up_can_be_killed(place):
    """If `up` is killed while it creates the cluster, the next `up` succeeds."""
    workspace, env = place
    child = subprocess.Popen(["./turnup", "up"], cwd=workspace, env=env, stderr=subprocess.PIPE, text=True)
    with child:
        for line in child.stderr:
            print(line, end="", flush=True)
            if line.startswith("-> Cluster readme"):
                break
        time.sleep(1)
        child.kill()

    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("block", [pytest.param(block, id=f"{page}:{block.line}: {block.title}") for page, block in RUN])
def test_block(place, block):
    """The block's commands succeed, after all blocks before it."""
    assert sh(block.text, *place) == 0
