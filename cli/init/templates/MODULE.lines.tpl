turnup = use_extension("@turnup//:extensions.bzl", "turnup")
turnup.configure(constants = "//:cluster_constants.bzl")
use_repo(turnup, "turnup_env")
