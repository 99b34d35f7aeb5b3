"""The local Redis Cluster as a program, for tests in other languages.

It prints one line, `HOST PORT USERS`: those of pod 0, which does not run yet, and the folder with the users' passwords.
Then it carries out one command of stdin after the other and prints one line for each:

    start     starts all pods
    wait      waits until the cluster is ready
    kill      kills all pods
    wipe      deletes the data of all pods; kill them first
    masters   prints HOST:PORT of all masters, separated by spaces
    tester    makes a user that may do everything, and prints its name and password
    keep      makes the pods keep their passwords, whatever the files have

It ends, and kills all pods, at the end of stdin.
"""

import sys
import tempfile
from pathlib import Path

from python.redis.testing.local_cluster import LocalCluster

HOSTS = ["a", "b"] * 3


def obey(cluster: LocalCluster, command: str) -> str:
    """Carries out one command.

    Args:
        cluster: the cluster.
        command: the command, without a newline.

    Returns:
        The line to print.
    """
    if command == "start":
        cluster.start()
    elif command == "wait":
        cluster.wait_ready()
    elif command == "kill":
        cluster.kill()
    elif command == "wipe":
        for ordinal in range(len(HOSTS)):
            cluster.wipe(ordinal)
    elif command == "masters":
        return " ".join(f"{cluster.ip(ordinal)}:{cluster.port}" for ordinal in cluster.masters())
    elif command == "tester":
        return " ".join(cluster.make_tester())
    elif command == "keep":
        for pod in cluster.pods.values():
            pod.keep_passwords()
    else:
        return f"ERROR: unknown command {command!r}; use start, wait, kill, wipe, masters, tester or keep"
    return "done"


def main() -> int:
    """Obeys stdin; returns 0."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = LocalCluster(Path(folder), HOSTS)
        try:
            print(cluster.ip(0), cluster.port, cluster.users, flush=True)
            for line in sys.stdin:
                print(obey(cluster, line.strip()), flush=True)
        finally:
            cluster.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
