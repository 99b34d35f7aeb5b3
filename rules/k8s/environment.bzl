"""Repository rule for WORKSPACE: what the person and the shell say (who, which cluster)."""

load("//rules/k8s/private:turnup_environment.bzl", _turnup_environment = "turnup_environment")

turnup_environment = _turnup_environment
