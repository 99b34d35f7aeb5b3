function(settings) { type: std.type(settings), settings: settings }
