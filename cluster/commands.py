"""The commands of `./turnup cluster`. Status goes to stderr, data to stdout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from cluster.common.errors import TurnupError, UsageError
from cluster.common.process import ProcessRunner
from cluster.common.progress import Progress
from cluster.lifecycle import create_cluster, delete_cluster, existing_cluster
from cluster.model import kubeconfig
from cluster.model.constants import constants
from cluster.model.names import check_name, check_nodes, check_ports, check_share, check_subnet, context_name
from cluster.model.state import Cluster, default_state_dir, known_clusters
from cluster.programs.build import ensure
from cluster.providers import PROVIDERS, provider_of
from rules.common.control_characters import escape_control_characters, strip_control_characters

__all__ = ["cluster", "main"]


class _Command(click.Command):
    """A command that prints a TurnupError as `ERROR: …` and returns its exit code."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except TurnupError as error:
            click.echo(f"ERROR: {error}", err=True)
            context.exit(error.exit_code)


class _Group(click.Group):
    command_class = _Command


@click.group(cls=_Group)
def cluster() -> None:
    """Create, stop, inspect and delete local clusters."""


def _name_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--name", default=lambda: constants().cluster, help="The cluster's name.  [default: from cluster_constants.bzl]")(function)


@cluster.command()
@_name_option
@click.option("--nodes", type=int, default=lambda: constants().nodes, help="How many nodes; the first one also runs the control plane.")
@click.option("--subnet", default=lambda: constants().subnet, help="The nodes' network: node N gets the base address + N + 1.")
@click.option("--share", type=int, default=lambda: constants().share, help="The percentage of the machine's memory and processes that it may take.")
@click.option(
    "--host-port",
    "host_ports",
    type=int,
    multiple=True,
    default=lambda: constants().host_ports,
    help="A TCP port of this machine that pods may connect to; repeatable.",
)
@click.option("--provider", type=click.Choice(sorted(PROVIDERS)), default=lambda: constants().provider, help="What creates the cluster.")
@click.option("--registries", type=click.Path(path_type=Path), help="More registries for the nodes: a registries.yaml in the k3s format.")
@click.option("--retain", is_flag=True, help="Keep a cluster that could not be created completely, to inspect it.")
@click.option("--use-context", is_flag=True, help="Make the new context the current one.")
def create(
    name: str,
    nodes: int,
    subnet: str,
    share: int,
    host_ports: tuple[int, ...],
    provider: str,
    registries: Path | None,
    retain: bool,
    use_context: bool,
) -> None:
    """Create a cluster and add it to the kubeconfig.

    Changes nothing if the cluster exists and is healthy, and starts it if it is stopped.
    """
    check_name(name)
    check_nodes(nodes, check_subnet(subnet))
    wanted = Cluster(name, provider, str(check_subnet(subnet)), nodes, default_state_dir(), check_share(share), check_ports(host_ports))
    progress = Progress(sys.stderr)
    create_cluster(wanted, ProcessRunner(), progress, registries and registries.absolute(), retain, use_context)
    if provider != "context":
        progress.say("next: ./turnup cluster kubectl" + (f" --name {name}" if name != constants().cluster else "") + " get nodes")


@cluster.command()
@_name_option
def delete(name: str) -> None:
    """Delete a cluster with all its data."""
    check_name(name)
    progress = Progress(sys.stderr)
    if not delete_cluster(name, default_state_dir(), ProcessRunner(), progress):
        progress.say(f"cluster {name} does not exist: nothing to delete")


@cluster.command()
@_name_option
def start(name: str) -> None:
    """Start a stopped cluster, or the nodes of it that are down."""
    progress = Progress(sys.stderr)
    with existing_cluster(name, default_state_dir()) as found:
        provider_of(found, ProcessRunner(), progress).start(found)


@cluster.command()
@_name_option
def stop(name: str) -> None:
    """Stop a cluster; keeps its data, images and addresses."""
    progress = Progress(sys.stderr)
    with existing_cluster(name, default_state_dir()) as found, progress.step(f"Stopping cluster {name}"):
        provider_of(found, ProcessRunner(), progress).stop(found)


