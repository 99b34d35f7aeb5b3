# With MODULE.bazel, Bazel 7 reads this file instead of WORKSPACE. Nothing is needed here.
