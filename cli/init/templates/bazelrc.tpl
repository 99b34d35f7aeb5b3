# Turnup works without these lines; they make it fast.
build --incompatible_strict_action_env
%{bazel_4}
# Settings of one machine.
try-import %workspace%/.bazelrc.user
