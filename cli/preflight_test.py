"""Tests of the checks before anything is changed."""

import socket

import pytest

from cli import preflight
from cluster.common import errors


def kubeconfig(folder, server):
    """Writes a kubeconfig with one context called here, and returns the environment for it."""
    path = folder / "config"
    path.write_text(
        "contexts: [{name: here, context: {cluster: c, user: u}}]\n"
        f"clusters: [{{name: c, cluster: {{server: {server!r}}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    )
    return {"KUBECONFIG": str(path)}


def test_enough_room(tmp_path):
    """A disk with exactly the needed space is enough."""
    preflight.check_disk([tmp_path], 5, free=lambda _: 5)


def test_too_little_room(tmp_path):
    """The error has the folder, both figures and the fix."""
    with pytest.raises(errors.TurnupError, match=r": only 1\.5 GiB free, and turnup needs 9 GiB; free some space, or set XDG_CACHE_HOME"):
        preflight.check_disk([tmp_path], 9 * preflight.GIB, free=lambda _: int(1.5 * preflight.GIB))


def test_free_bytes_of_a_folder_to_come(tmp_path):
    """A folder that does not exist yet has the space of the nearest existing one above it."""
    assert preflight.free_bytes(tmp_path / "a" / "b") > 0


@pytest.mark.parametrize("user", ["prod", "staging", "dev"])
def test_user_named_like_an_environment(user):
    """A user with the name of a shared environment is refused, because the user's namespace would be shared."""
    with pytest.raises(errors.UsageError, match=f"USER is '{user}', which is the name of a shared environment") as caught:
        preflight.check_user(["prod", "staging", "dev"], {"USER": user})

    assert caught.value.exit_code == 2


def test_any_other_user():
    """Other names are accepted, and so is no name."""
    preflight.check_user(["prod"], {"USER": "jane"})
    preflight.check_user(["prod"], {})


def test_plain_user():
    """The error without root has both alternatives."""
    preflight.check_root(0)
    with pytest.raises(errors.TurnupError, match=r"needs root .* sudo \./turnup up, or use an existing cluster"):
        preflight.check_root(1000)


def test_context_that_answers(tmp_path):
    """A server that accepts connections passes the check."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        preflight.check_context("here", kubeconfig(tmp_path, f"https://127.0.0.1:{server.getsockname()[1]}"))


def test_context_that_does_not_answer(tmp_path):
    """The error has the server, the context and the fix."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"https://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(errors.TurnupError, match=rf"the API server {address} of context 'here' does not answer \(.*refused\)"):
        preflight.check_context("here", kubeconfig(tmp_path, address))


def test_unknown_context(tmp_path):
    """The error lists the existing contexts."""
    with pytest.raises(Exception, match=r"has no context 'nowhere' \(it has: here\)"):
        preflight.check_context("nowhere", kubeconfig(tmp_path, "https://127.0.0.1:1"))
