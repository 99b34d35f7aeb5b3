"""host_jdk: finds the JDK that compiles and runs Java on this machine."""

_DOC = """Finds a JDK 17 or newer and writes its folder to `defs.bzl`.

It takes the first of `$JAVA_HOME`, the JDK of `javac` on PATH, and the oldest suitable one in /usr/lib/jvm. If there is none,
targets without Java still build; each Java target fails with a sentence that says what was found.
"""

# Debian 12's JDK, and the oldest that has what the compiler uses (records, sealed classes, java.lang.Runtime.version).
_OLDEST = 17

_DEFS = '''"""The JDK found on this machine."""

# The folder of the JDK. Empty: none was found.
JAVA_HOME = "{home}"

# The version as the JDK names itself, part of each tool's action, so that a new JDK compiles everything again.
JAVA_VERSION = "{version}"

# Why no JDK can be used. Empty: one can.
ERROR = "{error}"
'''

def _number(text):
    """Returns the feature release of a version such as 17.0.15 or 1.8.0_402."""
    parts = text.split("-")[0].split("+")[0].split("_")[0].split(".")
    number = parts[1] if parts[0] == "1" and len(parts) > 1 else parts[0]
    return int(number) if number.isdigit() else 0

def _version(repository_ctx, home):
    """Returns the version of the JDK in a folder, or None if it has no compiler."""
    for program in ["java", "javac"]:
        if not repository_ctx.path(home + "/bin/" + program).exists:
            return None
    release = repository_ctx.path(home + "/release")
    text = repository_ctx.read(release) if release.exists else ""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        found[name] = value.strip("\"")
    return found.get("JAVA_RUNTIME_VERSION") or found.get("JAVA_VERSION") or None

def _on_path(repository_ctx):
    program = repository_ctx.which("javac")
    return str(program.realpath.dirname.dirname) if program else None

def _installed(repository_ctx):
    folder = repository_ctx.path("/usr/lib/jvm")
    return sorted([str(each.realpath) for each in folder.readdir()]) if folder.exists else []

def _impl(repository_ctx):
    old = []
    named = repository_ctx.os.environ.get("JAVA_HOME", "")
    usable = []
    error = ""
    if named:
        version = _version(repository_ctx, named)
        if not version:
            error = "JAVA_HOME is %s, which has no JDK. Set it to the folder of a JDK %d or newer, or unset it." % (named, _OLDEST)
        elif _number(version) < _OLDEST:
            error = "JAVA_HOME is %s, which is JDK %s. Set it to the folder of a JDK %d or newer, or unset it." % (named, version, _OLDEST)
        else:
            usable.append((_number(version), version, named))
    else:
        path = _on_path(repository_ctx)
        for candidate in ([path] if path else []) + _installed(repository_ctx):
            version = _version(repository_ctx, candidate)
            if version and _number(version) >= _OLDEST:
                usable.append((_number(version), version, candidate))
                if candidate == path:
                    break
            elif version:
                old.append("%s is JDK %s" % (candidate, version))
        if not usable:
            error = ("%s, but Java targets need JDK %d or newer. Run apt-get install openjdk-17-jdk-headless, or set JAVA_HOME." %
                     ("; ".join(old) if old else "no JDK is on PATH or in /usr/lib/jvm", _OLDEST))
    _, version, home = sorted(usable)[0] if usable else (0, "", "")
    repository_ctx.file("BUILD", "")
    repository_ctx.file("defs.bzl", _DEFS.format(
        error = error.replace("\\", "\\\\").replace("\"", "\\\""),
        home = home,
        version = version,
    ))

host_jdk = repository_rule(
    implementation = _impl,
    doc = _DOC,
    environ = ["JAVA_HOME", "PATH"],
    local = True,
)
