"""debian_cc_libraries: C++ libraries and programs of Debian packages, for cc_library and actions."""

load("//rules/common:labels.bzl", "apparent_name", "package_label")

_DOC = """Unpacks Debian packages with C or C++ libraries, so that cc_binary can compile and link with them. Nothing is installed.

```
debian_cc_libraries(
    name = "grpc_cc",
    libraries = {"grpc++": ["libgrpc++.so"]},
    packages = [
        "@debian_grpc//:debs",
        "@debian_grpc_dev//:debs",
    ],
)
```

`@NAME//:grpc++` is a cc_library: the headers of all packages, and the library with every library of the packages that it needs.
Packages without a development package's link (`libX.so`) cannot be linked with. The machine's compiler brings its own C
and C++ library. [cc_image](../../docs/reference/image.md#cc_image) takes the libraries of a program from the same packages.
"""

_ATTRS = {
    "exclude": attr.string_list(
        default = ["gcc-12-base", "libc6", "libgcc-s1", "libstdc++6"],
        doc = "Packages to leave out: by default those that the machine's compiler brings itself.",
    ),
    "libraries": attr.string_list_dict(
        doc = "cc_library targets: a name to the libraries that it links, `libX.so` or `libX.a`. Empty: none.",
    ),
    "packages": attr.label_list(
        mandatory = True,
        doc = "`@NAME//:debs` of debian_packages repositories.",
    ),
    "programs": attr.string_list(
        doc = "Programs in /usr/bin of the packages: `@NAME//:PROGRAM` is the file, `@NAME//:program_libraries` are the libraries that it needs. Empty: none.",
    ),
    "_python": attr.label(
        default = Label("@host_python//:path.txt"),
        allow_single_file = True,
        doc = "A file with the path of the Python interpreter.",
    ),
    "_tool": attr.label(
        default = Label("//rules/cc/tools:unpack_libraries.py"),
        allow_single_file = True,
        doc = "The program that unpacks packages and writes the BUILD file.",
    ),
}

def _impl(repository_ctx):
    attr = repository_ctx.attr
    arguments = []
    for label in attr.packages:
        folder = repository_ctx.path(Label(package_label(label) + ":BUILD")).dirname
        for file in folder.readdir():
            if file.basename.endswith(".deb") and file.basename[:-len(".deb")] not in attr.exclude:
                arguments.append("--deb=%s" % file)
    for name, libraries in attr.libraries.items():
        arguments += ["--library=%s=%s" % (name, library) for library in libraries]
    arguments += ["--program=" + program for program in attr.programs]
    result = repository_ctx.execute(
        [repository_ctx.read(attr._python).strip(), "-I", "-S", "-B", repository_ctx.path(attr._tool), apparent_name(repository_ctx.name)] + arguments,
        timeout = 1800,
    )
    if result.return_code != 0:
        fail(result.stderr.strip().replace("ERROR: ", ""))

debian_cc_libraries = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
)
