local k = import 'lib/k8s.libsonnet';

k.resourceQuota({ name: 'all', environment: { name: 'dev', namespace: 'ns' }, hard: {} })
