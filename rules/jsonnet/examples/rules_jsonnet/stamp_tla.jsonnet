function(build, mode, plain, text, user) {
  same: build.by == user && std.length(build.by) > 0,
  stamped: user != '{BUILD_USER}',
  mode: mode,
  text: text,
  plain: plain,
}
