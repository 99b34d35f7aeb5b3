{
  'settings.ini': std.manifestIni({ sections: { main: { port: 80 } } }),
  'settings.yaml': std.manifestYamlDoc({ port: 80 }),
}
