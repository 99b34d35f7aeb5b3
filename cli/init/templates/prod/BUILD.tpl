"""What the cluster needs before any service: namespaces, a registry, a storage class.

    bazel run //prod:setup.apply
"""

load("@turnup//rules/k8s:defs.bzl", "k8s_objects")

k8s_objects(
    name = "setup",
    objects = ["@turnup//prod:setup"],
)
