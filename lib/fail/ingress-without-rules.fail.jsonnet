local k = import 'lib/k8s.libsonnet';

k.ingress({ name: 'i', environment: { name: 'dev', namespace: 'ns' } })
