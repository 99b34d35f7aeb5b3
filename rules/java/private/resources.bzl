"""Where resources go in a jar."""

def _after_root(path):
    """Returns a path below the folder that Maven's layout or a Java source root gives it."""
    parts = path.split("/")
    for i in range(len(parts) - 3):
        if parts[i] == "src" and parts[i + 2] == "resources":
            return "/".join(parts[i + 3:])
    for i in range(len(parts) - 1):
        if parts[i] in ("java", "javatests"):
            return "/".join(parts[i + 1:])
    return path

def resource_entries(ctx):
    """Returns where each resource of a target goes in its jar.

    Args:
      ctx: the context of a rule with resources, resource_strip_prefix and classpath_resources.
    Returns:
      list of (path in the jar, File).
    """
    entries = []
    prefix = ctx.attr.resource_strip_prefix.strip("/")
    for file in ctx.files.resources:
        path = file.short_path
        if path.startswith("../"):  # A file of another repository: ../REPOSITORY/path.
            path = "/".join(path.split("/")[2:])
        if prefix:
            below = path[len(prefix) + 1:] if path.startswith(prefix + "/") else ""
            if not below:
                fail("%s: resource_strip_prefix is \"%s\", but %s is not below it. Set it to a folder above all resources, from the workspace root." %
                     (ctx.label, ctx.attr.resource_strip_prefix, path))
            entries.append((below, file))
        else:
            entries.append((_after_root(path), file))
    return entries + [(file.basename, file) for file in ctx.files.classpath_resources]
