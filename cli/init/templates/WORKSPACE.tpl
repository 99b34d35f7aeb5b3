# Bazel 4 to 7 read this file; Bazel 7 does unless --noenable_workspace is given.
workspace(name = "%{name}")

%{workspace_pin}
