{ path_is_set: std.length(std.extVar('PATH')) > 0, code: std.extVar('code') }
