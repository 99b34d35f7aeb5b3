"""Repository rule for WORKSPACE: the user and the cluster of the present shell."""

load("//rules/k8s/private:turnup_environment.bzl", _turnup_environment = "turnup_environment")

turnup_environment = _turnup_environment
