local k = import 'lib/k8s.libsonnet';

k.serviceMonitor({ name: 's', environment: { name: 'dev', namespace: 'ns' }, ports: { metrics: { intervall: '1s' } } })
