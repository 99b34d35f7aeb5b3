"""The program of `bazel run //pkg:pin -- ENV`, which writes the images that an environment runs.

    bazel run //svc:pin -- dev                   build and push images, pin dev to them
    bazel run //svc:pin -- staging --from=dev    pin staging to the images of dev; builds nothing
    bazel run //svc:pin -- dev --dry-run         print what would change

Every service of the closure is pinned in its own checked-in pins file; the files
change together or not at all.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from rules.k8s.tools.build.pins import edit_pins, parse_pins, write_together
from rules.k8s.tools.errors import TurnupError, UsageError, run_main
from rules.k8s.tools.images.delivery import push_built as push_built_images
from rules.k8s.tools.images.registry_login import from_context
from rules.k8s.tools.objects.plan import PushPlan


@dataclass(frozen=True)
class PinPlan:
    """The pins of a closure, as Bazel wrote them at build time.

    Attributes:
        label: the pin target that was run.
        push: the target with the built images; "" if this is that target.
        registry: host:port of the registry that images are published to.
        context: the kubeconfig context of the cluster, which may run that registry.
        environments: environments with pins.
        services: one mapping per image with label, name, pins (path from the
            workspace root, "" for none), repository, and, in the target with the
            built images, digest and push_plan (paths from the workspace root).
        root: the workspace's folder in the runfiles tree.
    """

    label: str
    push: str
    registry: str
    context: str
    environments: tuple[str, ...]
    services: tuple[dict[str, Any], ...]
    root: Path


def read_pin_plan(path: Path, runfiles: Path) -> PinPlan:
    """Reads the plan of a pin target."""
    head, *services = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return PinPlan(head["label"], head["push"], head["registry"], head["context"], tuple(head["environments"]), tuple(services), runfiles / head["workspace"])


def moved_pins(plan: PinPlan, workspace: Path, source: str) -> dict[str, str]:
    """Returns {service label: reference} of the pins of one environment.

    Raises:
        TurnupError: a service has no pin in `source`.
    """
    references = {}
    for service in plan.services:
        text = _read(workspace / _pins_path(service))
        reference = parse_pins(text, service["pins"], plan.environments).get(source, {}).get(service["name"])
        if reference is None:
            raise TurnupError(
                f"{service['pins']} has no pin of {service['name']!r} in {source} to copy. Nothing was written. "
                f"Pin it with 'bazel run {plan.label.partition(':')[0]}:pin -- {source}'."
            )
        references[service["label"]] = reference
    return references


def built_pins(plan: PinPlan) -> dict[str, str]:
    """Returns {service label: reference} of the images that Bazel has built."""
    return {service["label"]: f"{plan.registry}/{service['repository']}@{_digest(plan, service)}" for service in plan.services}


def _digest(plan: PinPlan, service: Mapping[str, Any]) -> str:
    return _read(plan.root / service["digest"]).strip()


def push_built(plan: PinPlan, environ: Mapping[str, str]) -> int:
    """Pushes the built images of a plan; returns how many of them the registry lacked.

    Raises:
        TurnupError: the registry does not answer or refuses the push.
    """
    plans = [PushPlan(service["label"], (), plan.root / service["push_plan"], plan.root.parent) for service in plan.services]
    return push_built_images(plans, login=from_context(plan.context, environ))[1]


def new_contents(plan: PinPlan, workspace: Path, environment: str, references: Mapping[str, str]) -> dict[Path, str]:
    """Returns {pins file: its new text} for the files that change."""
    texts: dict[Path, str] = {}
    for service in plan.services:
        path = workspace / _pins_path(service)
        text = texts.get(path) or _read(path)
        texts[path] = edit_pins(text, service["pins"], environment, {service["name"]: references[service["label"]]}, plan.environments)
    return {path: text for path, text in texts.items() if text != _read(path)}


def _pins_path(service: Mapping[str, Any]) -> str:
    if not service["pins"]:
        package = service["label"].partition(":")[0]
        raise TurnupError(f'{package} has an image but no pins file. Add pins = "pins.yaml" to its microservice and an empty pins.yaml beside it.')
    pins: str = service["pins"]
    return pins


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TurnupError(f"{path} cannot be read ({error}). Make it a readable UTF-8 file.") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bazel run TARGET:pin --", description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("environment", help="the environment to pin")
    parser.add_argument("--from", dest="source", default="", metavar="ENV", help="copy the pins of this environment; builds nothing")
    parser.add_argument("--dry-run", action="store_true", help="print what would change; push and write nothing")
    return parser


def build_and_pin(
    plan: PinPlan, argv: list[str], workspace: Path, environ: Mapping[str, str], execute: Callable[[str, list[str], Mapping[str, str]], Any]
) -> Any:
    """Replaces this process by the target with the built images, in the same Bazel server.

    Args:
        plan: without built images.
        argv: the user's arguments.
        workspace: the workspace's folder.
        environ: the process' environment.
        execute: replaces the process by another, as os.execvpe does.

    Raises:
        TurnupError: bazel cannot be started.
    """
    bazel = environ.get("BAZEL", "bazel")
    command = [bazel]
    # The runfiles are in OUTPUT_BASE/execroot: the same output base means the same server.
    parts = plan.root.resolve().parts
    if "execroot" in parts:
        last = len(parts) - 1 - parts[::-1].index("execroot")
        command.append("--output_base=" + str(Path(*parts[:last])))
    command += ["run", plan.push, "--", *argv]
    os.chdir(workspace)
    try:
        return execute(bazel, command, {key: value for key, value in environ.items() if key != "RUNFILES_DIR"})
    except OSError as error:
        raise TurnupError(f"{bazel} cannot be started ({error.strerror}). Run 'bazel run {plan.push} -- {' '.join(argv)}' yourself.") from None


def main(
    argv: list[str],
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
    execute: Callable[[str, list[str], Mapping[str, str]], Any] = os.execvpe,
) -> int:
    """Pins the images of a closure.

    Args:
        argv: PLAN (relative to the runfiles), then the user's arguments.
        stdout: where the summary is printed; the process' own when None.
        stderr: where errors and notes are printed; the process' own when None.
        environ: the environment; the process' own when None.
        execute: replaces the process by another, as os.execvpe does.

    Returns:
        The exit code.
    """
    environ = os.environ if environ is None else environ
    out = stdout or sys.stdout

    def body() -> int:
        runfiles = Path(environ.get("RUNFILES_DIR", "."))
        plan = read_pin_plan(runfiles / argv[0], runfiles)
        options = _parser().parse_args(argv[1:])
        for name in (options.environment, options.source):
            if name and name not in plan.environments:
                raise UsageError(f"{name!r} is not an environment with pins. Use one of {', '.join(plan.environments)}.")
        if options.source == options.environment:
            raise UsageError(f"--from={options.source}: copies the pins of an environment to itself. Name another environment.")
        workspace = Path(environ.get("BUILD_WORKSPACE_DIRECTORY", ""))
        if not environ.get("BUILD_WORKSPACE_DIRECTORY"):
            raise TurnupError(f"{plan.label}: BUILD_WORKSPACE_DIRECTORY is not set. Start the target with 'bazel run'.")
        for service in plan.services:
            _pins_path(service)
        if not options.source and plan.push:
            return int(build_and_pin(plan, argv[1:], workspace, environ, execute) or 0)
        if options.source:
            references = moved_pins(plan, workspace, options.source)
        else:
            references = built_pins(plan)
            if not options.dry_run:
                print(f"{plan.label}: {push_built(plan, environ)} of {len(plan.services)} images were new to {plan.registry}", file=out)
        contents = new_contents(plan, workspace, options.environment, references)
        if not options.dry_run:
            write_together(contents)
        for service in plan.services:
            changed = workspace / service["pins"] in contents
            verb = ("would pin" if options.dry_run else "pinned") if changed else "unchanged"
            print(f"  {verb:<10} {service['pins']}: {options.environment}.{service['name']} = {references[service['label']]}", file=out)
        return 0

    return run_main(body, stderr=stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
