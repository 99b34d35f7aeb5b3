"""How images start their programs: $(location TARGET) in arguments and flags, and the settings of the image."""

load("//rules/common:labels.bzl", "is_label_of", "label_text")
load("//rules/common:make_variables.bzl", "expand")
load("//rules/image/private:assemble.bzl", "IMAGE_ATTRS")
load("//rules/image/private:py_layers.bzl", "ROOT", "image_path")

def located(label, attribute, text, data, workspace):
    """Expands $(location TARGET) to the file's absolute path in the image.

    Args:
      label: Label of the target that has the attribute.
      attribute: the attribute's name, for errors.
      text: the argument or flag.
      data: list of the Targets that it may name.
      workspace: name of the main workspace.
    Returns:
      string.
    """
    for kind in ("locations", "execpaths", "rootpaths"):
        if "$(%s " % kind in text:
            fail("%s: %s has '%s', which may name several files. Use one argument with $(location TARGET) for each file." % (attribute, label_text(label), text))
    for kind in ("location", "execpath", "rootpath"):
        parts = text.split("$(%s " % kind)
        expanded = parts[0]
        for part in parts[1:]:
            name, _, suffix = part.partition(")")
            files = [
                file
                for target in data
                if is_label_of(name.strip(), target.label, label)
                for file in target[DefaultInfo].files.to_list()
            ]
            if len(files) != 1:
                fail("%s: %s has '%s', which needs one file, but %s has %d files in data. Add a target with exactly one file to data." % (attribute, label_text(label), text, name, len(files)))
            expanded += "%s/%s%s" % (ROOT, image_path(files[0], workspace), suffix)
        text = expanded
    return text

def program_settings(ctx, entrypoint, workdir):
    """Returns the settings of an image that starts a program, for assemble.

    Args:
      ctx: the context of a rule with IMAGE_ATTRS, and perhaps with the attributes `arguments` and `data`.
      entrypoint: list of strings that starts the program.
      workdir: the folder where it starts if the attribute `workdir` is empty.
    Returns:
      struct with IMAGE_ATTRS.
    """
    arguments = [
        expand(ctx, "args", located(ctx.label, "arguments", argument, ctx.attr.data, ctx.workspace_name))
        for argument in getattr(ctx.attr, "arguments", [])
    ]
    return struct(**dict(
        {name: getattr(ctx.attr, name) for name in IMAGE_ATTRS if not name.startswith("_")},
        cmd = arguments or ctx.attr.cmd,
        entrypoint = entrypoint,
        workdir = ctx.attr.workdir or workdir,
    ))
