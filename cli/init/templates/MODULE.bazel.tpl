module(name = "%{name}")

%{module_pin}

turnup = use_extension("@turnup//:extensions.bzl", "turnup")
turnup.configure(constants = "//:cluster_constants.bzl")
