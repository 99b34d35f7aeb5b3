#!/bin/sh
# Debian's bazel and bazelisk start this instead of Bazel itself, which is $BAZEL_REAL. Bazel 4 and 5 get flags that newer versions
# refuse; see bazel_4.bazelrc.
case $BAZEL_REAL in
*/bazel-[0-9]*) version=${BAZEL_REAL##*/bazel-} ;;
*) version=$("$BAZEL_REAL" --version 2>/dev/null) && version=${version#bazel } ;;
esac
case $version in
[45] | [45].*) exec "$BAZEL_REAL" "--bazelrc=${0%/*}/bazel_4.bazelrc" "$@" ;;
*) exec "$BAZEL_REAL" "$@" ;;
esac