@cluster.command("list")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to print the list.")
def list_clusters(output: str) -> None:
    """List the clusters; a * marks the one that commands of this shell use."""
    progress, runner, chosen = Progress(sys.stderr), ProcessRunner(), _chosen_cluster()
    rows = [_list_row(found, found.name == chosen, provider_of(found, runner, progress).state(found)) for found in known_clusters(default_state_dir())]
    if output == "json":
        click.echo(escape_control_characters(json.dumps(rows, indent=2)))
        return
    table = [["", "NAME", "PROVIDER", "NODES", "SUBNET", "STATE"]]
    table += [["*" if row["chosen"] else "", *(str(row[key]) for key in ("name", "provider", "nodes", "subnet", "state"))] for row in rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for cells in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def _chosen_cluster() -> str | None:
    """Returns the name of the cluster that this shell's commands use; None if TURNUP_CONTEXT names a context instead."""
    context = os.environ.get("TURNUP_CONTEXT")
    name = constants().cluster
    return name if not context or context == context_name(name) else None


def _list_row(found: Cluster, chosen: bool, state: str) -> dict[str, object]:
    """Returns a cluster as a JSON object of `list --output=json`."""
    return {
        "name": found.name,
        "provider": found.provider,
        "nodes": found.nodes,
        "subnet": found.subnet,
        "state": state,
        "context": context_name(found.name),
        "chosen": chosen,
    }


@cluster.command("kubeconfig")
@_name_option
@click.option("--merge", is_flag=True, help="Add the cluster to the user's kubeconfig instead of printing.")
@click.option("--use-context", is_flag=True, help="Merge, and make it the current context.")
def show_kubeconfig(name: str, merge: bool, use_context: bool) -> None:
    """Print a kubeconfig that has only this cluster."""
    with existing_cluster(name, default_state_dir()) as found:
        access = provider_of(found, ProcessRunner(), Progress(sys.stderr)).kubeconfig(found)
    if merge or use_context:
        kubeconfig.merge(kubeconfig.user_path(), access, use_context)
    else:
        click.echo(kubeconfig.render(access), nl=False)


@cluster.command("load-image")
@_name_option
@click.option("--image", "reference", help="The image's name in the archive; with it, nodes that have the image are skipped.")
@click.argument("archive", type=click.Path(path_type=Path))
def load_image(name: str, reference: str | None, archive: Path) -> None:
    """Load the images of an OCI or Docker archive onto every node."""
    progress = Progress(sys.stderr)
    with existing_cluster(name, default_state_dir()) as found, progress.step(f"Loading {archive.name}"):
        provider_of(found, ProcessRunner(), progress).load_image(found, archive.absolute(), reference)


@cluster.command()
@_name_option
@click.option("--node", help="Show only this node's logs.")
@click.option("--lines", type=click.IntRange(min=1), default=20, show_default=True, help="How many lines of each log.")
@click.argument("program", required=False)
def logs(name: str, node: str | None, lines: int, program: str | None) -> None:
    """Show the last log lines of the nodes' programs.

    With PROGRAM, shows only the lines of that program.
    """
    with existing_cluster(name, default_state_dir()) as found:
        files = provider_of(found, ProcessRunner(), Progress(sys.stderr)).logs(found)
    if node and node not in files:
        raise UsageError(f"cluster {name} has no node {node!r}; choose from {', '.join(files)}")
    programs = sorted({known for of_node in files.values() for known in of_node})
    if program and program not in programs:
        raise UsageError(f"cluster {name} has no log of {program!r}; choose from {', '.join(programs)}")
    for of, logs_of_node in files.items():
        for known, path in logs_of_node.items():
            if node in (None, of) and program in (None, known):
                click.echo(f"==> {of} {known} <==")
                click.echo(strip_control_characters(_tail(path, lines)), nl=False)  # kubelet quotes messages of containers


@cluster.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_name_option
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def kubectl(name: str, words: tuple[str, ...]) -> None:
    """Run the kubectl of the embedded Kubernetes on this cluster."""
    with existing_cluster(name, default_state_dir()):
        pass  # kubectl runs without the lock, because it may run for hours
    program = str(ensure(Progress(sys.stderr)).kubernetes / "kubectl")
    os.execv(program, [program, "--context", context_name(name), *words])  # noqa: S606  # it takes this process's place, and gets its signals


def _tail(path: Path, lines: int) -> str:
    """Returns the last lines of a file, and reads no more of it than they are likely to need."""
    with path.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - lines * 2000))
        return b"".join(stream.read().splitlines(keepends=True)[-lines:]).decode(errors="replace")


def main(argv: list[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: the words of the command line; None for this process's own.

    Returns:
        The exit code.
    """
    try:
        return cluster.main(argv, prog_name="cluster", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("ERROR: interrupted; run the same command again to continue", err=True)
        return 130


if __name__ == "__main__":
    sys.exit(main())
