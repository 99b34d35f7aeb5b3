"""Generates a repository of many services, to measure and test how the cost of builds grows.

Service N depends on N/2, on N/3 and, unless N ends in 0, on N-1: a graph with 2.5 edges per service, with wide layers and
long chains. `//svc` depends on all services without dependents, so `//svc:myns-deep` contains everything.
"""

from pathlib import Path

FOLDER = "many"

_BUILD = """load("//rules/image:defs.bzl", "py_image")
load("//rules/k8s:defs.bzl", "microservice")

py_image(
    name = "image",
    srcs = ["main.py"],
    base = "//python:base",
    main = "main.py",
)

microservice(
    name = "{name}",
    image = ":image",
    libraries = ["//lib"],
    manifests = "service.jsonnet",
    pins = "pins.yaml",
    service = "service.yaml",
    deps = [{deps}],
)
"""

_JSONNET = """local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  k.microservice({{
    environment: env,
    service: service,
    image: images.{name},
    env: {{ [std.asciiUpper(dep) + '_HOST']: deps[dep].host for dep in std.objectFields(deps) }},
    config: {{ 'settings.json': {{ number: {number} }} }},
    readinessProbe: k.probes.http('/', service.port),
  }})
"""


def name_of(number: int) -> str:
    """Returns the name of a service, which is also that of its target and its folder below `many`."""
    return f"s{number:04}"


def dependencies(number: int) -> list[int]:
    """Returns the services that a service depends on; all have lower numbers."""
    found = {number // 2, number // 3} | ({number - 1} if number % 10 else set())
    return sorted(found - {number})


def generate(root: Path, count: int) -> None:
    """Writes services 0 to count - 1 to a copy of the workspace and makes //svc depend on them.

    Args:
        root: root of the copy.
        count: number of services.
    """
    needed = {other for number in range(count) for other in dependencies(number)}
    for number in range(count):
        name = name_of(number)
        folder = root / FOLDER / name
        folder.mkdir(parents=True)
        deps = ", ".join(f'"//{FOLDER}/{name_of(other)}"' for other in dependencies(number))
        (folder / "BUILD").write_text(_BUILD.format(name=name, deps=deps))
        (folder / "service.jsonnet").write_text(_JSONNET.format(name=name, number=number))
        (folder / "service.yaml").write_text(f"name: {name}\nport: {10000 + number}\n")
        (folder / "main.py").write_text(f'"""Service {number}."""\nprint({number})\n')
        (folder / "pins.yaml").write_text("")
    tops = ", ".join(f'"//{FOLDER}/{name_of(number)}"' for number in range(count) if number not in needed)
    build = root / "svc/BUILD"
    before = build.read_text()
    after = before.replace('deps = ["//python/client"]', f"deps = [{tops}]")
    if after == before:
        raise ValueError(f"{build}: deps of //svc are not as expected")
    build.write_text(after)
