local k = import 'lib/k8s.libsonnet';

k.cronJob({ name: 'c', environment: { name: 'dev', namespace: 'ns' }, schedule: '* * * *', pod: { container: { image: 'i' } } })
