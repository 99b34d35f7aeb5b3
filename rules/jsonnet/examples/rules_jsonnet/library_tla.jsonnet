function(first) { second: 2 } + first
