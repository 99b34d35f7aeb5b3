"""pip_wheels: the wheels of the few packages that pip_hub assigns to one repository."""

load("//rules/python/private:pip_tool.bzl", "TOOL_ATTRS", "run_tool")

def _impl(repository_ctx):
    hub, _, index = repository_ctx.name.rpartition("_")

    # A canonical name of Bzlmod, which has a separator that no other name may have, needs a second @.
    at = "@@" if "~" in hub or "+" in hub else "@"
    python = repository_ctx.read(Label("%s%s//:python.txt" % (at, hub)))

    # Bazel fetches this repository again only if this file changes, so a new version of one package costs one wheel.
    share = repository_ctx.path(Label("%s%s//locks:%s.json" % (at, hub, index)))
    run_tool(repository_ctx, python, "download_wheels", [share])

pip_wheels = repository_rule(
    implementation = _impl,
    doc = "Downloads the wheels that a pip_hub lists for this repository's number, and writes what each depends on.",
    attrs = TOOL_ATTRS,
)
