"""go_image: an image of a Go program."""

load("//rules/go:defs.bzl", "go_binary")
load("//rules/image/private:program_image.bzl", "program_arguments", "program_image_rule")

_DOC = """Builds an image of a Go program, on a base without libraries.

```
go_image(
    name = "image",
    binary = ":server",
)
```

The program may come from go_binary, from other rules, from a genrule, or be a file. It must be static (CGO_ENABLED=0), unless
`packages` has Debian packages to take its libraries from, as for [cc_image](#cc_image), or the base has them.

The program is at `/app/WORKSPACE/PATH`, as in runfiles, runs as 65532, and is process 1, so that signals reach it.
"""

go_image_rule = program_image_rule(_DOC)

def go_image(name, binary = None, base = None, **kwargs):
    """Builds an image of a Go program, on a base without libraries.

    Args:
      name: the target's name.
      binary: the program: a go_binary, any other target with a program, or a file. None: the macro makes a go_binary named NAME.binary.

        That go_binary gets `srcs`, `deps`, `module` and every other attribute that only go_binary has.
      base: the base image. None: `//rules/image:static_base`, Debian's CA certificates and time zones, without libraries.
      **kwargs: attributes of the rule, and of go_binary if binary is None.
        args (list of strings): another name of `cmd`, as in rules_docker.
        label_files (dict from string to label): labels to files with their values. Empty: none.
        stamp (bool or int): replace stamp variables such as `{BUILD_USER}` with their values from Bazel's workspace status.

          Unset or -1 follows Bazel's `--stamp`.
    """
    go_image_rule(
        name = name,
        base = base or Label("//rules/image:static_base"),
        **program_arguments("go_image", go_binary, name, binary, kwargs)
    )
