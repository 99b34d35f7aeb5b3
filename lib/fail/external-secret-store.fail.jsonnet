local k = import 'lib/k8s.libsonnet';

k.externalSecret({ name: 's', environment: { name: 'dev', namespace: 'ns' }, store: { name: 'v', kind: 'ClusterSecretstore' }, keys: { a: 'b' } })
