local k = import 'lib/k8s.libsonnet';

k.roleBinding({ name: 'b', environment: { name: 'dev', namespace: 'ns' }, role: 'r' })
