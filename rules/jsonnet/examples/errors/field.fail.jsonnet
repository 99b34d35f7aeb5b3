local who = import 'rules/jsonnet/examples/hello/who.libsonnet';

{ greeting: 'Hello, ' + who.nam }
