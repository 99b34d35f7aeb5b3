"""Turns the attributes of a rendering into the tool's arguments and inputs."""

load(":collect.bzl", "collect", "roots_of")
load(":providers.bzl", "JsonnetProgramInfo")

_OPTIONS = {
    "--max-stack": "max_stack",
    "--max-trace": "max_trace",
    "-s": "max_stack",
    "-t": "max_trace",
}

# Options with an attribute that the rule needs to know.
_ATTRIBUTES = {
    "--jpath": "imports",
    "--multi": "multiple_outputs",
    "--yaml-stream": "yaml_stream",
    "-J": "imports",
    "-m": "multiple_outputs",
    "-y": "yaml_stream",
}

def _renamed(ctx, old, new):
    """Returns an attribute's value under its new or its old name."""
    old_value = getattr(ctx.attr, old)
    new_value = getattr(ctx.attr, new)
    if old_value and new_value:
        fail("%s: '%s' and its old name '%s' are both set. Move all entries to '%s'." % (ctx.label, new, old, new))
    return new_value or old_value

def _make_variable(ctx, attribute, value):
    """Returns the value of a Make variable if the whole text is `$(NAME)`, else the text."""
    name = value[2:-1]

    # `$(A)-$(B)` is text: names have no other characters.
    if value != "$(%s)" % name or not name.replace("_", "x").isalnum():
        return value
    if name not in ctx.var:
        fail("%s: %s uses the Make variable $(%s), which is not defined. Pass --define=%s=VALUE." % (ctx.label, attribute, name, name))
    return ctx.var[name]

def _zip_files(ctx, attribute):
    """Returns (name, File) pairs of ext_str_files or ext_code_files."""
    files = getattr(ctx.files, attribute + "s")
    names = getattr(ctx.attr, attribute + "_vars")
    if len(files) != len(names):
        fail("%s: %ss has %d files, but %s_vars has %d names. Use one name for each file." % (ctx.label, attribute, len(files), attribute, len(names)))
    return [(names[i], files[i]) for i in range(len(files))]

def _keyed_files(ctx, attribute):
    """Returns (name, File) pairs of a label-keyed attribute with one file per label."""
    pairs = []
    for target, name in getattr(ctx.attr, attribute).items():
        files = target.files.to_list()
        if len(files) != 1:
            fail("%s: %s has %s, which has %d files. Use a target with exactly one file." % (ctx.label, attribute, target.label, len(files)))
        pairs.append((name, files[0]))
    return pairs

def _environment(ctx, attribute):
    """Checks and returns the names in an attribute for environment variables."""
    names = getattr(ctx.attr, attribute)
    for name in names:
        if "=" in name:
            fail("%s: %s has '%s', which is not a variable name. Use only the name, and pass its value with --action_env=NAME=VALUE." % (ctx.label, attribute, name))
    return names

def _bindings(ctx):
    """Returns a list of struct(flag, name, text, file), one for each variable or argument."""
    found = []
    for target in ["ext", "tla"]:
        for kind in ["str", "code"]:
            flag = "%s_%s" % (target, kind)
            if flag == "ext_str":
                values = _renamed(ctx, "vars", "ext_strs")
            elif flag == "ext_code":
                values = _renamed(ctx, "code_vars", "ext_code")
            else:
                values = getattr(ctx.attr, flag + ("s" if kind == "str" else ""))
            found += [
                struct(flag = flag, name = name, text = _make_variable(ctx, flag, text), file = None)
                for name, text in values.items()
            ]
            found += [
                struct(flag = flag + "_env", name = name, text = name, file = None)
                for name in _environment(ctx, flag + "_envs")
            ]
            files = _zip_files(ctx, flag + "_file") if target == "ext" else _keyed_files(ctx, flag + "_files")
            if kind == "code":
                files += _keyed_files(ctx, flag + "_libraries")
            found += [
                struct(flag = flag + "_file", name = name, text = None, file = file)
                for name, file in files
            ]
    return found

