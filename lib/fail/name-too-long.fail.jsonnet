local k = import 'lib/k8s.libsonnet';

k.namespace({ name: std.join('', std.repeat(['a'], 64)) })
