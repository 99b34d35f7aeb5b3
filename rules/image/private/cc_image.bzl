"""cc_image: an image of a C or C++ program, with the shared libraries that it needs."""

load("@rules_cc//cc:defs.bzl", "cc_binary")
load("//rules/image/private:program_image.bzl", "program_arguments", "program_image_rule")

_DOC = """Builds an image of a C or C++ program, with the Debian packages that have its shared libraries.

```
cc_image(
    name = "image",
    binary = ":server",
    packages = ["@debian_grpc//:debs"],
)
```

Which libraries the program needs is read from the program itself and then from each library, in the order of the dynamic
linker: RPATH and RUNPATH, then the system's folders. Nothing runs, so the program may be for another machine. A library is taken
from the program's own files (a cc_library that is linked dynamically), from `packages`, or is in the base already. Of
`packages` only those with a needed library go into the image, whole, so that scanners see their versions. Building fails if a
library is nowhere, or is for another architecture.

The layers are the base, the libraries, and the program. The program is at `/app/WORKSPACE/PATH`, as in runfiles, runs as
65532, and is process 1, without a shell, so that signals reach it.
"""

cc_image_rule = program_image_rule(_DOC)

def cc_image(name, binary = None, base = None, packages = None, **kwargs):
    """Builds an image of a C or C++ program, with the shared libraries that it needs.

    Args:
      name: the target's name.
      binary: the program: a cc_binary, any other target with a program, or a file. None: the macro makes a cc_binary named NAME.binary.

        That cc_binary gets `srcs`, `deps`, `copts` and every other attribute that only cc_binary has.
      base: the base image. None: `//rules/image:static_base`, Debian's CA certificates and time zones, without libraries.
      packages: Debian packages that may have the program's libraries. None: `@debian_cc//:debs`, the C and C++ libraries.
      **kwargs: attributes of the rule, and of cc_binary if binary is None.
        args (list of strings): another name of `cmd`, as in rules_docker.
        label_files (dict from string to label): labels to files with their values. Empty: none.
        stamp (bool or int): replace stamp variables such as `{BUILD_USER}` with their values from Bazel's workspace status.

          Unset or -1 follows Bazel's `--stamp`.
    """
    cc_image_rule(
        name = name,
        base = base or Label("//rules/image:static_base"),
        packages = packages if packages != None else [Label("@debian_cc//:debs")],
        **program_arguments("cc_image", cc_binary, name, binary, kwargs)
    )
