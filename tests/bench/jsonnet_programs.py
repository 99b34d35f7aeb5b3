"""Programs of the Jsonnet rows: services of 15 objects each, as separate files and as one program."""

import json
import shutil
from pathlib import Path

_LIBRARY = Path(__file__).parent / "jsonnet" / "service.libsonnet"
LIBRARY = _LIBRARY.name
COUNT = 300
LARGE = "large.jsonnet"


def name_of(number: int) -> str:
    """Returns the file name of a service's program; numbers start at 0."""
    return f"service-{number:03d}.jsonnet"


def _parameters(number: int) -> str:
    return json.dumps(
        {
            "name": f"service-{number:03d}",
            "team": f"team-{number % 7}",
            "replicas": 1 + number % 5,
            "cpu": 50 + number,
            "env": {"LOG_LEVEL": "info", "SHARD": number},
        }
    )


def write(folder: Path) -> None:
    """Writes the library, COUNT programs of one service each, and LARGE, which has all services in one list.

    Args:
        folder: the folder to create.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_LIBRARY, folder / LIBRARY)
    for number in range(COUNT):
        (folder / name_of(number)).write_text(f"(import '{LIBRARY}')({_parameters(number)})\n")
    calls = ",\n".join(f"  service({_parameters(number)})" for number in range(COUNT))
    (folder / LARGE).write_text(f"local service = import '{LIBRARY}';\n{{ items: std.flattenArrays([\n{calls},\n]) }}\n")


_OURS = """load("//rules/jsonnet:defs.bzl", "jsonnet_library", "jsonnet_to_json")

jsonnet_library(
    name = "lib",
    srcs = ["{library}"],
)

[
    jsonnet_to_json(
        name = "service-%d" % number,
        src = "service-%s.jsonnet" % ("00" + str(number))[-3:],
        outs = ["service-%d.json" % number],
        deps = [":lib"],
    )
    for number in range({count})
]
"""

# Like rules_jsonnet: one action per program, which runs the engine's command.
_PEER_RULE = '''"""One process of the go-jsonnet command an action."""

def _impl(ctx):
    args = ctx.actions.args()
    args.add("--output-file", ctx.outputs.out)
    args.add(ctx.file.src)
    ctx.actions.run(
        executable = ctx.executable._jsonnet,
        arguments = [args],
        inputs = [ctx.file.src] + ctx.files.deps,
        outputs = [ctx.outputs.out],
        mnemonic = "PeerJsonnet",
    )
    return [DefaultInfo(files = depset([ctx.outputs.out]))]

peer_to_json = rule(
    implementation = _impl,
    attrs = {
        "deps": attr.label_list(allow_files = True),
        "out": attr.output(mandatory = True),
        "src": attr.label(allow_single_file = True),
        "_jsonnet": attr.label(default = ":jsonnet", executable = True, cfg = "exec", allow_single_file = True),
    },
)
'''

_PEER = """load(":peer.bzl", "peer_to_json")

[
    peer_to_json(
        name = "service-%d" % number,
        src = "service-%s.jsonnet" % ("00" + str(number))[-3:],
        out = "service-%d.json" % number,
        deps = ["{library}"],
    )
    for number in range({count})
]
"""


def write_packages(root: Path, peer: Path) -> tuple[str, str]:
    """Writes two packages with the same programs: one uses our rules, the other one command per action.

    Args:
        root: a workspace with our rules.
        peer: the go-jsonnet command.

    Returns:
        The targets to build: ours and the peer's.
    """
    for folder, build in (("ours", _OURS), ("peer", _PEER)):
        write(root / folder)
        (root / folder / "BUILD").write_text(build.format(library=LIBRARY, count=COUNT))
    (root / "peer" / "peer.bzl").write_text(_PEER_RULE)
    shutil.copy(peer, root / "peer" / "jsonnet")
    return "//ours:all", "//peer:all"
