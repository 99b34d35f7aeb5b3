local k = import 'lib/k8s.libsonnet';

k.dashboard({ name: 's', environment: { name: 'dev', namespace: 'ns' }, dashboard: '{}' })
