local k = import 'lib/k8s.libsonnet';

k.httpRoute({ name: 'r', environment: { name: 'dev', namespace: 'ns' }, gateways: [], paths: { '/': { name: 's', port: 1 } } })
