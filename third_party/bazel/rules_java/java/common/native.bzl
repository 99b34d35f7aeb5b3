"""The native providers, under other names: a file cannot export a name that it reads."""

NativeJavaInfo = JavaInfo
