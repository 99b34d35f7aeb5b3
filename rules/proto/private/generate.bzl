"""Runs protoc's Python generators on a proto_library."""

load("//rules/common:protoc.bzl", "import_path", "is_in_runtime")

def _module_file(import_path, suffix):
    """Returns the file name of a generated module; protoc turns `-` into `_`."""
    return import_path[:-len(".proto")].replace("-", "_") + suffix

def generate(ctx, label, info, protoc, flags, suffixes, mnemonic):
    """Generates Python modules for the direct sources of a proto_library.

    Python imports a module under the path that .proto files use:
    proto/route_guide.proto gives proto.route_guide_pb2.

    Args:
      ctx: Context of the rule or aspect that declares the files.
      label: The label that decides the package of the files.
      info: ProtoInfo of the proto_library.
      protoc: FilesToRunProvider of the compiler.
      flags: Generator flags without their value, such as ["--python_out"].
      suffixes: The suffixes that replace `.proto` in the generated files.
      mnemonic: The action's mnemonic.

    Returns:
      struct(sources, imports): list of generated Files, and list of import
      roots in runfiles that they need besides the workspace root.
    """
    if is_in_runtime(info):
        return struct(sources = [], imports = [])
    paths = [import_path(src, info) for src in info.direct_sources]
    package = label.package + "/" if label.package else ""
    in_place = not [path for path in paths if not path.startswith(package)]

    # If a prefix was stripped or added, the modules get their own root.
    prefix = "" if in_place else "_%s_python/" % label.name
    sources = []
    for path in paths:
        for suffix in suffixes:
            file = _module_file(path, suffix)
            sources.append(ctx.actions.declare_file(file[len(package):] if in_place else prefix + file))
    first = _module_file(paths[0], suffixes[0])
    root = sources[0].path[:-len(first) - 1]
    descriptors = info.transitive_descriptor_sets
    args = ctx.actions.args()
    args.use_param_file("@%s")
    args.set_param_file_format("multiline")
    args.add_joined(descriptors, join_with = ":", format_joined = "--descriptor_set_in=%s")
    args.add_all(flags, format_each = "%%s=%s" % root)
    args.add_all(paths)
    ctx.actions.run(
        executable = protoc,
        arguments = [args],
        inputs = descriptors,
        outputs = sources,
        mnemonic = mnemonic,
        progress_message = "Generating Python of %s" % label,
    )
    short_root = sources[0].short_path[:-len(first) - 1]
    if short_root.startswith("../"):
        return struct(sources = sources, imports = [short_root[len("../"):]])
    return struct(sources = sources, imports = [] if in_place else [ctx.workspace_name + "/" + short_root])
