local who = import 'rules/jsonnet/examples/hello/who.libsonnet';

{ greeting: 'Hello, ' + who.name, times: 3 }
