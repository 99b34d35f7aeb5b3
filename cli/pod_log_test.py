"""Showing pods' logs, against an API that answers from memory."""

import io
from types import SimpleNamespace

import pytest
import urllib3
from kubernetes import client

from cli import pod_log


class FakeApi:
    """The two calls of CoreV1Api that are used.

    Args:
        logs: pod name -> log text; an exception instead of it is raised by the first call.
    """

    def __init__(self, logs):
        self._logs = logs
        self.selector = None

    def list_namespaced_pod(self, namespace, label_selector, _request_timeout):
        """Lists the pods, newest first as a server may."""
        if isinstance(self._logs, Exception):
            raise self._logs
        self.selector = label_selector
        return SimpleNamespace(items=[SimpleNamespace(metadata=SimpleNamespace(name=name)) for name in reversed(self._logs)])

    def read_namespaced_pod_log(self, name, namespace, tail_lines, _request_timeout):
        """Returns the log's last lines."""
        return "\n".join(self._logs[name].splitlines()[-tail_lines:])


def run(api, *more):
    """Runs the program on an API and returns its exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    words = ["--context", "c", "--namespace", "jane", "--service", "guide", *more]
    return pod_log.main(words, out, err, lambda context: api), out.getvalue(), err.getvalue()


def test_last_lines_of_one_pod():
    """One pod's newest lines stand alone, found by the service's label."""
    api = FakeApi({"guide-1": "old\nnew\nnewest\n"})

    assert run(api, "--lines", "2") == (0, "new\nnewest\n", "")
    assert api.selector == "app.kubernetes.io/name=guide"


def test_several_pods():
    """Each pod's name stands before its lines, in order."""
    assert run(FakeApi({"guide-1": "a", "guide-2": "b"}))[1] == "guide-1:\na\nguide-2:\nb\n"


@pytest.mark.parametrize("logs, sentence", [
    ({}, "ERROR: namespace jane has no pod of guide: bazel run //svc:myns-deep.apply makes it\n"),
    (client.ApiException(status=403, reason="Forbidden"), "ERROR: jane/guide: the API server refuses (403 Forbidden)\n"),
    (urllib3.exceptions.NewConnectionError(None, "refused"), "ERROR: jane/guide: the cluster does not answer; ./turnup cluster start wakes it\n"),
])  # fmt: skip
def test_failures_are_one_sentence(logs, sentence):
    """Whatever stands in the way is one sentence and exit code 1."""
    assert run(FakeApi(logs)) == (1, "", sentence)


def test_unknown_context(tmp_path, monkeypatch):
    """A context that the kubeconfig does not have is named."""
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\nkind: Config\ncontexts: []\nclusters: []\nusers: []\ncurrent-context: ''\n")
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    with pytest.raises(pod_log.PodLogError, match=r"^context nowhere: .*; \./turnup cluster create makes the default one$"):
        pod_log.connect("nowhere")
