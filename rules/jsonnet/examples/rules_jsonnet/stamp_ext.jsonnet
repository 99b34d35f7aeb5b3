local build = std.extVar('build'), plain = std.extVar('plain');

{
  same: build.by == std.extVar('user') && std.length(build.by) > 0,
  stamped: std.extVar('user') != '{BUILD_USER}',
  mode: std.extVar('mode'),
  text: std.extVar('text'),
  plain: plain,
}
