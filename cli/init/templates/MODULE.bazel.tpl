"""For Bazel 7. Bazel 4 to 6 read WORKSPACE instead."""

module(name = "%{name}")

%{module_pin}
