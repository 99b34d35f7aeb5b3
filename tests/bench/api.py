"""A real API server and the programs that are measured with it: Turnup's verbs and kubectl."""

import datetime
import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cluster.programs.build import ensure
from rules.k8s.testing.plans import document, write_plan
from rules.k8s.testing.real_server import CONTEXT, RealServer
from tests.bench.workspace import BenchError, Workspace

LABEL = "//bench:dev-deep"
_PROGRAM = "//rules/k8s/tools/verbs:k8s_run"
# Much longer than any side needs; it only stops a broken run.
_DEADLINE_S = 900


def objects(count: int, namespace: str) -> list[dict[str, Any]]:
    """Returns objects of one namespace: two ConfigMaps of 1 KiB per Deployment, Service and ServiceAccount."""
    made = []
    for number in range(count):
        meta = {"name": f"o{number:04}", "namespace": namespace}
        labels = {"app": meta["name"]}
        made.append(
            [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"settings": f"{number:04}" * 256}},
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": meta,
                    "spec": {
                        "replicas": 2,
                        "selector": {"matchLabels": labels},
                        "template": {
                            "metadata": {"labels": labels},
                            "spec": {
                                "containers": [
                                    {
                                        "name": "main",
                                        "image": "registry.example/app@sha256:" + "0" * 64,
                                        "ports": [{"name": "main", "containerPort": 8080, "protocol": "TCP"}],
                                        "env": [{"name": f"V{index}", "value": str(number)} for index in range(5)],
                                    }
                                ]
                            },
                        },
                    },
                },
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"settings": f"{number:04}" * 256}},
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": meta,
                    "spec": {"selector": labels, "ports": [{"name": "main", "port": 80, "protocol": "TCP", "targetPort": "main"}]},
                },
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
            ][number % 5]
        )
    return made


class Api:
    """API server and a folder of plans; use it as a context manager.

    Args:
        workspace: the repository, in which the program is built.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._scratch = tempfile.TemporaryDirectory(prefix="turnup-bench-api-")
        self._folder = Path(self._scratch.name)
        self._kubectl = ensure().kubernetes / "kubectl"
        (self._folder / "server").mkdir()
        self._server = RealServer(ensure().kubernetes / "kube-apiserver", ensure().etcd / "etcd", self._folder / "server")
        self.peak_mib = 0.0
        self.requests = 0

    def __enter__(self) -> Self:
        self._workspace.run("bazel", "build", _PROGRAM)
        self._server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.__exit__(kind, error, trace)
        self._scratch.cleanup()

    def namespace(self, name: str) -> None:
        """Creates a namespace."""
        self.kubectl("create", "namespace", name)

    def target(self, made: list[dict[str, Any]]) -> None:
        """Writes the plan of a target for objects of one namespace; the target has the namespace's name."""
        namespace = made[0]["metadata"]["namespace"]
        plan = self._folder / f"runfiles-{namespace}"
        write_plan(plan, LABEL, [document("//bench:dev", made, context=CONTEXT, namespace=namespace)])
        # Links the program's own runfiles next to the plan, as in the runfiles of a launcher.
        program = (self._workspace.directory / "bazel-bin/rules/k8s/tools/verbs/k8s_run").resolve()
        runfiles = Path(f"{program}.runfiles")
        for entry in [*runfiles.iterdir(), *(runfiles / "turnup").iterdir()]:
            link = plan / entry.relative_to(runfiles)
            if not link.exists():
                link.symlink_to(entry)

    def run(self, verb: str, namespace: str) -> float:
        """Runs a verb of a target as its launcher does, and keeps peak memory and number of requests.

        Args:
            verb: the verb.
            namespace: the target's namespace.

        Returns:
            Its duration in seconds.

        Raises:
            BenchError: the verb failed.
        """
        plan = self._folder / f"runfiles-{namespace}"
        before = len(self._audit())
        seconds, self.peak_mib = self._timed([str(plan / "turnup/rules/k8s/tools/verbs/k8s_run"), "turnup/plan.jsonl", verb], {"RUNFILES_DIR": str(plan)})
        self.requests = len(self._audit()) - before
        return seconds

    def kubectl(self, *arguments: str) -> float:
        """Runs kubectl with the server and returns its duration in seconds."""
        return self._timed([str(self._kubectl), *arguments], {})[0]

    def write(self, made: list[dict[str, Any]], name: str) -> str:
        """Writes objects to one file for kubectl and returns its path."""
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))
        return str(path)

    def first_request(self, since: float) -> float:
        """Returns the seconds between a time.time() and the first request after it."""
        for line in self._audit():
            stamp = json.loads(line)["requestReceivedTimestamp"]
            arrived = _seconds(stamp)
            if arrived >= since:
                return arrived - since
        raise BenchError("the audit log has no request; check the API server's log")

    def _audit(self) -> list[str]:
        log = self._server.audit_log
        return log.read_text().splitlines() if log.exists() else []

    def _timed(self, command: list[str], environment: dict[str, str]) -> tuple[float, float]:
        """Runs a command and returns its duration in seconds and its peak memory in MiB."""
        environment = {
            "HOME": str(self._folder),
            "KUBECONFIG": str(self._server.kubeconfig),
            "PATH": os.environ["PATH"],
            "XDG_STATE_HOME": str(self._folder / "state"),
            **environment,
        }
        with open(self._folder / "output", "w+b") as output:
            start = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
            peak = _Peak(process)
            peak.start()
            code = process.wait()
            seconds = time.monotonic() - start
            peak.join()
            if code != 0:
                output.seek(0)
                tail = " | ".join(output.read().decode(errors="replace").splitlines()[-3:])
                raise BenchError(f"{' '.join(command[:4])}: exit {code}: {tail}")
        return seconds, peak.mib


class _Peak(threading.Thread):
    """Watches the peak memory of a process, and kills a process that runs too long.

    The kernel's own figure (ru_maxrss) would include the memory of this program from before the exec.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.mib = 0.0

    def run(self) -> None:
        """Reads the peak memory every 10 ms until the process exits."""
        deadline = time.monotonic() + _DEADLINE_S
        while self._process.poll() is None:
            try:
                status = Path(f"/proc/{self._process.pid}/status").read_text()
            except OSError:
                return
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    self.mib = int(line.split()[1]) / 1024
            if time.monotonic() > deadline:
                self._process.kill()
            time.sleep(0.01)


def _seconds(stamp: str) -> float:
    """Converts an RFC 3339 time of the audit log to a time.time()."""
    return datetime.datetime.fromisoformat(stamp).timestamp()
