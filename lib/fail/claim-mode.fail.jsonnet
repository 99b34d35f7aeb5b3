local k = import 'lib/k8s.libsonnet';

k.claim({ name: 'c', environment: { name: 'dev', namespace: 'ns' }, size: '1Gi', accessModes: ['ReadWriteOne'] })
