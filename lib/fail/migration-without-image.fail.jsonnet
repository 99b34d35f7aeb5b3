local k = import 'lib/k8s.libsonnet';

k.migration({ environment: { name: 'dev', namespace: 'ns' }, service: { name: 's' } })
