"""How the C++ of the sample is compiled."""

# C++17, as Debian's gRPC is; every warning that a careful project turns on is an error.
COPTS = [
    "-std=c++17",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
]
