local k = import 'lib/k8s.libsonnet';

k.prometheusRule({ name: 's', environment: { name: 'dev', namespace: 'ns' } })
