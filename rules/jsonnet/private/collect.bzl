"""Collects the files and import folders of Jsonnet targets and their dependencies."""

load(":providers.bzl", "JsonnetLibraryInfo")

def _join(*parts):
    """Joins path parts, leaving out empty ones and a single dot.

    Args:
      *parts: Strings.

    Returns:
      The parts joined with slashes, or `.` if none is left.
    """
    return "/".join([part for part in parts if part and part != "."]) or "."

def _check_imports(label, imports):
    """Fails if an import folder is absolute.

    Args:
      label: The target, for the message.
      imports: Values of the attribute `imports`.
    """
    for folder in imports:
        if folder.startswith("/"):
            fail("%s: imports has the absolute path '%s'. Use a folder relative to the package." % (label, folder))

def collect(label, roots, imports, deps, files):
    """Merges a target's own files and folders with those of its dependencies.

    Args:
      label: The target's label.
      roots: File roots (File.root.path) of the target's own files; "" for sources.
      imports: Import folders relative to the package.
      deps: Targets with JsonnetLibraryInfo.
      files: depset of the target's own importable Files.

    Returns:
      A JsonnetLibraryInfo.
    """
    _check_imports(label, imports)
    infos = [dep[JsonnetLibraryInfo] for dep in deps]
    repository = label.workspace_root
    package = _join(repository, label.package)

    # `external/NAME/…` is `../NAME/…` in runfiles.
    short_package = package.replace("external/", "../", 1) if repository else package

    # As with rules_jsonnet, files of another repository, and their dependents, can import from that repository's root.
    # The main repository's root is always searched.
    repository_roots = [_join(root, repository) for root in roots] if repository else []
    short_roots = [repository.replace("external/", "../", 1)] if repository else []
    return JsonnetLibraryInfo(
        imports = depset(
            [_join(root, package, folder) for folder in imports for root in roots] + repository_roots,
            transitive = [info.imports for info in infos],
            order = "preorder",
        ),
        short_imports = depset(
            [_join(short_package, folder) for folder in imports] + short_roots,
            transitive = [info.short_imports for info in infos],
            order = "preorder",
        ),
        transitive_jsonnet_files = depset(
            transitive = [files] + [info.transitive_jsonnet_files for info in infos],
            order = "postorder",
        ),
    )

def roots_of(files):
    """Lists the distinct roots of files.

    Args:
      files: List of Files.

    Returns:
      List of root paths, "" for sources; [""] if there are no files.
    """
    return {file.root.path: None for file in files}.keys() or [""]
