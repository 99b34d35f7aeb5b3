local k = import 'lib/k8s.libsonnet';

k.prometheusRule({ name: 's', environment: { name: 'dev', namespace: 'ns' }, alerts: { Down: { expr: 'up == 0', severity: 'info' } } })
