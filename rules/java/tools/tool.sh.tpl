#!/bin/sh
# Starts a Java tool of an action, in the execution root, with JDK %{version}.
# UTF-8 file names and messages, whatever the machine's locale is.
export LC_ALL=C.UTF-8
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS
exec "%{java}" %{flags} -cp "%{classes}" %{main_class} "$@"
