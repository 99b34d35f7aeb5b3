"""What the rules for generated code share: the paths of .proto files, and generated jars of Java sources."""

# The protobuf runtime has these messages; a second definition would conflict with it.
_IN_RUNTIME = "google/protobuf/"

def is_in_runtime(info):
    """Returns whether the protobuf runtime has all messages of a proto_library.

    Args:
      info: ProtoInfo of the proto_library.
    Returns:
      bool.
    """
    return not [src for src in info.direct_sources if not import_path(src, info).startswith(_IN_RUNTIME)]

def import_path(src, info):
    """Returns the path that other .proto files use to import a source.

    Args:
      src: a direct source, a File.
      info: ProtoInfo of its proto_library.
    Returns:
      string.
    """
    for root in [info.proto_source_root, src.root.path, src.owner.workspace_root]:
        if root and root != "." and src.path.startswith(root + "/"):
            return src.path[len(root) + 1:]
    return src.path

def generate_jar(ctx, label, info, protoc, flags, plugin, output, mnemonic):
    """Generates a jar of Java sources for the direct sources of a proto_library.

    Args:
      ctx: Context of the rule or aspect that declared the jar.
      label: The label that the progress message names.
      info: ProtoInfo of the proto_library.
      protoc: FilesToRunProvider of the compiler.
      flags: Generator flags without their value, such as ["--java_out"].
      plugin: (name, File) of the generator's program. None: protoc has it.
      output: The File of the jar, whose name ends with .jar.
      mnemonic: The action's mnemonic.
    """
    descriptors = info.transitive_descriptor_sets
    args = ctx.actions.args()
    args.use_param_file("@%s")
    args.set_param_file_format("multiline")
    args.add_joined(descriptors, join_with = ":", format_joined = "--descriptor_set_in=%s")
    if plugin:
        args.add(plugin[1], format = "--plugin=protoc-gen-" + plugin[0] + "=%s")
    args.add_all(flags, format_each = "%%s=%s" % output.path)
    args.add_all([import_path(src, info) for src in info.direct_sources])
    ctx.actions.run(
        executable = protoc,
        arguments = [args],
        inputs = descriptors,
        tools = [plugin[1]] if plugin else [],
        outputs = [output],
        mnemonic = mnemonic,
        progress_message = "Generating Java of %s" % label,
    )
