"""A Java program in an image: checks it, and writes what its JVM is started with.

    program --where=LABEL --jdk=FILE [--main-class=NAME] [--jar=PATH --index=FILE]… [--resources=DIR] [--own=PATH]…
            [--module=NAME]… [--jvm-flag=FLAG]… [--archive=PATH --list=FILE] --flags-path=PATH
            --arguments=OUT --flags=OUT --modules=OUT --class-list=OUT

Each --jar is a path in the image and its --index what jars.index wrote about it, in the order of the class path. An --own jar is
one of the program itself, whose resources stand in a jar of their own if the folder --resources has it. --list is a recorded
list of classes for the archive of shared classes.
"""

from __future__ import annotations

import argparse
import difflib
import os
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, writing
from rules.image.tools.java import jars, jdk

# Modules that a program needs without naming a class of them, by the module that makes it so.
_ALSO = {
    "java.base": ["jdk.crypto.ec", "jdk.zipfs"],  # TLS with elliptic curves, and jars as file systems: found as services
    "java.management": ["jdk.management"],  # the beans of com.sun.management: found as a service
    "java.naming": ["jdk.naming.dns"],  # names of dns: found as a service
}
_FIRST_VERSION = 44  # the class file version of Java 0; 61 is Java 17
_MOST_SHARED = 8000  # classes in the archive besides the JDK's own: some 10 KB each, and most programs load far fewer
_DEFAULTS = (
    # Of a container's memory limit. The JVM's own default is a quarter. What is not heap (metaspace, compiled code, threads,
    # buffers of the network) has the rest: about 100 MB for a small gRPC server.
    "MaxRAMPercentage=60",
    # A JVM that is out of memory limps on; Kubernetes restarts one that exits.
    "+ExitOnOutOfMemoryError",
)


def quoted(argument: str) -> str:
    """Returns an argument as java's argument files have it: in quotes, with escapes."""
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t").replace("\f", "\\f")
    return f'"{escaped}"'


def find_main(name: str, indexes: Sequence[jars.Index], own: Iterable[jars.Index], where: str) -> str:
    """Returns the main class in the JVM's form.

    Args:
        name: the class, such as com.example.Main. Empty: the only one with a main method in the program's own jars.
        indexes: all jars.
        own: the program's own jars.
        where: the target, for errors.

    Raises:
        InputError: no jar has the class, or there is none or more than one to choose from.
    """
    candidates = sorted({found for index in own for found in index.mains})
    if not name:
        if len(candidates) == 1:
            return candidates[0]
        found = f"has {len(candidates)} with a main method ({', '.join(map(_dotted, candidates[:5]))})" if candidates else "has none with a main method"
        raise InputError(f"{where}: main_class is not set, and the program {found}; set main_class")
    wanted = name.replace(".", "/")
    known = {found for index in indexes for found in index.classes}
    if wanted in known:
        return wanted
    nested = name.rpartition(".")[0].replace(".", "/") + "$" + name.rpartition(".")[2]
    near = [nested] if nested in known else difflib.get_close_matches(wanted, candidates or sorted({found for index in own for found in index.classes}), 1, 0.5)
    near = near or [found for found in candidates if found.rpartition("/")[2] == wanted.rpartition("/")[2]][:1] or candidates[:1]
    advice = f"did you mean {_dotted(near[0])}?" if near else "add the library that has it to deps or runtime_deps"
    raise InputError(f"{where}: main_class: no jar of the program has the class {name}; {advice}")


def _dotted(name: str) -> str:
    """Returns a class's name as programs write it."""
    return name.replace("/", ".")


def check_jars(indexes: Sequence[jars.Index], runtime: jdk.Modules, where: str) -> None:
    """Checks that the runtime can load what is in the jars.

    Raises:
        InputError: a class is compiled for a newer Java, or a native library is only for other processors.
    """
    for index in indexes:
        name, version = index.newest
        java = version - _FIRST_VERSION
        if java > runtime.major:
            raise InputError(
                f"{where}: {index.name} has classes for Java {java}, such as {_dotted(name)}, but the image has Java {runtime.major}; "
                f"compile it with --release {runtime.major}, or use a version of the library for Java {runtime.major}"
            )
        if index.machines and runtime.architecture not in index.machines:
            machine, path = min(index.machines.items())
            raise InputError(
                f"{where}: {index.name} has native libraries only for other processors ({path} is for {machine}), but the image is for "
                f"{runtime.architecture}; use the library's jar for linux and {runtime.architecture}"
            )


