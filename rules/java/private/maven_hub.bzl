"""The files of a maven_repository: a target of each artifact, and a repository of each file."""

load("//rules/common:labels.bzl", "full_label")
load("//rules/java/private:maven_specs.bzl", "target_name")

def _parts(key):
    """Returns group, artifact, packaging and classifier of group:artifact[:packaging[:classifier]]."""
    parts = key.split(":")
    packaging = parts[2] if len(parts) > 2 else "jar"
    classifier = parts[3] if len(parts) > 3 else ""
    return parts[0], parts[1], packaging, classifier

def _file_name(key, version, classifier = None):
    _, artifact, packaging, own = _parts(key)
    middle = classifier or own
    return "%s-%s%s.%s" % (artifact, version, "-" + middle if middle else "", packaging)

def _repository(name, key):
    return "%s__%s" % (name, target_name(key))

def write_defs(name, private, artifacts):
    """Writes defs.bzl.

    Args:
      name: the repository's name.
      private: the label of the package that has maven_jar.bzl.
      artifacts: the lock's artifacts, by key.

    Returns:
      the file's text.
    """
    lines = [
        '"""The repositories of the jars of @%s, each of which is downloaded when a target first needs it."""' % name,
        "",
        'load("%s:maven_jar.bzl", "maven_jar")' % private,
        "",
        "def pinned_maven_install():",
        '    """Declares a repository for each locked file."""',
    ]
    for jar in jars(name, artifacts):
        lines += [
            "    maven_jar(",
            "        name = %s," % repr(jar["name"]),
            "        coordinates = %s," % repr(jar["coordinates"]),
            "        sha256 = %s," % repr(jar["sha256"]),
            "    )",
        ]
    if lines[-1].endswith('"""'):
        lines.append("    pass")
    return "\n".join(lines) + "\n"

def jars(name, artifacts):
    """Returns the repositories of a lock's files.

    Args:
      name: the name of the maven_repository.
      artifacts: the lock's artifacts, by key.

    Returns:
      list of dicts, the attributes of each maven_jar.
    """
    found = []
    for key in sorted(artifacts):
        one = artifacts[key]
        if "sha256" in one:
            found.append(_jar(_repository(name, key), key, one["version"], _parts(key)[3], one["sha256"]))
        if "sources_sha256" in one:
            found.append(_jar(_repository(name, key) + "_sources", key, one["version"], "sources", one["sources_sha256"]))
    return found

def _jar(repository, key, version, classifier, sha256):
    group, artifact, packaging, _ = _parts(key)
    return dict(name = repository, coordinates = ":".join([group, artifact, packaging, classifier, version]), sha256 = sha256)

def write_build(name, specs, artifacts, attr, problem):
    """Writes the BUILD file.

    Args:
      name: the repository's name.
      specs: the artifacts that are asked for, as parse_artifact returns them.
      artifacts: the lock's artifacts, by key.
      attr: the attributes of the repository rule.
      problem: the sentence that says why the lock cannot be used; None if it can.

    Returns:
      the file's text.
    """
    if problem:
        return "fail(%s)\n" % repr(problem)
    asked = {}
    for spec in specs:
        asked[_key(spec)] = spec
    blocks = ['load("%s", "java_import")' % full_label(Label("//rules/java:defs.bzl"))]
    for key in sorted(artifacts):
        label = attr.override_targets.get(key)
        if label:
            blocks.append(_call("alias", [("name", target_name(key)), ("actual", label), ("visibility", ["//visibility:public"])]))
        else:
            blocks.append(_target(name, key, artifacts[key], asked.get(key), attr.strict_visibility))
    return "\n\n".join(blocks) + "\n"

def _key(spec):
    parts = [spec["group"], spec["artifact"]]
    if spec["packaging"] != "jar" or spec["classifier"]:
        parts.append(spec["packaging"])
    return ":".join(parts + ([spec["classifier"]] if spec["classifier"] else []))

def _target(name, key, one, spec, strict_visibility):
    _, _, packaging, _ = _parts(key)
    file = "@%s//:%s" % (_repository(name, key), _file_name(key, one["version"]))
    deps = [":" + target_name(dep) for dep in one.get("deps", [])]
    runtime_deps = [":" + target_name(dep) for dep in one.get("runtime_deps", [])]
    common = [
        ("tags", ["maven_coordinates=" + key + ":" + one["version"]]),
        ("visibility", ["//visibility:private" if strict_visibility and not spec else "//visibility:public"]),
    ]
    if spec and spec["testonly"]:
        common.append(("testonly", True))
    if packaging not in ["jar", "pom"] and "sha256" in one:
        # A program, or an archive of something else. The only file of a filegroup is what `tools` and `executable` attributes run.
        return _call("filegroup", [("name", target_name(key)), ("srcs", [file])] + common)
    if packaging == "pom" or "sha256" not in one:
        # A list of others, or an artifact whose POM says that it has another name now, without a jar of its own.
        return _call("java_import", [("name", target_name(key)), ("jars", []), ("exports", deps), ("runtime_deps", runtime_deps)] + common)
    attributes = [("name", target_name(key)), ("jars", [file]), ("deps", deps), ("runtime_deps", runtime_deps)]
    if "sources_sha256" in one:
        attributes.append(("srcjar", "@%s_sources//:%s" % (_repository(name, key), _file_name(key, one["version"], "sources"))))
    if spec and spec["neverlink"]:
        attributes.append(("neverlink", True))
    return _call("java_import", attributes + common)

def _call(rule, attributes):
    lines = ["    %s = %s," % (name, repr(value)) for name, value in attributes if value or name == "jars"]
    return "%s(\n%s\n)" % (rule, "\n".join(lines))
