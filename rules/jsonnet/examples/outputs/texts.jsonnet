[std.manifestYamlDoc({ port: 80 }), 'plain']
