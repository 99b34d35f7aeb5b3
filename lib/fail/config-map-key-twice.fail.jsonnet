local k = import 'lib/k8s.libsonnet';

k.configMap({ name: 'c', environment: { name: 'dev', namespace: 'ns' }, data: { a: 'x' }, binaryData: { a: 'eA==' } })
