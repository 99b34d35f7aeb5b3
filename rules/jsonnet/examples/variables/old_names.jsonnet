[std.extVar('text'), std.extVar('code')]
