"""Repository rules of rules/k8s, for WORKSPACE."""

load("//rules/k8s/private:defaults.bzl", _k8s_defaults = "k8s_defaults")

k8s_defaults = _k8s_defaults