def _check_names(ctx, bindings):
    """Fails if a variable is set twice or a stamp key names no variable."""
    seen = {}
    for binding in bindings:
        key = (binding.flag[:3], binding.name)
        if key in seen:
            fail("%s: both %s and %s set '%s'. Remove one." % (ctx.label, seen[key], binding.flag, binding.name))
        seen[key] = binding.flag
    stampable = [binding.name for binding in bindings if binding.file == None]
    for key in ctx.attr.stamp_keys:
        if key not in stampable:
            fail("%s: stamp_keys has '%s', which ext_strs, ext_code, tla_strs and tla_code do not set. Remove it, or add the variable." % (ctx.label, key))

def _options(ctx):
    """Returns the tool's arguments for extra_args."""
    arguments = []
    option = None

    # rules_jsonnet joins the entries to a command line, so "--max-stack 9" may be one entry or two.
    words = []
    for entry in ctx.attr.extra_args:
        name, equals, value = entry.partition("=")
        words += [name, value] if equals and name in _OPTIONS else entry.split(" ")
    for word in words:
        if option:
            if not word.isdigit() or (int(word) == 0 and option == "max_stack"):
                fail("%s: extra_args has '%s' after --%s. Use a whole number%s." % (ctx.label, word, option.replace("_", "-"), " above 0" if option == "max_stack" else ""))
            arguments.append("--%s=%s" % (option, word))
            option = None
        elif word in ["-S", "--string"]:
            arguments.append("--string")
        elif word in _OPTIONS:
            option = _OPTIONS[word]
        elif word in _ATTRIBUTES:
            fail("%s: extra_args has '%s'. Use the attribute %s." % (ctx.label, word, _ATTRIBUTES[word]))
        elif word:
            fail("%s: extra_args has '%s', which is not supported. Use --string, --max-stack N or --max-trace N." % (ctx.label, word))
    if option:
        fail("%s: extra_args ends after --%s. Add its number." % (ctx.label, option.replace("_", "-")))
    return arguments

def _exec_path(file):
    return file.path

def _short_path(file):
    return file.short_path

def rendering(ctx, short):
    """Reads the attributes of COMMON_ATTRS.

    Args:
      ctx: Context of a rule with COMMON_ATTRS.
      short: True for runfiles paths, for tests; False for execution paths.

    Returns:
      A JsonnetProgramInfo, with runfiles paths if short.
    """
    path = _short_path if short else _exec_path
    bindings = _bindings(ctx)
    _check_names(ctx, bindings)
    libraries = ctx.attr.deps + ctx.attr.ext_code_libraries.keys() + ctx.attr.tla_code_libraries.keys()
    own = [ctx.file.src] + ctx.files.data + [binding.file for binding in bindings if binding.file]
    info = collect(
        label = ctx.label,
        roots = roots_of(own),
        imports = ctx.attr.imports,
        deps = libraries,
        files = depset(own),
    )

    # The tool detects by this character how Bazel encodes arguments.
    arguments = ["--encoding=é", "--label=%s" % ctx.label, "--src=" + path(ctx.file.src)] + _options(ctx)
    folders = info.short_imports if short else info.imports
    arguments += ["--import=" + folder for folder in folders.to_list()]
    for binding in bindings:
        if binding.flag.endswith("_env"):
            arguments.append("--%s=%s" % (binding.flag, binding.name))
        else:
            value = path(binding.file) if binding.file else binding.text
            arguments.append("--%s=%s" % (binding.flag, json.encode([binding.name, value])))
    for argument, sentence in ctx.attr.advice.items():
        arguments.append("--advice=" + json.encode([argument, sentence.replace("{build_file}", ctx.build_file_path)]))
    if ctx.attr.yaml_stream:
        arguments.append("--yaml_stream")
    status = []
    if ctx.attr.stamp_keys:
        status = [ctx.info_file, ctx.version_file]
        arguments += ["--stamp_key=" + key for key in ctx.attr.stamp_keys]
        arguments += ["--stamp_file=" + path(file) for file in status]
    return JsonnetProgramInfo(
        arguments = arguments,
        importable = info.transitive_jsonnet_files,
        inputs = depset(status, transitive = [info.transitive_jsonnet_files]),
        uses_env = any([binding.flag.endswith("_env") for binding in bindings]),
    )
