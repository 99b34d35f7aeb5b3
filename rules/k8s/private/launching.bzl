"""Plans and launchers, which make a target runnable with `bazel run`."""

load("@turnup_env//:constants.bzl", "REGISTRY")
load("//rules/common:labels.bzl", "label_text")
load("//rules/common:runfiles.bzl", "runfiles_path")
load("//rules/common:shell.bzl", "in_double_quotes", "shell_word")

# What Bazel builds for each verb: manifests with resolved image digests, and the images themselves.
VERBS = {
    "apply": struct(images = True, resolved = True),
    "create": struct(images = True, resolved = True),
    "delete": struct(images = False, resolved = False),
    "describe": struct(images = False, resolved = False),
    "diff": struct(images = False, resolved = True),
    "exec": struct(images = False, resolved = False),
    "forward": struct(images = False, resolved = False),
    "graph": struct(images = False, resolved = False),
    "logs": struct(images = False, resolved = False),
    "replace": struct(images = True, resolved = True),
    "restart": struct(images = False, resolved = False),
    "rollback": struct(images = False, resolved = False),
    "show": struct(images = False, resolved = True),
    "status": struct(images = False, resolved = False),
    "trigger": struct(images = False, resolved = False),
    "wait": struct(images = False, resolved = False),
}

LAUNCHER_ATTRS = {
    "_launcher": attr.label(
        default = Label("//rules/k8s/tools:launcher.sh.tpl"),
        allow_single_file = True,
        doc = "The launcher's template.",
    ),
    "_run": attr.label(
        default = Label("//rules/k8s/tools/verbs:k8s_run"),
        executable = True,
        cfg = "target",
        doc = "The program that runs every verb.",
    ),
}

def write_launcher(ctx, tool, arguments, plan, runfiles):
    """Declares the executable that starts a tool on a plan.

    Args:
      ctx: the rule's context, with LAUNCHER_ATTRS.
      tool: the tool's target.
      arguments: list of strings, added after the plan's path.
      plan: File.
      runfiles: runfiles that the tool needs besides its own.

    Returns:
      struct(executable: File, runfiles: runfiles).
    """
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = executable,
        substitutions = {
            "%{arguments}": " ".join([shell_word(argument) for argument in arguments]),
            "%{plan}": in_double_quotes(runfiles_path(ctx, plan)),
            "%{target}": in_double_quotes(label_text(ctx.label)),
            "%{tool}": in_double_quotes(runfiles_path(ctx, tool[DefaultInfo].files_to_run.executable)),
        },
        is_executable = True,
    )
    return struct(
        executable = executable,
        runfiles = ctx.runfiles(files = [plan, executable]).merge(tool[DefaultInfo].default_runfiles).merge(runfiles),
    )

def _entry(entry, document):
    return json.encode(struct(
        type = "object",
        label = entry.label,
        document = document.short_path,
        service = entry.service.short_path if entry.service else "",
        deps = entry.deps,
        kubeconfig = entry.kubeconfig.short_path if entry.kubeconfig else "",
    ))

def _resolved_line(entry):
    return _entry(entry, entry.resolved)

def _normalized_line(entry):
    return _entry(entry, entry.normalized)

def _push_line(entry):
    return json.encode(struct(
        type = "push",
        label = entry.label,
        keys = entry.keys,
        plan = entry.plan.short_path,
    ))

def _preload_line(preload):
    return json.encode(struct(
        type = "preload",
        label = preload.label,
        reference = preload.reference,
        archive = preload.archive.short_path,
        loader = preload.loader.short_path,
    ))

def verb_launcher(ctx, closure, verb, label, debug_image = None):
    """Declares the plan and the executable of one verb of a closure.

    The plan is written from depsets when the action runs, so a target with a large closure
    costs the analysis no more than one with a small closure.

    Args:
      ctx: the rule's context, with LAUNCHER_ATTRS.
      closure: K8sObjectInfo.
      verb: key of VERBS.
      label: string, the target of the closure.
      debug_image: DebugImageInfo, the image of debug containers. None: the verb starts none.

    Returns:
      struct(executable: File, runfiles: runfiles).
    """
    needs = VERBS[verb]
    overrides = closure.overrides if needs.resolved else None
    plan = ctx.actions.declare_file(ctx.label.name + ".plan.jsonl")
    lines = ctx.actions.args()
    lines.set_param_file_format("multiline")
    lines.add(json.encode(struct(
        type = "plan",
        label = label,
        overrides = overrides.short_path if overrides else "",
        registry = REGISTRY,
        workspace = ctx.workspace_name,
    )))
    lines.add_all(closure.entries, map_each = _resolved_line if needs.resolved else _normalized_line)
    transitive = [closure.files if needs.resolved else closure.plain_files]
    if needs.images:
        lines.add_all(closure.push_plans, map_each = _push_line)
        lines.add_all(closure.preloads, map_each = _preload_line)
        transitive.append(closure.image_files)
    if debug_image:
        lines.add(json.encode(struct(type = "debug_image", plan = debug_image.plan.short_path)))
        transitive.append(debug_image.files)
    ctx.actions.write(plan, lines)
    beside = [file for file in (closure.checked, overrides) if file]
    runfiles = ctx.runfiles(files = beside, transitive_files = depset(transitive = transitive))
    if needs.images:
        runfiles = runfiles.merge(closure.preload_runfiles)
    return write_launcher(ctx, ctx.attr._run, [verb], plan, runfiles)
