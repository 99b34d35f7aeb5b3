{
  user_is_known: std.length(std.extVar('user')) > 0 && std.extVar('user') != '{BUILD_USER}',
  other: std.extVar('other'),
}
