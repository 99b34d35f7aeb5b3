std.extVar('text')
