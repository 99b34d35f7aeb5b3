local k = import 'lib/k8s.libsonnet';

k.database({ environment: { name: 'dev', namespace: 'ns' }, service: { name: 's', port: 1 }, image: 'i', size: '1Gi', path: '/data' })
