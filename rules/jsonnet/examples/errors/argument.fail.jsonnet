function(port) { port: port }
