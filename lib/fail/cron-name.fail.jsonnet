local k = import 'lib/k8s.libsonnet';

k.cronJob({ name: std.join('', std.repeat(['a'], 53)), environment: { name: 'dev', namespace: 'ns' }, schedule: '@daily', pod: { container: { image: 'i' } } })
