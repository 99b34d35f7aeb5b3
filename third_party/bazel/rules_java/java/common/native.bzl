"""The native providers, under other names: a file cannot export a name that it reads."""

# This file is what the suggested labels lead to.
# buildifier: disable=native-java-common
native_java_common = java_common

# buildifier: disable=native-java-info
NativeJavaInfo = JavaInfo
