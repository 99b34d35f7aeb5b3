local k = import 'lib/k8s.libsonnet';

k.podMonitor({ name: 's', environment: { name: 'dev', namespace: 'ns' }, ports: {} })
