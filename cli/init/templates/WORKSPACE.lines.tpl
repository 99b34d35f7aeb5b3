load("@turnup//:repositories.bzl", "turnup_repositories")

turnup_repositories(constants = "//:cluster_constants.bzl")

load("@turnup//:setup.bzl", "turnup_setup")

turnup_setup()
