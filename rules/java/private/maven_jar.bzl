"""maven_jar: the repository of one locked file."""

_DOC = """Downloads a file from the machine's Maven repositories and checks it against its checksum."""

_ATTRS = {
    "coordinates": attr.string(
        doc = "The file, `group:artifact:extension:classifier:version`; the classifier may be empty.",
        mandatory = True,
    ),
    "sha256": attr.string(
        doc = "The file's checksum, 64 hexadecimal digits.",
        mandatory = True,
    ),
    "_python": attr.label(
        doc = "A file with the path of the Python interpreter.",
        default = Label("@host_python//:path.txt"),
        allow_single_file = True,
    ),
    "_tools": attr.label_list(
        doc = "The programs and the modules they import.",
        default = [
            Label("//rules/common:caches.py"),  # the first; see _impl
            Label("//rules/common:bounded_http.py"),
            Label("//rules/common:cache_trust.py"),
            Label("//rules/common:control_characters.py"),
            Label("//rules/common:errors.py"),
            Label("//rules/java/tools/maven:Decrypt.java"),
            Label("//rules/java/tools/maven:MavenSession.java"),
            Label("//rules/java/tools/maven:Resolve.java"),
            Label("//rules/java/tools/maven:VersionPolicy.java"),
            Label("//rules/java/tools/maven:coordinates.py"),
            Label("//rules/java/tools/maven:errors.py"),
            Label("//rules/java/tools/maven:fetch.py"),
            Label("//rules/java/tools/maven:download.py"),
            Label("//rules/java/tools/maven:installation.py"),
            Label("//rules/java/tools/maven:java_program.py"),
            Label("//rules/java/tools/maven:repositories.py"),
            Label("//rules/java/tools/maven:settings.py"),
            Label("//rules/java/tools/maven:store.py"),
        ],
        allow_files = True,
    ),
}

_BUILD = """package(default_visibility = ["//visibility:public"])

exports_files(glob(["*"], exclude = ["BUILD", "WORKSPACE"]))
"""

def _impl(repository_ctx):
    tools = [repository_ctx.path(tool) for tool in repository_ctx.attr._tools]

    # The tools import by the path from the workspace root; the first one is rules/common/caches.py.
    workspace = tools[0].dirname.dirname.dirname
    result = repository_ctx.execute(
        [
            repository_ctx.read(repository_ctx.attr._python).strip(),
            "-S",
            "-B",
            "-m",
            "rules.java.tools.maven.fetch",
            repository_ctx.attr.coordinates,
            repository_ctx.attr.sha256,
            ".",
        ],
        environment = {"PYTHONPATH": str(workspace)},
        timeout = 1800,
    )
    if result.return_code != 0:
        fail(result.stderr.strip().replace("ERROR: ", ""))
    repository_ctx.file("BUILD", _BUILD)

maven_jar = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["HOME", "MAVEN_HOME", "XDG_CACHE_HOME"],
)
