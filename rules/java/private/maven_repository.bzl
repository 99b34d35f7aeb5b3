"""maven_repository: third-party jars, locked by version and checksum, with rules_jvm_external's labels."""

load("//rules/common:labels.bzl", "apparent_name", "package_label")
load("//rules/java/private:maven_hub.bzl", "write_build", "write_defs")
load("//rules/java/private:maven_specs.bzl", "coordinates", "parse_artifact")

_DOC = """Makes a target of each artifact in a lock, and of nothing else.

```
load("@turnup//rules/java:repositories.bzl", "maven_repository")

maven_repository(
    name = "maven",
    artifacts = ["redis.clients:jedis:8.0.2"],
    lock = "//third_party/java:maven.lock",
)

load("@maven//:defs.bzl", "pinned_maven_install")

pinned_maven_install()
```

`@maven//:redis_clients_jedis` is the jar with all that it needs. The name is `group:artifact` with `_` for everything that is not a
letter or a digit. A program, such as `com.google.protobuf:protoc:exe:linux-x86_64:4.33.5`, is an executable file.

`bazel run @maven//update` resolves the list with the machine's Maven and writes the lock; an empty file is enough as the first
lock. A build downloads only the locked jars that its targets need, each into a repository of its own.

Repositories, mirrors, logins and proxies are those of `~/.m2/settings.xml` and of the Maven installation.
"""

MAVEN_ATTRS = {
    "artifacts": attr.string_list(
        doc = """The artifacts to lock with all that they need, each coordinates or `maven.artifact(…)`. Empty: none.

Coordinates are `group:artifact:version`, `group:artifact:packaging:version` or
`group:artifact:packaging:classifier:version`; without a version they get the one of a BOM.""",
    ),
    "artifacts_file": attr.label(
        doc = "A file with more artifacts, one a line; `#` starts a comment. None: only `artifacts`.",
        allow_single_file = True,
    ),
    "boms": attr.string_list(
        doc = "Lists of versions, `group:artifact:version`. The first that names an artifact decides. Empty: none.",
    ),
    "excluded_artifacts": attr.string_list(
        doc = "Dependencies to leave out everywhere, `group:artifact`; `*` stands for any name. Empty: none.",
    ),
    "fetch_sources": attr.bool(
        doc = "Lock the artifacts' sources, too, for debuggers and editors. A build of a target then downloads them.",
    ),
    "lock": attr.label(
        doc = "The lock file, which the update command writes.",
        allow_single_file = True,
        mandatory = True,
    ),
    "override_targets": attr.string_dict(
        doc = "Labels that replace artifacts, by `group:artifact`. Whatever depends on the artifact then depends on that label. Empty: none.",
    ),
    "strict_visibility": attr.bool(
        doc = "Only artifacts of the list are visible; what they need is private. False: everything is visible.",
    ),
    "version_conflict_policy": attr.string(
        doc = """What happens if an artifact is asked for in several versions.

`default`: the highest is chosen, and the update command shows the others. `pinned`: a version of the list wins over all others.
`error`: the update command fails.""",
        default = "default",
        values = ["default", "error", "pinned"],
    ),
    "_hub": attr.label(
        doc = "A file of the folder that the generated BUILD files load from.",
        default = Label("//rules/java/private:maven_jar.bzl"),
        allow_single_file = True,
    ),
}

def _specs(repository_ctx):
    """Returns the artifacts that are asked for, as dicts."""
    attr = repository_ctx.attr
    found = [parse_artifact("@" + apparent_name(repository_ctx.name), text) for text in attr.artifacts]
    if attr.artifacts_file:
        number = 0
        for line in repository_ctx.read(attr.artifacts_file).split("\n"):
            number += 1
            text = line.partition("#")[0].strip()
            if text:
                found.append(parse_artifact("%s:%d" % (attr.artifacts_file, number), text))
    return found

