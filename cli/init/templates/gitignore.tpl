/bazel-*
/.bazelrc.user
