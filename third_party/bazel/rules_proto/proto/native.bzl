"""The native provider, under another name: a file cannot export a name that it reads."""

# This file is what the suggested labels lead to.
# buildifier: disable=native-proto-info
NativeProtoInfo = ProtoInfo
