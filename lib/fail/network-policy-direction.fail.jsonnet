local k = import 'lib/k8s.libsonnet';

k.networkPolicy({ name: 'p', environment: { name: 'dev', namespace: 'ns' }, ingress: [{ to: ['client'] }] })