def _request(repository_ctx, specs):
    """Returns what a lock is the answer to. It stands in the lock, and a lock of another request is out of date."""
    attr = repository_ctx.attr
    return {
        "artifacts": sorted([coordinates(spec) for spec in specs]),
        "boms": attr.boms,
        "excluded_artifacts": sorted(attr.excluded_artifacts),
        "exclusions": {coordinates(spec): sorted(spec["exclusions"]) for spec in specs if spec["exclusions"]},
        "fetch_sources": attr.fetch_sources,
        "version_conflict_policy": attr.version_conflict_policy,
    }

def decode_lock(text):
    """Reads a lock; json.decode would stop every Bazel command, even the one that writes the lock again.

    Args:
      text: the file's text, without white space around it.

    Returns:
      dict, empty for an empty file. None: the file is not JSON as the update command writes it.
    """
    if not text:
        return {}
    marked = [line for line in text.split("\n") if line[:7] in ["<<<<<<<", "=======", ">>>>>>>"]]
    return None if marked or not text.startswith("{") or not text.endswith("}") else json.decode(text)

def _problem(repository_ctx, lock, request):
    """Returns the sentence that says why a lock cannot be used, None if it can."""
    cure = "Run `bazel run @%s//update`." % apparent_name(repository_ctx.name)
    where = str(repository_ctx.attr.lock)
    if lock == None:
        return "%s is not a lock; it may have conflict marks of a merge. Take one side or empty the file. %s" % (where, cure)
    if not lock:
        return "%s is empty. %s" % (where, cure)
    if lock.get("version") != 1:
        return "%s has format %s, and this version of Turnup reads format 1. %s" % (where, lock.get("version"), cure)
    locked = lock["request"]
    if locked == request:
        return None
    more = [one for one in request["artifacts"] if one not in locked["artifacts"]]
    less = [one for one in locked["artifacts"] if one not in request["artifacts"]]
    if more:
        return "%s does not have %s. %s" % (where, ", ".join(more), cure)
    if less:
        return "%s still has %s, which @%s no longer lists. %s" % (where, ", ".join(less), apparent_name(repository_ctx.name), cure)
    changed = [name for name in sorted(request) if locked.get(name) != request[name]]
    return "%s was made with other %s than @%s has. %s" % (where, " and ".join(changed), apparent_name(repository_ctx.name), cure)

def _impl(repository_ctx):
    attr = repository_ctx.attr
    specs = _specs(repository_ctx)
    if not specs:
        fail("@%s: artifacts and artifacts_file name nothing. Add an artifact, such as group:artifact:version." % apparent_name(repository_ctx.name))
    request = _request(repository_ctx, specs)
    lock = decode_lock(repository_ctx.read(attr.lock).strip())
    problem = _problem(repository_ctx, lock, request)
    private = package_label(attr._hub)
    artifacts = {} if problem else lock["artifacts"]

    # Bazel reads defs.bzl for every command. A lock that cannot be used must stop only what needs the jars, and never the update.
    repository_ctx.file("defs.bzl", write_defs(apparent_name(repository_ctx.name), private, artifacts))
    repository_ctx.file("BUILD", write_build(apparent_name(repository_ctx.name), specs, artifacts, attr, problem))
    repository_ctx.file("update/request.json", json.encode(dict(
        request,
        lock = str(attr.lock),
        repository = apparent_name(repository_ctx.name),
    )))
    repository_ctx.file("update/BUILD", """load("%s:maven_update.bzl", "maven_update")

maven_update(
    name = "update",
    request = "request.json",
    visibility = ["//visibility:public"],
)
""" % private)

maven_repository_rule = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = MAVEN_ATTRS,
)

def maven_repository(name, **kwargs):
    """Makes a target of each locked artifact, with rules_jvm_external's labels.

    Args:
      name: the repository's name, `maven` by convention.
      **kwargs: attributes of the repository rule.
    """
    maven_repository_rule(name = name, **kwargs)
