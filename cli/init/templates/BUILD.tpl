exports_files(["cluster_constants.bzl"])
