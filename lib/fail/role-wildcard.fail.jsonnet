local k = import 'lib/k8s.libsonnet';

k.role({ name: 'all', environment: { name: 'dev', namespace: 'ns' }, rules: [{ resources: ['*'], verbs: ['get'] }] })
