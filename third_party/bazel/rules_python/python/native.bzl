"""The native provider, under another name: a file cannot export a name that it reads."""

NativePyInfo = PyInfo
