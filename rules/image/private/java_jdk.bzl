"""java_jdk: the JDK of Debian packages, as the actions of java_image use it."""

load("//rules/common:labels.bzl", "label_text")
load("//rules/image/private:java_layers.bzl", "JAVA_TOOL_ATTRS", "run_java_tool")

_DOC = """Unpacks the JDK of Debian packages, for the Java runtimes of images.

The bytes of a runtime depend on the locked packages and not on the machine's JDK.
"""

JdkInfo = provider(
    doc = "A JDK that makes Java runtimes.",
    fields = {
        "home": "File: its folder.",
        "modules": "File: JSON object with its version, its architecture, and the packages of each of its modules.",
    },
)

_ATTRS = dict(
    JAVA_TOOL_ATTRS,
    packages = attr.label_list(
        doc = "The .deb files: openjdk-…-jre-headless, openjdk-…-jdk-headless, and ca-certificates for the CAs that Java trusts.",
        allow_files = [".deb"],
        mandatory = True,
    ),
)

def _impl(ctx):
    home = ctx.actions.declare_directory(ctx.label.name + ".home")
    modules = ctx.actions.declare_file(ctx.label.name + ".modules.json")
    args = ctx.actions.args()
    args.add("--where=" + label_text(ctx.label))
    args.add_all(ctx.files.packages, format_each = "--deb=%s")
    args.add_all([home], format_each = "--output=%s", expand_directories = False)
    args.add(modules, format = "--modules=%s")
    run_java_tool(
        ctx,
        "jdk",
        args,
        inputs = ctx.files.packages,
        outputs = [home, modules],
        mnemonic = "ImageJdk",
        message = "Unpacking the JDK %s" % label_text(ctx.label),
    )
    return [
        DefaultInfo(files = depset([home, modules])),
        JdkInfo(home = home, modules = modules),
        OutputGroupInfo(modules = depset([modules])),
    ]

java_jdk = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [JdkInfo],
)