def find_modules(indexes: Iterable[jars.Index], more: Iterable[str], runtime: jdk.Modules, where: str) -> list[str]:
    """Returns the modules of the JDK that a program needs, sorted.

    Args:
        indexes: all jars.
        more: modules that the user names; one after a minus sign is left out unless another requires it.
        runtime: the JDK's modules.
        where: the target, for errors.

    Raises:
        InputError: the JDK has no module of a name.
    """
    owners = {package: module for module, packages in runtime.modules.items() for package in packages}
    found = {"java.base"} | {owners[package] for index in indexes for package in index.jdk if package in owners}
    for module in sorted(found):
        found.update(also for also in _ALSO.get(module, []) if also in runtime.modules)
    for name in more:
        module = name.removeprefix("-")
        if module not in runtime.modules:
            near = difflib.get_close_matches(module, runtime.modules, 1)
            advice = f"did you mean {near[0]}?" if near else "see java --list-modules"
            raise InputError(f"{where}: modules: Java {runtime.major} has no module {module}; {advice}")
        if name.startswith("-"):
            found.discard(module)
        else:
            found.add(module)
    return sorted(found)


def find_classes(main: str, indexes: Sequence[jars.Index], runtime: jdk.Modules) -> list[str]:
    """Returns the classes that a program may load, nearest to its main class first, and after them the JDK's that these use.

    A class is near if few others stand between it and the main class: each class leads to those in its constant pool, and
    a service to its providers.

    Args:
        main: the main class.
        indexes: all jars in the order of the class path; the first jar with a class has it.
        runtime: the JDK's modules.
    """
    packages = {package for names in runtime.modules.values() for package in names}
    classes: dict[str, list[str]] = {}
    services: dict[str, list[str]] = {}
    for index in indexes:
        for name, uses in index.classes.items():
            classes.setdefault(name, uses)
        for service, providers in index.services.items():
            services.setdefault(service.replace(".", "/"), []).extend(provider.replace(".", "/") for provider in providers)
    order: dict[str, None] = {}
    platform: dict[str, None] = {}
    waiting = deque([main])
    seen = {main}
    while waiting and len(order) < _MOST_SHARED:
        name = waiting.popleft()
        if name in classes:
            order[name] = None
        for near in [*classes.get(name, []), *services.get(name, [])]:
            if near not in seen and (near in classes or near in services):
                seen.add(near)
                waiting.append(near)
            elif near not in classes and near.rpartition("/")[0] in packages:
                platform[near] = None
    return [*order, *platform]


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of this program's arguments."""
    parser = argparse.ArgumentParser(prog="program", allow_abbrev=False)
    for option in ("where", "jdk", "flags-path", "arguments", "flags", "modules", "class-list"):
        parser.add_argument(f"--{option}", required=True)
    for option in ("main-class", "archive", "list", "resources"):
        parser.add_argument(f"--{option}", default="")
    for option in ("jar", "index", "own", "module", "jvm-flag"):
        parser.add_argument(f"--{option}", action="append", default=[])
    return parser


def class_path(options: argparse.Namespace) -> list[str]:
    """Returns the class path: each jar, and after one of the program its resources."""
    result = []
    for path in options.jar:
        result.append(path)
        if path in options.own:
            resources = path.lstrip("/").removesuffix(".jar") + jars.RESOURCES
            if options.resources and os.path.exists(os.path.join(options.resources, resources)):
                result.append("/" + resources)
    return result


def main(argv: Sequence[str]) -> int:
    """Checks the program and writes its files as the arguments say (see the module's text)."""
    options = build_parser().parse_args(read_arguments(argv))
    where = options.where
    indexes = [jars.read_index(path) for path in options.index]
    runtime = jdk.read_modules(options.jdk)
    own = [index for path, index in zip(options.jar, indexes, strict=True) if path in options.own]
    main_class = find_main(options.main_class, indexes, own, where)
    check_jars(indexes, runtime, where)
    modules = find_modules(indexes, options.module, runtime, where)
    arguments = [f"-XX:Flags={options.flags_path}", *options.jvm_flag, "-cp", ":".join(class_path(options)), _dotted(main_class)]
    flags = [*_DEFAULTS, *([f"SharedArchiveFile={options.archive}"] if options.archive else [])]
    recorded = Path(options.list).read_text("utf-8") if options.list else ""
    shared = recorded or "".join(f"{name}\n" for name in find_classes(main_class, indexes, runtime)) if options.archive else ""
    for path, text in (
        (options.arguments, "".join(f"{quoted(argument)}\n" for argument in arguments)),
        (options.flags, "".join(f"{flag}\n" for flag in flags)),
        (options.modules, "".join(f"{module}\n" for module in modules)),
        (options.class_list, shared),
    ):
        with writing(where, path):
            Path(path).write_text(text, encoding="utf-8")
    return 0
